"""Configs as the record holds them: JSON, read without the classes it names."""

import json
from typing import Any

from hpsearch.values import KIND


def flat(config: Any) -> dict[str, Any]:
    """A config's JSON as one mapping from dotted names to what stands there, without the names of its classes.

    >>> flat({"is": "m:Config", "optim": {"is": "m:Optim", "lr": 0.1}, "betas": [1, 2]})
    {'optim.lr': 0.1, 'betas': [1, 2]}
    """
    found: dict[str, Any] = {}
    for name, value in config.items():
        inner = isinstance(value, dict) and ":" in str(value.get(KIND, ""))
        found |= {f"{name}.{below}": each for below, each in flat(value).items()} if inner else {name: value}
    found.pop(KIND, None)
    return found


def written(value: Any) -> str:
    """JSON as a person would write what it stands for.

    >>> written("cosine"), written({"is": "enum", "name": "m:Act", "member": "RELU"}), written({"is": "path", "path": "a/b"})
    ('cosine', 'Act.RELU', 'a/b')
    """
    kind = value.get(KIND) if isinstance(value, dict) else None
    if kind == "enum":
        return f"{value['name'].split(':')[1]}.{value['member']}"
    return str(value["path"] if kind == "path" else value) if isinstance(value, str) or kind == "path" else json.dumps(value)
