"""Data sets as values: where the images lie and how they are split; the images themselves are read on use."""

from hpsearch.training.data.dataset import Counts, Dataset, Images, Streamed
from hpsearch.training.data.embedded import Digits, digits
from hpsearch.training.data.folder import ImageFolder, image_folder
from hpsearch.training.data.named import (
    ImageNet,
    Imagenette,
    TorchvisionSet,
    cifar10,
    cifar100,
    fashion_mnist,
    imagenet,
    imagenette,
)

__all__ = [
    "Counts",
    "Dataset",
    "Digits",
    "ImageFolder",
    "ImageNet",
    "Imagenette",
    "Images",
    "Streamed",
    "TorchvisionSet",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "image_folder",
    "imagenet",
    "imagenette",
]
