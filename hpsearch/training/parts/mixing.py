"""Mixup and cutmix: training on two images at once, with their targets in proportion."""

from typing import assert_never

import torch
from scipy.special import betaincinv
from torch import Tensor

from hpsearch.training.parts.literals import Partner


def mixed(
    images: Tensor, targets: Tensor, mixup: float, cutmix: float, partner: Partner, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A batch mixed with itself; where both ways are on, each batch takes one of them by the toss of a coin.

    Images (batch, channels, height, width), targets (batch, classes). ``mixup`` and ``cutmix`` are the alphas of Beta(alpha,
    alpha), one weight per batch; 0 is off, and with both off nothing is drawn. The coin is that of torchvision's training recipe.
    """
    if mixup == cutmix == 0:
        return images, targets
    cut = cutmix > 0 and (mixup == 0 or bool(torch.rand((), generator=generator) < 0.5))
    others = partners(len(images), partner, generator).to(images.device)
    share = weight(cutmix if cut else mixup, generator)
    return cut_and_pasted(images, targets, share, others, generator) if cut else mix(images, targets, share, others)


def partners(count: int, kind: Partner, generator: torch.Generator) -> Tensor:
    """(count,): whom each image is mixed with; at random, or, as the code of He et al. 2019 has it, in reversed order.

    >>> partners(3, "reversal", torch.Generator())
    tensor([2, 1, 0])
    """
    match kind:
        case "permutation":
            return torch.randperm(count, generator=generator)
        case "reversal":
            return torch.arange(count).flip(0)
        case _:
            assert_never(kind)


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


def cut_and_pasted(
    images: Tensor, targets: Tensor, weight: float, partner: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A box of each image replaced by its partner's; targets in proportion to the area that remains.

    The box has the share 1 - weight of the area and the image's aspect, its centre anywhere; what sticks out is cut off, so the
    targets' weight follows from what was pasted. One box per batch. Source: Yun et al. 2019 (arXiv:1905.04899), algorithm 1;
    torchvision's ``CutMix`` draws the same.
    """
    height, width = images.shape[2:]
    column, row = (int(torch.randint(length, (), generator=generator)) for length in (width, height))
    half = 0.5 * (1 - weight) ** 0.5
    top, bottom = _span(row, half, height)
    left, right = _span(column, half, width)
    pasted = images.clone()
    pasted[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return pasted, targets.lerp(targets[partner], 1 - kept)


def _span(centre: int, half: float, length: int) -> tuple[int, int]:
    """From and to of the box along one side."""
    reach = int(half * length)
    return max(0, centre - reach), min(length, centre + reach)
