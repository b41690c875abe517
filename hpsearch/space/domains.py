"""Domains: frozen values whose whole meaning is a monotone map to and from the unit interval.

``unit`` takes a value to [0, 1], ``value`` takes [0, 1] to a value; a uniform draw of the unit interval is a draw of the
domain.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpsearch.errors import Refused
from hpsearch.values import Value

Units = NDArray[np.float64]
ROUNDING = 2.0**-52  # of 1 - (1 - x), for x in [0, 1]
LARGEST = 2**40  # beyond it a unit coordinate no longer tells neighbouring whole numbers apart


class Domain(Value):
    """What a hyperparameter may be. Subclasses are frozen and give ``values``, ``unit`` and ``within``."""

    def values(self, units: ArrayLike) -> NDArray[Any]:
        """Values at unit coordinates of any shape, each in [0, 1]."""
        raise NotImplementedError

    def unit(self, value: Any) -> float:
        """The unit coordinate of a value; refused outside the domain."""
        raise NotImplementedError

    def within(self, low: float, high: float) -> "Domain":
        """The part of the domain between two unit coordinates, clipped to [0, 1]."""
        raise NotImplementedError

    def value(self, unit: float) -> Any:
        """The value at one unit coordinate, as a plain Python number or choice.

        >>> Uniform(2, 4).value(0.5)
        3.0
        """
        if not 0 <= unit <= 1:
            raise Refused(f"a unit coordinate lies in [0, 1], got {unit}")
        value = self.values(np.array(unit))
        return value.item() if isinstance(value, np.ndarray | np.generic) else value

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps of the unit interval multiply the value: what a plot's axis should be."""
        return False


class _Numbers(Domain):
    """Shared by the domains between two numbers."""

    low: float
    high: float

    def _refuse_outside(self, value: float) -> None:
        if not self.low <= value <= self.high:
            raise Refused(f"{value!r} lies outside {self}")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


class _Whole(_Numbers):
    """Shared by the domains of whole numbers."""

    low: int
    high: int

    def _refuse_outside(self, value: float) -> None:
        super()._refuse_outside(value)
        if value != math.floor(value):
            raise Refused(f"{value!r} is no whole number, as {self} needs")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and super().__contains__(value) and float(value).is_integer()


def _finite(kind: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise Refused(f"{kind} needs finite ends, got low={low}, high={high}")
    if not low < high:
        raise Refused(f"{kind} needs low < high, got low={low}, high={high}")
    if not math.isfinite(float(high) - float(low)):
        raise Refused(f"{kind} needs a finite width, got low={low}, high={high}")


def _between(units: Units, values: Units, low: float, high: float) -> Units:
    """The values with both ends exact, whatever rounding has done to them."""
    return np.where(units <= 0, float(low), np.where(units >= 1, float(high), np.clip(values, low, high)))


@dataclass(frozen=True)
class Uniform(_Numbers):
    """Real numbers, even on [low, high].

    >>> Uniform(0, 10).unit(2.5)
    0.25
    >>> 10 ** Uniform(-6, 1) == LogUniform(1e-6, 10)
    True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _finite("Uniform", self.low, self.high)

    def __rpow__(self, base: float) -> "LogUniform":
        if not base > 1:
            raise Refused(f"base ** Uniform(low, high) needs a base above 1, got {base}")
        try:
            return LogUniform(float(base) ** self.low, float(base) ** self.high)
        except OverflowError:
            raise Refused(f"{base} ** {self} reaches beyond the largest number, 1.8e308: lower high") from None

    def values(self, units: ArrayLike) -> Units:
        u = np.asarray(units, dtype=np.float64)
        return _between(u, self.low + u * (self.high - self.low), self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return min(1.0, (value - self.low) / (self.high - self.low))

    def within(self, low: float, high: float) -> "Uniform":
        return Uniform(self.value(max(0.0, low)), self.value(min(1.0, high)))


@dataclass(frozen=True)
class LogUniform(_Numbers):
    """Positive real numbers, even in the logarithm on [low, high]; written ``10 ** Uniform(-6, 1)`` as well.

    value = low (high / low)^u

    >>> round(LogUniform(1e-4, 1).value(0.25), 12)
    0.001
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise Refused(f"LogUniform needs 0 < low < high, got low={self.low}, high={self.high}")

    def values(self, units: ArrayLike) -> Units:
        u = np.asarray(units, dtype=np.float64)
        exact = np.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        return _between(u, exact, self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        share = (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return min(1.0, max(0.0, share))

    def within(self, low: float, high: float) -> "LogUniform":
        return LogUniform(self.value(max(0.0, low)), self.value(min(1.0, high)))

    @property
    def logarithmic(self) -> bool:
        return True


def _whole(kind: str, low: object, high: object) -> None:
    if not (isinstance(low, int) and isinstance(high, int)) or isinstance(low, bool) or isinstance(high, bool):
        raise Refused(f"{kind} needs whole numbers, got low={low!r}, high={high!r}")
    if max(abs(low), abs(high)) > LARGEST:
        raise Refused(f"{kind} needs ends between -2**40 and 2**40, got low={low}, high={high}")


@dataclass(frozen=True)
class Integers(_Whole):
    """Whole numbers low, ..., high, both ends included, each with the same share of the unit interval.

    >>> [Integers(1, 4).value(u) for u in (0, 0.3, 0.6, 1)]
    [1, 2, 3, 4]
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        _whole("Integers", self.low, self.high)
        _finite("Integers", self.low, self.high)

    def values(self, units: ArrayLike) -> NDArray[np.int64]:
        count = self.high - self.low + 1
        steps = np.floor(np.asarray(units, dtype=np.float64) * count).astype(np.int64)
        return self.low + np.minimum(steps, count - 1)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    def within(self, low: float, high: float) -> Domain:
        first, last = self.value(max(0.0, low)), self.value(min(1.0, high))
        return Integers(first, last) if first < last else Choice(first)


@dataclass(frozen=True)
class LogIntegers(_Whole):
    """Whole numbers low, ..., high, even in the logarithm: n has the share of [n - 1/2, n + 1/2].

    >>> [LogIntegers(1, 1000).value(u) for u in (0, 0.5, 1)]
    [1, 22, 1000]
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        _whole("LogIntegers", self.low, self.high)
        if not 0 < self.low < self.high:
            raise Refused(f"LogIntegers needs 0 < low < high, got low={self.low}, high={self.high}")

    @property
    def _smooth(self) -> LogUniform:
        return LogUniform(self.low - 0.5, self.high + 0.5)

    def values(self, units: ArrayLike) -> NDArray[np.int64]:
        rounded = np.floor(self._smooth.values(units) + 0.5).astype(np.int64)
        return np.clip(rounded, self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return self._smooth.unit(int(value))

    def within(self, low: float, high: float) -> Domain:
        first, last = self.value(max(0.0, low)), self.value(min(1.0, high))
        return LogIntegers(first, last) if first < last else Choice(first)

    @property
    def logarithmic(self) -> bool:
        return True


@dataclass(frozen=True, init=False)
class Choice(Domain):
    """One of the options, each with the same share of the unit interval.

    >>> Choice("step", "cosine").value(0.7)
    'cosine'
    """

    options: tuple[Any, ...]

    def __init__(self, *positional: Any, options: Iterable[Any] = ()) -> None:
        object.__setattr__(self, "options", (*positional, *options))
        if not self.options:
            raise Refused("Choice needs at least one option")
        try:
            different = len(set(self.options))
        except TypeError:
            raise Refused(f'Choice needs options that can be hashed, as in Choice("a", "b"), got {self.options}') from None
        if different < len(self.options):
            raise Refused(f"Choice needs different options, got {self.options}")

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
        return Choice(*self.options[int(first) : int(last) + 1])

    def __contains__(self, value: object) -> bool:
        return value in self.options


@dataclass(frozen=True)
class OneMinus(Domain):
    """1 minus another domain of numbers: a momentum even in the logarithm of its distance from 1.

    The map runs from the small values to the large ones, so it is monotone like the others.

    >>> momentum = OneMinus(10 ** Uniform(-2, -1))
    >>> [round(momentum.value(u), 4) for u in (0, 0.5, 1)]
    [0.9, 0.9684, 0.99]
    """

    rest: Domain

    def __post_init__(self) -> None:
        if not isinstance(self.rest, Uniform | LogUniform):
            raise Refused(f"OneMinus takes Uniform or 10 ** Uniform, got {self.rest!r}")

    def values(self, units: ArrayLike) -> Units:
        return 1.0 - self.rest.values(1.0 - np.asarray(units, dtype=np.float64))

    def unit(self, value: float) -> float:
        return 1.0 - self.rest.unit(_snap(1.0 - value, self.rest))

    def within(self, low: float, high: float) -> "OneMinus":
        return OneMinus(self.rest.within(1.0 - high, 1.0 - low))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and _snap(1.0 - value, self.rest) in self.rest  # type: ignore[operator]


def _snap(value: float, domain: Domain) -> float:
    """The nearest end where subtracting from 1 and back has moved a value past it by rounding."""
    for end in (domain.low, domain.high):  # type: ignore[attr-defined]
        if abs(value - end) <= ROUNDING:
            return float(end)
    return value
