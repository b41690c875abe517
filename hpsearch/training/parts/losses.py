"""Targets and the losses on them; a target is always a row of probabilities (batch, classes)."""

from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch.training.parts.literals import Loss, SmoothingForm


def smoothed(labels: Tensor, classes: int, epsilon: float, form: SmoothingForm = "paper") -> Tensor:
    """Labels as rows (batch, classes) that sum to one, with ``epsilon`` taken from the label.

    ``paper``: 1 - epsilon for the label, epsilon / (classes - 1) for each other class (He et al. 2019, equation 4). ``code``:
    epsilon / classes for every class, the label keeps the rest; so does torch's ``label_smoothing``. See ``code_epsilon``.

    >>> smoothed(torch.tensor([2]), 3, 0.1)
    tensor([[0.0500, 0.0500, 0.9000]])
    >>> smoothed(torch.tensor([1]), 2, 0.1, "code")
    tensor([[0.0500, 0.9500]])
    """
    match form:
        case "paper":
            others = epsilon / (classes - 1)
            own = 1 - epsilon
        case "code":
            others = epsilon / classes
            own = 1 - epsilon + others
        case _:
            assert_never(form)
    return torch.full((len(labels), classes), others, device=labels.device).scatter_(1, labels[:, None], own)


def code_epsilon(epsilon: float, classes: int) -> float:
    """The epsilon whose ``code`` form is the paper's form of ``epsilon``: epsilon classes / (classes - 1).

    >>> round(code_epsilon(0.09, 10), 12)
    0.1
    """
    return epsilon * classes / (classes - 1)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of -sum_k targets_k log softmax(logits)_k, in nats; both (batch, classes).

    >>> cross_entropy(torch.zeros(1, 10), smoothed(torch.tensor([3]), 10, 0.1))  # ln 10
    tensor(2.3026)
    """
    return F.cross_entropy(logits, targets)


def hinge(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of sum_k targets_k sum_{j != k} max(0, 1 + z_j - z_k), z the logits; both (batch, classes).

    The multi-class support vector machine of Weston and Watkins 1999, in expectation over the targets; classes - 1 at the start.
    Takes memory for batch times classes^2 numbers: a gigabyte for 256 images of 1,000 classes.

    >>> hinge(torch.zeros(1, 10), smoothed(torch.tensor([3]), 10, 0.0))
    tensor(9.)
    """
    margins = (1 + logits[:, None, :] - logits[:, :, None]).clamp(min=0)  # (batch, k, j)
    return (targets * (margins.sum(2) - 1)).sum(1).mean()


def distillation(logits: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(r / T) || softmax(z / T)), mean over the batch; z the student's logits, r the teacher's (batch, classes).

    He et al. 2019, equation 6, prints the cross entropy, which is larger by T^2 times the teacher's entropy (some 2,763 at T = 20
    and 1,000 classes) and has the same gradient. Source: Hinton et al. 2015 (arXiv:1503.02531). Computed in float32 at least.

    >>> distillation(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), 20.0).abs() < 1e-5  # equal up to a constant
    tensor(True)
    """
    z, r = ((_full(each) / temperature).log_softmax(1) for each in (logits, teachers))
    return temperature**2 * F.kl_div(z, r, reduction="batchmean", log_target=True)


def loss(
    logits: Tensor,
    targets: Tensor,
    kind: Loss = "cross entropy",
    *,
    teachers: Tensor | None = None,
    temperature: float = 20.0,
    hard_weight: float = 1.0,
    soft_weight: float = 1.0,
) -> Tensor:
    """The loss on the targets, and with a teacher the weighted sum of that and of ``distillation``; all (batch, classes).

    ``teachers`` are its logits. The weights of He et al. 2019 are (1, T^2), its code's (0.5, 0.5 T^2), which halves the loss
    against the weight decay. Computed in float32 at least.

    >>> logits, targets = torch.zeros(2, 10), smoothed(torch.tensor([3, 1]), 10, 0.0)
    >>> loss(logits, targets), loss(logits, targets, "hinge"), loss(logits, targets, teachers=logits, hard_weight=0.5)
    (tensor(2.3026), tensor(9.), tensor(1.1513))
    """
    logits = _full(logits)
    match kind:
        case "cross entropy":
            hard = cross_entropy(logits, targets)
        case "hinge":
            hard = hinge(logits, targets)
        case _:
            assert_never(kind)
    return hard if teachers is None else hard_weight * hard + soft_weight * distillation(logits, teachers, temperature)


def _full(logits: Tensor) -> Tensor:
    """In full precision, because a sum of exponentials overflows fp16; float64 stays."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
