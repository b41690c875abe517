"""Weights from a file, by the names that timm and torchvision give them, or as a trial of ours kept them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.errors import Refused
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


def load_pretrained(path: Path) -> Loaded:
    """The network in a file: a state dict of a timm or torchvision ResNet, or the ``weights.pt`` of a trial.

    Depth, width, stem, pooled shortcuts, channels and classes are read off the names and shapes. torchvision's and timm's networks
    take ImageNet's mean and deviation. Loaded with ``weights_only=True``: nothing in the file is run. Refuses a file that is no
    state dict, and names and shapes that do not fit.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError and more, by what the file is
        raise Refused(f"{path} is no file of weights that can be read safely ({_first_line(error)}): give a state dict") from error
    if isinstance(content, dict) and "network" in content:
        return _own(content)
    state = _state(content, path)
    network, channels, classes = _architecture(state, path)
    model = network.build(channels, classes)
    names = dict(_names(network))
    renamed = {_renamed(name, names, path): value for name, value in state.items()}
    _fill(model, renamed, path)
    mean, deviation = pixel_statistics("imagenet", channels)
    return Loaded(model, mean, deviation, channels, classes, network)


def _own(content: dict[str, Any]) -> Loaded:
    network, channels, classes = _made_of(content)
    model = network.build(channels, classes)
    model.load_state_dict(content["model"])
    return Loaded(model, content["mean"], content["deviation"], channels, classes, network)


def _made_of(content: dict[str, Any]) -> tuple[Network, int, int]:
    """Network, channels and classes that a trial kept with its weights; at first it kept the fields of a residual network."""
    if KIND in content["network"]:
        return from_json(content["network"]), content["channels"], content["classes"]
    found = dict(content["network"])
    channels, classes = found.pop("channels"), found.pop("classes")
    return ResNet(**found), channels, classes


def _state(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict, out of the wrappings that training scripts put around it."""
    for wrapping in ("state_dict", "model", "model_ema"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapping), Mapping):
            content = content[wrapping]
    tensors = isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values())
    if not tensors:
        raise Refused(f"{path} holds no state dict, a mapping of names to tensors: save model.state_dict()")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _architecture(state: Mapping[str, Tensor], path: Path) -> tuple[ResNet, int, int]:
    stages = [{m[1] for name in state if (m := re.match(rf"layer{n}\.(\d+)\.", name))} for n in (1, 2, 3, 4)]
    blocks = tuple(map(len, stages))
    basic = "layer1.0.conv3.weight" not in state
    depths = [depth for depth, known in BLOCKS.items() if known == blocks and (depth in BASIC) is basic]
    if not depths or "fc.weight" not in state or not {"conv1.weight", "conv1.0.weight"} & state.keys():
        raise Refused(f"{path} is no ResNet of timm or torchvision with 18 to 152 layers: its blocks by stage are {blocks}")
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


def _fill(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in state:
            raise Refused(f"{path} lacks {name!r} of the network that its other names belong to: the file is not whole")
        if state[name].shape != value.shape:
            raise Refused(f"{path} has {name!r} of shape {tuple(state[name].shape)}, and the network's is {tuple(value.shape)}")
    if extra := sorted(state.keys() - wanted.keys()):
        raise Refused(f"{path} has {extra[0]!r} more than the network has: give a plain ResNet, or -C, or -D")
    model.load_state_dict(dict(state))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
