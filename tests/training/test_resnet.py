"""The networks are those of the paper, of torchvision and of timm, to the parameter and to the number."""

from dataclasses import replace
from itertools import product

import pytest
import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import Bottleneck

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import built, initialised, network_of
from hpsearch.training.images.streams import streams
from hpsearch.training.networks.modules.residual import Residual
from hpsearch.training.networks.resnet import BLOCKS

A = Recipe(data=digits())
B = replace(A, downsample_in="3x3")
C = replace(B, deep_stem=True)
D = replace(C, pool_in_shortcut=True)
SMALL = replace(A, depth=14, width=8, stem="small")


@pytest.mark.parametrize(
    ("recipe", "parameters", "giga_macs"),
    [
        (A, 25_557_032, 3.858),
        (B, 25_557_032, 4.089),
        (C, 25_576_264, 4.329),
        (D, 25_576_264, 4.329),
        (replace(D, depth=152), 60_212_040, 11.753),
    ],
    ids=["50-A", "50-B", "50-C", "50-D", "152-D"],
)
def test_sizes_at_224_pixels(recipe, parameters, giga_macs):
    with torch.device("meta"):
        model = built(recipe, channels=3, classes=1000)
    assert sum(p.numel() for p in model.parameters()) == parameters
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        model.eval()(torch.empty(1, 3, 224, 224))
    assert round(counter.get_total_flops() / 2e9, 3) == giga_macs


@pytest.mark.parametrize(("size", "giga_macs"), [(160, 2.210), (176, 2.756)])
def test_multiply_adds_of_resnet_50_d_at_other_sizes(size, giga_macs):
    ours = network_of(D).multiply_adds(3, 1000, size)
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        timm.create_model("resnet50d").eval()(torch.empty(1, 3, size, size))
    assert ours == counter.get_total_flops() // 2
    assert ours / 1e9 == pytest.approx(giga_macs, abs=1e-3)


@pytest.mark.parametrize(("recipe", "layers", "entries"), [(A, 53, 320), (C, 55, 332), (replace(D, depth=152), 157, 944)])
def test_layers_and_entries(recipe, layers, entries):
    with torch.device("meta"):
        model = built(recipe, 3, 1000)
    for kind in (torch.nn.Conv2d, torch.nn.BatchNorm2d):
        assert sum(isinstance(module, kind) for module in model.modules()) == layers
    assert len(model.state_dict()) == entries
    assert network_of(recipe).parameters(3, 1000) == sum(p.numel() for p in model.parameters())


def copied(model, reference):
    """The weights of ``reference`` in our network; both list their layers from input to output."""
    ours, theirs = model.state_dict(), reference.state_dict()
    assert [tuple(value.shape) for value in ours.values()] == [tuple(value.shape) for value in theirs.values()]
    model.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    return model.to(next(reference.parameters()).dtype)


def lively(reference):
    """Batch norms with statistics of their own, so that none of them is the identity."""
    generator = torch.Generator().manual_seed(0)
    for module in reference.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                torch.nn.init.uniform_(tensor, 0.1, 0.3, generator=generator)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5, generator=generator)
    return reference


def moved_to_first_1x1(reference):
    """torchvision's network, with the stride in the first 1x1 as He et al. 2016 have it."""
    for module in reference.modules():
        if isinstance(module, Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
    return reference


DEEP_STEM = {"stem_type": "deep", "stem_width": 32}  # timm's resnet50c
REFERENCES = {
    "50-A": (A, lambda: moved_to_first_1x1(torchvision.models.resnet50())),
    "50-B": (B, lambda: torchvision.models.resnet50()),
    "50-C": (C, lambda: timm.create_model("resnet50c")),
    "50-D": (D, lambda: timm.create_model("resnet50d")),
    "14-B": (replace(B, depth=14), lambda: timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, [1, 1, 1, 1])),
    "26-D": (replace(D, depth=26), lambda: timm.create_model("resnet26d")),
    "18": (replace(B, depth=18), lambda: torchvision.models.resnet18()),
    "34": (replace(B, depth=34), lambda: torchvision.models.resnet34()),
    "18-D": (replace(D, depth=18), lambda: timm.create_model("resnet18d")),
    "26-A": (replace(A, depth=26), lambda: moved_to_first_1x1(torchvision.models.ResNet(Bottleneck, [2, 2, 2, 2]))),
    "26-C": (replace(C, depth=26), lambda: timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, [2, 2, 2, 2], **DEEP_STEM)),
}
LARGE = [name for name in REFERENCES if name not in ("26-A", "26-C")]


def both(name, size, count=2, dtype=torch.float64):
    """Our network and the reference with the same weights, and images for both."""
    recipe, reference = REFERENCES[name]
    theirs = lively(reference()).to(dtype)
    images = torch.rand(count, 3, size, size, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return copied(built(recipe, channels=3, classes=1000), theirs), theirs, images


# odd maps are pooled over the pixels there are, which even ones cannot show
@pytest.mark.parametrize(("name", "size"), [*product(LARGE, [75]), ("50-D", 64), ("18-D", 64)])
def test_computes_what_the_reference_computes(name, size):
    ours, theirs, images = both(name, size)
    with torch.inference_mode():
        expected = theirs.eval()(images)
        torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


# B and D in training: tests/coordinates
@pytest.mark.parametrize(("name", "mode"), [("26-A", "train"), ("26-C", "train"), ("26-D", "eval")])
def test_gradients_are_the_references(name, mode):
    """Of the images and of every parameter; in training also what the running statistics become.

    With two blocks to a stage, one that halves the map and one that does not, every kind of block is there; more of them, up to 152
    layers, are counted above.
    """
    ours, theirs, images = both(name, 40, count=4)
    labels = torch.arange(4)
    gradients = []
    for model in (ours, theirs):
        model.train(mode == "train")
        seen = images.clone().requires_grad_()
        torch.nn.functional.cross_entropy(model(seen), labels).backward()
        gradients.append([seen.grad, *(p.grad for p in model.parameters())])
    for mine, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-9 * expected.abs().max().item() + 1e-14)
    for mine, expected in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, expected)


@pytest.mark.parametrize("name", ["50-A", "50-D"])
def test_in_single_precision_the_difference_is_rounding(name):
    ours, theirs, images = both(name, 64, dtype=torch.float32)
    with torch.inference_mode():
        expected = theirs.eval()(images)
        torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_pool_alone_changes_only_the_shortcuts():
    pools = [m for m in built(replace(A, pool_in_shortcut=True), 3, 10).modules() if isinstance(m, torch.nn.AvgPool2d)]
    assert len(pools) == 3
    assert not [m for m in built(A, 3, 10).modules() if isinstance(m, torch.nn.AvgPool2d)]


@pytest.mark.parametrize(
    ("depth", "changes"), [*product(BLOCKS, [{}]), *product([18, 50], [{"deep_stem": True}, {"pool_in_shortcut": True}])]
)
def test_small_stem_keeps_the_size_of_the_image(depth, changes):
    recipe = replace(SMALL, depth=depth, downsample_in="3x3", **changes)
    shapes = []
    with torch.device("meta"):
        model = built(recipe, channels=1, classes=10)
    model[0].register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
    with torch.device("meta"):
        assert model(torch.empty(2, 1, 8, 8)).shape == (2, 10)
    assert shapes == [(2, 8, 8, 8)]


def test_every_subset_of_the_changes_is_a_network():
    counts = set()
    for downsample_in in ("1x1", "3x3"):
        for deep_stem in (False, True):
            for pool in (False, True):
                recipe = replace(SMALL, downsample_in=downsample_in, deep_stem=deep_stem, pool_in_shortcut=pool)
                model = initialised(built(recipe, 1, 10), recipe, streams(0)["initialisation"])
                counts.add(round(model.eval()(torch.ones(1, 1, 8, 8)).sum().item(), 6))
    assert len(counts) == 8


def test_depth_counts_the_layers():
    # convolutions and the last layer; shortcuts do not count
    for depth in BLOCKS:
        model = built(replace(A, depth=depth, downsample_in="3x3"), 3, 10)
        inside = sum(isinstance(m, torch.nn.Conv2d) for block in model[1] for m in block.branch)
        assert inside + 2 == depth
        assert all(isinstance(block, Residual) for block in model[1])
