"""How every design is tried: what each ``of_*.py`` beside this file says of some."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from truths import TRICKS, Tried, designs

from hpsearch.ablation import Plan, Trick


def _found() -> dict[str, Tried]:
    found = {}
    for path in sorted(Path(__file__).parent.glob("of_*.py")):
        spec = importlib.util.spec_from_file_location(f"tried_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= {each.name: each for each in vars(module).values() if isinstance(each, Tried)}
    return found


TRIED = _found()
ALL = [(name, k, settings) for name, each in TRIED.items() for k, settings in each.cases]
NAMED = [f"{name}-{k}-{'-'.join(f'{key}={value}' for key, value in settings.items())}" for name, k, settings in ALL]


def made(name: str, k: int, settings: Mapping[str, int], tricks: tuple[Trick, ...] = TRICKS) -> Plan:
    """A design over the first ``k`` tricks."""
    return designs()[name](*tricks[:k], **settings)
