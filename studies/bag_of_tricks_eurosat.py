"""The whole bag of tricks on 1,000 satellite photographs: ten rungs, then mixup and distillation crossed, and the missing control.

hpsearch run studies/bag_of_tricks_eurosat.py --data FOLDER      with FOLDER/train and FOLDER/val in folders by class

A person's size of He et al. 2019: EuroSAT's 64 x 64 pixels shrunk to 32, a residual network of 14 layers with a fifth of the width,
12 epochs for 120. Batches of 16 and 64 stand for 256 and 1,024; half precision is bf16, because fp16 is slow on a CPU.
"""

from dataclasses import replace

from hpsearch import Arm, Plan, Study, difference, factorial, ladder, one_at_a_time
from hpsearch.training import Recipe, image_folder
from hpsearch.tricks import he2019

EPOCHS, LONGER = 12, 20  # in the proportion of 120 to 200

rungs = (
    replace(he2019.large_batch, name="linear scaling, batch 64", sets={"batch_size": 64}),
    he2019.warmup,
    he2019.zero_gamma,
    he2019.no_bias_decay,
    replace(he2019.half_precision, sets={"precision": "bf16"}),
    he2019.resnet_b,
    he2019.resnet_c,
    he2019.resnet_d,
    he2019.cosine,
    he2019.label_smoothing,
)
mixup = replace(he2019.mixup_for_200_epochs, name=f"mixup, {LONGER} epochs", sets={"mixup": 0.2, "epochs": LONGER})
longer = replace(he2019.longer, name=f"{LONGER} epochs", sets={"epochs": LONGER})
distillation = he2019.distilled(depth=26, width=16, batch_size=64, precision="bf16")
at_equal_epochs = Plan((), (difference("mixup at equal epochs", Arm((mixup,)), Arm((longer,)), "control", he2019.mixup),))

study = Study(
    question="What is each trick of the bag worth to a small residual network on 1,000 satellite photographs?",
    base=Recipe(
        data=image_folder("$HPSEARCH_DATA", size=32, per_class=100, final_per_class=100),
        epochs=EPOCHS,
        batch_size=16,
        depth=14,
        width=12,
        stem="small",
        learning_rate=0.4,  # with this momentum, what the search of studies/eurosat_small.py found
        crop="pad",
        flip=True,
        channels_last=True,
    ),
    vary=ladder(*rungs) >> (factorial(mixup, distillation) | one_at_a_time(longer) | at_equal_epochs),
    seeds=6,
)
