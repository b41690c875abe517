"""A network is a value: how it is built, how large it is, and which filters look at the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hpsearch.errors import Refused
from hpsearch.training.laws import refuse_unlawful
from hpsearch.values import Value

if TYPE_CHECKING:  # a study names its networks without torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Network(Value):
    """What turns images (batch, channels, size, size) into logits (batch, classes).

    A family is a frozen dataclass that says ``build``; all else here follows from it. Its fields are held to the laws in their
    annotations (``hpsearch.training.laws``).
    """

    def __post_init__(self) -> None:
        refuse_unlawful(self)

    def build(self, channels: int, classes: int) -> "nn.Module":
        """The network, with weights that are there to be replaced by ``initialise``; torch's global generator is left as it was."""
        raise NotImplementedError

    def last_norms(self, model: "nn.Module") -> "Sequence[nn.Module]":
        """What normalises the end of each residual block of a model it built; none where there are no such blocks."""
        return ()

    @property
    def lacks_last_norms(self) -> str:
        """What ``last_norms`` would need and the network has not, in words; empty where it has them."""
        return f"residual blocks, and {type(self).__name__} has none"

    def filters(self, model: "nn.Module") -> "Tensor":
        """(outputs, channels, height, width): weights of the first convolution, which can be drawn as pictures."""
        from torch import nn

        first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
        if first is None:
            raise Refused(f"{type(self).__name__} has no convolution, so no filters to draw")
        return first.weight.detach()

    def parameters(self, channels: int, classes: int) -> int:
        """How many parameters it has, running statistics not counted."""
        return _parameters(self, channels, classes)

    def multiply_adds(self, channels: int, classes: int, size: int) -> int:
        """Of convolutions and linear layers for one image of ``size`` x ``size`` pixels; what He et al. 2019 call FLOPs."""
        return _multiply_adds(self, channels, classes, size)


@cache  # arms share their networks, and counting one takes a moment
def _parameters(network: Network, channels: int, classes: int) -> int:
    import torch

    with torch.device("meta"):
        return sum(p.numel() for p in network.build(channels, classes).parameters())


@cache
def _multiply_adds(network: Network, channels: int, classes: int, size: int) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        network.build(channels, classes).eval()(torch.empty(1, channels, size, size))
    return int(counter.get_total_flops()) // 2
