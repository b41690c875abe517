"""What each field of a recipe may be: one law per field, in words and as a function of the value."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from hpsearch.ablation.teacher import Teacher, Trained
from hpsearch.training.data import Dataset
from hpsearch.training.images.pretrained import Pretrained

Stem = Literal["large", "small"]
DownsampleIn = Literal["1x1", "3x3"]
Norm = Literal["batch", "ghost", "layer", "group", "weight", "none"]
Initialisation = Literal["xavier", "msra", "uniform", "gaussian", "zero"]
Optimiser = Literal["nag", "momentum", "sgd", "adagrad", "rmsprop", "adam", "adamw"]
Scaling = Literal["linear", "none"]
Schedule = Literal["constant", "step", "exponential", "inverse", "plateau", "cosine", "cyclic"]
WarmupForm = Literal["code", "paper"]
Loss = Literal["cross entropy", "hinge"]
SmoothingForm = Literal["paper", "code"]
Partner = Literal["permutation", "reversal"]
Precision = Literal["fp32", "bf16", "fp16"]
LossScaling = Literal["static", "dynamic"]
Crop = Literal["none", "pad", "resized"]
Colour = Literal["none", "paper", "gluoncv"]
Pixels = Literal["own", "imagenet", "recordio"]
Interpolation = Literal["nearest", "bilinear"]
PlateauOn = Literal["training", "tuning"]

BASIC = (18, 34)  # depths made of basic blocks (3x3, 3x3)
BOTTLENECK = (14, 26, 50, 101, 152)  # depths made of bottlenecks (1x1, 3x3, 1x1)


@dataclass(frozen=True)
class Law:
    """What a value must be."""

    words: str
    holds: Callable[[object], bool]


def _whole(words: str, least: int) -> Law:
    return Law(words, lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least)


def _number(words: str, inside: Callable[[float], bool]) -> Law:
    def holds(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and inside(value)

    return Law(words, holds)


def _or_none(law: Law) -> Law:
    return Law(f"{law.words}, or None", lambda value: value is None or law.holds(value))


def _one_of(name: str, *choices: object) -> Law:
    written = " or ".join(map(repr, choices))
    return Law(f"{name} to be {written}", lambda value: value in choices and type(value) in set(map(type, choices)))


def _choice(name: str, kind: object) -> Law:
    return _one_of(name, *get_args(kind))


def _switch(name: str) -> Law:
    return _one_of(name, True, False)


def _milestones(value: object) -> bool:
    inside = _number("", lambda share: 0 < share < 1).holds
    return isinstance(value, tuple) and all(map(inside, value)) and all(a < b for a, b in pairwise(value))


def _teacher(value: object) -> bool:
    return isinstance(value, Teacher | Trained | Pretrained)


_share = "a share of training"

LAWS: dict[str, Law] = {
    "data": Law("a data set such as digits() or image_folder(path, size)", lambda value: isinstance(value, Dataset)),
    "epochs": _whole("whole epochs >= 1", 1),
    "batch_size": _whole("whole batch_size >= 2, for batch norm", 2),
    "micro_batch": _or_none(_whole("whole micro_batch >= 2, for batch norm", 2)),
    "repeats": _whole("whole repeats >= 1", 1),
    "depth": Law(
        f"depth to be one of {', '.join(map(str, sorted(BASIC + BOTTLENECK)))}",
        lambda value: type(value) is int and value in BASIC + BOTTLENECK,
    ),
    "width": _whole("whole width >= 1", 1),
    "stem": _choice("stem", Stem),
    "downsample_in": _choice("downsample_in", DownsampleIn),
    "deep_stem": _switch("deep_stem"),
    "pool_in_shortcut": _switch("pool_in_shortcut"),
    "norm": _choice("norm", Norm),
    "norm_images": _whole("whole norm_images >= 2", 2),
    "norm_groups": _whole("whole norm_groups >= 1", 1),
    "dropout": _number("0 <= dropout < 1, a share of the features", lambda value: 0 <= value < 1),
    "initialisation": _choice("initialisation", Initialisation),
    "initial_deviation": _number("initial_deviation > 0", lambda value: value > 0),
    "zero_gamma": _switch("zero_gamma"),
    "optimiser": _choice("optimiser", Optimiser),
    "learning_rate": _number("learning_rate > 0", lambda value: value > 0),
    "scaling": _choice("scaling", Scaling),
    "momentum": _number("0 <= momentum < 1", lambda value: 0 <= value < 1),
    "final_momentum": _or_none(_number("0 <= final_momentum < 1", lambda value: 0 <= value < 1)),
    "beta2": _number("0 <= beta2 < 1", lambda value: 0 <= value < 1),
    "epsilon": _number("epsilon > 0", lambda value: value > 0),
    "weight_decay": _number("weight_decay >= 0", lambda value: value >= 0),
    "decay_biases": _switch("decay_biases"),
    "decay_gammas": _switch("decay_gammas"),
    "decay_betas": _switch("decay_betas"),
    "schedule": _choice("schedule", Schedule),
    "milestones": Law("milestones to be a tuple of rising shares of training between 0 and 1", _milestones),
    "drop": _number("0 < drop <= 1", lambda value: 0 < value <= 1),
    "falling": _number("falling > 0", lambda value: value > 0),
    "patience": _whole("whole patience >= 1 in epochs", 1),
    "cycles": _whole("whole cycles >= 1", 1),
    "warmup": _number(f"0 <= warmup < 1, {_share}", lambda value: 0 <= value < 1),
    "warmup_form": _choice("warmup_form", WarmupForm),
    "warmup_of": _or_none(_whole("whole warmup_of >= 1 in epochs", 1)),
    "plateau_on": _choice("plateau_on", PlateauOn),
    "loss": _choice("loss", Loss),
    "smoothing": _number("0 <= smoothing < 1", lambda value: 0 <= value < 1),
    "smoothing_form": _choice("smoothing_form", SmoothingForm),
    "mixup": _number("mixup >= 0", lambda value: value >= 0),
    "partner": _choice("partner", Partner),
    "cutmix": _number("cutmix >= 0", lambda value: value >= 0),
    "teacher": _or_none(Law("a Teacher or Pretrained", _teacher)),
    "temperature": _number("temperature > 0", lambda value: value > 0),
    "hard_weight": _number("hard_weight >= 0", lambda value: value >= 0),
    "soft_weight": _number("soft_weight >= 0", lambda value: value >= 0),
    "ema": _number(f"0 <= ema < 1, {_share}", lambda value: 0 <= value < 1),
    "ema_every": _whole("whole ema_every >= 1 in steps", 1),
    "precision": _choice("precision", Precision),
    "loss_scaling": _choice("loss_scaling", LossScaling),
    "loss_scale": _number("loss_scale >= 1", lambda value: value >= 1),
    "channels_last": _switch("channels_last"),
    "compile": _switch("compile"),
    "crop": _choice("crop", Crop),
    "pad": _whole("whole pad >= 1 in pixels", 1),
    "least_area": _number("0 < least_area <= 1, a share of the image", lambda value: 0 < value <= 1),
    "flip": _switch("flip"),
    "trivial_augment": _switch("trivial_augment"),
    "colour": _choice("colour", Colour),
    "pca_noise": _number("pca_noise >= 0", lambda value: value >= 0),
    "pixels": _choice("pixels", Pixels),
    "erasing": _number("0 <= erasing <= 1, a probability", lambda value: 0 <= value <= 1),
    "train_size": _or_none(_whole("whole train_size >= 1 in pixels", 1)),
    "test_size": _or_none(_whole("whole test_size >= 1 in pixels", 1)),
    "test_resize": _or_none(_whole("whole test_resize >= 1 in pixels", 1)),
    "trivial_interpolation": _choice("trivial_interpolation", Interpolation),
}
