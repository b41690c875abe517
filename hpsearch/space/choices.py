"""Domains without an order: one of some options, which may open spaces of their own, and a constant."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpsearch.errors import Refused
from hpsearch.space.base import Domain
from hpsearch.space.space import Space
from hpsearch.values import to_json


@dataclass(frozen=True, init=False, repr=False)
class Choice(Domain):
    """One of the options, each with the same share of the unit interval; a named option opens a space of its own.

    >>> Choice("step", "cosine").value(0.7)
    'cosine'
    >>> from hpsearch.space import Uniform
    >>> Choice("plain", sgd=Space(momentum=Uniform(0, 1))).options
    ('plain', 'sgd')
    """

    options: tuple[Any, ...]
    spaces: tuple[tuple[str, Space], ...] = ()  # what an option opens, in the order of the options

    def __init__(
        self, *positional: Any, options: Iterable[Any] = (), spaces: Iterable[tuple[str, Space]] = (), **named: Space
    ) -> None:
        if isinstance(options, Space) or isinstance(spaces, Space):
            raise Refused('"options" and "spaces" are reserved by Choice: give the option another name')
        opened = {**dict(spaces), **named}
        for option, space in opened.items():
            if not isinstance(space, Space):
                raise Refused(f"Choice({option}=...) needs the space that the option opens, as in Space(x=...), got {space!r}")
        plain = (*positional, *options)
        object.__setattr__(self, "options", (*plain, *(option for option in opened if option in named or option not in plain)))
        if not self.options:
            raise Refused("Choice needs at least one option")
        try:
            different = len(set(self.options))
        except TypeError:
            raise Refused(f'Choice needs options that can be hashed, as in Choice("a", "b"), got {self.options}') from None
        if different < len(self.options):
            raise Refused(f"Choice needs different options, got {self.options}")
        _refuse_alike(self.options)
        object.__setattr__(self, "spaces", tuple((option, opened[option]) for option in self.options if option in opened))

    def __repr__(self) -> str:
        return f"Choice(options={self.options!r}{f', spaces={self.spaces!r}' if self.spaces else ''})"

    def _steps(self, units: ArrayLike) -> NDArray[np.int64]:
        count = len(self.options)
        return np.minimum(np.floor(np.asarray(units, dtype=np.float64) * count).astype(np.int64), count - 1)

    def values(self, units: ArrayLike) -> NDArray[Any]:
        table = np.empty(len(self.options), dtype=object)
        for index, option in enumerate(self.options):  # one by one: numpy would take tuples for rows
            table[index] = option
        return table[self._steps(units)]

    def unit(self, value: Any) -> float:
        if value not in self.options:
            raise Refused(f"{value!r} is not one of {self.options}")
        return (self.options.index(value) + 0.5) / len(self.options)

    def within(self, low: float, high: float) -> "Choice":
        first, last = self._steps(max(0.0, low)), self._steps(min(1.0, high))
        return self._of(self.options[int(first) : int(last) + 1])

    def around(self, values: Sequence[Any], margin: float) -> "Choice":
        """The options that are among the values: options have no order, so none lies beyond another."""
        for value in values:
            self.unit(value)
        return self._of(tuple(option for option in self.options if option in values))

    def _of(self, options: tuple[Any, ...]) -> "Choice":
        return Choice(options=options, spaces=((option, space) for option, space in self.spaces if option in options))

    def __contains__(self, value: object) -> bool:
        return value in self.options

    @property
    def branches(self) -> tuple[tuple[str, Space], ...]:
        return self.spaces

    def map_branches(self, change: Callable[[str, Space], Space]) -> "Choice":
        return Choice(options=self.options, spaces=((option, change(option, space)) for option, space in self.spaces))


def _refuse_alike(options: Sequence[Any]) -> None:
    """Refuse options that cannot be recorded, as infinity and NaN, and two that the record could not distinguish."""
    seen: dict[str, Any] = {}
    for option in options:
        try:
            written = json.dumps(to_json(option), sort_keys=True)
        except Refused as error:
            raise Refused(f"Choice has an option that cannot be recorded, {option!r}: {error}") from error
        if seen.setdefault(written, option) is not option:
            raise Refused(f"Choice needs options that are recorded differently, got {seen[written]!r} and {option!r}")


@dataclass(frozen=True)
class Constant(Domain):
    """One value, laid over the config like any other parameter; it takes no unit coordinate in a space.

    >>> Constant(0.9).value(0.3), Constant(0.9).unit(0.9)
    (0.9, 0.5)
    """

    fixed: Any

    def __post_init__(self) -> None:
        try:
            hash(self.fixed)
        except TypeError:
            raise Refused(f"Constant needs a value that can be hashed, such as a tuple, got {self.fixed!r}") from None
        to_json(self.fixed)  # refuses what cannot be recorded

    @property
    def options(self) -> tuple[Any, ...]:
        """All its values: the one."""
        return (self.fixed,)

    def values(self, units: ArrayLike) -> NDArray[Any]:
        filled = np.empty(np.shape(units), dtype=object)
        filled.fill(self.fixed)
        return filled

    def unit(self, value: Any) -> float:
        if value != self.fixed:
            raise Refused(f"{value!r} is not {self.fixed!r}, the constant of the space")
        return 0.5

    def within(self, low: float, high: float) -> "Constant":
        return self

    def __contains__(self, value: object) -> bool:
        return bool(value == self.fixed)

    @property
    def varies(self) -> bool:
        return False
