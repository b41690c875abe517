"""What a trial is beside its training code: digests to find it by, and whether recorded values are still the config's."""

import json
from collections.abc import Iterator
from typing import Any

from hpsearch.ablation import Trained
from hpsearch.errors import Refused
from hpsearch.protocol import is_source
from hpsearch.study import Trial
from hpsearch.values import KIND, canonical, digest, field_at, field_names, from_json, is_identified, opens, same, to_json

Changed = tuple[str, Any, Any]  # a field's dotted name, its value then and now


def contents(trial: Trial) -> dict[str, str]:
    """Digests of what a trial is beside its code: all of it, all but the data, the data alone."""
    plain, data = _parted(trial.config)
    rest = [trial.seed, trial.epochs, trial.held_out]
    return {"content": digest([trial.config, *rest]), "rest": digest([plain, *rest]), "data": digest(data)}


def _parted(config: Any) -> tuple[Any, list[Any]]:
    """The canonical JSON of a config with nothing where its data stands, and the identities of its data."""
    plain: Any = json.loads(canonical(config))
    data: list[Any] = []
    for name in field_names(config):
        value = field_at(config, name)
        if is_source(value):
            data.append(value.identity())
            _put(plain, name, None)
        elif isinstance(value, Trained):
            within, found = _parted(value.config)
            data += found
            _put(plain, name, [within, value.seed, value.epochs])
    return plain, data


def _put(plain: dict[str, Any], name: str, value: Any) -> None:
    *above, last = name.split(".")
    for part in above:
        plain = plain.setdefault(part, {})
    plain[last] = value


def data_of(config: Any) -> list[Any]:
    """The identities of a config's data, its teachers' too."""
    return _parted(config)[1]


def other_values(stored: Any, config: Any) -> list[Changed]:
    """Fields whose recorded value is not the config's: dotted name, value then, value now.

    Fields that only one of the two has do not count, nor does data, whose place may change.
    """
    found: list[Changed] = []
    for name in field_names(config):
        value, then = field_at(config, name), _stored(stored, name)
        if then is not _stored and not opens(value) and not is_identified(value):
            now = to_json(value)
            if _nameless(then) != _nameless(now) and not _alike(then, value):
                found.append((name, then, now))
    return found


def stored_values(stored: Any, config: Any) -> Iterator[tuple[str, Any]]:
    """The recorded value of every field of a config, by dotted name, as far as there is one."""
    found = ((name, _stored(stored, name)) for name in field_names(config))
    return ((name, value) for name, value in found if value is not _stored)


def _stored(stored: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(stored, dict) or part not in stored:
            return _stored  # a mark: nothing stands there
        stored = stored[part]
    return stored


def _nameless(data: Any) -> Any:
    """JSON without the modules of classes, which may be renamed, and of teachers without what their classes gained."""
    if isinstance(data, list):
        return [_nameless(item) for item in data]
    if isinstance(data, dict):
        return {
            key: item.split(":")[-1] if key in (KIND, "name") and isinstance(item, str) else _nameless(item)
            for key, item in data.items()
        }
    return data


def _alike(then: Any, now: Any) -> bool:
    """Whether a recorded value is the same setting: 1 for 1.0, a text for the member of an Enum it was written as, a teacher."""
    if isinstance(now, Trained):
        return not other_values(then["config"], now.config) if isinstance(then, dict) and "config" in then else False
    plain = now.value if isinstance(now, str | int) and hasattr(now, "value") else now
    try:
        return same(from_json(then), plain)
    except (Refused, TypeError, ValueError):
        return False
