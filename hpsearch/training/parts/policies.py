"""Augmentation from torchvision's training recipe of 2021: TrivialAugment, random erasing, repeated augmentation."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from hpsearch.training.parts.literals import Interpolation


def trivial_augment(images: Tensor, generator: torch.Generator, interpolation: Interpolation = "nearest") -> Tensor:
    """One random operation of random strength on each image (Müller and Hutter 2021, arXiv:2103.10158).

    Images (batch, channels, height, width) in 0..255; they are rounded to whole levels, as the operations of
    ``torchvision.transforms.v2.TrivialAugmentWide`` are made for. ``interpolation`` is of its rotations, shears and shifts:
    ``nearest`` is the class's own default, ``bilinear`` what torchvision's training recipe hands it. On the CPU, image by image.
    """
    from torchvision.transforms.v2 import InterpolationMode, TrivialAugmentWide

    augment = TrivialAugmentWide(interpolation=InterpolationMode(interpolation))
    levels = images.round().clamp(0, 255).to(device="cpu", dtype=torch.uint8)
    with _seeded(generator):
        changed = torch.stack([augment(image) for image in levels])
    return changed.to(images)


def erased(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """A random box of each image made 0 with the given probability (Zhong et al. 2017, arXiv:1708.04896).

    Images (batch, channels, height, width) are normalised, so 0 is the mean colour. The box covers 2 to 33 % of the image at an
    aspect of 0.3 to 3.3, as in ``torchvision.transforms.v2.RandomErasing``.
    """
    from torchvision.transforms.v2 import RandomErasing

    erase = RandomErasing(probability)
    with _seeded(generator):
        masks = torch.stack([erase(torch.ones(1, *images.shape[2:])) for _ in images])
    return images * masks.to(images)


def repeated(order: Tensor, repeats: int) -> Tensor:
    """Each image ``repeats`` times in a row, and no more images than before, so that an epoch sees one of ``repeats``.

    Berman et al. 2019 (arXiv:1902.05509); torchvision's ``RASampler`` in one process.

    >>> repeated(torch.tensor([7, 8, 9, 6]), 2)
    tensor([7, 7, 8, 8])
    """
    return order.repeat_interleave(repeats)[: len(order)]


@contextmanager
def _seeded(generator: torch.Generator) -> Iterator[None]:
    """torch's global generator, which torchvision draws from, seeded by ours; given back as it was."""
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
