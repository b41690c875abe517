"""Training image classifiers: the recipe and the data it names. torch is imported by the loop only, not here."""

from hpsearch.training.data import (
    Digits,
    ImageFolder,
    ImageNet,
    Imagenette,
    TorchvisionSet,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    image_folder,
    imagenet,
    imagenette,
)
from hpsearch.training.images.presets import gluoncv, paper, preset
from hpsearch.training.images.pretrained import Pretrained
from hpsearch.training.images.recipe import Recipe
from hpsearch.training.networks.network import Network
from hpsearch.training.networks.plain import PlainConvNet
from hpsearch.training.networks.resnet import ResNet

__all__ = [
    "Digits",
    "ImageFolder",
    "ImageNet",
    "Imagenette",
    "Network",
    "PlainConvNet",
    "Pretrained",
    "Recipe",
    "ResNet",
    "TorchvisionSet",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "gluoncv",
    "image_folder",
    "imagenet",
    "imagenette",
    "paper",
    "preset",
]
