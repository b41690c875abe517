"""Half precision: master weights, and a loss scale that skips and counts the steps that overflow."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.precision import Scaling, autocast

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
    scaling = Scaling(replace(HALF, precision=precision), "cpu")
    assert stepped(scaling, model, mover) is True
    assert model.weight.item() == pytest.approx(0.9)
    assert scaling.skipped == 0


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_scaled_step_is_the_step(kind):
    model, mover = line()
    scaling = Scaling(replace(HALF, loss_scaling=kind), "cpu")
    for _ in range(3):
        assert stepped(scaling, model, mover)
    assert model.weight.item() == pytest.approx(0.7)


def test_a_dynamic_scale_recovers_from_an_overflow_and_counts_it():
    model, mover = line()
    scaling = Scaling(replace(HALF, loss_scale=2.0**127), "cpu")  # times a gradient of 8 it is no float32
    done = [stepped(scaling, model, mover, 8.0) for _ in range(5)]
    assert done == [False, False, False, True, True]
    assert scaling.skipped == 3
    assert model.weight.item() == pytest.approx(1 - 2 * 0.8)


def test_a_static_scale_stays():
    model, mover = line()
    scaling = Scaling(replace(HALF, loss_scaling="static", loss_scale=2.0**127), "cpu")
    assert [stepped(scaling, model, mover, 8.0) for _ in range(4)] == [False] * 4
    assert (scaling.skipped, model.weight.item()) == (4, 1.0)
    assert stepped(scaling, model, mover, 0.5) is True


def test_the_scale_and_the_count_go_on_from_their_state():
    model, mover = line()
    one = Scaling(replace(HALF, loss_scale=2.0**127), "cpu")
    stepped(one, model, mover, 8.0)
    other = Scaling(replace(HALF, loss_scale=2.0**127), "cpu")
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
    mover, scaling = torch.optim.SGD(model.parameters(), lr=1e-4), Scaling(HALF, "cpu")
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
        scaling = Scaling(replace(HALF, loss_scaling="static", loss_scale=scale), "cpu")
        mover.zero_grad()
        with autocast("fp16", "cpu"):
            out = model(torch.full((1, 1), 1.0))
        scaling.backward(out.float().sum() * 2.0**-26)
        scaling.step(mover)
        gradients.append(model.weight.grad.item())
    assert gradients[0] == 0
    assert gradients[1] == pytest.approx(2.0**-26, rel=1e-3)
