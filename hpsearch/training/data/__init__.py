"""Data sets as values: where the images lie and how they are split; the images themselves are read on use."""

from hpsearch.training.data.embedded import Digits, digits
from hpsearch.training.data.folder import ImageFolder, image_folder
from hpsearch.training.data.images import Dataset, Images

__all__ = ["Dataset", "Digits", "ImageFolder", "Images", "digits", "image_folder"]
