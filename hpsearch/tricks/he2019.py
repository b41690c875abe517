"""Bag of Tricks for Image Classification with Convolutional Neural Networks (He et al. 2019, arXiv:1812.01187).

Each trick sets fields of ``hpsearch.training.Recipe``, whose defaults are the paper's baseline. Claims are differences between
cells of the paper's tables: ResNet-50 on ImageNet, top-1 in percent, number of seeds not stated. The first claim of a trick is
the rung of the paper's ladder from 75.3 to 79.29.
"""

from hpsearch.ablation.trick import Claim, Trick

PAPER = "He et al. 2019 (arXiv:1812.01187)"

# table 4, top-1 after each heuristic is added: (batch 256, batch 1024)
LINEAR_SCALING = (75.87, 75.17)
WARMUP = (76.03, 75.93)
ZERO_GAMMA = (76.19, 76.37)
NO_BIAS_DECAY = (76.16, 76.03)
HALF_PRECISION = (76.15, 76.21)

# table 5, top-1: batch 1024, fp16 and all of table 4; each holds the changes of the ones before
RESNET_A, RESNET_B, RESNET_C, RESNET_D = 76.21, 76.66, 76.87, 77.16

# table 6, top-1 of ResNet-50-D
EFFICIENT, COSINE, LABEL_SMOOTHING, MIXUP = 77.16, 77.91, 78.31, 79.15


def _claim(after: float, before: float, over: str, table: int, note: str = "") -> Claim:
    """The difference of two cells, each printed with two decimals.

    >>> _claim(77.16, 76.87, "ResNet-50-C", 5).value
    0.29
    """
    return Claim(round(after - before, 2), over, f"{PAPER}, Table {table}", note=note)


def _heuristic(after: tuple[float, float], before: tuple[float, float], over: str, note: str = "") -> tuple[Claim, ...]:
    """The claims of a row of table 4: at batch 1024, then at batch 256."""
    return (
        _claim(after[1], before[1], f"batch 1024, {over}", 4, note),
        _claim(after[0], before[0], f"batch 256, {over}", 4),
    )


large_batch = Trick(
    "large batch",
    {"batch_size": 1024},
    why="the rate grows with the batch, so fewer and larger steps go as far and keep more devices busy",
    claims=(
        _claim(
            LINEAR_SCALING[1],
            LINEAR_SCALING[0],
            "batch 256, ResNet-50 baseline",
            4,
            note="the price of speed; the text says 0.9, the table's cells differ by 0.70",
        ),
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
    {"decay_biases": False},
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
        note="claimed for speed; the paper's code casts the network to fp16 and does not scale the loss",
    ),
)

resnet_b = Trick(
    "ResNet-B",
    {"downsample_in": "3x3"},
    why="a 1x1 convolution of stride 2 never sees three quarters of its input; a 3x3 does",
    claims=(_claim(RESNET_B, RESNET_A, "ResNet-50, batch 1024, all of table 4", 5),),
)

resnet_c = Trick(
    "ResNet-C",
    {"deep_stem": True},
    why="three 3x3 convolutions see as far as one 7x7, at less cost each and with more non-linearity",
    claims=(
        _claim(
            RESNET_C,
            RESNET_B,
            "ResNet-50-B, batch 1024, all of table 4",
            5,
            note="stride 2 in the first convolution only, as in figure 2b and the code; the text says first and second",
        ),
    ),
)

resnet_d = Trick(
    "ResNet-D",
    {"pool_in_shortcut": True},
    why="the 1x1 of stride 2 in a shortcut drops three quarters of its input; an average pool keeps it",
    claims=(_claim(RESNET_D, RESNET_C, "ResNet-50-C, batch 1024, all of table 4", 5),),
)

cosine = Trick(
    "cosine decay",
    {"schedule": "cosine"},
    why="the rate stays high for longer than with steps and falls without a jump",
    claims=(_claim(COSINE, EFFICIENT, "ResNet-50-D, batch 1024, all of table 4", 6),),
)

label_smoothing = Trick(
    "label smoothing",
    {"smoothing": 0.1},
    why="a target of certainty asks for logits without bound; a little doubt asks for a finite gap",
    claims=(_claim(LABEL_SMOOTHING, COSINE, "ResNet-50-D, cosine decay", 6, note="tables 8 and 9 print 78.34 for the same cell"),),
)

mixup = Trick(
    "mixup",
    {"mixup": 0.2},
    why="means of images with means of labels are new training images that cannot be memorised",
    claims=(
        _claim(
            MIXUP,
            LABEL_SMOOTHING,
            "ResNet-50-D, cosine decay, label smoothing",
            6,
            note="0.84 includes going from 120 to 200 epochs, which the paper does not measure alone; "
            "tables 8 and 9 print 79.16 for the same cell",
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
    mixup,
)  # in the order in which the paper adds them
