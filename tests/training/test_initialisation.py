"""Starting weights: the printed formulas, zero gamma where it belongs, and nothing from a global generator."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import built, initialised
from hpsearch.training.images.streams import PURPOSES, streams
from hpsearch.training.networks.modules.residual import Residual
from hpsearch.training.parts.initialisation import msra, uniform, xavier

RECIPE = Recipe(data=digits(), depth=50, width=8, downsample_in="3x3")


def made(initialisation="xavier", zero_gamma=False, seed=0, **changes):
    recipe = replace(RECIPE, initialisation=initialisation, zero_gamma=zero_gamma, **changes)
    return initialised(built(recipe, 3, 10), recipe, streams(seed)["initialisation"])


@pytest.mark.parametrize(("shape", "fans"), [((96, 64, 3, 3), (64 + 96) * 9), ((128, 256), 128 + 256)])
def test_xavier_is_uniform_up_to_its_bound(shape, fans):
    weight = torch.empty(shape)
    xavier(weight, torch.Generator().manual_seed(0))
    bound = math.sqrt(6 / fans)
    assert 0.999 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    reference = nn.init.xavier_uniform_(torch.empty(shape), generator=torch.Generator().manual_seed(0))
    assert torch.equal(weight, reference)


@pytest.mark.parametrize(("shape", "fans"), [((96, 64, 3, 3), (64 + 96) * 9), ((128, 256), 128 + 256)])
def test_msra_has_the_deviation_of_mxnet(shape, fans):
    weight = torch.empty(shape)
    msra(weight, torch.Generator().manual_seed(0))
    assert weight.std().item() == pytest.approx(math.sqrt((2 / (1 + 0.25**2)) / (fans / 2)), rel=0.01)
    assert weight.abs().max() > 3.5 * weight.std()  # gaussian: not bounded by sqrt(3) deviations


def test_biases_start_at_0_and_norms_at_1_and_0():
    for module in made().modules():
        if isinstance(module, nn.BatchNorm2d):
            assert torch.all(module.weight == 1)
            assert torch.all(module.bias == 0)
            assert torch.all(module.running_mean == 0)
            assert torch.all(module.running_var == 1)
            assert module.num_batches_tracked == 0
        if isinstance(module, nn.Linear):
            assert torch.all(module.bias == 0)


def test_zero_gamma_is_the_last_norm_of_each_block_and_no_other():
    model = made(zero_gamma=True)
    last = [module.last_norm for module in model.modules() if isinstance(module, Residual)]
    zero = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d) and torch.all(module.weight == 0)]
    assert len(last) == 16
    assert {id(module) for module in zero} == {id(module) for module in last}


def test_with_zero_gamma_a_block_starts_as_its_shortcut():
    block = next(module for module in made(zero_gamma=True).modules() if isinstance(module, Residual))
    images = torch.rand(2, 8, 4, 4)
    assert torch.equal(block(images), torch.relu(block.shortcut(images)))


def test_zero_gamma_draws_the_same_weights():
    for one, other in zip(made().parameters(), made(zero_gamma=True).parameters(), strict=True):
        assert torch.equal(one, other) or torch.all(other == 0)


@pytest.mark.parametrize("shape", [(96, 64, 3, 3), (128, 400)])
def test_uniform_is_torchs_own_start(shape):
    weight = uniform(torch.empty(shape), torch.Generator().manual_seed(0))
    bound = 1 / math.sqrt(weight[0].numel())
    assert 0.999 * bound < weight.abs().max() <= bound
    torch.manual_seed(0)  # torch's Linear and Conv2d draw kaiming_uniform with a = sqrt(5), which is the same
    reference = nn.init.kaiming_uniform_(torch.empty(shape), a=math.sqrt(5))
    assert torch.allclose(weight, reference, rtol=1e-6)


def test_gaussian_has_its_deviation():
    weights = torch.cat([p.flatten() for p in made("gaussian", initial_deviation=0.03).parameters() if p.ndim > 1])
    assert weights.std().item() == pytest.approx(0.03, rel=0.01)
    assert abs(weights.mean().item()) < 1e-4


def test_from_zero_all_units_of_a_layer_stay_alike():
    model = made("zero")
    assert all(torch.all(p == 0) for p in model.parameters() if p.ndim > 1)
    mover = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        mover.zero_grad()
        nn.functional.cross_entropy(model(torch.rand(8, 3, 32, 32)), torch.arange(8)).backward()
        mover.step()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            assert torch.equal(module.weight, module.weight[:1].expand_as(module.weight))


@pytest.mark.parametrize("initialisation", ["xavier", "zero"])
def test_weight_norm_starts_at_the_drawn_weight(initialisation):
    plain, normed = made(initialisation, norm="none"), made(initialisation, norm="weight")
    layers = [[m for m in model.modules() if isinstance(m, nn.Conv2d)] for model in (plain, normed)]
    pairs = [(a.weight, b.weight) for a, b in zip(*layers, strict=True)]
    assert len(pairs) == 53
    for one, other in pairs:
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("initialisation", ["xavier", "msra", "uniform", "gaussian"])
def test_the_seed_and_nothing_else_decides(initialisation):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = made(initialisation).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    same, other = made(initialisation).state_dict(), made(initialisation, seed=1).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["0.0.weight"], other["0.0.weight"])


def test_the_initialisations_differ():
    assert not torch.equal(made("xavier").state_dict()["0.0.weight"], made("msra").state_dict()["0.0.weight"])


def test_streams_are_apart():
    draws = {(seed, purpose): torch.rand(1, generator=streams(seed)[purpose]).item() for seed in range(9) for purpose in PURPOSES}
    assert len(set(draws.values())) == len(draws)
