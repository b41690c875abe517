"""Domains of numbers, with soft ends that may move and hard limits that they never pass.

The range [low, high] is what is searched. ``reach`` may widen it, up to ``least`` and ``most``; where those are None the natural
limits hold: nothing that starts at 0 or above goes below 0, no share, a range inside [0, 1], goes above 1.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpsearch.errors import Refused
from hpsearch.space.base import Domain, Units
from hpsearch.space.choices import Choice, Constant

__all__ = ["Choice", "Constant", "Domain", "Integers", "LogIntegers", "LogUniform", "OneMinus", "Uniform"]

ROUNDING = 2.0**-52  # of 1 - (1 - x), for x in [0, 1]
NEAREST = 2.0**-53  # the least x for which 1 - x is not 1
LARGEST = 2**40  # beyond it a unit coordinate no longer tells neighbouring whole numbers apart
HUGE = sys.float_info.max
TINY = sys.float_info.min
NUMBER = int | float | np.integer | np.floating


@dataclass(frozen=True, repr=False)
class _Numbers(Domain):
    """Shared by the domains between two numbers."""

    low: float
    high: float
    least: float | None = field(default=None, kw_only=True)  # the hard limit below; None: the natural one, see floor
    most: float | None = field(default=None, kw_only=True)  # the hard limit above; None: the natural one, see ceiling

    def __repr__(self) -> str:
        hard = [(name, limit) for name, limit in (("least", self.least), ("most", self.most)) if limit is not None]
        members = ", ".join(f"{name}={end!r}" for name, end in (("low", self.low), ("high", self.high), *hard))
        return f"{type(self).__name__}({members})"

    def _natural(self) -> tuple[float, float]:
        """The limits of a range for which none were given."""
        raise NotImplementedError

    @property
    def floor(self) -> float:
        """The hard limit below: ``least``, or the natural one."""
        return self._natural()[0] if self.least is None else self.least

    @property
    def ceiling(self) -> float:
        """The hard limit above: ``most``, or the natural one."""
        return self._natural()[1] if self.most is None else self.most

    @property
    def low_is_hard(self) -> bool:
        return math.isclose(self.low, self.floor, rel_tol=1e-12)

    @property
    def high_is_hard(self) -> bool:
        return math.isclose(self.high, self.ceiling, rel_tol=1e-12)

    def _kept(self, low: float, high: float) -> Self:
        """Another range under the same hard limits: written down where the new range would have other natural ones."""
        new = replace(self, low=low, high=high)
        least = self.least if new.floor == self.floor else max(self.floor, -HUGE)
        most = self.most if new.ceiling == self.ceiling else min(self.ceiling, HUGE)
        return replace(new, least=least, most=most)

    def _clip(self, value: float) -> float:
        return min(max(value, self.floor), self.ceiling)

    def _refuse_outside(self, value: Any) -> None:
        if not isinstance(value, NUMBER):
            raise Refused(f"{value!r} is not a number, as {self} needs")
        if not self.low <= value <= self.high:
            raise Refused(f"{value!r} lies outside {self}")

    def _refuse_limits(self) -> None:
        kind, least, most = type(self).__name__, self.least, self.most
        if not all(limit is None or math.isfinite(limit) for limit in (least, most)):
            raise Refused(f"{kind} needs finite hard limits, or None for the natural ones, got least={least}, most={most}")
        if (least is not None and least > self.low) or (most is not None and most < self.high):
            raise Refused(
                f"{kind} needs least <= low and high <= most, got low={self.low}, high={self.high}, least={least}, most={most}: "
                "move the hard limits outwards"
            )

    def __contains__(self, value: object) -> bool:
        return isinstance(value, NUMBER) and bool(self.low <= value <= self.high)


class _Smooth(_Numbers):
    """Shared by the domains of real numbers."""

    def _beyond(self, unit: float) -> float:
        """The value at a unit coordinate outside [0, 1]."""
        raise NotImplementedError

    def within(self, low: float, high: float) -> Domain:
        return self._between(self.value(max(0.0, low)), self.value(min(1.0, high)))

    def around(self, values: Sequence[Any], margin: float) -> Domain:
        units = [self.unit(value) for value in values]
        low, high = self.value(max(0.0, min(units) - margin)), self.value(min(1.0, max(units) + margin))
        return self._between(float(min(low, *values)), float(max(high, *values)))  # rounding leaves none of them out

    def _between(self, low: float, high: float) -> Domain:
        """The part between two values; where no number lies between them, the one."""
        return self._kept(low, high) if low < high else Choice(low)

    def reach(self, low: float, high: float) -> Domain:
        return self._between(self._far(low), self._far(high))

    def _far(self, unit: float) -> float:
        """The value at any unit coordinate, clipped to the hard limits; outside [0, 1] rounding never brings it back inside."""
        if 0 <= unit <= 1:
            return float(self.value(unit))
        beyond = self._beyond(unit)
        return self._clip(min(beyond, self.low) if unit < 0 else max(beyond, self.high))


@dataclass(frozen=True, repr=False)
class _Whole(_Numbers):
    """Shared by the domains of whole numbers."""

    low: int
    high: int

    def _place(self, unit: float) -> float:
        """The coordinate in which n has the share from n to n + 1, at any unit coordinate."""
        raise NotImplementedError

    def within(self, low: float, high: float) -> Domain:
        return self._cut(self.value(max(0.0, low)), self.value(min(1.0, high)))

    def reach(self, low: float, high: float) -> Domain:
        first = self.value(low) if 0 <= low <= 1 else math.floor(self._near(low, +1))
        last = self.value(high) if 0 <= high <= 1 else math.ceil(self._near(high, -1)) - 1
        return self._cut(int(self._clip(first)), int(self._clip(last)))

    def _near(self, unit: float, inwards: int) -> float:
        """The place, moved inwards by no more than rounding: so that a step asked for exactly is no step more."""
        place = min(max(self._place(unit), -2.0 * LARGEST), 2.0 * LARGEST)
        return place + inwards * (1e-9 + 2**-50 * abs(place))

    def _cut(self, first: int, last: int) -> Domain:
        return self._kept(first, last) if first < last else Choice(first)

    def _refuse_outside(self, value: Any) -> None:
        super()._refuse_outside(value)
        if value != math.floor(value):
            raise Refused(f"{value!r} is not a whole number, as {self} needs")

    def __contains__(self, value: Any) -> bool:
        return super().__contains__(value) and float(value).is_integer()


def _refuse_no_numbers(kind: str, domain: _Numbers) -> None:
    """Refuse ends and limits that are no plain numbers, or are beyond what a float holds."""
    for name in ("low", "high", "least", "most"):
        end = getattr(domain, name)
        if end is None and name in ("least", "most"):
            continue
        if isinstance(end, bool) or not isinstance(end, int | float):
            raise Refused(f"{kind} needs numbers, got {name}={end!r}")
        if isinstance(end, int) and abs(end) > HUGE:
            raise Refused(f"{kind} needs numbers up to {HUGE:.3g}, got {name} of {end.bit_length()} bits")


def _finite(kind: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise Refused(f"{kind} needs finite ends, got low={low}, high={high}")
    if not low < high:
        raise Refused(f"{kind} needs low < high, got low={low}, high={high}")
    if not math.isfinite(float(high) - float(low)):
        raise Refused(f"{kind} needs a finite width, got low={low}, high={high}")


def _between(units: Units, values: Units, low: float, high: float) -> Units:
    """The values with both ends exact, whatever rounding has done to them."""
    if not np.ndim(units):  # points are made one by one, and numpy is slow at single numbers
        return np.array(low if units <= 0 else high if units >= 1 else min(max(float(values), low), high), dtype=np.float64)
    return np.where(units <= 0, float(low), np.where(units >= 1, float(high), np.clip(values, low, high)))


@dataclass(frozen=True, repr=False)
class Uniform(_Smooth):
    """Real numbers, uniform on [low, high].

    value = low + u (high - low). Its natural limits: 0 for a range at or above 0, and 1 for a share, a range inside [0, 1].

    >>> Uniform(0, 10).unit(2.5)
    0.25
    >>> 10 ** Uniform(-6, 1) == LogUniform(1e-6, 10)
    True
    >>> Uniform(0.1, 0.5).floor, Uniform(0.1, 0.5).ceiling, Uniform(-1, 1).ceiling
    (0.0, 1.0, inf)
    """

    def __post_init__(self) -> None:
        _refuse_no_numbers("Uniform", self)
        _finite("Uniform", self.low, self.high)
        self._refuse_limits()

    def _natural(self) -> tuple[float, float]:
        return 0.0 if self.low >= 0 else -math.inf, 1.0 if self.low >= 0 and self.high <= 1 else math.inf

    def __rpow__(self, base: float) -> "LogUniform":
        if not base > 1:
            raise Refused(f"base ** Uniform(low, high) needs a base above 1, got {base}")
        ends = {name: getattr(self, name) for name in ("low", "high", "least", "most")}
        for name, exponent in ends.items():
            try:
                ends[name] = None if exponent is None else float(base) ** exponent
            except OverflowError:
                raise Refused(f"{base} ** {self} goes beyond the largest number, 1.8e308: lower {name}") from None
        return LogUniform(**ends)

    def values(self, units: ArrayLike) -> Units:
        u = np.asarray(units, dtype=np.float64)
        return _between(u, self.low + u * (self.high - self.low), self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return min(1.0, (value - self.low) / (self.high - self.low))

    def _beyond(self, unit: float) -> float:
        return self.low + unit * (self.high - self.low)


@dataclass(frozen=True, repr=False)
class LogUniform(_Smooth):
    """Positive real numbers, uniform in the logarithm on [low, high]; written ``10 ** Uniform(-6, 1)`` as well.

    value = low (high / low)^u. It may widen to any positive number and never reaches 0.

    >>> round(LogUniform(1e-4, 1).value(0.25), 12)
    0.001
    """

    def __post_init__(self) -> None:
        _refuse_no_numbers("LogUniform", self)
        if not 0 < self.low < self.high < math.inf:
            raise Refused(f"LogUniform needs 0 < low < high, got low={self.low}, high={self.high}")
        if self.least is not None and self.least <= 0:
            raise Refused(f"LogUniform needs least above 0, got least={self.least}: leave it out for the smallest positive number")
        self._refuse_limits()

    def _natural(self) -> tuple[float, float]:
        return min(self.low, TINY), HUGE

    def values(self, units: ArrayLike) -> Units:
        u = np.asarray(units, dtype=np.float64)
        exact = np.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        return _between(u, exact, self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        width = math.log(self.high) - math.log(self.low)
        if not width:  # so few numbers that their logarithms are one
            return (value - self.low) / (self.high - self.low)
        share = (math.log(value) - math.log(self.low)) / width
        return min(1.0, max(0.0, share))

    def _beyond(self, unit: float) -> float:
        exponent = math.log(self.low) + unit * (math.log(self.high) - math.log(self.low))
        return math.exp(exponent) if exponent < math.log(HUGE) else HUGE

    @property
    def logarithmic(self) -> bool:
        return True


def _whole(kind: str, domain: _Whole) -> None:
    ends = {"low": domain.low, "high": domain.high}
    limits = {"least": domain.least, "most": domain.most}
    for family in (ends, {name: limit for name, limit in limits.items() if limit is not None}):
        said = ", ".join(f"{name}={end!r}" for name, end in family.items())
        if not all(isinstance(end, int) and not isinstance(end, bool) for end in family.values()):
            raise Refused(f"{kind} needs whole numbers, got {said}")
        if any(abs(end) > LARGEST for end in family.values()):
            raise Refused(f"{kind} needs ends between -2**40 and 2**40, got {said}")


@dataclass(frozen=True, repr=False)
class Integers(_Whole):
    """Whole numbers low, ..., high, both ends included, each with the same share of the unit interval.

    Its natural limit below is 1 for a range from 1 or above, 0 for a range from 0.

    >>> [Integers(1, 4).value(u) for u in (0, 0.3, 0.6, 1)]
    [1, 2, 3, 4]
    """

    def __post_init__(self) -> None:
        _whole("Integers", self)
        _finite("Integers", self.low, self.high)
        self._refuse_limits()

    def _natural(self) -> tuple[float, float]:
        return (1 if self.low >= 1 else 0 if self.low >= 0 else -LARGEST), LARGEST

    def values(self, units: ArrayLike) -> NDArray[np.int64]:
        count = self.high - self.low + 1
        steps = np.floor(np.asarray(units, dtype=np.float64) * count).astype(np.int64)
        return self.low + np.minimum(steps, count - 1)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    def _place(self, unit: float) -> float:
        return self.low + unit * (self.high - self.low + 1)


@dataclass(frozen=True, repr=False)
class LogIntegers(_Whole):
    """Whole numbers low, ..., high, uniform in the logarithm: n has the share of [n - 1/2, n + 1/2].

    Its natural limit below is 1.

    >>> [LogIntegers(1, 1000).value(u) for u in (0, 0.5, 1)]
    [1, 22, 1000]
    """

    def __post_init__(self) -> None:
        _whole("LogIntegers", self)
        if not 0 < self.low < self.high:
            raise Refused(f"LogIntegers needs 0 < low < high, got low={self.low}, high={self.high}")
        if self.least is not None and self.least < 1:
            raise Refused(f"LogIntegers needs least of at least 1, got least={self.least}: leave it out for 1")
        self._refuse_limits()

    def _natural(self) -> tuple[float, float]:
        return 1, LARGEST

    @property
    def _smooth(self) -> LogUniform:
        return LogUniform(self.low - 0.5, self.high + 0.5)

    def values(self, units: ArrayLike) -> NDArray[np.int64]:
        rounded = np.floor(self._smooth.values(units) + 0.5).astype(np.int64)
        return np.clip(rounded, self.low, self.high)

    def unit(self, value: float) -> float:
        self._refuse_outside(value)
        return self._smooth.unit(int(value))

    def _place(self, unit: float) -> float:
        return self._smooth._beyond(unit) + 0.5

    @property
    def logarithmic(self) -> bool:
        return True


@dataclass(frozen=True)
class OneMinus(Domain):
    """1 minus another domain of numbers: a momentum uniform in the logarithm of its distance from 1.

    The map runs from the small values to the large ones, so it is monotone like the others. Its hard limits are 1 minus those of
    ``rest``; besides, a rest uniform in the logarithm never widens until 1 - rest is 1, nor a share until it is below 0.

    >>> momentum = OneMinus(10 ** Uniform(-2, -1))
    >>> [round(momentum.value(u), 4) for u in (0, 0.5, 1)]
    [0.9, 0.9684, 0.99]
    >>> momentum.floor, momentum.ceiling < 1
    (0.0, True)
    """

    rest: Uniform | LogUniform

    def __post_init__(self) -> None:
        if not isinstance(self.rest, Uniform | LogUniform):
            raise Refused(f"OneMinus takes Uniform or 10 ** Uniform, got {self.rest!r}")

    @property
    def _bounded(self) -> Uniform | LogUniform:
        """The rest with its hard limits written down."""
        rest = self.rest
        least = max(rest.floor, min(rest.low, NEAREST)) if rest.logarithmic else max(rest.floor, -HUGE)
        most = 1.0 if rest.most is None and rest.low >= 0 and rest.high <= 1 else min(rest.ceiling, HUGE)
        return replace(rest, least=least, most=most)

    @property
    def floor(self) -> float:
        """The hard limit below: 1 minus the one above of ``rest``, and 0 for a share."""
        return 1.0 - self._bounded.ceiling

    @property
    def ceiling(self) -> float:
        """The hard limit above: 1 minus the one below of ``rest``."""
        return 1.0 - self._bounded.floor

    @property
    def low_is_hard(self) -> bool:
        return self._bounded.high_is_hard

    @property
    def high_is_hard(self) -> bool:
        return self._bounded.low_is_hard

    def values(self, units: ArrayLike) -> Units:
        return 1.0 - self.rest.values(1.0 - np.asarray(units, dtype=np.float64))

    def unit(self, value: float) -> float:
        if not isinstance(value, NUMBER):
            raise Refused(f"{value!r} is not a number, as {self} needs")
        return 1.0 - self.rest.unit(_snap(1.0 - value, self.rest))

    def within(self, low: float, high: float) -> Domain:
        return self._kept(self._bounded.within(1.0 - high, 1.0 - low))

    def around(self, values: Sequence[Any], margin: float) -> Domain:
        box = super().around(values, margin)
        return Choice(*dict.fromkeys(values)) if isinstance(box, Choice) else box  # and not 1 minus 1 minus a value

    def reach(self, low: float, high: float) -> Domain:
        return self._kept(self._bounded.reach(1.0 - high, 1.0 - low))

    def _kept(self, bounded: Domain) -> Domain:
        """Another rest under the same hard limits, written down only where it would have other natural ones."""
        if not isinstance(bounded, Uniform | LogUniform):
            return Choice(1.0 - bounded.value(0.5))
        new = OneMinus(replace(self.rest, low=bounded.low, high=bounded.high))
        same = (new._bounded.floor, new._bounded.ceiling) == (self._bounded.floor, self._bounded.ceiling)
        return new if same else OneMinus(bounded)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, NUMBER) and _snap(1.0 - float(value), self.rest) in self.rest


def _snap(value: float, domain: Uniform | LogUniform) -> float:
    """The nearest end where subtracting from 1 and back has moved a value past it by rounding."""
    for end in (domain.low, domain.high):
        if abs(value - end) <= ROUNDING:
            return float(end)
    return value
