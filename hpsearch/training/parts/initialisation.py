"""Starting weights."""

import math
from collections.abc import Iterable
from typing import TypeVar, assert_never

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from hpsearch.errors import Refused
from hpsearch.training.parts.literals import Initialisation
from hpsearch.training.parts.norms import LINEAR, NORMS, gamma, is_weight_normed, set_weight

Model = TypeVar("Model", bound=nn.Module)
SLOPE = 0.25  # of the leaky ReLU that mxnet's MSRAPrelu assumes


def initialise(
    model: Model,
    name: Initialisation,
    generator: torch.Generator,
    *,
    deviation: float = 0.01,
    zero_gammas: Iterable[nn.Module] = (),
) -> Model:
    """Give the model its values, made on the CPU from ``generator``: weights by ``name``, biases 0, gammas 1, betas 0.

    ``deviation`` is that of ``gaussian``. Under weight norm the effective weight is drawn, and its gain g is its length. The
    norms (or weight-normed convolutions) in ``zero_gammas`` start with a gamma of 0: the last of each residual block, so that it
    starts as its shortcut (Goyal et al. 2017, arXiv:1706.02677, section 5.1). Refuses a module with parameters of another kind,
    which would keep what torch's global generator gave it.

    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    >>> initialise(model, "gaussian", torch.Generator().manual_seed(0), zero_gammas=[model[1]])[1].weight.sum().item()
    0.0
    """
    for module in model.modules():
        if isinstance(module, NORMS):
            module.reset_parameters()
        elif isinstance(module, LINEAR):
            weight = drawn(torch.empty(module.weight.shape), name, generator, deviation)
            _start(module, weight, generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif not isinstance(module, ParametrizationList) and next(module.parameters(recurse=False), None) is not None:
            raise Refused(
                f"initialise knows convolutions, linear layers and norms, and {type(module).__name__} has parameters of its own, "
                "which no seed would decide: build the network of the former"
            )
    for module in zero_gammas:
        nn.init.zeros_(gamma(module))
    return model


def _start(module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
    """Give a layer its effective weight; one of zeros has no direction v, so under weight norm g is 0 and v is drawn."""
    if is_weight_normed(module) and not weight.any():
        set_weight(module, uniform(weight, generator))
        nn.init.zeros_(gamma(module))
    else:
        set_weight(module, weight)


def drawn(weight: Tensor, name: Initialisation, generator: torch.Generator, deviation: float = 0.01) -> Tensor:
    """``weight`` (outputs, inputs, ...) filled in place by the initialisation of that name."""
    match name:
        case "xavier":
            return xavier(weight, generator)
        case "msra":
            return msra(weight, generator)
        case "uniform":
            return uniform(weight, generator)
        case "gaussian":
            return nn.init.normal_(weight, std=deviation, generator=generator)
        case "zero":
            return nn.init.zeros_(weight)
        case _:
            assert_never(name)


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
