"""Stem, residual blocks and head of a ``ResNet``."""

from functools import partial
from typing import assert_never

import torch
from torch import Tensor, nn

from hpsearch.training.networks.resnet import BASIC, BLOCKS, ResNet
from hpsearch.training.parts.norms import Dropout, convolution

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


def residual_network(network: ResNet, channels: int, classes: int) -> nn.Sequential:
    """Images (batch, channels, size, size) to logits (batch, classes)."""
    with torch.random.fork_rng(devices=[]):
        blocks: list[nn.Module] = []
        inputs = network.width
        for stage, count in enumerate(BLOCKS[network.depth]):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                residual, inputs = _residual(network, inputs, network.width * 2**stage, stride)
                blocks.append(residual)
        dropout = [Dropout(network.dropout)] if network.dropout > 0 else []
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *dropout, nn.Linear(inputs, classes))
        return nn.Sequential(_stem(network, channels), nn.Sequential(*blocks), head)


def _convolution(network: ResNet, inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """A convolution and the network's norm."""
    norms = {"images": network.norm_images, "groups": network.norm_groups}
    return convolution(inputs, outputs, size, stride, norm=network.norm, **norms)


def _activated(network: ResNet, inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """A convolution, its norm, and a ReLU in place: no norm needs its output again."""
    return [*_convolution(network, inputs, outputs, size, stride), nn.ReLU(inplace=True)]


def _stem(network: ResNet, channels: int) -> nn.Sequential:
    match network.stem:
        case "large":
            size, stride, pool = 7, 2, [nn.MaxPool2d(3, stride=2, padding=1)]
        case "small":
            size, stride, pool = 3, 1, []
        case _:
            assert_never(network.stem)
    activated, width = partial(_activated, network), network.width
    if network.deep_stem:
        # stride on the first only, as in the paper's figure 2b and code; its text says first and second
        half = width // 2
        layers = [*activated(channels, half, 3, stride), *activated(half, half, 3), *activated(half, width, 3)]
    else:
        layers = activated(channels, width, size, stride)
    return nn.Sequential(*layers, *pool)


def _residual(network: ResNet, inputs: int, inner: int, stride: int) -> tuple[Residual, int]:
    """A residual block and its output channels."""
    activated, normed = partial(_activated, network), partial(_convolution, network)
    if network.depth in BASIC:
        outputs = inner
        branch = [*activated(inputs, inner, 3, stride), *normed(inner, outputs, 3)]
    else:
        outputs = inner * EXPANSION
        first, second = _strides(network, stride)
        branch = [*activated(inputs, inner, 1, first), *activated(inner, inner, 3, second), *normed(inner, outputs, 1)]
    return Residual(nn.Sequential(*branch), _shortcut(network, inputs, outputs, stride)), outputs


def _strides(network: ResNet, stride: int) -> tuple[int, int]:
    """Of a bottleneck's first 1x1 and of its 3x3."""
    match network.downsample_in:
        case "1x1":
            return stride, 1
        case "3x3":
            return 1, stride
        case _:
            assert_never(network.downsample_in)


def _shortcut(network: ResNet, inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if stride > 1 and network.pool_in_shortcut:
        # an odd border is averaged over the pixels there are, as in the paper's code
        pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
        return nn.Sequential(pool, *_convolution(network, inputs, outputs, 1))
    return nn.Sequential(*_convolution(network, inputs, outputs, 1, stride))
