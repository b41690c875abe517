"""Plain convolutional networks after Simonyan and Zisserman 2015 (arXiv:1409.1556): stages of 3x3 convolutions, no shortcuts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from hpsearch.training.laws import Law, whole
from hpsearch.training.networks.network import Network

if TYPE_CHECKING:
    from torch import nn

PlainNorm = Literal["batch", "none"]


@dataclass(frozen=True, kw_only=True)
class PlainConvNet(Network):
    """Convolutions with a norm and a ReLU, the width doubled and the image halved by a max-pool from one stage to the next.

    The mean over the image goes into one linear layer, in place of VGG's three, so that any size of image will do that has a pixel
    left in the last stage. ``stages=(1, 1, 2, 2)`` are the first four of VGG-11.

    >>> PlainConvNet(width=16, stages=(1, 1)).parameters(channels=1, classes=10)  # 9 16 + 32 + 9 16 32 + 64 + 32 10 + 10
    5178
    """

    width: Annotated[int, whole(1)] = 64  # channels of the first stage
    stages: Annotated[
        tuple[int, ...],
        Law(
            "stages to be a tuple of whole numbers >= 1",
            lambda value: isinstance(value, tuple) and bool(value) and all(type(count) is int and count >= 1 for count in value),
        ),
    ] = (2, 2, 2)  # convolutions in each
    stem: Annotated[int, Law("stem to be 3, 5 or 7", lambda value: type(value) is int and value in (3, 5, 7))] = (
        3  # pixels, first kernel
    )
    norm: PlainNorm = "batch"

    def build(self, channels: int, classes: int) -> "nn.Sequential":
        """A sequence of stages and head."""
        import torch
        from torch import nn

        from hpsearch.training.parts.norms import convolution

        stages: list[nn.Module] = []
        inputs, size = channels, self.stem
        with torch.random.fork_rng(devices=[]):
            for stage, count in enumerate(self.stages):
                layers: list[nn.Module] = [nn.MaxPool2d(2)] if stage else []
                for _ in range(count):
                    outputs = self.width * 2**stage
                    layers += [*convolution(inputs, outputs, size, norm=self.norm), nn.ReLU(inplace=True)]
                    inputs, size = outputs, 3
                stages.append(nn.Sequential(*layers))
            head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
            return nn.Sequential(*stages, head)
