"""torchvision's own ladder: "How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives" (Vryniotis 2021).

ResNet-50 on ImageNet from 76.130 to 80.858 in twelve steps over ``baseline``. Each number is the best of three runs, single steps
are not told from chance by their authors' own words, and the path is "an oversimplification": what a step is worth depends on where
it stands. Differences between the tricks and what torchvision ran stand where they are born.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hpsearch.ablation.trick import Claim, Rung, Trick

POST = "torchvision's training recipe (Vryniotis 2021), table of accuracies"
NOTE = "best of 3 runs"

baseline: Mapping[str, Any] = MappingProxyType(
    {
        "epochs": 90,
        "batch_size": 256,  # 8 GPUs with 32 images each
        "downsample_in": "3x3",  # torchvision's ResNet-50 is B
        "initialisation": "msra",  # torchvision's is Gaussian of variance 2 / fan out; this one is of the mean of both fans
        "optimiser": "momentum",
        "learning_rate": 0.1,
        "milestones": (1 / 3, 2 / 3),  # every 30 epochs
        "weight_decay": 1e-4,
        "crop": "resized",
        "flip": True,
        "pixels": "imagenet",
        "smoothing_form": "code",  # as torch's label_smoothing; rests until there is smoothing
        "train_size": 224,
        "test_resize": 256,
        "test_size": 224,
    }
)

# top-1 and top-5 in percent after each step
ACCURACIES = (
    (76.130, 92.862),
    (76.494, 93.198),
    (76.806, 93.272),
    (78.606, 94.052),
    (78.796, 94.094),
    (79.114, 94.374),
    (79.232, 94.536),
    (79.510, 94.642),
    (80.036, 94.746),
    (80.196, 94.672),
    (80.450, 94.908),
    (80.674, 95.166),
    (80.858, 95.434),
)


def _step(number: int, over: str, note: str = "") -> tuple[Claim, ...]:
    """The claims of a step: what it adds to the one before, top-1 and top-5.

    >>> [claim.value for claim in _step(1, "the baseline")]
    [0.364, 0.336]
    """
    after, before = ACCURACIES[number], ACCURACIES[number - 1]
    noted = f"{NOTE}; {note}" if note else NOTE
    first, five = (round(a - b, 3) for a, b in zip(after, before, strict=True))
    return Claim(first, over, POST, note=noted), Claim(five, over, POST, metric="top5", note=noted)


rate = Trick(
    "rate optimisations",
    {"batch_size": 1024, "learning_rate": 0.125, "schedule": "cosine", "warmup": 5 / 90},
    why="larger batches at a larger rate, 0.5 for 1024 images, that rises and falls smoothly",
    claims=_step(1, "the baseline", "torchvision's warmup goes epoch by epoch from 1 % of the peak, this one by batch from 0"),
)

trivial_augment = Trick(
    "TrivialAugment",
    {"trivial_augment": True, "trivial_interpolation": "bilinear"},
    why="one random operation per image, of random strength: variety without anything to tune",
    claims=_step(2, "rate optimisations"),
)

longer = Trick(
    "600 epochs",
    {"epochs": 600, "warmup_of": 90},  # 5 of 90 epochs stay 5 epochs
    why="stronger augmentation takes longer to learn from",
    claims=_step(3, "TrivialAugment"),
)

erasing = Trick(
    "random erasing",
    {"erasing": 0.1},
    why="a network that sees objects with parts hidden does not rely on one part",
    claims=_step(4, "600 epochs"),
)

label_smoothing = Trick(
    "label smoothing",
    {"smoothing": 0.1},
    why="a target of certainty asks for logits without bound; a little doubt asks for a finite gap",
    claims=_step(5, "random erasing"),
)

mixup = Trick(
    "mixup",
    {"mixup": 0.2},
    why="means of images with means of labels are new training images that cannot be memorised",
    claims=_step(6, "label smoothing"),
)

cutmix = Trick(
    "cutmix",
    {"cutmix": 1.0},
    why="a box of another image keeps pixels natural where mixup makes ghosts; each batch takes one of the two",
    claims=_step(7, "mixup"),
)

weight_decay = Trick(
    "weight decay tuning",
    {"weight_decay": 2e-5, "decay_gammas": False, "decay_betas": False},
    why="with so much augmentation less decay is needed, and none on norms",
    claims=_step(8, "cutmix"),
)

fixres = Trick(
    "FixRes",
    {"train_size": 176},
    why="random crops make objects look larger than at test time; smaller training images make up for it (Touvron et al. 2019)",
    claims=_step(9, "weight decay tuning"),
)

ema = Trick(
    "EMA",
    {"ema": 1 / (2e-5 * 1024 * 1251)},
    why="the mean of late weights is flatter and better than the last",
    claims=_step(10, "FixRes", "decay 0.99998 every 32 steps, scaled by batch over epochs: a memory of 3.9 % of training"),
)

inference_resize = Trick(
    "inference resize",
    {"test_resize": 232},
    why="after training at 176 pixels, a little less zoom at test time fits better",
    claims=_step(11, "EMA"),
)

repeated_augmentation = Trick(
    "repeated augmentation",
    {"repeats": 4},
    why="several views of an image in one batch lower the variance of the gradient (Berman et al. 2019)",
    claims=_step(12, "inference resize", "added to the post later"),
)

stack = (
    rate,
    trivial_augment,
    longer,
    erasing,
    label_smoothing,
    mixup,
    cutmix,
    weight_decay,
    fixres,
    ema,
    inference_resize,
    repeated_augmentation,
)  # in torchvision's order

ladder = (  # as published, rung by rung
    Rung("0", "baseline", *ACCURACIES[0], None, POST, "batch 256, step decay, 90 epochs"),
    *(
        Rung(str(n), trick.name, *accuracies, str(n - 1), POST)
        for n, (trick, accuracies) in enumerate(zip(stack, ACCURACIES[1:], strict=True), start=1)
    ),
)
