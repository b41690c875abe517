"""Values: frozen dataclasses that compare, hash, print and travel as JSON.

Everything a study mentions is a value. JSON is written with ``to_json`` and read with ``from_json``; a trial's key is the hash
of ``canonical`` JSON, in which data is represented by its content, not by its location.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, Protocol, Self, runtime_checkable

from hpsearch.errors import Refused, did_you_mean

KIND = "is"  # the JSON key that names a value's class
_classes: dict[str, type] = {}


class Value:
    """Base of our frozen dataclasses; a subclass can be read back from JSON by its class name."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        other = _classes.setdefault(cls.__name__, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"two value classes are named {cls.__name__}: {other.__module__} and {cls.__module__}")
        _classes[cls.__name__] = cls

    def __new__(cls, *_: Any, **named: Any) -> Self:
        """A new value; refused where a keyword is no field. Here, because ``dataclass`` writes ``__init__`` itself."""
        known = getattr(cls, "__dataclass_fields__", {})
        if not named.keys() <= known.keys() and cls.__dataclass_params__.init:  # type: ignore[attr-defined]
            word = next(name for name in named if name not in known)
            raise Refused(f"{cls.__name__} has no field {word!r}: {did_you_mean(word, (n for n, f in known.items() if f.init))}")
        return super().__new__(cls)


@runtime_checkable
class Identified(Protocol):
    """A value whose identity is what it holds, not how it is reached: data sets, files of weights."""

    def identity(self) -> dict[str, Any]:
        """JSON that two values share exactly when they hold the same content."""
        ...


def _kind(value: object) -> str:
    cls = type(value)
    return cls.__name__ if isinstance(value, Value) else f"{cls.__module__}:{cls.__qualname__}"


def to_json(value: Any) -> Any:
    """Plain JSON for a value, a number, a text, or a nest of them.

    Dataclasses become objects with an ``is`` member that names the class; tuples become lists.

    >>> to_json((1, 2.5, None, "a"))
    [1, 2.5, None, 'a']
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refused(f"a value must be finite to be recorded, got {value}")
        return value
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, FunctionType):
        return {KIND: "function", "name": f"{value.__module__}:{value.__qualname__}"}
    if is_dataclass(value) and not isinstance(value, type):
        return {KIND: _kind(value), **{f.name: to_json(getattr(value, f.name)) for f in fields(value) if f.init}}
    raise Refused(
        f"{value!r} ({type(value).__name__}) cannot be recorded: use numbers, texts, tuples or frozen dataclasses of them"
    )


def from_json(data: Any, known: Iterable[type | FunctionType] = ()) -> Any:
    """The value that ``to_json`` wrote; ``known`` are the user's own dataclasses and functions that may appear.

    Classes are looked up by name, never imported: text from a file cannot load code.

    >>> from_json([1, [2.5, None]])
    (1, (2.5, None))
    """
    own = {f"{each.__module__}:{each.__qualname__}": each for each in known}
    if isinstance(data, list):
        return tuple(from_json(item, known) for item in data)
    if isinstance(data, dict):
        members = {key: from_json(item, known) for key, item in data.items() if key != KIND}
        if KIND not in data:
            return members
        function = data[KIND] == "function"
        name = data["name"] if function else data[KIND]
        found = own.get(name) or _classes.get(name)
        if found is None:
            raise Refused(f"no value class or function is named {name!r}: {did_you_mean(name, [*_classes, *own])}")
        return found if function else found(**members)
    return data


def _canonical(value: Any) -> Any:
    if value is None or type(value) in (bool, int, str):  # most are; asking a protocol takes long
        return value
    if isinstance(value, Identified):
        return value.identity()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)  # 1 and 1.0 are one setting
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        members = {f.name: _canonical(getattr(value, f.name)) for f in fields(value) if f.init}
        return {KIND: type(value).__qualname__, **members}
    return to_json(value)


def canonical(value: Any) -> str:
    """The one text of a value's content: sorted, compact, data by its identity.

    >>> canonical({"b": 1.0, "a": (True,)})
    '{"a":[true],"b":1}'
    """
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits.

    >>> digest({"a": 1}) == digest({"a": 1.0})
    True
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()
