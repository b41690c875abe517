"""What follows a convolution: normalisation of its output over the batch, a part of it or each image, of its weights, or none."""

from collections.abc import Iterator
from typing import Any, assert_never, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from hpsearch.errors import Refused
from hpsearch.training.parts.literals import Norm

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
LINEAR = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class GhostBatchNorm(nn.BatchNorm2d):
    """Batch norm over parts of the batch, as on several GPUs that do not share statistics (Hoffer et al. 2017, arXiv:1705.08741).

    In training the batch is cut into parts of ``images``; a remainder is spread over the parts, so that none is tiny. The running
    statistics move once per part, one after another, as if the parts had come as batches. In evaluation it is batch norm.
    """

    def __init__(self, channels: int, images: int) -> None:
        super().__init__(channels)
        self.images = images

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channels, height, width)."""
        parts = len(x) // self.images if self.training else 1
        if parts <= 1:
            return super().forward(x)
        return torch.cat([super(GhostBatchNorm, self).forward(part) for part in x.tensor_split(parts)])


class Dropout(nn.Module):
    """Features are set to 0 with probability ``share`` and the others divided by 1 - share, in training (Srivastava et al. 2014).

    The mask comes from ``generator``, on the CPU, so that a seed decides it on every device.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drop from (batch, features)."""
        if not self.training or self.share == 0:
            return x
        if self.generator is None:
            raise Refused("dropout needs a generator in training: give the model to dropped_by(model, generator) first")
        kept = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * kept.to(x.device) / (1 - self.share)


def dropped_by(model: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout of the model draw its masks from ``generator``."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator


def convolution(
    inputs: int, outputs: int, size: int, stride: int = 1, *, norm: Norm = "batch", images: int = 32, groups: int = 32
) -> list[nn.Module]:
    """A square convolution that keeps the image's size at stride 1, and the norm of its output after it.

    ``images`` share the statistics of a ``ghost`` batch norm, ``groups`` of channels those of a ``group`` norm; ``layer`` is one
    group; ``weight`` normalises the convolution's weight instead. A norm with an offset of its own makes a bias idle, so the
    convolution has one only under ``weight`` and ``none``.

    >>> [type(module).__name__ for module in convolution(3, 8, 3, norm="ghost")]
    ['Conv2d', 'GhostBatchNorm']
    """

    def layer(bias: bool) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=bias)

    match norm:
        case "batch":
            return [layer(False), nn.BatchNorm2d(outputs)]
        case "ghost":
            return [layer(False), GhostBatchNorm(outputs, images)]
        case "layer":
            return [layer(False), nn.GroupNorm(1, outputs)]
        case "group":
            return [layer(False), nn.GroupNorm(groups, outputs)]
        case "weight":
            return [parametrizations.weight_norm(layer(True))]
        case "none":
            return [layer(True)]
        case _:
            assert_never(norm)


def is_weight_normed(module: nn.Module) -> bool:
    """Whether the weight of a convolution is g v / |v| (Salimans and Kingma 2016, arXiv:1602.07868)."""
    return parametrize.is_parametrized(module, "weight")


def gamma(module: nn.Module) -> nn.Parameter:
    """The scale of a norm: of a batch or group norm, or the gain g of a weight-normed convolution."""
    own = cast(Any, module)
    found: nn.Parameter = own.parametrizations.weight.original0 if is_weight_normed(module) else own.weight
    return found


def set_weight(module: nn.Module, weight: Tensor) -> None:
    """Give a convolution or linear layer its effective weight; under weight norm g becomes |v| of each output channel."""
    with torch.no_grad():
        module.weight = weight if is_weight_normed(module) else nn.Parameter(weight)


def kinds(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """All parameters by kind, each once: ``weights``, ``biases``, ``gammas`` and ``betas``, scales and offsets of norms.

    Under weight norm v is a weight and g a gamma. A parameter of any other module is a bias where its name ends so, else a weight
    where it has more than one dimension, else a gamma.

    >>> found = kinds(nn.TransformerEncoderLayer(8, 2, 16))
    >>> {kind: len(parameters) for kind, parameters in found.items()}
    {'weights': 4, 'biases': 4, 'gammas': 2, 'betas': 2}
    """
    found: dict[str, list[nn.Parameter]] = {"weights": [], "biases": [], "gammas": [], "betas": []}
    seen: set[int] = set()
    for kind, parameter in _kinds(model):
        if parameter is not None and id(parameter) not in seen:
            seen.add(id(parameter))
            found[kind].append(parameter)
    return found


def _kinds(model: nn.Module) -> Iterator[tuple[str, Any]]:
    for module in model.modules():
        if isinstance(module, NORMS):
            yield from (("gammas", module.weight), ("betas", getattr(module, "bias", None)))
        elif is_weight_normed(module):
            yield from (("weights", _direction(module)), ("gammas", gamma(module)), ("biases", getattr(module, "bias", None)))
        else:
            for name, parameter in module.named_parameters(recurse=False):
                yield "biases" if name.endswith("bias") else "weights" if parameter.ndim > 1 else "gammas", parameter


def _direction(module: nn.Module) -> Any:
    """v of a weight-normed convolution."""
    return cast(Any, module).parametrizations.weight.original1
