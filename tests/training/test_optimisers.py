"""Who is decayed, and every update rule against its definition."""

from copy import deepcopy
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import timm.optim
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import built, counts, groups, momentum_at, optimiser, peak
from hpsearch.training.parts.literals import Norm
from hpsearch.training.parts.optimisers import steer

D = Recipe(data=digits(), downsample_in="3x3", deep_stem=True, pool_in_shortcut=True, weight_decay=0.01)


NO_BIAS = {"decay_biases": False, "decay_gammas": False, "decay_betas": False}


def decays(recipe):
    """Decay to (tensors, parameters)."""
    found = {}
    for group in groups(built(recipe, 3, 1000), recipe):
        tensors, parameters = found.get(group["weight_decay"], (0, 0))
        found[group["weight_decay"]] = (tensors + len(group["params"]), parameters + sum(p.numel() for p in group["params"]))
    return found


def test_without_bias_decay_one_dimensional_tensors_are_left_alone():
    assert decays(replace(D, **NO_BIAS)) == {0.0: (111, 54_248), 0.01: (56, 25_576_264 - 54_248)}
    found = counts(built(D, 3, 1000), replace(D, **NO_BIAS))
    assert found == {"decayed": [56, 25_576_264 - 54_248], "undecayed": [111, 54_248]}


def test_with_bias_decay_all_are_decayed():
    assert decays(D) == {0.01: (167, 25_576_264)}
    assert counts(built(D, 3, 1000), D) == {"decayed": [167, 25_576_264], "undecayed": [0, 0]}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("decay_biases", lambda m: {n.bias for n in m.modules() if isinstance(n, nn.Linear)}),
        ("decay_gammas", lambda m: {n.weight for n in m.modules() if isinstance(n, nn.BatchNorm2d)}),
        ("decay_betas", lambda m: {n.bias for n in m.modules() if isinstance(n, nn.BatchNorm2d)}),
    ],
    ids=["biases", "gammas", "betas"],
)
def test_each_kind_has_its_own_switch(field, expected):
    model = built(D, 3, 1000)
    _, undecayed = groups(model, replace(D, **{field: False}))
    assert set(undecayed["params"]) == expected(model)
    assert len(undecayed["params"]) == {"decay_biases": 1}.get(field, 55)


def test_only_weights_of_convolutions_and_linear_layers_are_decayed():
    model = built(D, 3, 10)
    weights = {id(m.weight) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert {id(p) for p in groups(model, replace(D, **NO_BIAS))[0]["params"]} == weights


def test_without_bias_decay_the_groups_are_timms():
    model = built(D, 3, 10)
    ours = {g["weight_decay"]: {id(p) for p in g["params"]} for g in groups(model, replace(D, **NO_BIAS))}
    theirs = {g["weight_decay"]: {id(p) for p in g["params"]} for g in timm.optim.param_groups_weight_decay(model, 0.01)}
    assert ours == theirs


@pytest.mark.parametrize("switches", [{}, NO_BIAS, {"decay_gammas": False}], ids=str)
@pytest.mark.parametrize("norm", get_args(Norm))
def test_every_parameter_is_moved_by_exactly_one_group(norm, switches):
    recipe = replace(D, norm=norm, depth=14, **switches)
    model = built(recipe, 3, 10)
    moved = [id(p) for group in groups(model, recipe) for p in group["params"]]
    assert sorted(moved) == sorted(id(p) for p in model.parameters())
    assert sum(tensors for tensors, _ in counts(model, recipe).values()) == len(moved)


def test_undecayed_parameters_only_follow_their_gradients():
    """One step on a loss of no slope: what is decayed shrinks by rate times decay, what is not stays."""
    recipe = replace(D, depth=14, width=8, optimiser="sgd", weight_decay=0.5, **NO_BIAS)
    model = built(recipe, 3, 10)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    mover = optimiser(model, recipe)
    steer(mover, 0.1, 0.0)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    mover.step()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (0.95 if p.ndim > 1 else 1.0))


# The textbooks' rules, in numpy and float64: weight w, gradient g, rate r, step t = 1, 2, ..., state s, coefficients of the recipe c.
# Sources: CS231n, neural-networks-3; Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1.
def sgd(w, g, r, t, s, c):
    return w - r * g


def momentum(w, g, r, t, s, c):
    s["v"] = c.momentum * s.get("v", 0.0) + g
    return w - r * s["v"]


def nag(w, g, r, t, s, c):
    s["v"] = c.momentum * s.get("v", 0.0) + g
    return w - r * (g + c.momentum * s["v"])


def adagrad(w, g, r, t, s, c):
    s["cache"] = s.get("cache", 0.0) + g * g
    return w - r * g / (np.sqrt(s["cache"]) + c.epsilon)


def rmsprop(w, g, r, t, s, c):
    s["cache"] = c.beta2 * s.get("cache", 0.0) + (1 - c.beta2) * g * g
    return w - r * g / (np.sqrt(s["cache"]) + c.epsilon)


def adam(w, g, r, t, s, c):
    s["m"] = c.momentum * s.get("m", 0.0) + (1 - c.momentum) * g
    s["v"] = c.beta2 * s.get("v", 0.0) + (1 - c.beta2) * g * g
    return w - r * (s["m"] / (1 - c.momentum**t)) / (np.sqrt(s["v"] / (1 - c.beta2**t)) + c.epsilon)


RULES = {"sgd": sgd, "momentum": momentum, "nag": nag, "adagrad": adagrad, "rmsprop": rmsprop, "adam": adam, "adamw": adam}


def slope(w):
    """Gradients of the sum of c w^4 / 4: not constant, not linear."""
    return np.array([0.5, 2.0, 1.0]) * w**3


def followed(recipe, rates, momenta=None, slope=slope):
    """Where our optimiser takes three weights that start at 1, in float64: (steps, 3)."""
    model = nn.Linear(3, 1, bias=False).double()
    nn.init.constant_(model.weight, 1.0)
    mover = optimiser(model, recipe)
    path = []
    for i, rate in enumerate(rates):
        steer(mover, rate, momenta[i] if momenta else recipe.momentum)
        model.weight.grad = torch.from_numpy(slope(model.weight.detach().numpy()))
        mover.step()
        path.append(model.weight.detach().numpy().copy()[0])
    return np.array(path)


def by_hand(recipe, rates, momenta=None):
    """Where the rules above take them; decay is added to the gradient, or for AdamW taken off the weight."""
    w, state, path = np.ones(3), {}, []
    for i, rate in enumerate(rates):
        c = replace(recipe, momentum=momenta[i]) if momenta else recipe
        g, decay = slope(w), recipe.weight_decay
        w, g = ((1 - rate * decay) * w, g) if recipe.optimiser == "adamw" else (w, g + decay * w)
        w = RULES[recipe.optimiser](w, g, rate, i + 1, state, c)
        path.append(w)
    return np.array(path)


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.5}, {"beta2": 0.9}, {"epsilon": 0.1}, {"weight_decay": 0.1}], ids=str)
@pytest.mark.parametrize("name", RULES)
def test_update_rules_are_the_closed_forms(name, changes):
    rates = [0.05 * (1 + i % 3) for i in range(25)]
    recipe = replace(D, optimiser=name, **{"beta2": 0.99, "weight_decay": 0.0, **changes})
    np.testing.assert_allclose(followed(recipe, rates), by_hand(recipe, rates), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", RULES)
def test_the_coefficients_of_each_rule_change_where_it_goes(name):
    used = {"sgd": [], "momentum": ["momentum"], "nag": ["momentum"], "adagrad": ["epsilon"], "rmsprop": ["beta2", "epsilon"]}

    def path(**changes):  # along gradients whose signs change, which is all that some rules look at
        return followed(replace(D, optimiser=name, **changes), [0.05] * 100, slope=lambda w: np.cos(40 * w + [0.0, 1.0, 2.0]))

    for field, value in (("momentum", 0.5), ("beta2", 0.9), ("epsilon", 0.1)):
        changed = not np.array_equal(path(), path(**{field: value}))
        assert changed == (field in used.get(name, ["momentum", "beta2", "epsilon"]))


def textbook(rates, mu):
    """x_ahead = x + mu v; v = mu v - rate g(x_ahead); x = x + v; the path of x_ahead, and the velocities."""
    x, v, path, velocities = np.ones(3), np.zeros(3), [], []
    for rate in rates:
        v = mu * v - rate * slope(x + mu * v)
        x = x + v
        path.append(x + mu * v)
        velocities.append(v)
    return np.array(path), np.array(velocities)


def stored_ahead(rates, mu):
    """The other form: v_prev = v; v = mu v - rate g(x); x += -mu v_prev + (1 + mu) v; the path of x."""
    x, v, path = np.ones(3), np.zeros(3), []
    for rate in rates:
        previous, v = v, mu * v - rate * slope(x)
        x = x - mu * previous + (1 + mu) * v
        path.append(x)
    return np.array(path)


NESTEROV = replace(D, optimiser="nag", momentum=0.9, weight_decay=0.0)


def test_at_a_constant_rate_nesterovs_step_is_the_textbooks_in_both_forms():
    rates = [0.05] * 30
    ours = followed(NESTEROV, rates)
    np.testing.assert_allclose(ours, textbook(rates, 0.9)[0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours, stored_ahead(rates, 0.9), rtol=0, atol=1e-15)


def test_the_textbooks_two_forms_are_one_at_any_rate():
    rates = [0.05, 0.2, 0.01] * 10
    np.testing.assert_allclose(stored_ahead(rates, 0.9), textbook(rates, 0.9)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("after", [0.005, 0.2])
def test_when_the_rate_changes_they_part_by_what_is_written(after):
    before, mu = 0.05, 0.9
    rates = [before] * 10 + [after]
    ahead, velocities = textbook(rates, mu)
    ours = followed(NESTEROV, rates)
    np.testing.assert_allclose(ours[9], ahead[9], rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours[10] - ahead[10], (after / before - 1) * mu**2 * velocities[9], rtol=1e-10)


def test_on_a_slope_that_stays_they_part_further_as_is_written():
    before, after, mu, g = 0.05, 0.005, 0.9, np.array([0.5, -2.0, 1.0])
    x, v, path = np.ones(3), np.zeros(3), []
    for rate in [before] * 10 + [after] * 40:
        v = mu * v - rate * g
        x = x + v
        path.append(x + mu * v)
    at_the_change = -before * g * (1 - mu**10) / (1 - mu)
    ours = followed(NESTEROV, [before] * 10 + [after] * 40, slope=lambda w: g + 0 * w)
    steps = np.arange(1, 41)[:, None]
    expected = (after / before - 1) * mu**2 * at_the_change * (1 - mu**steps) / (1 - mu)
    np.testing.assert_allclose((ours - path)[10:], expected, rtol=1e-11)


def test_momentum_follows_a_straight_line():
    recipe = replace(D, momentum=0.5, final_momentum=0.99)
    assert [momentum_at(recipe, p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.5, 0.745, 0.99])
    assert momentum_at(replace(D, momentum=0.7), 0.9) == 0.7


@pytest.mark.parametrize("name", ["nag", "momentum", "adam", "adamw"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.9), (0.5, 0.99), (0.9, 0.0)])
def test_annealed_momentum_is_used_step_by_step(name, start, end):
    # of Adam's bias correction the present beta1 to the power of t is taken
    recipe = replace(D, optimiser=name, momentum=start, final_momentum=end, beta2=0.99)
    rates, momenta = [0.05] * 20, [start + (end - start) * i / 20 for i in range(20)]
    ours = followed(recipe, rates, [momentum_at(recipe, i / 20) for i in range(20)])
    np.testing.assert_allclose(ours, by_hand(recipe, rates, momenta), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", ["nag", "momentum"])
@pytest.mark.parametrize("end", [None, 0.0])
def test_without_momentum_both_are_plain_descent(name, end):
    recipe = replace(D, optimiser=name, momentum=0.0, final_momentum=end)
    assert np.array_equal(followed(recipe, [0.05] * 9), followed(replace(recipe, optimiser="sgd"), [0.05] * 9))


@pytest.mark.parametrize("name", ["sgd", "adagrad", "rmsprop"])
def test_momentum_is_nothing_to_those_without(name):
    recipe = replace(D, optimiser=name)
    assert np.array_equal(followed(recipe, [0.05] * 9, [0.9] * 9), followed(recipe, [0.05] * 9, [0.1 * i for i in range(9)]))


def test_the_peak_grows_with_the_batch():
    # He et al. 2019, section 3.1: 0.1 b / 256
    assert [peak(D, images) for images in (256, 1024, 64)] == pytest.approx([0.1, 0.4, 0.025])
    assert [peak(replace(D, scaling="none"), images) for images in (256, 1024, 64)] == [0.1, 0.1, 0.1]


@pytest.mark.parametrize("name", RULES)
def test_every_optimiser_goes_on_from_its_state(name):
    recipe = replace(D, optimiser=name, depth=14, width=8, stem="small")
    models, x = [built(recipe, 3, 10) for _ in range(2)], torch.rand(8, 3, 8, 8)
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
