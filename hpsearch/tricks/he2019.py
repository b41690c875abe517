"""Bag of Tricks for Image Classification with Convolutional Neural Networks (He et al. 2019, arXiv:1812.01187).

Each trick sets fields of ``hpsearch.training.Recipe``, whose defaults are the paper's baseline. Claims are differences between
cells of the paper's tables: ResNet-50 on ImageNet, top-1 in percent, number of seeds not stated. The first claim of a trick is
the rung of the paper's ladder from 75.3 to 79.29.
"""

from typing import Any

from hpsearch.ablation.teacher import Teacher
from hpsearch.ablation.trick import Claim, Rung, Trick

PAPER = "He et al. 2019 (arXiv:1812.01187)"

# (top-1, top-5) in percent. Table 4, after each heuristic is added: at batch 256, at batch 1024
LINEAR_SCALING = ((75.87, 92.70), (75.17, 92.54))
WARMUP = ((76.03, 92.81), (75.93, 92.84))
ZERO_GAMMA = ((76.19, 93.03), (76.37, 92.96))
NO_BIAS_DECAY = ((76.16, 92.97), (76.03, 92.86))
HALF_PRECISION = ((76.15, 93.09), (76.21, 92.97))

# table 5: batch 1024, fp16 and all of table 4; each holds the changes of the ones before
RESNET_A, RESNET_B, RESNET_C, RESNET_D = (76.21, 92.97), (76.66, 93.28), (76.87, 93.48), (77.16, 93.52)

# table 6, ResNet-50-D
EFFICIENT, COSINE, LABEL_SMOOTHING = (77.16, 93.52), (77.91, 93.81), (78.31, 94.09)
DISTILLATION, MIXUP, BOTH = (78.67, 94.36), (79.15, 94.58), (79.29, 94.63)

Cell = tuple[float, float]  # top-1 and top-5


def _claims(after: Cell, before: Cell, over: str, table: int, note: str = "") -> tuple[Claim, ...]:
    """The differences of two cells, each printed with two decimals: top-1, then top-5.

    >>> [claim.value for claim in _claims(RESNET_D, RESNET_C, "ResNet-50-C", 5)]
    [0.29, 0.04]
    """
    source = f"{PAPER}, Table {table}"
    first, five = (round(a - b, 2) for a, b in zip(after, before, strict=True))
    return Claim(first, over, source, note=note), Claim(five, over, source, metric="top5", note=note)


def _heuristic(after: tuple[Cell, Cell], before: tuple[Cell, Cell], over: str, note: str = "") -> tuple[Claim, ...]:
    """The claims of a row of table 4: at batch 1024, then at batch 256."""
    large = _claims(after[1], before[1], f"batch 1024, {over}", 4, note)
    return large + _claims(after[0], before[0], f"batch 256, {over}", 4)


large_batch = Trick(
    "linear scaling, batch 1024",
    {"batch_size": 1024},
    why="the rate grows with the batch, so fewer and larger steps go as far and keep more devices busy",
    claims=_claims(
        LINEAR_SCALING[1],
        LINEAR_SCALING[0],
        "batch 256, ResNet-50 baseline",
        4,
        note="the price of speed; the text says 0.9, the table's cells differ by 0.70",
    ),
)

warmup = Trick(
    "warmup",
    {"warmup": 5 / 120},
    why="large steps from random weights are unstable, so the rate rises from 0 over the first 5 of 120 epochs",
    claims=_heuristic(WARMUP, LINEAR_SCALING, "linear scaling", note="the paper names 5 epochs as an example only"),
)

zero_gamma = Trick(
    "zero gamma",
    {"zero_gamma": True},
    why="each residual block starts as its shortcut, so the network starts shallow and easy to train",
    claims=_heuristic(ZERO_GAMMA, WARMUP, "linear scaling, warmup"),
)

no_bias_decay = Trick(
    "no bias decay",
    {"decay_biases": False, "decay_gammas": False, "decay_betas": False},
    why="decaying biases and batch norms towards 0 limits the network without keeping it from overfitting",
    claims=_heuristic(
        NO_BIAS_DECAY,
        ZERO_GAMMA,
        "linear scaling, warmup, zero gamma",
        note="lowers the published number, although the text says that the heuristics bridge the gap",
    ),
)

half_precision = Trick(
    "half precision",
    {"precision": "fp16"},
    why="products in fp16 are faster on tensor cores; weights are kept in fp32 and the loss is scaled",
    claims=_heuristic(
        HALF_PRECISION,
        NO_BIAS_DECAY,
        "linear scaling, warmup, zero gamma, no bias decay",
        note="claimed for speed; the paper's code casts the network to fp16 and does not scale the loss; the text gives 0.5 for "
        "the whole table at batch 1024 over the baseline, its cells 0.34, and the best of them is zero gamma's 76.37",
    ),
)

resnet_b = Trick(
    "ResNet-B",
    {"downsample_in": "3x3"},
    why="a 1x1 convolution of stride 2 never sees three quarters of its input; a 3x3 does",
    claims=_claims(RESNET_B, RESNET_A, "ResNet-50, batch 1024, all of table 4", 5),
)

resnet_c = Trick(
    "ResNet-C",
    {"deep_stem": True},
    why="three 3x3 convolutions see as far as one 7x7, at less cost each and with more non-linearity",
    claims=_claims(
        RESNET_C,
        RESNET_B,
        "ResNet-50-B, batch 1024, all of table 4",
        5,
        note="stride 2 in the first convolution only, as in figure 2b and the code; the text says first and second",
    ),
)

resnet_d = Trick(
    "ResNet-D",
    {"pool_in_shortcut": True},
    why="the 1x1 of stride 2 in a shortcut drops three quarters of its input; an average pool keeps it",
    claims=_claims(RESNET_D, RESNET_C, "ResNet-50-C, batch 1024, all of table 4", 5),
)

cosine = Trick(
    "cosine decay",
    {"schedule": "cosine"},
    why="the rate stays high for longer than with steps and falls without a jump",
    claims=_claims(COSINE, EFFICIENT, "ResNet-50-D, batch 1024, all of table 4", 6),
)

label_smoothing = Trick(
    "label smoothing",
    {"smoothing": 0.1},
    why="a target of certainty asks for logits without bound; a little doubt asks for a finite gap",
    claims=_claims(
        LABEL_SMOOTHING,
        COSINE,
        "ResNet-50-D, cosine decay",
        6,
        note="tables 8 and 9 print 78.34 for the same cell, and the authors' model zoo has 78.48; equations 3 and 4 print p for q",
    ),
)

_mixed = "means of images with means of labels are new training images that cannot be memorised"
_smoothed = "ResNet-50-D, cosine decay, label smoothing"

mixup = Trick(
    "mixup",
    {"mixup": 0.2},
    why=f"{_mixed}; the paper has no cell with mixup at 120 epochs, see mixup_for_200_epochs",
)

longer = Trick(
    "200 epochs",
    {"epochs": 200, "warmup_of": 120},
    why="the control that the paper has no cell for: 200 epochs without mixup, for its mixup is trained for 200 instead of 120",
)

mixup_for_200_epochs = Trick(
    "mixup, 200 epochs",
    {"mixup": 0.2, "epochs": 200, "warmup_of": 120},  # 5 of 120 epochs stay 5, as in the authors' commands
    why=_mixed,
    claims=(
        *_claims(
            MIXUP,
            LABEL_SMOOTHING,
            _smoothed,
            6,
            note="includes going from 120 to 200 epochs, which the paper does not measure alone; a branch beside distillation, "
            "though the caption says one by one; tables 8 and 9 print 79.16 for the same cell",
        ),
        *_claims(
            BOTH,
            DISTILLATION,
            f"{_smoothed}, distillation",
            6,
            note="includes going from 120 to 200 epochs, and a teacher trained with mixup as well",
        ),
    ),
)

stack = (
    large_batch,
    warmup,
    zero_gamma,
    no_bias_decay,
    half_precision,
    resnet_b,
    resnet_c,
    resnet_d,
    cosine,
    label_smoothing,
)  # in the order in which the paper adds them; mixup and distillation then branch off


def distilled(**sets: Any) -> Trick:
    """Distillation from the base with the whole stack laid over it and ``sets`` over that.

    Mixup, epochs and the epochs of the warmup are the student's.

    The paper's teacher is a ResNet-152-D trained with cosine decay and label smoothing, and trained anew with mixup for the row
    that has mixup too. T is 20 and the weights of the two losses are the recipe's, by default the text's (1, T^2).

    >>> dict(distilled(depth=26, width=16).settings["teacher"].sets)["width"]
    16
    """
    settings = {field: value for trick in stack for field, value in trick.sets}
    return Trick(
        "distillation",
        {"teacher": Teacher({**settings, **sets}, follows=("epochs", "mixup", "warmup_of"))},
        why="a larger network's outputs say more about an image than its label does",
        claims=(
            *_claims(DISTILLATION, LABEL_SMOOTHING, _smoothed, 6, note="teacher ResNet-152-D, T 20; its own epochs are not stated"),
            *_claims(
                BOTH,
                MIXUP,
                f"{_smoothed}, mixup, 200 epochs",
                6,
                note="teacher trained with mixup as well; 0.22 less than without mixup, so the two overlap; "
                "lowers Inception-V3 and MobileNet, whose teacher is a ResNet too",
            ),
        ),
    )


distillation = distilled(depth=152)

REFERENCE = Rung("0", "reference (He et al. 2016)", 75.3, 92.2, None, f"{PAPER}, Table 2", "not run again by the authors")

ladder = (  # the published ladder from 75.3 to 79.29, rung by rung; 12a and 12b branch off rung 11
    REFERENCE,
    Rung("1", "baseline", *LINEAR_SCALING[0], None, f"{PAPER}, Table 2", "ResNet-50 (A), batch 256, fp32, step decay, 120 epochs"),
    Rung("2", large_batch.name, *LINEAR_SCALING[1], "1", f"{PAPER}, Table 4", "rate 0.4"),
    Rung("3", warmup.name, *WARMUP[1], "2", f"{PAPER}, Table 4", "5 epochs, linear from 0"),
    Rung("4", zero_gamma.name, *ZERO_GAMMA[1], "3", f"{PAPER}, Table 4", "last batch norm of each residual block"),
    Rung("5", no_bias_decay.name, *NO_BIAS_DECAY[1], "4", f"{PAPER}, Table 4", "only weights of convolutions and the last layer"),
    Rung("6", half_precision.name, *HALF_PRECISION[1], "5", f"{PAPER}, Table 4", "fp16, fp32 master weights; “Efficient”"),
    Rung("7", resnet_b.name, *RESNET_B, "6", f"{PAPER}, Table 5", "stride in the 3x3"),
    Rung("8", resnet_c.name, *RESNET_C, "7", f"{PAPER}, Table 5", "three 3x3 in the stem"),
    Rung("9", resnet_d.name, *RESNET_D, "8", f"{PAPER}, Table 5", "average pool in the shortcut"),
    Rung("10", cosine.name, *COSINE, "9", f"{PAPER}, Table 6"),
    Rung("11", label_smoothing.name, *LABEL_SMOOTHING, "10", f"{PAPER}, Table 6", "epsilon 0.1"),
    Rung("12a", "distillation", *DISTILLATION, "11", f"{PAPER}, Table 6", "T 20, teacher ResNet-152-D without mixup"),
    Rung("12b", mixup_for_200_epochs.name, *MIXUP, "11", f"{PAPER}, Table 6", "alpha 0.2, 200 epochs"),
    Rung("13", "distillation and mixup", *BOTH, "12b", f"{PAPER}, Table 6", "200 epochs, teacher trained with mixup"),
)
