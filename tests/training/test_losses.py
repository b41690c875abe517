"""Targets and loss against torch's own, through the exact conversion of the two kinds of label smoothing."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import loss
from hpsearch.training.parts.losses import code_epsilon, cross_entropy, distillation, hinge, smoothed


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


def trained_logits(form, classes=1000, epsilon=0.1):
    """The logits (classes,) that training on the label 3 alone ends with, and their loss, in float64."""
    target = smoothed(torch.tensor([3]), classes, epsilon, form).double()
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    mover = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        mover.zero_grad()
        value = cross_entropy(logits, target)
        value.backward()
        return value

    mover.step(closure)
    return logits.detach()[0], cross_entropy(logits, target).item()


@pytest.mark.parametrize(("form", "label", "other"), [("paper", 0.9, 0.1 / 999), ("code", 0.9001, 0.0001)])
def test_the_best_gap_is_reached_by_training(form, label, other):
    # He et al. 2019, section 5.2: the logits that minimise the loss are finite, the label's 9.104 above all others (code: 9.105)
    logits, value = trained_logits(form)
    gaps = logits[3] - logits[torch.arange(1000) != 3]
    assert gaps.min().item() == pytest.approx(math.log(label / other), abs=1e-5)
    assert gaps.max().item() == pytest.approx(math.log(label / other), abs=1e-5)
    assert value == pytest.approx(-label * math.log(label) - 999 * other * math.log(other), abs=1e-7)


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


def test_hinge_is_the_printed_sum_in_expectation_over_the_targets():
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(4, 6, generator=generator), torch.rand(4, 6, generator=generator).softmax(1)
    expected = 0.0
    for z, t in zip(logits.tolist(), targets.tolist(), strict=True):
        expected += sum(t[k] * sum(max(0.0, 1 + z[j] - z[k]) for j in range(6) if j != k) for k in range(6)) / 4
    assert hinge(logits, targets).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_hinge_starts_at_the_classes_less_one(classes, epsilon):
    assert hinge(torch.zeros(3, classes), smoothed(torch.tensor([0, 1, 1]), classes, epsilon)).item() == pytest.approx(classes - 1)


def teaching(seed=0, classes=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(5, classes, generator=generator, dtype=dtype) for _ in range(2))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_distillation_is_hintons_formula(temperature):
    z, r = teaching()
    p, q = torch.softmax(r / temperature, 1), torch.softmax(z / temperature, 1)
    expected = temperature**2 * (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(distillation(z, r, temperature), expected, rtol=1e-12, atol=0)


def test_distillation_has_the_gradient_of_the_cross_entropy_that_the_paper_prints():
    z, r = teaching()
    z.requires_grad_()
    (mine,) = torch.autograd.grad(distillation(z, r, 20.0), z)
    printed = 400 * cross_entropy(z / 20, torch.softmax(r / 20, 1))
    (theirs,) = torch.autograd.grad(printed, z)
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def test_what_the_paper_prints_is_larger_by_the_teachers_entropy():
    # section 5.3 at T = 20 and 1,000 classes: some 2,763 whatever the student says, 400 ln 1000
    z, r = teaching(classes=1000)
    p = torch.softmax(r / 20, 1)
    printed = 400 * cross_entropy(z / 20, p)
    entropy = -400 * (p * p.log()).sum(1).mean()
    torch.testing.assert_close(distillation(z, r, 20.0), printed - entropy, rtol=1e-9, atol=0)
    assert entropy.item() == pytest.approx(400 * math.log(1000), rel=0.01)


def test_at_high_temperature_distillation_matches_logits():
    # the softened gradient is (z - r - mean) / K then (Hinton et al. 2015, equation 4)
    z, r = teaching()
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(distillation(z, r, 1e5), z)
    apart = z.detach() - r
    torch.testing.assert_close(gradient, (apart - apart.mean(1, keepdim=True)) / 7 / 5, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("type_", [torch.float16, torch.bfloat16, torch.float32])
def test_distillation_of_half_precision_logits_is_computed_in_float32(type_):
    """Logits of some thousands, a student far from its teacher: nothing overflows, and only the logits themselves are rounded."""
    z, r = ((1000 * each).to(type_) for each in teaching())
    exact = distillation(z.double(), r.double(), 20.0)
    value = distillation(z, r, 20.0)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), exact, rtol=1e-6, atol=0)


@given(st.integers(0, 2**31), st.floats(0.5, 30))
def test_distillation_is_not_negative_and_0_only_for_the_teacher_itself(seed, temperature):
    z, r = teaching(seed)
    assert distillation(z, r, temperature).item() > 0
    assert distillation(r + 5, r, temperature).item() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize(("hard", "soft"), [(1.0, 1.0), (0.5, 0.5), (0.0, 2.0)])
def test_the_loss_is_the_weighted_sum(hard, soft):
    recipe = Recipe(data=digits(), hard_weight=hard, soft_weight=soft, temperature=4.0)
    z, r = teaching(dtype=torch.float32)
    targets = smoothed(torch.arange(5), 7, 0.1)
    expected = hard * cross_entropy(z, targets) + soft * distillation(z, r, 4.0)
    torch.testing.assert_close(loss(recipe, z, targets, r), expected)
    torch.testing.assert_close(loss(recipe, z, targets), cross_entropy(z, targets))


def test_the_hinge_may_have_a_teacher_too():
    recipe = Recipe(data=digits(), loss="hinge", temperature=4.0)
    z, r = teaching(dtype=torch.float32)
    targets = smoothed(torch.arange(5), 7, 0.1)
    torch.testing.assert_close(loss(recipe, z, targets), hinge(z, targets))
    torch.testing.assert_close(loss(recipe, z, targets, r), hinge(z, targets) + distillation(z, r, 4.0))


def test_is_computed_in_full_precision():
    logits, recipe = torch.tensor([[12.0, 0.0]], dtype=torch.float16), Recipe(data=digits())
    expected = pytest.approx(math.log1p(math.exp(-12)), rel=0.1)
    assert loss(recipe, logits, smoothed(torch.tensor([0]), 2, 0.0)).item() == expected
