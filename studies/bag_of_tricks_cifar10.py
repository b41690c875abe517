"""The bag of tricks on CIFAR-10, at a size for one GPU: ten rungs, then mixup and distillation crossed, and the missing control.

hpsearch plan studies/bag_of_tricks_cifar10.py --gpu A100
hpsearch run studies/bag_of_tricks_cifar10.py --gpus 0.25      (the images are fetched where there is a network)

At least some 3.6 hours of one A100 for 77 trials (`hpsearch plan --gpu`, from the published speed of a larger network).
"""

from dataclasses import replace

from hpsearch import Arm, Plan, Study, difference, factorial, ladder, one_at_a_time
from hpsearch.training import Recipe, cifar10
from hpsearch.tricks import he2019

EPOCHS, LONGER = 60, 100  # in the proportion of 120 to 200

rungs = (
    replace(he2019.large_batch, name="linear scaling, batch 512", sets={"batch_size": 512}),
    *he2019.stack[1:],
)
mixup = replace(he2019.mixup_for_200_epochs, name=f"mixup, {LONGER} epochs", sets={"mixup": 0.2, "epochs": LONGER})
longer = replace(he2019.longer, name=f"{LONGER} epochs", sets={"epochs": LONGER})
distillation = he2019.distilled(depth=50, width=64, batch_size=512)
at_equal_epochs = Plan((), (difference("mixup at equal epochs", Arm((mixup,)), Arm((longer,)), "control", he2019.mixup),))

study = Study(
    question="What is each trick of the bag worth on CIFAR-10?",
    base=Recipe(
        data=cifar10(),
        epochs=EPOCHS,
        batch_size=128,
        depth=26,
        width=32,
        stem="small",
        learning_rate=0.2,
        weight_decay=5e-4,
        crop="pad",
        flip=True,
        channels_last=True,
    ),
    vary=ladder(*rungs) >> (factorial(mixup, distillation) | one_at_a_time(longer) | at_equal_epochs),
    seeds=5,
)
