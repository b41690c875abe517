"""What each field of a frozen dataclass may be, said in its annotation.

``Annotated[int, whole(1)]`` has its law beside it; a ``Literal`` allows its choices and a ``bool`` True and False; ``or None``
follows from ``| None``. So a field and its law are one declaration.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hpsearch.errors import Refused


@dataclass(frozen=True)
class Law:
    """What a value must be."""

    words: str  # {} stands for the field's name
    holds: Callable[[Any], bool]


def whole(least: int, note: str = "") -> Law:
    """A whole number, at least so large.

    >>> whole(1, " in pixels").words, whole(1).holds(1), whole(1).holds(1.0), whole(1).holds(True)
    ('whole {} >= 1 in pixels', True, False, False)
    """
    return Law(f"whole {{}} >= {least}{note}", lambda value: type(value) is int and value >= least)


def number(words: str, inside: Callable[[float], bool]) -> Law:
    """A finite number for which ``inside`` holds.

    >>> number("{} > 0", lambda value: value > 0).holds(math.inf)
    False
    """

    def holds(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and inside(value)

    return Law(words, holds)


def one_of(*choices: object) -> Law:
    """One of these values, and of their types."""
    written = " or ".join(map(repr, choices))
    return Law(f"{{}} to be {written}", lambda value: value in choices and type(value) in set(map(type, choices)))


def law_of(hint: Any) -> Law | None:
    """The law that an annotation says; None where it says none.

    >>> law_of(Annotated[int, whole(2)] | None).words
    'whole {} >= 2, or None'
    >>> law_of(Literal["linear", "none"]).words
    "{} to be 'linear' or 'none'"
    """
    if get_origin(hint) is Annotated:
        return next((each for each in hint.__metadata__ if isinstance(each, Law)), None)
    if get_origin(hint) is Literal:
        return one_of(*get_args(hint))
    if hint is bool:
        return one_of(True, False)
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        laws = [law_of(each) for each in get_args(hint) if each is not NoneType]
        inner = laws[0] if len(laws) == 1 else None
        return inner and Law(f"{inner.words}, or None", lambda value: value is None or inner.holds(value))
    return None


@cache
def laws(cls: type) -> dict[str, Law]:
    """The law of every field of a dataclass that has one."""
    hints = get_type_hints(cls, include_extras=True)
    found = {field.name: law_of(hints[field.name]) for field in fields(cls)}
    return {name: law for name, law in found.items() if law is not None}


def refuse_unlawful(value: Any) -> None:
    """Refuse a dataclass with a field that breaks its law, naming the law, the field and its value."""
    cls: Any = type(value)
    for name, law in laws(cls).items():
        if not law.holds(getattr(value, name)):
            raise Refused(f"{type(value).__name__} needs {law.words.format(name)}, got {name}={getattr(value, name)!r}")
