"""Values: frozen dataclasses that compare, hash, print and travel as JSON.

Everything a study mentions is a value. JSON is written with ``to_json`` and read with ``from_json``; a trial's key is the hash
of ``canonical`` JSON, in which data is represented by its content, not its location, and a field at its default is left out.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import Enum, Flag
from pathlib import Path
from types import FunctionType
from typing import Any, Protocol, Self, TypeGuard, runtime_checkable

from hpsearch.errors import Refused, did_you_mean

KIND = "is"  # the JSON key that names a value's class
STUDY = "study_"  # the module of a study file is named so, and the file's name after it
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


def is_identified(value: object) -> TypeGuard[Identified]:
    """``isinstance(value, Identified)``, asked of the class, which Python remembers: fifty times faster."""
    return issubclass(type(value), Identified)


def is_value(value: object) -> bool:
    """Whether it is an instance of a dataclass."""
    return is_dataclass(value) and not isinstance(value, type)


def _kind(value: object) -> str:
    cls = type(value)
    return cls.__name__ if isinstance(value, Value) else f"{cls.__module__}:{cls.__qualname__}"


def to_json(value: Any) -> Any:
    """Plain JSON for a value, a number, a text, or a nest of them; ``from_json`` makes an equal value of equal types of it.

    Dataclasses become objects with an ``is`` member that names the class, and so do members of an Enum, paths, lists, frozen sets
    and mappings whose keys are not all texts; tuples become lists.

    >>> to_json((1, 2.5, None, "a"))
    [1, 2.5, None, 'a']
    >>> to_json({1: "a"})
    {'is': 'dict', 'items': [[1, 'a']]}
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        if not math.isfinite(value):
            raise Refused(f"a value must be finite to be recorded, got {value}")
        return value
    if kind is tuple:
        return [to_json(item) for item in value]
    if kind in (list, frozenset):
        items = sorted(value, key=canonical) if kind is frozenset else value
        return {KIND: kind.__name__, "items": [to_json(item) for item in items]}
    if kind is dict:
        if KIND not in value and all(type(key) is str for key in value):
            return {key: to_json(item) for key, item in value.items()}
        return {KIND: "dict", "items": [[to_json(key), to_json(item)] for key, item in value.items()]}
    if isinstance(value, Enum):
        return {KIND: "enum", "name": _kind(value), "member": value.value if isinstance(value, Flag) else value.name}
    if kind is type(Path()):
        return {KIND: "path", "path": str(value)}
    if isinstance(value, FunctionType) and "<" not in value.__qualname__:  # a lambda has no name to be found by
        return {KIND: "function", "name": f"{value.__module__}:{value.__qualname__}"}
    if is_value(value):
        return {KIND: _kind(value), **{f.name: to_json(getattr(value, f.name)) for f in fields(value) if f.init}}
    raise Refused(_unrecordable(value))


def _unrecordable(value: Any) -> str:
    plain = next((base for base in (float, int, str) if isinstance(value, base)), None)
    if plain is not None:
        return f"{value!r} ({type(value).__name__}) cannot be recorded as what it is: write {plain.__name__}(...) round it"
    return (
        f"{value!r} ({type(value).__name__}) cannot be recorded: "
        "use numbers, texts, paths, members of an Enum, tuples, or frozen dataclasses of them"
    )


Known = type | FunctionType


def from_json(data: Any, known: Iterable[Known] = ()) -> Any:
    """The value that ``to_json`` wrote; ``known`` are the user's own dataclasses, Enums and functions that may appear.

    Classes are looked up by name, never imported: text from a file cannot load code. A class is found by its own name where the
    module it was in has another name now.

    >>> from_json([1, [2.5, None]])
    (1, (2.5, None))
    """
    return _read(data, {f"{each.__module__}:{each.__qualname__}": each for each in known})


def _read(data: Any, own: Mapping[str, Known]) -> Any:
    if isinstance(data, list):
        return tuple(_read(item, own) for item in data)
    if not isinstance(data, dict):
        return data
    kind = data.get(KIND)
    if kind is None:
        return {key: _read(item, own) for key, item in data.items()}
    if kind == "path":
        return Path(data["path"])
    if kind in ("list", "frozenset"):
        return {"list": list, "frozenset": frozenset}[kind](_read(data["items"], own))
    if kind == "dict":
        return dict(_read(data["items"], own))
    if kind in ("function", "enum"):
        found: Any = _find(data["name"], own)
        return found if kind == "function" else _member(found, data["member"])
    return _find(kind, own)(**{key: _read(item, own) for key, item in data.items() if key != KIND})


def _find(name: str, own: Mapping[str, Known]) -> Any:
    """What goes by that name; else the only one whose name in its module is the same."""
    if exact := own.get(name) or _classes.get(name):
        return exact
    alike = {id(each): each for known, each in own.items() if ":" in name and known.split(":")[1] == name.split(":")[1]}
    if len(alike) != 1:
        raise Refused(f"no value class or function is named {name!r}: {did_you_mean(name, [*_classes, *own])}")
    return next(iter(alike.values()))


def _member(enum: Any, member: Any) -> Any:
    try:
        return enum[member] if isinstance(member, str) else enum(member)
    except (KeyError, ValueError) as error:
        raise Refused(f"{enum.__name__} has no member {member!r}: {did_you_mean(str(member), enum.__members__)}") from error


def _canonical(value: Any) -> Any:
    if value is None or type(value) in (bool, int, str):  # most are
        return value
    if isinstance(value, Enum | FunctionType):
        written = to_json(value)
        return {**written, "name": _place(value, written["name"])}
    if is_identified(value):
        return value.identity()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)  # 1 and 1.0 are one setting
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    if type(value) is frozenset:
        return {KIND: "frozenset", "items": sorted((_canonical(item) for item in value), key=_text)}
    if isinstance(value, Mapping):
        if KIND not in value and all(type(key) is str for key in value):
            return {key: _canonical(item) for key, item in value.items()}
        return {KIND: "dict", "items": sorted(([_canonical(k), _canonical(v)] for k, v in value.items()), key=_text)}
    if is_value(value):
        own = {f.name: getattr(value, f.name) for f in fields(value) if f.init and not _at_default(f, getattr(value, f.name))}
        return {KIND: type(value).__qualname__, **{name: _canonical(item) for name, item in own.items()}}
    return to_json(value)


def _place(value: Any, name: str) -> str:
    """The name without that of a study's file, which may be given another."""
    return name.split(":")[1] if name.startswith(STUDY) else name


def _at_default(field: "Field[Any]", value: Any) -> bool:
    """Whether the field has its default, as the same setting: 1 for 1.0, but not True for 1."""
    default = default_of(field)
    if _missing(default) or value is default:
        return not _missing(default)
    return same(value, default)


def default_of(field: "Field[Any]") -> Any:
    """The default of a dataclass's field; MISSING where it has none."""
    return field.default if _missing(field.default_factory) else field.default_factory()  # type: ignore[operator]


def _missing(default: Any) -> bool:
    """Whether a field has no such default; a class that was pickled by value brings a MISSING of its own."""
    return isinstance(default, type(MISSING))


def same(one: Any, other: Any) -> bool:
    """Whether two values are one setting: equal canonical texts.

    >>> same(1, 1.0), same(1, True), same((1, 2), [1, 2])
    (True, False, True)
    """
    if type(one) is type(other) and type(one) in (bool, int, str, float):
        return bool(one == other)
    return canonical(one) == canonical(other)


def _text(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """The one text of a value's content: sorted, compact, data by its identity, without fields at their defaults.

    So a class may be given a further field, and what was recorded before is known by the same text. A default that is given
    another meaning is not seen here: see ``hpsearch.results.older``, which compares all that was recorded.

    >>> canonical({"b": 1.0, "a": (True,)})
    '{"a":[true],"b":1}'
    """
    return _text(_canonical(value))


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits.

    >>> digest({"a": 1}) == digest({"a": 1.0})
    True
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def kinds(value: Any) -> set[Known]:
    """The classes and functions in a value and below it: what its JSON may name.

    >>> kinds((1, "a", Path()))
    set()
    """
    if isinstance(value, FunctionType):
        return {value}
    if isinstance(value, Enum):
        return {type(value)}
    if isinstance(value, Mapping):
        return {kind for pair in value.items() for item in pair for kind in kinds(item)}
    if isinstance(value, tuple | list | frozenset):
        return {kind for item in value for kind in kinds(item)}
    if is_value(value):
        return {type(value), *(kind for f in fields(value) if f.init for kind in kinds(getattr(value, f.name)))}
    return set()


def opens(value: object) -> bool:
    """Whether a value has fields that can be named: a dataclass of the user's own, neither data nor one of ours."""
    return is_value(value) and not isinstance(value, Value) and not is_identified(value)


def field_names(config: Any) -> tuple[str, ...]:
    """The fields of a config and of the dataclasses in it, by their dotted names; each dataclass before what it holds.

    >>> from dataclasses import make_dataclass
    >>> optim = make_dataclass("Optim", [("lr", float, 0.1)], frozen=True)
    >>> field_names(make_dataclass("Config", [("optim", optim, optim()), ("wide", bool, False)], frozen=True)())
    ('optim', 'optim.lr', 'wide')
    """
    found: list[str] = []
    for name in (f.name for f in fields(config) if f.init):
        value = getattr(config, name)
        found += [name, *(f"{name}.{inner}" for inner in field_names(value))] if opens(value) else [name]
    return tuple(found)


def field_at(config: Any, name: str) -> Any:
    """The value of a field by its dotted name; refused where there is none."""
    value = config
    for part in name.split("."):
        value = value.get(part, MISSING) if isinstance(value, Mapping) else getattr(value, part, MISSING)
        if value is MISSING:
            raise Refused(f"{type(config).__name__} has no field {name!r}: {did_you_mean(name, field_names(config))}")
    return value


def with_fields(config: Any, settings: Mapping[str, Any]) -> Any:
    """The config with fields set by their dotted names; a field before those inside it, and those of one dataclass together."""
    own = {name: value for name, value in settings.items() if "." not in name}
    inner: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        first, dot, rest = name.partition(".")
        if dot:
            inner.setdefault(first, {})[rest] = value
    for name, within in inner.items():
        value = own[name] if name in own else field_at(config, name)
        if not (is_value(value) or isinstance(value, dict)):
            raise Refused(f"{name!r} is {value!r} in {type(config).__name__}, which has no field {next(iter(within))!r} to set")
        own[name] = with_fields(value, within)
    return {**config, **own} if isinstance(config, dict) else replace(config, **own)


def overlap(one: str, other: str) -> bool:
    """Whether setting one field sets the other as well, or a part of it.

    >>> overlap("optim", "optim.lr"), overlap("optim.lr", "optim.lr_decay")
    (True, False)
    """
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
