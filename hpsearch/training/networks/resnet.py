"""Residual networks with the three changes of He et al. 2019 as separate switches.

ResNet-A is the network of He et al. 2016 (arXiv:1512.03385), with the stride in the first 1x1 of a bottleneck. ResNet-B moves
it to the 3x3, C replaces the 7x7 of the stem by three 3x3, D puts a 2x2 average pool into the shortcuts with a stride
(arXiv:1812.01187, section 4). torchvision's and timm's ``resnet50`` are B; timm's ``resnet50d`` is B, C and D together.
"""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hpsearch.training.images.laws import BASIC
from hpsearch.training.images.recipe import Recipe
from hpsearch.training.networks.norms import Dropout, convolution

BLOCKS = {  # depth to residual blocks per stage
    14: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
EXPANSION = 4  # a bottleneck's output channels per inner channel


class Residual(nn.Module):
    """relu(branch(x) + shortcut(x)); the branch ends in the norm that zero gamma sets to 0."""

    def __init__(self, branch: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.branch(x)
        shortcut: Tensor = self.shortcut(x)
        return branch.add_(shortcut).relu_()

    @property
    def last_norm(self) -> nn.Module:
        """What normalises the end of the branch; the convolution itself where its weights are normalised."""
        return self.branch[-1]


def resnet(recipe: Recipe, channels: int, classes: int) -> nn.Sequential:
    """The network of a recipe: images (batch, channels, size, size) to logits (batch, classes).

    Its weights are there to be replaced by ``initialise``; the global generator that torch draws them from is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        blocks: list[nn.Module] = []
        inputs = recipe.width
        for stage, count in enumerate(BLOCKS[recipe.depth]):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                residual, inputs = _residual(recipe, inputs, recipe.width * 2**stage, stride)
                blocks.append(residual)
        dropout = [Dropout(recipe.dropout)] if recipe.dropout > 0 else []
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *dropout, nn.Linear(inputs, classes))
        return nn.Sequential(_stem(recipe, channels), nn.Sequential(*blocks), head)


def parameters(recipe: Recipe, channels: int, classes: int) -> int:
    """Parameters of the network, running statistics not counted."""
    with torch.device("meta"):
        return sum(p.numel() for p in resnet(recipe, channels, classes).parameters())


def multiply_adds(recipe: Recipe, channels: int, classes: int, size: int) -> int:
    """Multiply-adds of convolutions and the last layer for one image of ``size`` x ``size``; what the paper calls FLOPs."""
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        resnet(recipe, channels, classes).eval()(torch.empty(1, channels, size, size))
    return int(counter.get_total_flops()) // 2


def _activated(recipe: Recipe, inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """A convolution, its norm, and a ReLU in place: no norm needs its output again."""
    return [*convolution(recipe, inputs, outputs, size, stride), nn.ReLU(inplace=True)]


def _stem(recipe: Recipe, channels: int) -> nn.Sequential:
    large, width = recipe.stem == "large", recipe.width
    stride = 2 if large else 1
    if recipe.deep_stem:
        # stride on the first only, as in the paper's figure 2b and code; its text says first and second
        half = width // 2
        layers = [
            *_activated(recipe, channels, half, 3, stride),
            *_activated(recipe, half, half, 3),
            *_activated(recipe, half, width, 3),
        ]
    else:
        layers = _activated(recipe, channels, width, 7 if large else 3, stride)
    pool = [nn.MaxPool2d(3, stride=2, padding=1)] if large else []
    return nn.Sequential(*layers, *pool)


def _residual(recipe: Recipe, inputs: int, inner: int, stride: int) -> tuple[Residual, int]:
    """A residual block and its output channels."""
    if recipe.depth in BASIC:
        outputs = inner
        branch = [*_activated(recipe, inputs, inner, 3, stride), *convolution(recipe, inner, outputs, 3)]
    else:
        outputs = inner * EXPANSION
        first, second = (stride, 1) if recipe.downsample_in == "1x1" else (1, stride)
        branch = [
            *_activated(recipe, inputs, inner, 1, first),
            *_activated(recipe, inner, inner, 3, second),
            *convolution(recipe, inner, outputs, 1),
        ]
    return Residual(nn.Sequential(*branch), _shortcut(recipe, inputs, outputs, stride)), outputs


def _shortcut(recipe: Recipe, inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if stride > 1 and recipe.pool_in_shortcut:
        # an odd border is averaged over the pixels there are, as in the paper's code
        pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
        return nn.Sequential(pool, *convolution(recipe, inputs, outputs, 1))
    return nn.Sequential(*convolution(recipe, inputs, outputs, 1, stride))
