"""Who is decayed, and Nesterov's step against its definition."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.models.resnet import resnet
from hpsearch.training.optimisers import counts, groups, momentum_at, optimiser, peak, steer

D = Recipe(data=digits(), downsample_in="3x3", deep_stem=True, pool_in_shortcut=True, weight_decay=0.01)


NO_BIAS = {"decay_biases": False, "decay_gammas": False, "decay_betas": False}


def decays(recipe):
    """Decay to (tensors, parameters)."""
    found = {}
    for group in groups(resnet(recipe, 3, 1000), recipe):
        tensors, parameters = found.get(group["weight_decay"], (0, 0))
        found[group["weight_decay"]] = (tensors + len(group["params"]), parameters + sum(p.numel() for p in group["params"]))
    return found


def test_without_bias_decay_one_dimensional_tensors_are_left_alone():
    assert decays(replace(D, **NO_BIAS)) == {0.0: (111, 54_248), 0.01: (56, 25_576_264 - 54_248)}
    found = counts(resnet(D, 3, 1000), replace(D, **NO_BIAS))
    assert found == {"decayed": [56, 25_576_264 - 54_248], "undecayed": [111, 54_248]}


def test_with_bias_decay_all_are_decayed():
    assert decays(D) == {0.01: (167, 25_576_264)}
    assert counts(resnet(D, 3, 1000), D) == {"decayed": [167, 25_576_264], "undecayed": [0, 0]}


@pytest.mark.parametrize(("field", "tensors"), [("decay_biases", 1), ("decay_gammas", 55), ("decay_betas", 55)])
def test_each_kind_has_its_own_switch(field, tensors):
    assert decays(replace(D, **{field: False}))[0.0][0] == tensors


def test_only_weights_of_convolutions_and_linear_layers_are_decayed():
    model = resnet(D, 3, 10)
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert {id(p) for p in groups(model, replace(D, **NO_BIAS))[0]["params"]} == weights


# the rules of the fact sheets in float64 by hand: state and step for weight w, gradient g, rate r, step number t
def sgd(w, g, r, t, s):
    return w - r * g


def momentum(w, g, r, t, s, mu=0.9):
    s["v"] = mu * s.get("v", 0.0) + g
    return w - r * s["v"]


def nag(w, g, r, t, s, mu=0.9):
    s["v"] = mu * s.get("v", 0.0) + g
    return w - r * (g + mu * s["v"])


def adagrad(w, g, r, t, s, epsilon=1e-8):
    s["cache"] = s.get("cache", 0.0) + g * g
    return w - r * g / (np.sqrt(s["cache"]) + epsilon)


def rmsprop(w, g, r, t, s, alpha=0.99, epsilon=1e-8):
    s["cache"] = alpha * s.get("cache", 0.0) + (1 - alpha) * g * g
    return w - r * g / (np.sqrt(s["cache"]) + epsilon)


def adam(w, g, r, t, s, beta1=0.9, beta2=0.99, epsilon=1e-8):
    s["m"] = beta1 * s.get("m", 0.0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0.0) + (1 - beta2) * g * g
    return w - r * (s["m"] / (1 - beta1**t)) / (np.sqrt(s["v"] / (1 - beta2**t)) + epsilon)


RULES = {"sgd": sgd, "momentum": momentum, "nag": nag, "adagrad": adagrad, "rmsprop": rmsprop, "adam": adam, "adamw": adam}


def quadratic(w):
    """Gradients of sum of c w^4 / 4: not constant, not linear."""
    return np.array([0.5, 2.0, 1.0]) * w**3


def followed(recipe, rates, momenta=None):
    """Where our optimiser takes three weights, in float64."""
    model = nn.Linear(3, 1, bias=False).double()
    nn.init.constant_(model.weight, 1.0)
    mover = optimiser(model, recipe)
    path = []
    for i, rate in enumerate(rates):
        steer(mover, rate, momenta[i] if momenta else recipe.momentum)
        model.weight.grad = torch.from_numpy(quadratic(model.weight.detach().numpy()))
        mover.step()
        path.append(model.weight.detach().numpy().copy()[0])
    return np.array(path)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", RULES)
def test_update_rules_are_the_closed_forms(name, decay):
    rates = [0.05 * (1 + i % 3) for i in range(25)]
    recipe = replace(D, optimiser=name, momentum=0.9, beta2=0.99, weight_decay=decay)
    w, state, expected = np.ones(3), {}, []
    for t, rate in enumerate(rates, start=1):
        g = quadratic(w)
        if name == "adamw":
            w = RULES[name]((1 - rate * decay) * w, g, rate, t, state)
        else:
            w = RULES[name](w, g + decay * w, rate, t, state)
        expected.append(w)
    np.testing.assert_allclose(followed(recipe, rates), expected, rtol=1e-11, atol=1e-13)


def textbook(rates, mu):
    """x_ahead = x + mu v; v = mu v - rate g(x_ahead); x = x + v; the path of x_ahead, and the velocities."""
    x, v, path, velocities = np.ones(3), np.zeros(3), [], []
    for rate in rates:
        v = mu * v - rate * quadratic(x + mu * v)
        x = x + v
        path.append(x + mu * v)
        velocities.append(v)
    return np.array(path), np.array(velocities)


def test_at_a_constant_rate_nesterovs_step_is_the_textbooks():
    rates = [0.05] * 30
    ahead, _ = textbook(rates, 0.9)
    np.testing.assert_allclose(followed(replace(D, momentum=0.9, weight_decay=0.0), rates), ahead, rtol=1e-13, atol=1e-15)


def test_when_the_rate_changes_they_part_by_what_is_written():
    # torch's velocity has no rate in it: after a change from r to s, its next step moves by s / r mu^2 v where the textbook's has mu^2 v
    before, after, mu = 0.05, 0.005, 0.9
    rates = [before] * 10 + [after]
    ahead, velocities = textbook(rates, mu)
    ours = followed(replace(D, momentum=mu, weight_decay=0.0), rates)
    np.testing.assert_allclose(ours[9], ahead[9], rtol=1e-13)
    np.testing.assert_allclose(ours[10] - ahead[10], (after / before - 1) * mu**2 * velocities[9], rtol=1e-10)


def test_momentum_follows_a_straight_line():
    recipe = replace(D, momentum=0.5, final_momentum=0.99)
    assert [momentum_at(recipe, p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.5, 0.745, 0.99])
    assert momentum_at(replace(D, momentum=0.7), 0.9) == 0.7


@pytest.mark.parametrize("name", ["nag", "momentum", "adam"])
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_annealed_momentum_is_used_step_by_step(name, start):
    recipe = replace(D, optimiser=name, momentum=start, final_momentum=0.9, weight_decay=0.0, beta2=0.99)
    rates, momenta = [0.05] * 20, [momentum_at(recipe, i / 20) for i in range(20)]
    if name == "adam":  # torch's bias correction takes the present beta1 to the power of t
        w, m, v, expected = np.ones(3), np.zeros(3), np.zeros(3), []
        for t, beta1 in enumerate(momenta, start=1):
            g = quadratic(w)
            m, v = beta1 * m + (1 - beta1) * g, 0.99 * v + 0.01 * g * g
            w = w - 0.05 * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
            expected.append(w)
    else:
        w, state, expected = np.ones(3), {}, []
        for t, mu in enumerate(momenta, start=1):
            w = RULES[name](w, quadratic(w), 0.05, t, state, mu)
            expected.append(w)
    np.testing.assert_allclose(followed(recipe, rates, momenta), expected, rtol=1e-10, atol=1e-13)


def test_the_peak_grows_with_the_batch():
    # He et al. 2019, section 3.1: 0.1 b / 256
    assert [peak(D, images) for images in (256, 1024, 64)] == pytest.approx([0.1, 0.4, 0.025])
    assert [peak(replace(D, scaling="none"), images) for images in (256, 1024, 64)] == [0.1, 0.1, 0.1]


@pytest.mark.parametrize("name", RULES)
def test_every_optimiser_goes_on_from_its_state(name):
    recipe = replace(D, optimiser=name, depth=14, width=8, stem="small")
    models, x = [resnet(recipe, 3, 10) for _ in range(2)], torch.rand(8, 3, 8, 8)
    movers = [optimiser(model, recipe) for model in models]
    models[1].load_state_dict(models[0].state_dict())

    def step(n):
        steer(movers[n], 0.01, 0.9)
        movers[n].zero_grad()
        models[n](x).square().mean().backward()
        movers[n].step()

    step(0)
    models[1].load_state_dict(models[0].state_dict())
    movers[1].load_state_dict(deepcopy(movers[0].state_dict()))  # it keeps the very tensors
    step(0), step(1)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, other)
