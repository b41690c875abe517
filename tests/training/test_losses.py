"""Targets and loss against torch's own, through the exact conversion of the two kinds of label smoothing."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from hpsearch.training.losses import cross_entropy, smoothed


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


def test_is_computed_in_full_precision():
    logits = torch.tensor([[12.0, 0.0]], dtype=torch.float16)
    assert cross_entropy(logits, smoothed(torch.tensor([0]), 2, 0.0)).item() == pytest.approx(math.log1p(math.exp(-12)), rel=0.1)
