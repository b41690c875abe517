"""Scoring a network on images it has not learned from."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PIXELS = 2**22  # per batch and channel: bounds the memory of a batch whatever the images' size
LARGEST = 1024  # images per batch


def batch_size(size: int) -> int:
    """Images scored at once.

    >>> batch_size(8), batch_size(224)
    (1024, 83)
    """
    return min(LARGEST, max(1, PIXELS // size**2))


def evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Mean cross entropy in nats, top-1 and top-5 accuracy in percent, over batches of images and labels.

    With fewer than five classes, top-5 counts them all: 100.
    """
    model.eval()
    totals, count = torch.zeros(3, dtype=torch.float64), 0
    with torch.inference_mode():
        for images, labels in batches:
            totals += _totals(model(images).float(), labels).cpu()
            count += len(labels)
    loss, first, five = (totals / count).tolist()
    return {"loss": loss, "top1": 100 * first, "top5": 100 * five}


def _totals(logits: Tensor, labels: Tensor) -> Tensor:
    """Sums over the batch: cross entropy, labels ranked first, labels ranked in the first five."""
    ranked = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
    loss = F.cross_entropy(logits, labels, reduction="sum")
    return torch.stack([loss.double(), ranked[:, 0].sum().double(), ranked.sum().double()])
