"""Residual networks with the three changes of He et al. 2019 as separate switches.

ResNet-A is the network of He et al. 2016 (arXiv:1512.03385), with the stride in the first 1x1 of a bottleneck. ResNet-B moves
it to the 3x3, C replaces the 7x7 of the stem by three 3x3, D puts a 2x2 average pool into the shortcuts with a stride
(arXiv:1812.01187, section 4). torchvision's and timm's ``resnet50`` are B; timm's ``resnet50d`` is B, C and D together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from hpsearch.errors import Refused
from hpsearch.training.laws import Law, number, whole
from hpsearch.training.networks.network import Network
from hpsearch.training.parts.literals import Norm

if TYPE_CHECKING:
    from torch import nn

Stem = Literal["large", "small"]
DownsampleIn = Literal["1x1", "3x3"]

BLOCKS = {  # depth to residual blocks per stage
    14: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
BASIC = (18, 34)  # depths made of basic blocks (3x3, 3x3)
BOTTLENECK = tuple(depth for depth in BLOCKS if depth not in BASIC)  # of bottlenecks (1x1, 3x3, 1x1)

# laws that a network's fields share with the recipe's of the same name
Depth = Annotated[
    int, Law(f"depth to be one of {', '.join(map(str, BLOCKS))}", lambda depth: type(depth) is int and depth in BLOCKS)
]
Width = Annotated[int, whole(1)]
NormImages = Annotated[int, whole(2)]
NormGroups = Annotated[int, whole(1)]
Dropout = Annotated[float, number("0 <= {} < 1, a share of the features", lambda value: 0 <= value < 1)]


@dataclass(frozen=True, kw_only=True)
class ResNet(Network):
    """A residual network; the defaults are ResNet-50-A.

    >>> ResNet(depth=18)
    Traceback (most recent call last):
    hpsearch.errors.Refused: depth=18 is made of 3x3 convolutions, so ResNet-A and B are one network: set downsample_in='3x3', or \
take a depth of 14, 26, 50, 101, 152
    """

    depth: Depth = 50  # layers as timm names them: 18, 34 basic blocks; 14, 26, 50, 101, 152 bottlenecks
    width: Width = 64  # channels of the first stage, before a bottleneck's expansion by 4
    stem: Stem = "large"  # large: 7x7 of stride 2 and max-pool, for 96 px and more; small: one 3x3 of stride 1
    downsample_in: DownsampleIn = "1x1"  # which convolution of a bottleneck has the stride: 1x1 ResNet-A, 3x3 ResNet-B
    deep_stem: bool = False  # ResNet-C: three 3x3 convolutions of width/2, width/2, width
    pool_in_shortcut: bool = False  # ResNet-D: the stride of a shortcut is a 2x2 average pool
    norm: Norm = "batch"  # after each convolution; ghost: batch norm over parts of the batch; weight: of the weights instead
    norm_images: NormImages = 32  # images whose statistics a ghost batch norm shares: the paper's 256 on 8 GPUs
    norm_groups: NormGroups = 32  # groups of channels of group norm
    dropout: Dropout = 0.0  # share of the features that is dropped before the last layer

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth in BASIC and self.downsample_in == "1x1":
            raise Refused(
                f"depth={self.depth} is made of 3x3 convolutions, so ResNet-A and B are one network: "
                f"set downsample_in='3x3', or take a depth of {', '.join(map(str, BOTTLENECK))}"
            )
        if self.deep_stem and self.width % 2:
            raise Refused(f"deep_stem starts with width/2 channels: give an even width, got width={self.width}")
        narrowest = self.width // 2 if self.deep_stem else self.width
        if self.norm == "group" and narrowest % self.norm_groups:
            raise Refused(f"norm_groups={self.norm_groups} must divide the {narrowest} channels of the narrowest layer: give fewer")

    def build(self, channels: int, classes: int) -> "nn.Sequential":
        """A sequence of stem, residual blocks and head."""
        from hpsearch.training.networks.modules.residual import residual_network

        return residual_network(self, channels, classes)

    def last_norms(self, model: "nn.Module") -> "Sequence[nn.Module]":
        from hpsearch.training.networks.modules.residual import Residual

        return [module.last_norm for module in model.modules() if isinstance(module, Residual)]

    @property
    def lacks_last_norms(self) -> str:
        return "a norm to set to 0, and norm='none' has none" if self.norm == "none" else ""
