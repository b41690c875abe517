"""A trick: a name, the recipe fields it sets, why it should help, and what was published about it."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hpsearch.errors import Refused
from hpsearch.values import Value, overlap, with_fields

Config = TypeVar("Config")


@dataclass(frozen=True)
class Claim(Value):
    """A published difference: what it is worth, over what it was measured, and where that is printed."""

    value: float  # difference of the metric, in points of percent for accuracies
    over: str  # what the trick was laid over
    source: str  # paper and table
    metric: str = "top1"
    note: str = ""

    def __post_init__(self) -> None:
        if not self.source or not self.over:
            raise Refused(f"a Claim needs what it was measured over and its source, got over={self.over!r}, source={self.source!r}")


@dataclass(frozen=True)
class Rung(Value):
    """A published result as it is printed: one rung of a ladder."""

    rung: str
    name: str
    top1: float  # percent
    top5: float | None  # percent
    over: str | None  # the rung below it
    source: str  # paper and table
    settings: str = ""


@dataclass(frozen=True)
class Trick(Value):
    """A named setting of recipe fields; a field of a dataclass in the config goes by its dotted name, ``optim.lr``.

    ``sets`` is given as a mapping and kept as sorted pairs, so that a trick can be hashed.

    >>> Trick("cosine decay", {"schedule": "cosine"}, why="no sudden drops").settings
    {'schedule': 'cosine'}
    """

    name: str
    sets: Any  # mapping of field to value; kept as sorted pairs (field, value)
    why: str = ""
    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise Refused(f"a Trick needs a name without blanks around it, got {self.name!r}")
        pairs = self.sets.items() if isinstance(self.sets, Mapping) else self.sets
        object.__setattr__(self, "sets", tuple(sorted((str(field), value) for field, value in pairs)))
        object.__setattr__(self, "claims", tuple(self.claims))
        if not self.sets:
            raise Refused(
                f"trick {self.name!r} sets no field: give it at least one, as in Trick({self.name!r}, {{'field': value}})"
            )
        for field, value in self.sets:
            if not isinstance(value, Hashable):
                raise Refused(
                    f"trick {self.name!r} sets {field!r} to a {type(value).__name__}, which can change: {_instead(field, value)}"
                )
        fields = list(self.settings)
        for number, field in enumerate(fields):
            if within := [known for known in fields[:number] if overlap(field, known)]:
                raise Refused(f"trick {self.name!r} sets {within[0]!r} and {field!r}, which is a part of it: set one of the two")

    @property
    def settings(self) -> dict[str, Any]:
        """Field to value."""
        return dict(self.sets)


def _instead(field: str, value: Any) -> str:
    return (
        f"set its items one by one, as in {{'{field}.{next(iter(value), 'name')}': ...}}"
        if isinstance(value, dict)
        else "use a tuple"
    )


@dataclass(frozen=True)
class Arm(Value):
    """A set of tricks laid over the base recipe; the order in which they are given does not matter.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> Arm((a, b)) == Arm((b, a))
    True
    >>> Arm(()).name, Arm((b, a)).name
    ('base', 'a + b')
    """

    tricks: tuple[Trick, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tricks", tuple(sorted(set(self.tricks), key=lambda trick: trick.name)))
        refuse_namesakes(self.tricks)
        owners = [(field, trick) for trick in self.tricks for field in trick.settings]
        for number, (field, trick) in enumerate(owners):
            for known, other in owners[:number]:
                if other != trick and overlap(field, known):
                    raise Refused(
                        f"tricks {other.name!r} and {trick.name!r} both set {field!r} and cannot share an arm: "
                        "lay them in different arms, or make one trick of them"
                    )

    @property
    def name(self) -> str:
        """The names of the tricks, ``base`` where there are none."""
        return " + ".join(trick.name for trick in self.tricks) or "base"

    @property
    def settings(self) -> dict[str, Any]:
        """All fields the arm sets."""
        return {field: value for trick in self.tricks for field, value in trick.sets}

    def __or__(self, other: "Arm") -> "Arm":
        """The arm with the tricks of both."""
        return Arm(self.tricks + other.tricks)

    def without(self, trick: Trick) -> "Arm":
        """The arm with one trick taken away."""
        return Arm(tuple(t for t in self.tricks if t != trick))

    def over(self, base: Config) -> Config:
        """The base with the arm's settings laid over it."""
        over: Config = with_fields(base, self.settings)
        return over


def refuse_namesakes(tricks: Iterable[Trick]) -> None:
    """Refuse two tricks under one name, which no table could tell apart."""
    names: dict[str, Trick] = {}
    for trick in tricks:
        if names.setdefault(trick.name, trick) != trick:
            raise Refused(f"two different tricks are named {trick.name!r}: rename one")


def refuse_few(tricks: tuple[Trick, ...], least: int, design: str) -> None:
    """Refuse fewer tricks than a design needs, and one given twice."""
    if len(tricks) < least:
        raise Refused(f"{design} needs at least {least} trick{'s' * (least > 1)}, got {len(tricks)}")
    if len(set(tricks)) < len(tricks):
        twice = next(t.name for n, t in enumerate(tricks) if t in tricks[:n])
        raise Refused(f"{design} was given trick {twice!r} twice: name each once")
