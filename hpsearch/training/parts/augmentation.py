"""Random crops and flips of a whole batch at once; every image draws its own numbers, on the CPU.

Images are (batch, channels, height, width) floats.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

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


def crop_draws(count: int, generator: torch.Generator) -> Tensor:
    """(count, 11, 2) numbers in [0, 1) that decide an image's random box, whatever size the image turns out to have."""
    return torch.rand(count, TRIES + 1, 2, generator=generator, dtype=torch.float64)


def boxes(draws: Tensor, heights: Tensor | int, widths: Tensor | int, least_area: float) -> Tensor:
    """(count, 4) whole pixels: top, left, height, width of a random box in each image, as torchvision's ``RandomResizedCrop``.

    The area is even in [least_area, 1] of the image, the aspect even in the logarithm; ten tries, then the largest centred box with
    an aspect that is allowed. ``draws`` are ``crop_draws``; heights and widths are whole numbers, or (count,) of them.
    """
    heights, widths = (torch.as_tensor(each).expand(len(draws))[:, None] for each in (heights, widths))
    low, high = math.log(ASPECT[0]), math.log(ASPECT[1])
    area = heights * widths * (least_area + (1 - least_area) * draws[:, :TRIES, 0])
    aspect = (low + (high - low) * draws[:, :TRIES, 1]).exp()
    wide, tall = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
    fits = (wide >= 1) & (wide <= widths) & (tall >= 1) & (tall <= heights)
    first = fits.int().argmax(1, keepdim=True)
    found = fits.any(1, keepdim=True)
    whole_wide, whole_tall = _largest(heights, widths)
    width = torch.where(found, wide.gather(1, first), whole_wide)
    height = torch.where(found, tall.gather(1, first), whole_tall)
    room = torch.cat([heights - height, widths - width], 1)
    corner = torch.where(found, (draws[:, TRIES] * (room + 1)).long(), room // 2)
    return torch.cat([corner, height, width], 1)


def _largest(heights: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the largest box inside the image whose aspect is allowed."""
    ratio = widths / heights
    width = torch.where(ratio > ASPECT[1], (heights * ASPECT[1]).round().long(), widths)
    height = torch.where(ratio < ASPECT[0], (widths / ASPECT[0]).round().long(), heights)
    return width, height


def stretched(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Each image's box (top, left, height, width) as (batch, channels, size, size), by bilinear interpolation.

    Where the box is larger than ``size``, each pixel is the mean of all that it covers, as with torchvision's ``antialias=True``.
    Interpolation is linear in rows and in columns, so it is two matrix products: rows @ image @ columns^T.
    """
    top, left, height, width = boxes.to(images.device).T
    rows = _interpolation(top, height, images.shape[2], size)
    columns = _interpolation(left, width, images.shape[3], size)
    return _interpolated(rows, images, columns)


def centred(images: Tensor, resize: int, size: int) -> Tensor:
    """The centre square of ``size`` pixels after the short side went to ``resize``, as torchvision's Resize and CenterCrop.

    ``size`` is at most ``resize``. Antialiased, as ``stretched`` is.
    """
    height, width = images.shape[2:]
    short = min(height, width)
    tall, wide = (resize if side == short else int(resize * side / short) for side in (height, width))
    rows = _interpolation(torch.zeros(1), torch.tensor([height]), height, tall)[:, _middle(tall, size)]
    columns = _interpolation(torch.zeros(1), torch.tensor([width]), width, wide)[:, _middle(wide, size)]
    return _interpolated(rows.to(images.device), images, columns.to(images.device))


def _interpolated(rows: Tensor, images: Tensor, columns: Tensor) -> Tensor:
    """rows @ image @ columns^T of each image and channel."""
    # images are scored under autocast, which would round their pixels to the 8 bits of a bfloat16
    with torch.autocast(images.device.type, enabled=False):
        return rows[:, None] @ images @ columns[:, None].mT


def _middle(length: int, size: int) -> slice:
    start = round((length - size) / 2)
    return slice(start, start + size)


def _interpolation(start: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """(batch, size, pixels): row i holds the weights of the source pixels that output pixel i is the mean of.

    A triangle as wide as an output pixel covers, at least two source pixels, cut at the box's ends.
    """
    scale = length.double()[:, None] / size
    reach = scale.clamp(min=1)[:, :, None]
    source = torch.arange(pixels, device=start.device)
    at = start[:, None] + (torch.arange(size, device=start.device) + 0.5) * scale - 0.5
    weights = (1 - (at[:, :, None] - source).abs() / reach).clamp(min=0)
    inside = (source >= start[:, None]) & (source < (start + length)[:, None])
    weights = weights * inside[:, None]
    return (weights / weights.sum(2, keepdim=True)).float()
