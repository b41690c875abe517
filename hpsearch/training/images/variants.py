"""Which residual network weights are of, where names and shapes do not say: as declared, or by what they are called.

A stride, a pool, a blur or an activation has no parameters, so two networks that differ in one have the same state dict, and the
weights of one give other logits in the other.
"""

import re
from collections.abc import Iterable
from typing import assert_never

from hpsearch.errors import Refused
from hpsearch.training.images.pretrained import Variant
from hpsearch.training.networks.resnet import BASIC, ResNet

# names of timm, torchvision and mmcv, and how their networks differ from ResNet-A, B, C and D
DIFFERENT = (
    (r"(resnet|resnext)_?aa\d", "averages pixels before each stride"),
    (r"(resnet|resnext)_?blur\d", "blurs before each stride"),
    (r"caffe|msra", "has the stride in the first 1x1 and takes pixels as blue, green, red"),
    (r"(se|eca|ge|gc|sk|csp|bat_|lambda_|nf_|t|i)_?resne[xs]?t", "has blocks of another kind"),
    (r"(resnet|resnext)_?rs\d", "has a stem and blocks of another kind"),
    (r"resnext|resnest", "has grouped convolutions"),
    (r"wide_?resnet|(resnet|resnext)\d*_?w\d", "has wider bottlenecks"),
    (r"resnet_?v2|preact", "normalises before each convolution"),
    (r"resnet\d+(_gn|_?evos|_?frn)", "has another norm"),
    (r"resnet\d+(s|t|ts|q|_clip|x\d+_clip|_mlp)(?![a-z])", "has another stem or other blocks"),
)
# keys of the state dict, and what they belong to
LAYERS = (
    (r"\.(se|eca|attn|ge|gc)\.", "attention over channels"),
    (r"\.conv2\.(conv|fc1|radix|conv_kernel)|\.conv2\.paths\.", "split attention or selective kernels"),
    (r"^(maxpool|conv1\.\d+\.conv)\.", "another stem"),
    (r"^(stages|stem|layers|blocks)\.", "another family of networks"),
)


def refuse_names(names: Iterable[str], where: str) -> None:
    """Refuse weights that are called like a network which differs in what a state dict does not show, or in more."""
    for name in names:
        for pattern, how in DIFFERENT:
            if found := re.search(rf"(?<![a-z])({pattern})", name.lower()):
                raise Refused(
                    f"{where} is called {found[0]!r} in {name!r}, a network that {how}, which no ResNet-A, B, C or D does: "
                    "give the weights of one of these, or say that the name misleads with variant='B' (or 'A', 'C', 'D')"
                )


def layer_of(key: str) -> str:
    """What a key belongs to that no ResNet-A, B, C or D has; empty where that is not known.

    >>> layer_of("layer1.0.se.fc1.weight")
    'attention over channels'
    """
    return next((what for pattern, what in LAYERS if re.search(pattern, key)), "")


def variant_of(network: ResNet) -> str:
    """The letter of a residual network; more than a letter where it has the pool of D without the stem of C.

    >>> variant_of(ResNet(downsample_in="3x3", deep_stem=True))
    'C'
    """
    match network.downsample_in:
        case "1x1":
            return "A"
        case "3x3" if network.pool_in_shortcut:
            return "D" if network.deep_stem else "B with pooled shortcuts"
        case "3x3":
            return "C" if network.deep_stem else "B"
        case _:
            assert_never(network.downsample_in)


def agrees(network: ResNet, variant: Variant) -> bool:
    """Whether weights of these names and shapes can be of the declared variant: A and B have the same, and are one at 18 and 34."""
    seen = variant_of(network)
    return seen == variant or (seen == "B" and variant == "A")


def assumed(network: ResNet) -> str:
    """What a state dict of such a network leaves open, and what is taken for it."""
    stride = "" if network.depth in BASIC else "the stride is in the 3x3 convolutions, "
    return f"{stride}activations are ReLU, nothing is blurred or averaged before a stride"
