"""Starting weights."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from hpsearch.training.images.recipe import Recipe
from hpsearch.training.networks.norms import NORMS, gamma, is_weight_normed, set_weight
from hpsearch.training.networks.resnet import Residual

Model = TypeVar("Model", bound=nn.Module)
SLOPE = 0.25  # of the leaky ReLU that mxnet's MSRAPrelu assumes


def initialise(model: Model, recipe: Recipe, generator: torch.Generator) -> Model:
    """Give the model its values, made on the CPU: weights by the recipe, biases 0, gammas 1, betas 0.

    Under weight norm the effective weight is drawn, and its gain g is its length. With ``zero_gamma`` the last norm of each
    residual block starts at 0, so that the block starts as its shortcut (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
    """
    for module in model.modules():
        if isinstance(module, NORMS):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            weight = drawn(torch.empty(module.weight.shape), recipe, generator)
            if not (is_weight_normed(module) and recipe.initialisation == "zero"):
                set_weight(module, weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if is_weight_normed(module) and recipe.initialisation == "zero":
                nn.init.zeros_(gamma(module))  # a direction v of length 0 has no g v / |v|
    for module in model.modules():
        if recipe.zero_gamma and isinstance(module, Residual):
            nn.init.zeros_(gamma(module.last_norm))
    return model


def drawn(weight: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """``weight`` (outputs, inputs, ...) filled by the recipe's initialisation."""
    match recipe.initialisation:
        case "xavier":
            return xavier(weight, generator)
        case "msra":
            return msra(weight, generator)
        case "uniform":
            return uniform(weight, generator)
        case "gaussian":
            return nn.init.normal_(weight, std=recipe.initial_deviation, generator=generator)
    return nn.init.zeros_(weight)


def xavier(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in [-a, a], a = sqrt(6 / (fan in + fan out)), a fan being channels x kernel height x kernel width.

    Source: Glorot and Bengio 2010. (He et al. 2019 print channels without the kernel, which no code does.)
    """
    return nn.init.xavier_uniform_(weight, generator=generator)


def msra(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian of variance 2 / (1 + 0.25^2) / ((fan in + fan out) / 2).

    What the code of He et al. 2019 uses for ImageNet: ``mxnet.init.MSRAPrelu()``, with fan "avg" and slope 0.25.
    """
    kernel = weight[0, 0].numel()
    fan = (weight.shape[1] + weight.shape[0]) * kernel / 2
    return nn.init.normal_(weight, std=math.sqrt(2 / (1 + SLOPE**2) / fan), generator=generator)


def uniform(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in [-1 / sqrt(d), 1 / sqrt(d)], d the inputs of a unit: channels x kernel height x kernel width.

    torch's own start of linear and convolutional layers.
    """
    bound = 1 / math.sqrt(weight[0].numel())
    return nn.init.uniform_(weight, -bound, bound, generator=generator)
