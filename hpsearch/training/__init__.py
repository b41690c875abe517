"""Training image classifiers: the recipe and the data it names. torch is imported by the loop only, not here."""

from hpsearch.training.data import Digits, ImageFolder, digits, image_folder
from hpsearch.training.recipe import Recipe

__all__ = ["Digits", "ImageFolder", "Recipe", "digits", "image_folder"]
