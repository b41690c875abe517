"""Normalisation and dropout against torch's modules and the formulas by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hpsearch.errors import Refused
from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import built, initialised
from hpsearch.training.images.streams import streams
from hpsearch.training.parts.norms import Dropout, GhostBatchNorm, dropped_by, kinds

SMALL = Recipe(data=digits(), depth=14, width=8, stem="small", norm_groups=4, norm_images=4)
NORMS = ["batch", "ghost", "layer", "group", "weight", "none"]


def made(norm, **changes):
    recipe = replace(SMALL, norm=norm, **changes)
    return initialised(built(recipe, 3, 10), recipe, streams(0)["initialisation"])


def noise(*shape, seed=0):
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1


def test_a_ghost_norm_is_batch_norm_on_each_part():
    ghost, plain = GhostBatchNorm(5, 8).double(), nn.BatchNorm2d(5).double()
    x = noise(32, 5, 4, 4)
    together = ghost(x)
    apart = torch.cat([plain(part) for part in x.split(8)])
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(ghost.running_mean, plain.running_mean)
    torch.testing.assert_close(ghost.running_var, plain.running_var)
    torch.testing.assert_close(ghost.eval()(x), plain.eval()(x))


def test_a_ghost_norm_of_the_whole_batch_is_batch_norm():
    ghost, plain, x = GhostBatchNorm(5, 16).double(), nn.BatchNorm2d(5).double(), noise(16, 5, 3, 3)
    torch.testing.assert_close(ghost(x), plain(x))


@pytest.mark.parametrize(("count", "parts"), [(20, [10, 10]), (17, [9, 8]), (5, [5]), (33, [9, 8, 8, 8])])
def test_a_remainder_is_spread_over_the_parts(count, parts):
    x = noise(count, 2, 3, 3)
    apart = torch.cat([nn.BatchNorm2d(2).double()(part) for part in x.split(parts)])
    torch.testing.assert_close(GhostBatchNorm(2, 8).double()(x), apart)


def modules(model, kind):
    return [module for module in model.modules() if isinstance(module, kind)]


def test_layer_and_group_norm_are_the_formula():
    x = noise(3, 8, 5, 5)
    for norm, groups in (("layer", 1), ("group", 4)):
        module = modules(made(norm), nn.GroupNorm)[0].double()
        parts = x.reshape(3, groups, -1)
        expected = (parts - parts.mean(2, keepdim=True)) / (parts.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
        torch.testing.assert_close(module(x), expected.reshape(x.shape))


def test_weight_norm_is_g_v_over_its_length():
    layer = modules(made("weight"), nn.Conv2d)[1].double()
    found = kinds(nn.Sequential(layer))
    (g,), (v,) = found["gammas"], found["weights"]
    with torch.no_grad():
        g.mul_(1.7)
        v.mul_(0.4)
    expected = g * v / v.square().sum((1, 2, 3), keepdim=True).sqrt()
    torch.testing.assert_close(layer.weight, expected)


@pytest.mark.parametrize("norm", NORMS)
def test_every_parameter_is_of_one_kind(norm):
    model = made(norm)
    found = kinds(model)
    every = [id(p) for part in found.values() for p in part]
    assert sorted(every) == sorted(id(p) for p in model.parameters())
    assert all(p.ndim > 1 for p in found["weights"])
    assert bool(found["gammas"]) is (norm != "none")
    assert bool(found["betas"]) is (norm not in ("weight", "none"))
    assert len(found["biases"]) == (1 if found["betas"] else 1 + len(modules(model, nn.Conv2d)))


@pytest.mark.parametrize("norm", NORMS)
def test_networks_learn_under_every_norm_and_come_back_from_their_state(norm):
    model, x, y = made(norm), noise(16, 3, 8, 8).float(), torch.arange(16) % 10
    mover = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    losses = []
    for _ in range(40):
        mover.zero_grad()
        losses.append(nn.functional.cross_entropy(model(x), y))
        losses[-1].backward()
        mover.step()
    assert losses[-1] < 0.5 * losses[0]
    again = made(norm)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.eval()(x), model.eval()(x))


@pytest.mark.parametrize("norm", ["batch", "ghost", "layer", "group", "weight"])
def test_with_zero_gamma_a_block_starts_as_its_shortcut(norm):
    block = made(norm, zero_gamma=True)[1][0]
    x = noise(8, 8, 4, 4).float()
    torch.testing.assert_close(block(x), torch.relu(block.shortcut(x)))


def test_statistics_over_more_images_than_the_norm_sees_make_no_difference():
    """With a ghost norm of 4, gradients of a batch are those of its parts: what accumulation rests on."""
    x, y = noise(16, 3, 8, 8).float(), torch.arange(16) % 10
    whole, parts = made("ghost"), made("ghost")
    nn.functional.cross_entropy(whole(x), y).backward()
    for some, labels in zip(x.split(8), y.split(8), strict=True):
        (nn.functional.cross_entropy(parts(some), labels) / 2).backward()
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-5)


def test_dropout_keeps_the_mean_and_its_share():
    dropout = Dropout(0.3)
    dropout.generator = torch.Generator().manual_seed(0)
    out = dropout(torch.ones(2000, 50))
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert torch.unique(out).tolist() == pytest.approx([0, 1 / 0.7])
    assert out.mean().item() == pytest.approx(1, abs=0.01)  # what dividing by 1 - share is for
    assert torch.equal(dropout.eval()(out), out)


def test_dropout_stands_before_the_last_layer_and_draws_from_its_generator():
    model = made("batch", dropout=0.5)
    assert [type(module) for module in model[2]][-2:] == [Dropout, nn.Linear]
    x = noise(4, 3, 8, 8).float()
    with pytest.raises(Refused, match="dropout needs a generator in training"):
        model(x)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    outputs = []
    for seed in (1, 1, 2):
        dropped_by(model, torch.Generator().manual_seed(seed))
        outputs.append(model(x))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
