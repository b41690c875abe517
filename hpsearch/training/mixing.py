"""Mixup: training on weighted means of two images and of their targets."""

import torch
from scipy.special import betaincinv
from torch import Tensor


def weight(alpha: float, generator: torch.Generator) -> float:
    """One draw of Beta(alpha, alpha), in [0, 1].

    By the inverse of the distribution function, so that each batch takes one number from the stream whatever alpha is.
    """
    return float(betaincinv(alpha, alpha, torch.rand((), dtype=torch.float64, generator=generator).item()))


def mix(images: Tensor, targets: Tensor, weight: float, partner: Tensor) -> tuple[Tensor, Tensor]:
    """weight x + (1 - weight) x[partner], for images (batch, ...) and targets (batch, classes) alike.

    Source: Zhang et al. 2018 (arXiv:1710.09412); He et al. 2019, section 5.4: one weight per batch.

    >>> x = torch.tensor([[0.0], [8.0]])
    >>> mix(x, x, 0.75, torch.tensor([1, 0]))[0].tolist()
    [[2.0], [6.0]]
    """
    return images.lerp(images[partner], 1 - weight), targets.lerp(targets[partner], 1 - weight)
