"""Half precision: master weights, and a loss scale that skips and counts the steps that overflow."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import optimiser
from hpsearch.training.images.recipe import scaling as scale_of
from hpsearch.training.parts.optimisers import Optimiser, steer
from hpsearch.training.parts.precision import autocast

HALF = Recipe(data=digits(), precision="fp16", loss_scale=128.0)


def line(value=1.0):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def stepped(scaling, model, mover, scale=1.0):
    """One step on the loss ``scale`` w, whose gradient is ``scale``."""
    mover.zero_grad()
    scaling.backward(scale * model.weight.sum())
    return scaling.step(mover)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_without_a_scale_a_step_is_a_step(precision):
    model, mover = line()
    scaling = scale_of(replace(HALF, precision=precision, loss_scale=2.0**127), "cpu")
    assert stepped(scaling, model, mover, 8.0) is True  # times that scale it is no float32
    assert model.weight.item() == pytest.approx(0.2)
    assert scaling.skipped == 0


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_scaled_step_is_the_step(kind):
    model, mover = line()
    scaling = scale_of(replace(HALF, loss_scaling=kind), "cpu")
    for _ in range(3):
        assert stepped(scaling, model, mover)
    assert model.weight.item() == pytest.approx(0.7)


def test_a_dynamic_scale_recovers_from_an_overflow_and_counts_it():
    model, mover = line()
    scaling = scale_of(replace(HALF, loss_scale=2.0**127), "cpu")  # times a gradient of 8 it is no float32
    done = [stepped(scaling, model, mover, 8.0) for _ in range(5)]
    assert done == [False, False, False, True, True]
    assert scaling.skipped == 3
    assert model.weight.item() == pytest.approx(1 - 2 * 0.8)


def test_a_static_scale_stays():
    model, mover = line()
    scaling = scale_of(replace(HALF, loss_scaling="static", loss_scale=2.0**127), "cpu")
    assert [stepped(scaling, model, mover, 8.0) for _ in range(4)] == [False] * 4
    assert (scaling.skipped, model.weight.item()) == (4, 1.0)
    assert stepped(scaling, model, mover, 0.5) is True


def test_the_scale_and_the_count_go_on_from_their_state():
    model, mover = line()
    one = scale_of(replace(HALF, loss_scale=2.0**127), "cpu")
    stepped(one, model, mover, 8.0)
    other = scale_of(replace(HALF, loss_scale=2.0**127), "cpu")
    other.load_state_dict(one.state_dict())
    assert other.skipped == 1
    assert [stepped(other, model, mover, 8.0) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(("precision", "type_"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_products_are_in_half_precision_and_weights_are_not(precision, type_):
    model = nn.Linear(4, 3)
    with autocast(precision, "cpu"):
        assert model(torch.randn(2, 4)).dtype == type_
    assert model.weight.dtype == torch.float32


def test_small_updates_add_up_in_the_master_weights():
    """In fp16 itself 1 - 0.0001 is 1: a thousand such steps would do nothing."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    mover, scaling = torch.optim.SGD(model.parameters(), lr=1e-4), scale_of(HALF, "cpu")
    x = torch.ones(1, 1)
    for _ in range(1000):
        mover.zero_grad()
        with autocast("fp16", "cpu"):
            out = model(x)
        scaling.backward(out.float().sum())
        scaling.step(mover)
    assert model.weight.item() == pytest.approx(0.9, abs=1e-4)
    half = torch.tensor(1.0, dtype=torch.float16)
    assert (half - 1e-4).item() == 1.0


def test_small_gradients_survive_only_when_scaled():
    """2^-26 is 0 in fp16, times 128 it is not: what the scale is there for."""
    gradients = []
    for scale in (1.0, 128.0):
        model, mover = line()
        scaling = scale_of(replace(HALF, loss_scaling="static", loss_scale=scale), "cpu")
        mover.zero_grad()
        with autocast("fp16", "cpu"):
            out = model(torch.full((1, 1), 1.0))
        scaling.backward(out.float().sum() * 2.0**-26)
        scaling.step(mover)
        gradients.append(model.weight.grad.item())
    assert gradients[0] == 0
    assert gradients[1] == pytest.approx(2.0**-26, rel=1e-3)


@pytest.fixture
def nothing_is_blank():
    """Memory that nobody has written holds NaN, so that reading it shows."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def moved(recipe, slopes):
    """Weights of a line after one step per slope, and the steps that were skipped."""
    model, _ = line()
    mover, scaling = optimiser(model, recipe), scale_of(recipe, "cpu")
    for slope in slopes:
        steer(mover, 0.1, recipe.momentum)
        stepped(scaling, model, mover, slope)
    return model.weight.detach(), scaling.skipped


@pytest.mark.parametrize("where", [0, 2])
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
@pytest.mark.parametrize("name", get_args(Optimiser))
def test_a_skipped_step_leaves_every_optimiser_as_it_was(name, bad, where, nothing_is_blank):
    """On a first step torch's fused SGD would keep a velocity of whatever stood in memory."""
    recipe, slopes = replace(HALF, optimiser=name, weight_decay=0.1), [8.0, 3.0, -2.0, 5.0]
    overflowing = [*slopes[:where], bad, *slopes[where:]]
    expected, none = moved(replace(recipe, precision="fp32"), slopes)
    ours, skipped = moved(recipe, overflowing)
    assert (skipped, none) == (1, 0)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_scale_may_be_a_whole_number(kind):
    model, mover = line()
    assert stepped(scale_of(replace(HALF, loss_scale=128, loss_scaling=kind), "cpu"), model, mover)
    assert model.weight.item() == pytest.approx(0.9)


def test_every_tensor_is_looked_at():
    model = nn.Linear(3, 2)
    mover, scaling = torch.optim.SGD(model.parameters(), lr=0.1), scale_of(HALF, "cpu")
    for bad, done in ((float("nan"), False), (1.0, True)):
        mover.zero_grad()
        scaling.backward((model.weight * torch.tensor([1e30, 1.0, 1.0])).sum() + bad * model.bias[1])
        assert scaling.step(mover) is done
    assert scaling.skipped == 1


def test_a_dynamic_scale_doubles_after_2000_steps_without_overflow_and_a_static_one_does_not():
    for kind, expected in (("dynamic", [128.0, 256.0]), ("static", [128.0, 128.0])):
        model, mover = line()
        scaling = scale_of(replace(HALF, loss_scaling=kind), "cpu")
        scales = []
        for steps in (1999, 1):
            for _ in range(steps):
                stepped(scaling, model, mover)
            scales.append(scaling.state_dict()["scaler"]["scale"])
        assert scales == expected


def small():
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    for p in model.parameters():
        nn.init.normal_(p, std=0.1, generator=generator)
    x, labels = torch.randn(16, 3, 6, 6, generator=generator), torch.randint(5, (16,), generator=generator)
    return model, x, labels


def ours_in_half(steps, scale, rate=0.5):
    """The weights of a small network after so many steps of ours, with Nesterov's momentum."""
    recipe = replace(HALF, loss_scaling="static", loss_scale=scale, weight_decay=0.01)
    model, x, labels = small()
    mover, scaling = optimiser(model, recipe), scale_of(recipe, "cpu")
    for _ in range(steps):
        steer(mover, rate, 0.9)
        mover.zero_grad()
        with autocast("fp16", "cpu"):
            logits = model(x)
        scaling.backward(F.cross_entropy(logits.float(), labels))
        scaling.step(mover)
    return [p.detach() for p in model.parameters()]


def theirs_in_half(steps, scale, rate=0.5):
    """As He et al. 2019, section 3.2: a network cast to fp16 whole, a master copy of its weights in fp32 that is updated by hand."""
    model, x, labels = small()
    masters = [p.detach().clone() for p in model.parameters()]
    velocities = [torch.zeros_like(master) for master in masters]
    model.half()
    for _ in range(steps):
        with torch.no_grad():
            for p, master in zip(model.parameters(), masters, strict=True):
                p.copy_(master)
        model.zero_grad()
        (scale * F.cross_entropy(model(x.half()).float(), labels)).backward()
        for p, master, velocity in zip(model.parameters(), masters, velocities, strict=True):
            gradient = p.grad.float() / scale + 0.01 * master
            velocity.mul_(0.9).add_(gradient)
            master.sub_(rate * (gradient + 0.9 * velocity))
    return masters


def apart(ours, theirs):
    return torch.stack([(a - b).abs().max() for a, b in zip(ours, theirs, strict=True)]).max().item()


def test_the_update_is_that_of_a_network_cast_to_fp16_with_a_master_copy():
    assert apart(ours_in_half(10, 128.0), theirs_in_half(10, 128.0)) < 1e-6
    assert apart(ours_in_half(10, 128.0), [p.detach() for p in small()[0].parameters()]) > 0.1


@pytest.mark.parametrize("scale", [2.0, 128.0, 65536.0])
def test_where_nothing_overflows_a_scaled_step_in_fp32_is_the_unscaled_one(scale):
    paths = []
    for recipe in (replace(HALF, loss_scale=scale), replace(HALF, precision="fp32")):
        model, x, labels = small()
        mover, scaling = optimiser(model, recipe), scale_of(recipe, "cpu")
        for _ in range(5):
            steer(mover, 0.5, 0.9)
            mover.zero_grad()
            scaling.backward(F.cross_entropy(model(x), labels))
            assert scaling.step(mover)
        paths.append([p.detach() for p in model.parameters()])
    assert apart(*paths) < 1e-7


def in_half(gradient, scale):
    """The gradient that arrives when ``gradient`` passes through a product in fp16, scaled by ``scale``."""
    model, mover = line()
    scaling = scale_of(replace(HALF, loss_scaling="static", loss_scale=scale), "cpu")
    with autocast("fp16", "cpu"):
        out = model(torch.ones(1, 1))
    scaling.backward(out.float().sum() * gradient)
    scaling.step(mover)
    return model.weight.grad.item()


@pytest.mark.parametrize("scale", [1.0, 128.0, 1024.0])
def test_gradients_are_rounded_at_their_scaled_size(scale):
    for gradient in (3.1e-8, 1.7e-6, 0.0123, 0.9):
        expected = float(np.float16(np.float32(gradient) * np.float32(scale))) / scale
        assert in_half(gradient, scale) == pytest.approx(expected, rel=1e-7, abs=0)
