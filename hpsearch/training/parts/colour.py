"""Colours of training images: random factors on them, noise along ImageNet's principal colours, and what they are normalised by.

Images are (batch, channels, height, width) floats in 0..255; every image draws its own numbers, on the CPU.
"""

from typing import assert_never

import torch
from torch import Tensor

from hpsearch.errors import Refused
from hpsearch.training.parts.literals import Colour, ImageNets

FACTORS = (0.6, 1.4)  # He et al. 2019, section 2.1, step 4
LUMA = (0.299, 0.587, 0.114)  # grey of a colour, ITU-R 601, as mxnet has it
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))

# principal colours of ImageNet on the scale 0..255, from mxnet's loader: variances' roots and directions (rows: R, G, B)
EIGENVALUES = (55.46, 4.794, 1.148)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def pixel_statistics(pixels: ImageNets, channels: int) -> tuple[Tensor, Tensor]:
    """ImageNet's mean and deviation of R, G, B in 0..255, each (3, 1, 1), by who wrote them down; refuses grey images.

    He et al. 2019 print one pair; its code has two loaders that differ: the one for record files has the paper's, the other one
    torchvision's in 0..1.

    >>> pixel_statistics("recordio", 3)[0].flatten().tolist()
    [123.68000030517578, 116.77899932861328, 103.93900299072266]
    """
    _need_colour(f"pixels={pixels!r}", channels, "take pixels='own'")
    match pixels:
        case "recordio":
            mean, deviation = (123.68, 116.779, 103.939), (58.393, 57.12, 57.375)
        case "imagenet":
            mean, deviation = (0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255)
        case _:
            assert_never(pixels)
    return torch.tensor(mean)[:, None, None], torch.tensor(deviation)[:, None, None]


def coloured(images: Tensor, colour: Colour, generator: torch.Generator) -> Tensor:
    """Random factors in U[0.6, 1.4] on three properties of each image's colours, cut to 0..255.

    ``paper``, its text: hue, saturation and brightness are scaled, in that order, the hue as an angle from red. (torchvision's
    ``ColorJitter(hue=0.4)`` adds up to 0.4 turns instead, which is far stronger.) ``gluoncv``, its code: brightness, contrast and
    saturation, in a random order, no hue; as mxnet's ``RandomColorJitter``. ``none``: nothing is drawn.
    """
    match colour:
        case "none":
            return images
        case "paper":
            return scaled(images, *_factors(images, colour, generator))
        case "gluoncv":
            return _jittered(images, _factors(images, colour, generator), generator)
        case _:
            assert_never(colour)


def _factors(images: Tensor, colour: Colour, generator: torch.Generator) -> Tensor:
    """(3, batch): three factors for each image."""
    _need_colour(f"colour={colour!r}", images.shape[1], "take colour='none'")
    return torch.empty(3, len(images)).uniform_(*FACTORS, generator=generator).to(images.device)


def _jittered(images: Tensor, factors: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation scaled in a random order of each image's own."""
    orders = torch.tensor(ORDERS)[torch.randint(len(ORDERS), (len(images),), generator=generator)].to(images.device)
    for turn in orders.T:
        choices = torch.stack([change(images, factors[k]) for k, change in enumerate((brightened, contrasted, saturated))])
        images = choices[turn, torch.arange(len(images), device=images.device)]
    return images


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Each image times its factor, cut to 0..255; factors (batch,)."""
    return (images * factors[:, None, None, None]).clamp(0, 255)


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Each image's distance from its mean grey times its factor, cut to 0..255."""
    return _blended(grey(images).mean((2, 3), keepdim=True), images, factors)


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Each pixel's distance from its own grey times its image's factor, cut to 0..255."""
    return _blended(grey(images), images, factors)


def grey(images: Tensor) -> Tensor:
    """(batch, 1, height, width): 0.299 R + 0.587 G + 0.114 B."""
    return (images * images.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def scaled(images: Tensor, hue: Tensor, saturation: Tensor, brightness: Tensor) -> Tensor:
    """Hue, saturation and value of each image times its factors (batch,); the hue goes round, the others are cut at 1 and 255."""
    h, s, v = _hsv(images)
    h, s, v = (part * factor[:, None, None] for part, factor in zip((h, s, v), (hue, saturation, brightness), strict=True))
    return _rgb(h % 1.0, s.clamp(max=1), v.clamp(max=255))


def pca_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """A shift of each image's colour by eigenvectors @ (alpha eigenvalues), alpha from N(0, deviation), three to an image.

    He et al. 2019, section 2.1, step 5, after Krizhevsky et al. 2012; the result is not cut to 0..255.
    """
    _need_colour(f"pca_noise={deviation}", images.shape[1], "take pca_noise=0")
    alpha = deviation * torch.randn(len(images), 3, generator=generator)
    shift = (alpha * torch.tensor(EIGENVALUES)) @ torch.tensor(EIGENVECTORS).T
    return images + shift.to(images.device)[:, :, None, None]


def _blended(base: Tensor, images: Tensor, factors: Tensor) -> Tensor:
    return (base + (images - base) * factors[:, None, None, None]).clamp(0, 255)


def _need_colour(what: str, channels: int, remedy: str) -> None:
    if channels != 3:
        raise Refused(f"{what} is about red, green and blue, and these images have {channels} channel: {remedy}")


def _hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in turns, saturation in 0..1 and value in 0..255, each (batch, height, width)."""
    value, largest = images.max(1)
    span = value - images.min(1).values
    red, green, blue = images.unbind(1)
    safe = span.clamp(min=1e-6)
    sectors = torch.stack([(green - blue) / safe, 2 + (blue - red) / safe, 4 + (red - green) / safe])
    hue = sectors.gather(0, largest[None])[0] / 6 % 1.0
    return torch.where(span > 0, hue, 0.0), span / value.clamp(min=1e-6), value


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Smith's hexcone: channel n is v - v s max(0, min(k, 4 - k, 1)) with k = (n + 6 h) mod 6, n = 5, 3, 1 for R, G, B."""
    k = (torch.tensor([5.0, 3.0, 1.0], device=hue.device)[:, None, None] + 6 * hue[:, None]) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))
