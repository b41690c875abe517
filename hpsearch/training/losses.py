"""Targets and the loss on them; a target is always a row of probabilities (batch, classes)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def smoothed(labels: Tensor, classes: int, epsilon: float) -> Tensor:
    """1 - epsilon for the label and epsilon / (classes - 1) for each other class; rows (batch, classes) sum to one.

    He et al. 2019, equation 4. torch's ``label_smoothing=e`` spreads e over all classes: e = epsilon classes / (classes - 1).

    >>> smoothed(torch.tensor([2]), 3, 0.1)
    tensor([[0.0500, 0.0500, 0.9000]])
    """
    others = epsilon / (classes - 1)
    targets = torch.full((len(labels), classes), others, device=labels.device)
    return targets.scatter_(1, labels[:, None], 1 - epsilon)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of -sum_k targets_k log softmax(logits)_k, in nats; both (batch, classes).

    >>> cross_entropy(torch.zeros(1, 10), smoothed(torch.tensor([3]), 10, 0.1))  # ln 10
    tensor(2.3026)
    """
    return F.cross_entropy(logits.float(), targets)  # in fp32: the sum of exponentials overflows fp16
