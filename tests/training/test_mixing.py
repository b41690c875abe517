"""Mixup: weights of the right distribution, images and targets mixed alike."""

import pytest
import torch
from scipy.stats import beta, ks_2samp, kstest
from torchvision.transforms import v2

from hpsearch.training.parts.losses import cross_entropy, smoothed
from hpsearch.training.parts.mixing import cut_and_pasted, mix, mixed, partners, weight


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


def batch(count=8, size=6, classes=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, size, size, generator=generator)
    return images, smoothed(torch.randint(classes, (count,), generator=generator), classes, 0.1)


def test_nothing_is_drawn_where_nothing_is_mixed():
    images, targets = batch()
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    same = mixed(images, targets, 0.0, 0.0, "permutation", generator)
    assert same[0] is images
    assert same[1] is targets
    assert torch.equal(generator.get_state(), state)


def test_the_codes_partner_is_the_reversed_batch():
    images, targets = batch()
    out, its_targets = mixed(images, targets, 0.2, 0.0, "reversal", torch.Generator().manual_seed(3))
    share = weight(0.2, torch.Generator().manual_seed(3))  # reversal draws nothing, so the weight is the first number
    torch.testing.assert_close(out, share * images + (1 - share) * images.flip(0))
    torch.testing.assert_close(its_targets, share * targets + (1 - share) * targets.flip(0))


def test_partners_at_random_are_a_permutation():
    one, other = (partners(50, "permutation", torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert sorted(one.tolist()) == list(range(50))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0), (0.2, 1.0)])
def test_targets_stay_probabilities_and_the_generator_decides(mixup, cutmix):
    images, targets = batch()
    for seed in range(20):
        one, same = (mixed(images, targets, mixup, cutmix, "permutation", torch.Generator().manual_seed(seed)) for _ in range(2))
        assert torch.equal(one[0], same[0])
        torch.testing.assert_close(one[1].sum(1), torch.ones(8))


def test_with_both_each_batch_takes_one_by_the_toss_of_a_fair_coin():
    """The toss is the first number of the stream, cutmix below one half: a coin of 0.45 would differ for some 20 of 400 streams."""
    images, targets = batch()
    values = set(images.flatten().tolist())
    for seed in range(400):  # a pasted image holds only values that were there before, a mean does not
        out, _ = mixed(images, targets, 0.4, 1.0, "permutation", torch.Generator().manual_seed(seed))
        below = torch.rand((), generator=torch.Generator().manual_seed(seed)).item() < 0.5
        assert (set(out.flatten().tolist()) <= values) is below, seed


def test_cutmix_pastes_a_box_and_weighs_targets_by_its_area():
    images, targets = batch(size=10)
    others = torch.arange(8).roll(1)
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        out, its_targets = cut_and_pasted(images, targets, 0.4, others, generator)
        foreign = (out == images[others]).all(1) & (out != images).any(1)
        rows, columns = foreign[0].any(1), foreign[0].any(0)
        assert torch.equal(foreign, foreign[:1].expand_as(foreign))
        assert torch.equal(foreign[0], rows[:, None] & columns[None])
        share = foreign[0].double().mean().item()
        torch.testing.assert_close(its_targets, (1 - share) * targets + share * targets[others])


def test_cutmix_is_distributed_as_torchvisions():
    images, targets = batch(count=2, size=24)
    targets = torch.eye(4)[:2]
    generator = torch.Generator().manual_seed(0)
    ours = [
        cut_and_pasted(images, targets, weight(1.0, generator), torch.tensor([1, 0]), generator)[1][0, 0].item()
        for _ in range(2000)
    ]
    torch.manual_seed(0)
    theirs = [v2.CutMix(alpha=1.0, num_classes=4)(images, torch.tensor([0, 1]))[1][0, 0].item() for _ in range(2000)]
    assert ks_2samp(ours, theirs).pvalue > 0.001
