"""Starting weights."""

import math

import torch
from torch import Tensor, nn

from hpsearch.training.models.resnet import Residual
from hpsearch.training.recipe import Initialisation

SLOPE = 0.25  # of the leaky ReLU that mxnet's MSRAPrelu assumes


def initialise(model: nn.Module, initialisation: Initialisation, zero_gamma: bool, generator: torch.Generator) -> nn.Module:
    """Give the model its values, made on the CPU: weights at random, biases 0, batch norms 1 and 0.

    With ``zero_gamma`` the last batch norm of each residual block starts at 0, so that the block starts as its shortcut
    (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
    """
    draw = xavier if initialisation == "xavier" else msra
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            draw(module.weight, generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if zero_gamma and isinstance(module, Residual):
            nn.init.zeros_(module.last_norm.weight)
    return model


def xavier(weight: Tensor, generator: torch.Generator) -> None:
    """Uniform in [-a, a], a = sqrt(6 / (fan in + fan out)), a fan being channels x kernel height x kernel width.

    Source: Glorot and Bengio 2010. (He et al. 2019 print channels without the kernel, which no code does.)
    """
    nn.init.xavier_uniform_(weight, generator=generator)


def msra(weight: Tensor, generator: torch.Generator) -> None:
    """Gaussian of variance 2 / (1 + 0.25^2) / ((fan in + fan out) / 2).

    What the code of He et al. 2019 uses for ImageNet: ``mxnet.init.MSRAPrelu()``, with fan "avg" and slope 0.25.
    """
    kernel = weight[0, 0].numel()
    fan = (weight.shape[1] + weight.shape[0]) * kernel / 2
    nn.init.normal_(weight, std=math.sqrt(2 / (1 + SLOPE**2) / fan), generator=generator)
