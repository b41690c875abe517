"""Who is decayed, and Nesterov's step against its definition."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.models.resnet import resnet
from hpsearch.training.optimisers import groups, optimiser

D = Recipe(data=digits(), downsample_in="3x3", deep_stem=True, pool_in_shortcut=True, weight_decay=0.01)


def decays(recipe):
    """Decay to (tensors, parameters)."""
    found = {}
    for group in groups(resnet(recipe, 3, 1000), recipe):
        tensors, parameters = found.get(group["weight_decay"], (0, 0))
        found[group["weight_decay"]] = (tensors + len(group["params"]), parameters + sum(p.numel() for p in group["params"]))
    return found


def test_without_bias_decay_one_dimensional_tensors_are_left_alone():
    assert decays(replace(D, decay_biases=False)) == {0.0: (111, 54_248), 0.01: (56, 25_576_264 - 54_248)}


def test_with_bias_decay_all_are_decayed():
    assert decays(D) == {0.01: (167, 25_576_264)}


def test_only_weights_of_convolutions_and_linear_layers_are_decayed():
    model = resnet(D, 3, 10)
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert {id(p) for p in groups(model, D)[0]["params"]} == weights


@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_steps_are_nesterovs(momentum):
    """x_ahead = x + mu v; v = mu v - rate gradient(x_ahead); x = x + v, followed at the point ahead."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    sgd = optimiser(model, replace(D, momentum=momentum, weight_decay=0.0))
    for group in sgd.param_groups:
        group["lr"] = 0.1
    x, v = 1.0, 0.0
    for _ in range(20):
        sgd.zero_grad()
        (model.weight**2).sum().backward()
        sgd.step()
        v = momentum * v - 0.1 * 2 * (x + momentum * v)
        x = x + v
        # what torch stores is the point ahead of x
        assert model.weight.item() == pytest.approx(x + momentum * v, rel=1e-5, abs=1e-6)


def test_decay_is_added_to_the_gradient():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    sgd = optimiser(model, replace(D, momentum=0.0, weight_decay=0.5))
    sgd.param_groups[0]["lr"] = 0.1
    model.weight.grad = torch.full((1, 1), 3.0)
    sgd.step()
    assert model.weight.item() == pytest.approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0))
