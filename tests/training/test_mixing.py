"""Mixup: weights of the right distribution, images and targets mixed alike."""

import pytest
import torch
from scipy.stats import beta, kstest

from hpsearch.training.losses import cross_entropy, smoothed
from hpsearch.training.mixing import mix, weight


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_weights_are_beta(alpha):
    generator = torch.Generator().manual_seed(0)
    draws = [weight(alpha, generator) for _ in range(4000)]
    assert kstest(draws, beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_a_weight_takes_one_number_whatever_alpha(alpha):
    one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    weight(alpha, one)
    weight(0.5, other)
    assert torch.equal(one.get_state(), other.get_state())


def test_the_loss_of_a_mix_is_the_mix_of_losses():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(6, 4, generator=generator), torch.randint(4, (6,), generator=generator)
    partner = torch.randperm(6, generator=generator)
    targets = smoothed(labels, 4, 0.1)
    _, mixed = mix(logits, targets, 0.3, partner)
    expected = 0.3 * cross_entropy(logits, targets) + 0.7 * cross_entropy(logits, targets[partner])
    torch.testing.assert_close(cross_entropy(logits, mixed), expected)


def test_mixed_targets_are_probabilities():
    _, mixed = mix(torch.zeros(5, 1), smoothed(torch.arange(5), 5, 0.1), 0.2, torch.arange(4, -1, -1))
    torch.testing.assert_close(mixed.sum(1), torch.ones(5))


def test_smoothing_and_mixing_commute():
    labels, partner = torch.tensor([0, 2, 1]), torch.tensor([1, 2, 0])
    _, smoothed_first = mix(torch.zeros(3, 1), smoothed(labels, 3, 0.3), 0.4, partner)
    _, hard = mix(torch.zeros(3, 1), smoothed(labels, 3, 0.0), 0.4, partner)
    torch.testing.assert_close(smoothed_first, hard * (1 - 0.3 - 0.15) + 0.15)
