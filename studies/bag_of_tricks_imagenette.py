"""The bag of tricks on Imagenette, ten classes of ImageNet at 128 pixels, with the paper's ResNet-50, at a size for one GPU.

hpsearch plan studies/bag_of_tricks_imagenette.py --gpu A100
hpsearch run studies/bag_of_tricks_imagenette.py --gpus 1      (the images are fetched where there is a network)

At least some 4.1 hours of one A100 for 77 trials (`hpsearch plan --gpu`, from published speeds at 224 pixels).
"""

from dataclasses import replace

from hpsearch import Arm, Plan, Study, difference, factorial, ladder, one_at_a_time
from hpsearch.training import imagenette, paper, preset
from hpsearch.tricks import he2019

EPOCHS, LONGER = 60, 100  # in the proportion of 120 to 200
SIZES = {"train_size": 128, "test_size": 128, "test_resize": 146}  # as 256 to 224

rungs = (
    replace(he2019.large_batch, name="linear scaling, batch 256", sets={"batch_size": 256}),
    *he2019.stack[1:],
)
mixup = replace(he2019.mixup_for_200_epochs, name=f"mixup, {LONGER} epochs", sets={"mixup": 0.2, "epochs": LONGER})
longer = replace(he2019.longer, name=f"{LONGER} epochs", sets={"epochs": LONGER})
distillation = he2019.distilled(depth=101, batch_size=256)
at_equal_epochs = Plan((), (difference("mixup at equal epochs", Arm((mixup,)), Arm((longer,)), "control", he2019.mixup),))

study = Study(
    question="What is each trick of the bag worth to a ResNet-50 on ten classes of ImageNet?",
    base=replace(
        preset({**paper, **SIZES}, imagenette(size=160)),
        epochs=EPOCHS,
        batch_size=64,
        channels_last=True,
    ),
    vary=ladder(*rungs) >> (factorial(mixup, distillation) | one_at_a_time(longer) | at_equal_epochs),
    seeds=5,
)
