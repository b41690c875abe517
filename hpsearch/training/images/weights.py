"""Weights from a file, by the names that timm and torchvision give them, or as a trial of ours kept them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.errors import Refused
from hpsearch.training.images.checkpoints import names, opened, unwrapped
from hpsearch.training.images.pretrained import Variant
from hpsearch.training.images.variants import agrees, assumed, layer_of, refuse_names, variant_of
from hpsearch.training.networks.network import Network
from hpsearch.training.networks.resnet import BASIC, BLOCKS, ResNet
from hpsearch.training.parts.colour import pixel_statistics
from hpsearch.values import KIND, from_json


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network with its weights, and what its input is normalised by."""

    model: nn.Module
    mean: Tensor  # (channels, 1, 1), of pixels in 0..255
    deviation: Tensor  # (channels, 1, 1)
    channels: int
    classes: int
    network: Network
    said: str  # what the file is taken for, in a sentence


@dataclass(frozen=True, eq=False)
class Read:
    """A state dict of timm's or torchvision's and the network it is taken for."""

    state: dict[str, Tensor]  # by our names
    network: ResNet
    channels: int
    classes: int
    said: str  # in a sentence: the network, and whether it was declared or assumed


def load_pretrained(path: Path, variant: Variant | None = None) -> Loaded:
    """The network in a file: a state dict of a timm or torchvision ResNet, or the ``weights.pt`` of a trial.

    Depth, width, stem, pooled shortcuts, channels and classes are read off the names and shapes. What these do not show, strides,
    activations and anti-aliasing, is ``variant``'s or assumed: ``Loaded.said`` says so. torchvision's and timm's networks take
    ImageNet's mean and deviation. Loaded with ``weights_only=True``: nothing in the file is run. Refuses a file that is no state
    dict, names and shapes that do not fit, and names of networks that are known to differ.
    """
    content = opened(path)
    if isinstance(content, dict) and "network" in content:
        return _own(content, path)
    read = _read(content, path, variant)
    model = read.network.build(read.channels, read.classes)
    model.load_state_dict(read.state)
    mean, deviation = pixel_statistics("imagenet", read.channels)
    return Loaded(model, mean, deviation, read.channels, read.classes, read.network, read.said)


def said_of(path: Path, variant: Variant | None = None) -> str:
    """What ``load_pretrained`` takes a file for, in a sentence; the network is not built."""
    content = opened(path)
    own = isinstance(content, dict) and "network" in content
    return _said_of_own(path) if own else _read(content, path, variant).said


def _read(content: Any, path: Path, variant: Variant | None) -> Read:
    state, place = unwrapped(content, path)
    if variant is None:
        refuse_names(names(content, path), str(path))
    network, channels, classes = _architecture(state, path)
    if variant is not None and not agrees(network, variant):
        raise Refused(f"{path} is declared variant={variant!r}, and its names and shapes are of ResNet-{variant_of(network)}")
    if variant == "A" and network.depth not in BASIC:
        network = replace(network, downsample_in="1x1")
    names_of = dict(_names(network))
    state = {_renamed(name, names_of, path): value for name, value in state.items()}
    with torch.device("meta"):  # shapes are enough
        _refuse_misfits(state, network.build(channels, classes).state_dict(), path)
    letter = variant or variant_of(network)
    where = f"{path}, {place}," if place else f"{path}"
    open_questions = f"assumed, for names and shapes do not show it: {assumed(network)}; declare it with variant={letter!r}"
    basis = "as declared" if variant else open_questions
    return Read(state, network, channels, classes, f"{where} is read as ResNet-{network.depth}-{letter} ({basis})")


def _said_of_own(path: Path) -> str:
    return f"{path} is read as the network of the trial that kept it"


def _own(content: dict[str, Any], path: Path) -> Loaded:
    network, channels, classes = _made_of(content)
    model = network.build(channels, classes)
    model.load_state_dict(content["model"])
    return Loaded(model, content["mean"], content["deviation"], channels, classes, network, _said_of_own(path))


def _made_of(content: dict[str, Any]) -> tuple[Network, int, int]:
    """Network, channels and classes that a trial kept with its weights; at first it kept the fields of a residual network."""
    if KIND in content["network"]:
        return from_json(content["network"]), content["channels"], content["classes"]
    found = dict(content["network"])
    channels, classes = found.pop("channels"), found.pop("classes")
    return ResNet(**found), channels, classes


def _architecture(state: Mapping[str, Tensor], path: Path) -> tuple[ResNet, int, int]:
    stages = [{m[1] for name in state if (m := re.match(rf"layer{n}\.(\d+)\.", name))} for n in (1, 2, 3, 4)]
    blocks = tuple(map(len, stages))
    basic = "layer1.0.conv3.weight" not in state
    if foreign := next((what for name in state if (what := layer_of(name))), ""):
        raise Refused(f"{path} has {foreign}, which no ResNet-A, B, C or D has: give the weights of one of these")
    depths = [depth for depth, known in BLOCKS.items() if known == blocks and (depth in BASIC) is basic]
    named = {"fc.weight", "layer1.0.conv1.weight"} <= state.keys() and {"conv1.weight", "conv1.0.weight"} & state.keys()
    if not depths or not named:
        raise Refused(f"{path} is no ResNet of timm or torchvision with 18 to 152 layers: its blocks by stage are {blocks}")
    if not any(name.endswith("running_mean") for name in state):
        raise Refused(f"{path} has no running statistics, so its norms are no batch norms: give the weights of a plain ResNet")
    deep = "conv1.0.weight" in state
    first = state["conv1.0.weight" if deep else "conv1.weight"]
    shortcut = state.get("layer2.0.downsample.1.weight")
    network = ResNet(
        depth=depths[0],
        width=len(state["layer1.0.conv1.weight"]),
        stem="large" if deep or first.shape[-1] == 7 else "small",
        downsample_in="3x3",
        deep_stem=deep,
        pool_in_shortcut=shortcut is not None and shortcut.ndim == 4,
    )
    return network, first.shape[1], len(state["fc.weight"])


def _names(network: ResNet) -> Iterator[tuple[str, str]]:
    """Their module to ours."""
    stem = [("conv1.0", 0), ("conv1.1", 1), ("conv1.3", 3), ("conv1.4", 4), ("conv1.6", 6), ("bn1", 7)]
    for theirs, ours in stem if network.deep_stem else [("conv1", 0), ("bn1", 1)]:
        yield theirs, f"0.{ours}"
    place = 0
    for stage, count in enumerate(BLOCKS[network.depth], start=1):
        for block in range(count):
            for n in range(2 if network.depth in BASIC else 3):
                yield f"layer{stage}.{block}.conv{n + 1}", f"1.{place}.branch.{3 * n}"
                yield f"layer{stage}.{block}.bn{n + 1}", f"1.{place}.branch.{3 * n + 1}"
            pooled = int(network.pool_in_shortcut)  # their pool, or what stands in for it, comes first
            skipped = int(network.pool_in_shortcut and stage > 1)
            for n in range(2):
                yield f"layer{stage}.{block}.downsample.{pooled + n}", f"1.{place}.shortcut.{skipped + n}"
            place += 1
    yield "fc", "2.2"


def _renamed(name: str, names: Mapping[str, str], path: Path) -> str:
    module, _, leaf = name.rpartition(".")
    if module not in names:
        raise Refused(f"{path} has {name!r}, which no ResNet of timm or torchvision has: give a plain ResNet, or -C, or -D")
    return f"{names[module]}.{leaf}"


def _refuse_misfits(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    for name, value in wanted.items():
        if name not in state:
            raise Refused(f"{path} lacks {name!r} of the network that its other names belong to: the file is not whole")
        if state[name].shape != value.shape:
            raise Refused(f"{path} has {name!r} of shape {tuple(state[name].shape)}, and the network's is {tuple(value.shape)}")
    if extra := sorted(state.keys() - wanted.keys()):
        raise Refused(f"{path} has {extra[0]!r} more than the network has: give a plain ResNet, or -C, or -D")
