"""What the network sees: augmented training images, and the plain centre squares that are scored."""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

import torch
from torch import Tensor

from hpsearch.training.data.reading import Reader
from hpsearch.training.images.recipe import Recipe
from hpsearch.training.parts.augmentation import crop_draws, flipped, padded_crop
from hpsearch.training.parts.colour import coloured, pca_noise
from hpsearch.training.parts.policies import trivial_augment

Generators = Mapping[str, torch.Generator]


def augmented(recipe: Recipe, source: Reader, parts: Sequence[Tensor], generators: Generators) -> Iterator[Tensor]:
    """The training images of ``parts``, batch by batch: (batch, channels, size, size), 0..255, not yet normalised.

    In the order of He et al. 2019, section 2.1: cut, mirrored, coloured, noise. TrivialAugment comes before the colours.
    """
    for images in _cut(recipe, source, parts, generators["crop"]):
        if recipe.flip:
            images = flipped(images, generators["augmentation"])
        if recipe.trivial_augment:
            images = trivial_augment(images, generators["augmentation"], recipe.trivial_interpolation)
        images = coloured(images, recipe.colour, generators["augmentation"])
        if recipe.pca_noise > 0:
            images = pca_noise(images, recipe.pca_noise, generators["augmentation"])
        yield images


def _cut(recipe: Recipe, source: Reader, parts: Sequence[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
    match recipe.crop:
        case "none":
            return source.views(parts, recipe.train_size, recipe.train_size)
        case "pad":
            views = source.views(parts, recipe.train_size, recipe.train_size)
            return (padded_crop(images, recipe.pad, generator) for images in views)
        case "resized":
            # drawn from a stream of their own, because a reader may ask for some batches ahead
            requests = ((part, crop_draws(len(part), generator)) for part in parts)
            return source.crops(requests, recipe.train_size or source.size, recipe.least_area)
        case _:
            assert_never(recipe.crop)


def plain(recipe: Recipe, source: Reader, parts: Sequence[Tensor]) -> Iterator[Tensor]:
    """The held-out images of ``parts`` as they are scored: (batch, channels, size, size), 0..255, nothing random."""
    size = recipe.test_size or (source.size if recipe.test_resize else None)
    return source.views(parts, recipe.test_resize or recipe.test_size, size)
