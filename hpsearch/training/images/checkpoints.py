"""What training scripts save: a state dict, what they put around it, and the names that a file goes by."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpsearch.errors import Refused

# around a state dict; an average of the weights goes before the last weights, as in timm.models.load_checkpoint
WRAPPINGS = ("state_dict_ema", "model_ema", "state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel, AveragedModel and torch.compile, in any order
COUNTS = ("n_averaged",)  # what AveragedModel keeps beside the weights


def opened(path: Path) -> Any:
    """What is in a file, with ``weights_only=True``: nothing in it is run. Refuses what cannot be read so."""
    try:
        with torch.serialization.safe_globals([Namespace]):  # scripts keep their arguments beside the weights
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError and more, by what the file is
        raise Refused(f"{path} is no file of weights that can be read safely ({_first_line(error)}): give a state dict") from error


def unwrapped(content: Any, path: Path) -> tuple[dict[str, Tensor], str]:
    """The state dict by bare names, and where it lay: ``state_dict_ema``, or nothing for the content itself."""
    places = []
    while wrapping := next((name for name in WRAPPINGS if _holds(content, name)), None):
        content = content[wrapping]
        places.append(wrapping)
    state = {_bare(str(name)): value for name, value in content.items()} if isinstance(content, Mapping) else {}
    state = {name: value for name, value in state.items() if name not in COUNTS}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise Refused(f"{path} holds no state dict, a mapping of names to tensors: save model.state_dict()")
    return state, ".".join(places)


def names(content: Any, path: Path) -> Iterator[str]:
    """What the weights are called: by the script that saved them, by the file, by the folders above it."""
    if isinstance(content, Mapping):
        args = content.get("args")
        told = vars(args) if isinstance(args, Namespace) else args if isinstance(args, Mapping) else {}
        yield from (name for name in (content.get("arch"), told.get("model"), told.get("arch")) if isinstance(name, str))
    yield from reversed(path.parts)


def _holds(content: Any, name: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(name), Mapping)


def _bare(name: str) -> str:
    """A name without what wrappers put before it.

    >>> _bare("_orig_mod.module.fc.weight")
    'fc.weight'
    """
    while prefix := next((each for each in PREFIXES if name.startswith(each)), None):
        name = name.removeprefix(prefix)
    return name


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
