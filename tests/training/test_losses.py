"""Targets and loss against torch's own, through the exact conversion of the two kinds of label smoothing."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from hpsearch.training import Recipe, digits
from hpsearch.training.losses import code_epsilon, cross_entropy, distillation, hinge, loss, smoothed


@given(st.integers(2, 30), st.floats(0, 0.9), st.integers(0, 2**31))
def test_equals_torch_at_the_converted_epsilon(classes, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, classes, generator=generator)
    labels = torch.randint(classes, (5,), generator=generator)
    converted = epsilon * classes / (classes - 1)
    assume(converted <= 1)  # torch's form has no target beyond
    expected = torch.nn.CrossEntropyLoss(label_smoothing=converted)(logits, labels)
    torch.testing.assert_close(cross_entropy(logits, smoothed(labels, classes, epsilon)), expected, rtol=1e-4, atol=1e-5)


@given(st.integers(2, 1000), st.floats(0, 1, exclude_max=True))
def test_targets_are_probabilities(classes, epsilon):
    targets = smoothed(torch.tensor([0, classes - 1]), classes, epsilon)
    assert targets.shape == (2, classes)
    assert torch.allclose(targets.sum(1), torch.ones(2), atol=1e-5)
    assert targets[0, 0].item() == pytest.approx(1 - epsilon, abs=1e-6)
    assert targets.min() >= 0


def test_without_smoothing_targets_are_one_hot():
    assert torch.equal(smoothed(torch.tensor([1, 0]), 3, 0.0), torch.tensor([[0.0, 1, 0], [1, 0, 0]]))


def test_best_gap_is_the_papers():
    # He et al. 2019, section 5.2: log((K - 1)(1 - epsilon) / epsilon), around 9.1 for 1000 classes and 0.1
    target = smoothed(torch.tensor([0]), 1000, 0.1)[0].double()
    assert (target[0] / target[1]).log().item() == pytest.approx(9.104, abs=1e-3)


def test_floor_of_the_smoothed_loss():
    # the entropy of the target: 1.0158 for 1000 classes and 0.1
    target = smoothed(torch.tensor([0]), 1000, 0.1)
    assert cross_entropy(target.log(), target).item() == pytest.approx(1.0158, abs=1e-4)


def test_the_best_gap_is_reached_by_training():
    # He et al. 2019, section 5.2: the logits that minimise the loss are finite, the label's 9.104 above all others
    target = smoothed(torch.tensor([3]), 1000, 0.1).double()
    logits = torch.zeros(1, 1000, dtype=torch.float64, requires_grad=True)
    newton = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        newton.zero_grad()
        value = cross_entropy(logits, target)
        value.backward()
        return value

    newton.step(closure)
    gaps = logits.detach()[0, 3] - logits.detach()[0, torch.arange(1000) != 3]
    assert gaps.mean().item() == pytest.approx(math.log(999 * 0.9 / 0.1), abs=1e-3)
    assert gaps.std().item() < 1e-3
    assert cross_entropy(logits, target).item() == pytest.approx(1.0158, abs=1e-4)


def test_without_smoothing_no_gap_is_the_best():
    target, gaps = smoothed(torch.tensor([3]), 10, 0.0), torch.tensor([5.0, 10.0, 20.0])
    losses = [cross_entropy(gap * target, target).item() for gap in gaps]
    assert losses[0] > losses[1] > losses[2]


@given(st.integers(2, 50), st.floats(0, 0.9))
def test_the_codes_smoothing_is_the_papers_at_another_epsilon(classes, epsilon):
    labels = torch.tensor([0, classes - 1])
    other = code_epsilon(epsilon, classes)
    torch.testing.assert_close(smoothed(labels, classes, epsilon), smoothed(labels, classes, other, "code"), rtol=1e-5, atol=1e-6)


@given(st.integers(2, 30), st.floats(0, 1, exclude_max=True), st.integers(0, 2**31))
def test_the_codes_smoothing_is_torchs(classes, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(5, classes, generator=generator), torch.randint(classes, (5,), generator=generator)
    expected = torch.nn.CrossEntropyLoss(label_smoothing=epsilon)(logits, labels)
    torch.testing.assert_close(cross_entropy(logits, smoothed(labels, classes, epsilon, "code")), expected, rtol=1e-4, atol=1e-5)


@given(st.integers(2, 30), st.integers(0, 2**31))
def test_hinge_is_torchs_times_the_classes(classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(5, classes, generator=generator), torch.randint(classes, (5,), generator=generator)
    expected = classes * torch.nn.functional.multi_margin_loss(logits, labels)
    torch.testing.assert_close(hinge(logits, smoothed(labels, classes, 0.0)), expected, rtol=1e-4, atol=1e-5)


def test_hinge_is_linear_in_its_targets():
    generator = torch.Generator().manual_seed(0)
    logits, one, other = torch.randn(4, 6, generator=generator), torch.tensor([0, 1, 2, 3]), torch.tensor([5, 5, 0, 1])
    a, b = smoothed(one, 6, 0.0), smoothed(other, 6, 0.0)
    torch.testing.assert_close(hinge(logits, 0.3 * a + 0.7 * b), 0.3 * hinge(logits, a) + 0.7 * hinge(logits, b))


def teaching(seed=0, classes=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(5, classes, generator=generator, dtype=dtype) for _ in range(2))


def test_distillation_is_hintons_formula():
    z, r = teaching()
    p, q = torch.softmax(r / 20, 1), torch.softmax(z / 20, 1)
    expected = 400 * (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(distillation(z, r, 20.0).double(), expected, rtol=1e-3, atol=1e-5)


def test_distillation_has_the_gradient_of_the_cross_entropy_that_the_paper_prints():
    z, r = teaching()
    z.requires_grad_()
    (mine,) = torch.autograd.grad(distillation(z, r, 20.0), z)
    printed = 400 * cross_entropy(z / 20, torch.softmax(r / 20, 1))
    (theirs,) = torch.autograd.grad(printed, z)
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_at_high_temperature_distillation_matches_logits():
    # section 2.8 of our sources: the gradient is (z - r - mean) / K then
    z, r = teaching()
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(distillation(z, r, 1000.0), z)
    apart = z.detach() - r
    expected = (apart - apart.mean(1, keepdim=True)) / 7 / 5
    torch.testing.assert_close(gradient, expected, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize(("hard", "soft"), [(1.0, 1.0), (0.5, 0.5), (0.0, 2.0)])
def test_the_loss_is_the_weighted_sum(hard, soft):
    recipe = Recipe(data=digits(), hard_weight=hard, soft_weight=soft, temperature=4.0)
    z, r = teaching(dtype=torch.float32)
    targets = smoothed(torch.arange(5), 7, 0.1)
    expected = hard * cross_entropy(z, targets) + soft * distillation(z, r, 4.0)
    torch.testing.assert_close(loss(recipe, z, targets, r), expected)
    torch.testing.assert_close(loss(recipe, z, targets), cross_entropy(z, targets))


def test_is_computed_in_full_precision():
    logits, recipe = torch.tensor([[12.0, 0.0]], dtype=torch.float16), Recipe(data=digits())
    expected = pytest.approx(math.log1p(math.exp(-12)), rel=0.1)
    assert loss(recipe, logits, smoothed(torch.tensor([0]), 2, 0.0)).item() == expected
