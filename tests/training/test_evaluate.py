"""Scores against a direct count."""

import pytest
import torch

from hpsearch.training.images.evaluate import batch_size, evaluate


def scores(logits, labels):
    model = torch.nn.Identity()
    return evaluate(model, zip(logits.split(1000), labels.split(1000), strict=True))


def test_counts_what_a_direct_count_counts():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(2500, 9, generator=generator), torch.randint(9, (2500,), generator=generator)
    ranks = (logits > logits.gather(1, labels[:, None])).sum(1)
    found = scores(logits, labels)
    assert found["top1"] == pytest.approx(100 * (ranks < 1).double().mean().item())
    assert found["top5"] == pytest.approx(100 * (ranks < 5).double().mean().item())
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits.double(), labels).item(), rel=1e-6)


def test_with_few_classes_top5_counts_them_all():
    assert scores(torch.tensor([[2.0, 1, 0], [0, 1, 2]]), torch.tensor([0, 0])) == {
        "loss": pytest.approx(1.4076, abs=1e-4),
        "top1": 50.0,
        "top5": 100.0,
    }


def test_batches_are_bounded_by_memory():
    assert [batch_size(size) for size in (1, 64, 224, 4000)] == [1024, 1024, 83, 1]


def test_loss_that_is_no_number_is_passed_on():
    found = scores(torch.full((3, 6), torch.nan), torch.tensor([0, 1, 2]))
    assert found["loss"] != found["loss"]
