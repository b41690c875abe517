"""Random crops and flips of a whole batch at once; every image draws its own numbers, on the CPU.

Images are (batch, channels, size, size) floats.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

AREA = (0.08, 1.0)  # share of the image that a resized crop keeps
ASPECT = (3 / 4, 4 / 3)  # width over height of a resized crop, drawn evenly in the logarithm
TRIES = 10  # boxes drawn until one fits into the image, as torchvision does


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image mirrored left to right with probability one half."""
    flips = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(flips.to(images.device)[:, None, None, None], images.flip(3), images)


def padded_crop(images: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """A window of the image's size, placed at random over the image with ``pad`` black pixels around it.

    As torchvision's ``RandomCrop(size, padding=pad)``.
    """
    size = images.shape[3]
    tops, lefts = torch.randint(2 * pad + 1, (2, len(images), 1), generator=generator).to(images.device)
    inside = torch.arange(size, device=images.device)
    padded = F.pad(images, (pad, pad, pad, pad)).permute(0, 2, 3, 1)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[batch, (tops + inside)[:, :, None], (lefts + inside)[:, None, :]].permute(0, 3, 1, 2)


def resized_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random box of each image, stretched to the image's size; see ``boxes`` and ``stretched``."""
    return stretched(images, boxes(len(images), images.shape[3], generator).to(images.device))


def boxes(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(count, 4) whole pixels: top, left, height, width of boxes inside a square image, as torchvision's ``RandomResizedCrop``.

    Area and aspect are drawn up to ten times; where no box fits, the whole image is taken.
    """
    shape = (count, TRIES)
    area = size**2 * torch.empty(shape).uniform_(*AREA, generator=generator)
    aspect = torch.empty(shape).uniform_(math.log(ASPECT[0]), math.log(ASPECT[1]), generator=generator).exp()
    width, height = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
    fits = (width >= 1) & (width <= size) & (height >= 1) & (height <= size)
    first = fits.int().argmax(1, keepdim=True)
    found = fits.any(1)
    width = torch.where(found, width.gather(1, first)[:, 0], size)
    height = torch.where(found, height.gather(1, first)[:, 0], size)
    top, left = (torch.rand(2, count, generator=generator) * torch.stack([size - height + 1, size - width + 1])).long()
    return torch.stack([top, left, height, width], 1)


def stretched(images: Tensor, boxes: Tensor) -> Tensor:
    """Each image's box (top, left, height, width), enlarged to the image's size by bilinear interpolation.

    Bilinear interpolation is linear in rows and in columns, so it is two matrix products: rows @ image @ columns^T.
    """
    top, left, height, width = boxes.T
    rows, columns = _interpolation(top, height, images.shape[2]), _interpolation(left, width, images.shape[3])
    return rows[:, None] @ images @ columns[:, None].mT


def _interpolation(start: Tensor, length: Tensor, size: int) -> Tensor:
    """(batch, size, size): row i holds the weights of the source pixels that output pixel i is the mean of."""
    pixels = torch.arange(size, device=start.device)
    at = start[:, None] + (pixels + 0.5) * (length / size)[:, None] - 0.5
    at = at.clamp(start[:, None], (start + length - 1)[:, None])  # beyond the box its border is repeated
    return (1 - (at[:, :, None] - pixels).abs()).clamp(min=0)
