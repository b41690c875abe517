"""The published ladder of He et al. 2019 on ImageNet: 75.87 to 78.31 in ten rungs, then mixup and distillation crossed.

hpsearch plan studies/bag_of_tricks_imagenet.py --gpu H100 --cpus 8
hpsearch run studies/bag_of_tricks_imagenet.py --data FOLDER --gpus 1 --cpus 8      with FOLDER/train and FOLDER/val (ILSVRC 2012)

Some 1,323 hours of one H100 for 47 trials, two of them teachers (`hpsearch plan --gpu`, from published speeds): 1,142 of the GPU
alone, the rest because 8 cores decode fewer images than it learns from.

The paper's text where text and code differ; `gluoncv` in place of `paper` is its code. On one GPU batch norm sees the whole batch,
on the paper's eight GPUs 32 and then 128 images: norm="ghost" with norm_images says that too. micro_batch is left at None: where
1,024 images do not fit in memory, micro_batch=128 sums the gradients of parts, each under its own batch norm.
"""

from hpsearch import Arm, Plan, Study, difference, factorial, ladder, one_at_a_time
from hpsearch.training import imagenet, paper, preset
from hpsearch.tricks.he2019 import distillation, longer, mixup, mixup_for_200_epochs, stack

# the control that the paper lacks: its mixup is trained for 200 epochs, everything else for 120
at_equal_epochs = Plan((), (difference("mixup at equal epochs", Arm((mixup_for_200_epochs,)), Arm((longer,)), "control", mixup),))

study = Study(
    question="Does ResNet-50 go from 75.3 to 79.29 % with the tricks of the bag, and what is each of them worth?",
    base=preset(paper, imagenet("$HPSEARCH_DATA")),
    vary=ladder(*stack) >> (factorial(mixup_for_200_epochs, distillation) | one_at_a_time(longer) | at_equal_epochs),
    seeds=3,  # with the variance pooled over 15 arms; C, D, half precision and no bias decay need 5 to 10
)
