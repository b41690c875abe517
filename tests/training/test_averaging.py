"""The averaged weights against the recurrence by hand and torchvision's arithmetic."""

import pytest
import torch
from torch import nn

from hpsearch.training.parts.averaging import Average


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def walk(model, step):
    with torch.no_grad():
        for tensor in (*model.parameters(), model[1].running_mean, model[1].running_var):
            tensor.add_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(step)))
        model[1].num_batches_tracked.fill_(step)


def test_the_average_follows_its_recurrence():
    model = small()
    average = Average(model, horizon=0.1, every=2, steps=100, warmup=0.0)
    alpha, expected = 2 / (0.1 * 100), None
    for step in range(100):
        walk(model, step)
        average.update(model, step)
        if step % 2 == 0:
            now = [t.double().clone() for t in (model[0].weight, model[1].weight, model[1].running_mean, model[1].running_var)]
            expected = now if expected is None else [e + alpha * (t - e) for e, t in zip(expected, now, strict=True)]
    a = average.model
    for mine, theirs in zip((a[0].weight, a[1].weight, a[1].running_mean, a[1].running_var), expected, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-4, atol=1e-5)


def test_while_the_rate_warms_up_the_average_is_the_model():
    model = small()
    average = Average(model, horizon=0.5, every=1, steps=100, warmup=0.1)
    for step in range(10):
        walk(model, step)
        average.update(model, step)
        assert torch.equal(average.model[0].weight, model[0].weight)
    walk(model, 10)
    average.update(model, 10)
    assert not torch.equal(average.model[0].weight, model[0].weight)


def test_the_horizon_of_torchvisions_recipe_is_its_decay():
    # references/classification: alpha = (1 - 0.99998) * world size * batch * steps / epochs, at 1024 images and 600 epochs
    average = Average(small(), horizon=1 / (2e-5 * 1024 * 1251), every=32, steps=600 * 1251, warmup=0.0)
    assert average.alpha == pytest.approx(2e-5 * 1024 * 32 / 600)
    assert 1 - average.alpha == pytest.approx(0.99891, abs=5e-6)


def test_an_average_never_moves_past_the_model():
    assert Average(small(), horizon=0.01, every=32, steps=100, warmup=0.0).alpha == 1


def test_goes_on_from_its_state():
    model = small()
    one = Average(model, 0.2, 1, 50, 0.0)
    for step in range(5):
        walk(model, step)
        one.update(model, step)
    other = Average(model, 0.2, 1, 50, 0.0)
    other.load_state_dict(one.state_dict())
    for average in (one, other):
        average.update(model, 6)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
