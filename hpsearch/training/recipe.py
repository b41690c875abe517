"""The recipe: everything a training run needs, one coordinate per field."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Literal, get_args

from hpsearch.errors import Refused
from hpsearch.training.data import Dataset
from hpsearch.values import Value

Stem = Literal["large", "small"]
DownsampleIn = Literal["1x1", "3x3"]
Initialisation = Literal["xavier", "msra"]
Optimiser = Literal["nag"]
Schedule = Literal["step", "cosine"]
Precision = Literal["fp32", "bf16", "fp16"]
Crop = Literal["none", "pad", "resized"]

BASIC = (18, 34)  # depths made of basic blocks (3x3, 3x3)
BOTTLENECK = (14, 26, 50, 101, 152)  # depths made of bottlenecks (1x1, 3x3, 1x1)


@dataclass(frozen=True, kw_only=True)
class Recipe(Value):
    """How to train a residual network on images. The defaults are the baseline of He et al. 2019 (arXiv:1812.01187), table 2.

    A trick sets fields of its own, so every subset of tricks is a recipe. A field whose switch is off rests: ``milestones`` and
    ``drop`` under the cosine, ``pad`` without ``crop="pad"``.

    >>> from hpsearch.training import digits
    >>> Recipe(data=digits(), momentum=1.2)
    Traceback (most recent call last):
    hpsearch.errors.Refused: Recipe needs 0 <= momentum < 1, got momentum=1.2
    """

    data: Dataset  # digits(), image_folder(path, size), or a data set of one's own
    epochs: int = 120  # passes over the training images
    batch_size: int = 256  # images per step; a smaller training set is one batch

    depth: int = 50  # layers as timm names them: 18, 34 basic blocks; 14, 26, 50, 101, 152 bottlenecks
    width: int = 64  # channels of the first stage, before a bottleneck's expansion by 4
    stem: Stem = "large"  # large: 7x7 of stride 2 and max-pool, for 96 px and more; small: one 3x3 of stride 1
    downsample_in: DownsampleIn = "1x1"  # which convolution of a bottleneck has the stride: 1x1 ResNet-A, 3x3 ResNet-B
    deep_stem: bool = False  # ResNet-C: three 3x3 convolutions of width/2, width/2, width
    pool_in_shortcut: bool = False  # ResNet-D: the stride of a shortcut is a 2x2 average pool

    initialisation: Initialisation = "xavier"  # of convolutions and the last layer; biases 0, batch norms 1 and 0
    zero_gamma: bool = False  # last batch norm of each residual block starts at 0

    optimiser: Optimiser = "nag"  # stochastic gradient with Nesterov's momentum
    learning_rate: float = 0.1  # at the peak, per 256 images: a step uses learning_rate * images in the batch / 256
    momentum: float = 0.9  # share of the velocity kept per step
    weight_decay: float = 1e-4  # added to the gradient, times the weight
    decay_biases: bool = True  # False: only weights of convolutions and the last layer are decayed

    schedule: Schedule = "step"
    milestones: tuple[float, ...] = (0.25, 0.5, 0.75)  # shares of training at which step drops the rate: 30, 60, 90 of 120
    drop: float = 0.1  # factor on the rate at a milestone
    warmup: float = 0.0  # share of training, linear from 0, per batch; the paper's 5 of 120 epochs is 5/120

    smoothing: float = 0.0  # epsilon: probability moved from the label to all other classes, in equal parts
    mixup: float = 0.0  # alpha of Beta(alpha, alpha), one weight per batch; 0: off

    precision: Precision = "fp32"  # of convolutions and matrix products; weights stay fp32
    channels_last: bool = False  # layout of images in memory: faster on GPUs with tensor cores

    crop: Crop = "none"  # pad: black border, then a random window; resized: 8 to 100 % of the area, aspect 3/4 to 4/3
    pad: int = 4  # pixels on each side, for crop="pad"
    flip: bool = False  # left to right, every second image

    def __post_init__(self) -> None:
        for name, (law, holds) in _LAWS.items():
            if not holds(getattr(self, name)):
                raise Refused(f"Recipe needs {law}, got {name}={getattr(self, name)!r}")
        if self.depth in BASIC and self.downsample_in == "1x1":
            raise Refused(
                f"depth={self.depth} is made of 3x3 convolutions, so ResNet-A and B are one network: "
                f"set downsample_in='3x3', or take a depth of {', '.join(map(str, BOTTLENECK))}"
            )
        if self.deep_stem and self.width % 2:
            raise Refused(f"deep_stem starts with width/2 channels: give an even width, got width={self.width}")
        if self.schedule == "step" and self.milestones and self.warmup > self.milestones[0]:
            raise Refused(
                f"warmup must end before the first milestone, got warmup={self.warmup} and milestones={self.milestones}: "
                "shorten the one or move the other"
            )


def _whole(least: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(holds: Callable[[float], bool]) -> Callable[[object], bool]:
    def holds_of_finite(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and holds(value)

    return holds_of_finite


def _one_of(*choices: object) -> Callable[[object], bool]:
    return lambda value: value in choices and type(value) in {type(choice) for choice in choices}


def _milestones(value: object) -> bool:
    inside = _number(lambda share: 0 < share < 1)
    return isinstance(value, tuple) and all(map(inside, value)) and all(a < b for a, b in pairwise(value))


def _choice(name: str, kind: object) -> tuple[str, Callable[[object], bool]]:
    choices = get_args(kind)
    return f"{name} to be {' or '.join(map(repr, choices))}", _one_of(*choices)


def _switch(name: str) -> tuple[str, Callable[[object], bool]]:
    return f"{name} to be True or False", _one_of(True, False)


_LAWS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "data": ("a data set such as digits() or image_folder(path, size)", lambda value: isinstance(value, Dataset)),
    "epochs": ("whole epochs >= 1", _whole(1)),
    "batch_size": ("whole batch_size >= 2, for batch norm", _whole(2)),
    "depth": (f"depth to be one of {', '.join(map(str, sorted(BASIC + BOTTLENECK)))}", _one_of(*BASIC, *BOTTLENECK)),
    "width": ("whole width >= 1", _whole(1)),
    "stem": _choice("stem", Stem),
    "downsample_in": _choice("downsample_in", DownsampleIn),
    "deep_stem": _switch("deep_stem"),
    "pool_in_shortcut": _switch("pool_in_shortcut"),
    "initialisation": _choice("initialisation", Initialisation),
    "zero_gamma": _switch("zero_gamma"),
    "optimiser": _choice("optimiser", Optimiser),
    "learning_rate": ("learning_rate > 0", _number(lambda value: value > 0)),
    "momentum": ("0 <= momentum < 1", _number(lambda value: 0 <= value < 1)),
    "weight_decay": ("weight_decay >= 0", _number(lambda value: value >= 0)),
    "decay_biases": _switch("decay_biases"),
    "schedule": _choice("schedule", Schedule),
    "milestones": ("milestones to be a tuple of rising shares of training between 0 and 1", _milestones),
    "drop": ("0 < drop <= 1", _number(lambda value: 0 < value <= 1)),
    "warmup": ("0 <= warmup < 1, a share of training", _number(lambda value: 0 <= value < 1)),
    "smoothing": ("0 <= smoothing < 1", _number(lambda value: 0 <= value < 1)),
    "mixup": ("mixup >= 0", _number(lambda value: value >= 0)),
    "precision": _choice("precision", Precision),
    "channels_last": _switch("channels_last"),
    "crop": _choice("crop", Crop),
    "pad": ("whole pad >= 1 in pixels", _whole(1)),
    "flip": _switch("flip"),
}
if set(_LAWS) != {field.name for field in fields(Recipe)}:
    raise TypeError(f"these fields of Recipe have no law or no field: {set(_LAWS) ^ {field.name for field in fields(Recipe)}}")
