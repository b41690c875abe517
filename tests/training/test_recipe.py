"""The recipe refuses every value that has no meaning, naming it, and travels as JSON."""

import json
import math
from dataclasses import fields, replace

import pytest

from hpsearch.ablation import Arm, Trick
from hpsearch.errors import Refused
from hpsearch.training import PlainConvNet, Recipe, ResNet, digits, image_folder
from hpsearch.training.images.recipe import RESIDUAL, network_of
from hpsearch.values import canonical, from_json, to_json

BASE = Recipe(data=digits())

SWITCHES = (
    *("deep_stem", "pool_in_shortcut", "zero_gamma", "decay_biases", "decay_gammas", "decay_betas"),
    *("channels_last", "compile", "flip", "trivial_augment"),
)
REFUSED = [
    ("data", "digits", r"a data set such as digits\(\) or image_folder\(path, size\)"),
    ("epochs", 0, "whole epochs >= 1"),
    ("epochs", 1.5, "whole epochs >= 1"),
    ("epochs", True, "whole epochs >= 1"),
    ("batch_size", 1, "whole batch_size >= 2, for batch norm"),
    ("network", "resnet18", r"a network such as PlainConvNet\(width=32\), or None"),
    ("depth", 51, "depth to be one of 14, 18, 26, 34, 50, 101, 152"),
    ("depth", 50.0, "depth to be one of"),
    ("width", 0, "whole width >= 1"),
    ("stem", "tiny", "stem to be 'large' or 'small'"),
    ("downsample_in", "7x7", "downsample_in to be '1x1' or '3x3'"),
    ("initialisation", "he", "initialisation to be 'xavier' or 'msra' or 'uniform' or 'gaussian' or 'zero'"),
    ("initial_deviation", 0.0, "initial_deviation > 0"),
    ("micro_batch", 1, "whole micro_batch >= 2, for batch norm, or None"),
    ("repeats", 0, "whole repeats >= 1"),
    ("norm", "instance", "norm to be 'batch' or 'ghost' or 'layer' or 'group' or 'weight' or 'none'"),
    ("norm_images", 1, "whole norm_images >= 2"),
    ("norm_groups", 0, "whole norm_groups >= 1"),
    ("dropout", 1.0, "0 <= dropout < 1, a share of the features"),
    ("optimiser", "lamb", "optimiser to be 'nag' or 'momentum' or 'sgd' or 'adagrad' or 'rmsprop' or 'adam' or 'adamw'"),
    ("scaling", "root", "scaling to be 'linear' or 'none'"),
    ("final_momentum", 1.0, "0 <= final_momentum < 1, or None"),
    ("beta2", 1.0, "0 <= beta2 < 1"),
    ("epsilon", 0.0, "epsilon > 0"),
    ("learning_rate", 0.0, "learning_rate > 0"),
    ("learning_rate", math.inf, "learning_rate > 0"),
    ("learning_rate", math.nan, "learning_rate > 0"),
    ("learning_rate", "0.1", "learning_rate > 0"),
    ("momentum", 1.0, "0 <= momentum < 1"),
    ("weight_decay", -1e-9, "weight_decay >= 0"),
    (
        "schedule",
        "linear",
        "schedule to be 'constant' or 'step' or 'exponential' or 'inverse' or 'plateau' or 'cosine' or 'cyclic'",
    ),
    ("falling", 0.0, "falling > 0"),
    ("patience", 0, "whole patience >= 1 in epochs"),
    ("cycles", 0, "whole cycles >= 1"),
    ("milestones", [0.5], "milestones to be a tuple of rising shares of training between 0 and 1"),
    ("milestones", (0.5, 0.5), "milestones to be a tuple of rising shares"),
    ("milestones", (0.0, 0.5), "milestones to be a tuple of rising shares"),
    ("milestones", (30, 60, 90), "milestones to be a tuple of rising shares"),
    ("drop", 0.0, "0 < drop <= 1"),
    ("warmup", 5, "0 <= warmup < 1, a share of training"),
    ("warmup_form", "gluoncv", "warmup_form to be 'code' or 'paper'"),
    ("plateau_on", "final", "plateau_on to be 'training' or 'tuning'"),
    ("warmup_of", 0, "whole warmup_of >= 1 in epochs, or None"),
    ("loss", "square", "loss to be 'cross entropy' or 'hinge'"),
    ("smoothing", 1.0, "0 <= smoothing < 1"),
    ("smoothing_form", "torch", "smoothing_form to be 'paper' or 'code'"),
    ("mixup", -0.2, "mixup >= 0"),
    ("partner", "neighbour", "partner to be 'permutation' or 'reversal'"),
    ("cutmix", -1.0, "cutmix >= 0"),
    ("teacher", "resnet152d", "a Teacher or Pretrained, or None"),
    ("temperature", 0.0, "temperature > 0"),
    ("hard_weight", -0.5, "hard_weight >= 0"),
    ("soft_weight", -0.5, "soft_weight >= 0"),
    ("ema", 1.0, "0 <= ema < 1, a share of training"),
    ("ema_every", 0, "whole ema_every >= 1 in steps"),
    ("precision", "half", "precision to be 'fp32' or 'bf16' or 'fp16'"),
    ("crop", "random", "crop to be 'none' or 'pad' or 'resized'"),
    ("loss_scaling", "fixed", "loss_scaling to be 'static' or 'dynamic'"),
    ("loss_scale", 0.5, "loss_scale >= 1"),
    ("pad", 0, "whole pad >= 1 in pixels"),
    ("least_area", 0.0, "0 < least_area <= 1, a share of the image"),
    ("colour", "torchvision", "colour to be 'none' or 'paper' or 'gluoncv'"),
    ("pca_noise", -0.1, "pca_noise >= 0"),
    ("pixels", "torchvision", "pixels to be 'own' or 'imagenet' or 'recordio'"),
    ("erasing", 1.1, "0 <= erasing <= 1, a probability"),
    ("train_size", 0, "whole train_size >= 1 in pixels, or None"),
    ("test_size", 0, "whole test_size >= 1 in pixels, or None"),
    ("test_resize", 0, "whole test_resize >= 1 in pixels, or None"),
    ("trivial_interpolation", "bicubic", "trivial_interpolation to be 'nearest' or 'bilinear'"),
    *((name, 1, f"{name} to be True or False") for name in SWITCHES),
]


@pytest.mark.parametrize(("name", "value", "law"), REFUSED)
def test_refuses_a_value_naming_law_field_and_value(name, value, law):
    with pytest.raises(Refused, match=f"Recipe needs {law}.*, got {name}=") as refusal:
        replace(BASE, **{name: value})
    assert repr(value) in str(refusal.value)


class Nothing:
    """What no field may be."""


@pytest.mark.parametrize("name", [field.name for field in fields(Recipe)])
def test_every_field_has_a_law(name):
    for value in (Nothing(), math.nan, "nothing", -1):
        with pytest.raises(Refused, match=f"Recipe needs .*, got {name}="):
            replace(BASE, **{name: value})


@pytest.mark.parametrize("depth", [18, 34])
def test_basic_blocks_have_no_1x1_to_carry_the_stride(depth):
    with pytest.raises(
        Refused, match=f"depth={depth} is made of 3x3 convolutions.*set downsample_in='3x3', or take a depth of 14, 26"
    ):
        replace(BASE, depth=depth)
    assert replace(BASE, depth=depth, downsample_in="3x3").depth == depth


def test_deep_stem_needs_an_even_width():
    with pytest.raises(Refused, match="give an even width, got width=7"):
        replace(BASE, deep_stem=True, width=7)
    assert replace(BASE, deep_stem=True, width=8).width == 8


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"norm": "group", "norm_groups": 24}, "norm_groups=24 must divide the 64 channels of the narrowest layer: give fewer"),
        ({"norm": "group", "deep_stem": True, "norm_groups": 64}, "norm_groups=64 must divide the 32 channels"),
        ({"norm": "none", "zero_gamma": True}, "zero_gamma=True needs a norm to set to 0, and norm='none' has none"),
        ({"micro_batch": 48}, "micro_batch=48 must divide batch_size=256: give a divisor of it"),
        ({"repeats": 3}, "repeats=3 must divide batch_size=256: give a divisor of it"),
        (
            {"warmup": 0.5, "warmup_of": 240},
            "warmup=0.5 of warmup_of=240 epochs does not fit into epochs=120: train for longer, or leave warmup_of out",
        ),
        ({"test_size": 224, "test_resize": 200}, "test_size=224 is cut out of images of test_resize=200 pixels: raise test_resize"),
    ],
)
def test_fields_that_contradict_each_other(changes, sentence):
    with pytest.raises(Refused, match=sentence):
        replace(BASE, **changes)


def test_without_a_network_the_fields_describe_a_residual_one():
    recipe = replace(BASE, depth=26, width=8, stem="small", downsample_in="3x3", norm="group", norm_groups=4, dropout=0.1)
    expected = ResNet(depth=26, width=8, stem="small", downsample_in="3x3", norm="group", norm_groups=4, dropout=0.1)
    assert network_of(recipe) == expected == network_of(replace(BASE, network=expected))


OTHERS = {"depth": 26, "width": 8, "stem": "small", "downsample_in": "3x3", "deep_stem": True, "pool_in_shortcut": True}
OTHERS |= {"norm": "layer", "norm_images": 4, "norm_groups": 4, "dropout": 0.1}


@pytest.mark.parametrize("name", RESIDUAL)
def test_a_trick_on_a_residual_network_is_refused_over_another_one(name):
    base, trick = replace(BASE, network=PlainConvNet(width=8)), Trick("bent", {name: OTHERS[name]})
    with pytest.raises(
        Refused, match=rf"{name}=.* describes a residual network, and the recipe's network is PlainConvNet\(width=8"
    ):
        Arm((trick,)).over(base)


def test_zero_gamma_needs_residual_blocks():
    with pytest.raises(Refused, match="zero_gamma=True needs residual blocks, and PlainConvNet has none"):
        replace(BASE, network=PlainConvNet(), zero_gamma=True)
    assert replace(BASE, network=ResNet(depth=26), zero_gamma=True).zero_gamma


def test_a_recipe_of_an_earlier_version_is_read():
    written = to_json(BASE)
    del written["network"]  # which there was not
    assert from_json(written) == BASE


def test_warmup_ends_before_the_first_milestone():
    with pytest.raises(
        Refused, match=r"warmup must end before the first milestone, got warmup=0.3 and milestones=\(0.25, 0.5, 0.75\)"
    ):
        replace(BASE, warmup=0.3)
    assert replace(BASE, warmup=0.3, schedule="cosine").warmup == 0.3
    assert replace(BASE, warmup=0.3, milestones=()).warmup == 0.3


@pytest.mark.parametrize("data", [digits(), digits(100), image_folder("$HPSEARCH_DATA", 64, per_class=10)])
@pytest.mark.parametrize("network", [None, PlainConvNet(width=8, stages=(1, 2)), ResNet(depth=26)])
def test_travels_as_json(data, network):
    recipe = Recipe(data=data, network=network, warmup=5 / 120, milestones=(1 / 3, 2 / 3), smoothing=0.1)
    again = from_json(json.loads(json.dumps(to_json(recipe))))
    assert again == recipe
    assert hash(again) == hash(recipe)


def test_canonical_text_holds_the_data_by_content():
    assert json.loads(canonical(BASE))["data"] == digits().identity()


def test_the_defaults_are_the_baseline_of_the_paper():
    assert (BASE.epochs, BASE.batch_size, BASE.depth, BASE.learning_rate) == (120, 256, 50, 0.1)
    assert [round(120 * milestone) for milestone in BASE.milestones] == [30, 60, 90]
