"""A space: named domains, and points as mappings from name to value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hpsearch.errors import Refused, did_you_mean
from hpsearch.space.domains import Domain
from hpsearch.values import Value

Point = dict[str, Any]


@dataclass(frozen=True, init=False)
class Space(Value):
    """Named domains, sorted by name: equal however they were written down.

    >>> from hpsearch.space import Uniform
    >>> space = Space(lr=10 ** Uniform(-3, 0), momentum=Uniform(0.5, 1))
    >>> space.point((1.0, 0.5))
    {'lr': 1.0, 'momentum': 0.75}
    """

    domains: tuple[tuple[str, Domain], ...]

    def __init__(self, domains: Iterable[tuple[str, Domain]] = (), **named: Domain) -> None:
        pairs = [*domains, *named.items()]
        for name, domain in pairs:
            if not isinstance(domain, Domain):
                raise Refused(f"{name}={domain!r} is no domain: write Uniform(low, high), 10 ** Uniform(...), Choice(...)")
        object.__setattr__(self, "domains", tuple(sorted((tuple(pair) for pair in pairs), key=lambda pair: pair[0])))
        if len(dict(self.domains)) < len(self.domains):
            raise Refused(f"a Space names each parameter once, got {[name for name, _ in self.domains]}")
        if not self.domains:
            raise Refused("a Space needs at least one domain, as in Space(learning_rate=10 ** Uniform(-3, 0))")

    def __repr__(self) -> str:
        return f"Space({', '.join(f'{name}={domain!r}' for name, domain in self.domains)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, sorted; the order of unit coordinates."""
        return tuple(name for name, _ in self.domains)

    def __getitem__(self, name: str) -> Domain:
        try:
            return dict(self.domains)[name]
        except KeyError:
            raise Refused(f"the space has no parameter {name!r}: {did_you_mean(name, self.names)}") from None

    def __len__(self) -> int:
        return len(self.domains)

    def point(self, units: Sequence[float]) -> Point:
        """The point at unit coordinates, one per parameter in the order of ``names``."""
        if len(units) != len(self):
            raise Refused(f"a point of this space has {len(self)} coordinates, got {len(units)}")
        return {name: domain.value(float(unit)) for (name, domain), unit in zip(self.domains, units, strict=True)}

    def points(self, units: ArrayLike) -> dict[str, Any]:
        """Columns of values for unit coordinates of shape (points, parameters)."""
        rows = np.asarray(units, dtype=np.float64)
        return {name: domain.values(rows[:, column]) for column, (name, domain) in enumerate(self.domains)}

    def units(self, point: Mapping[str, Any]) -> tuple[float, ...]:
        """The unit coordinates of a point; refused where a value lies outside its domain."""
        return tuple(domain.unit(point[name]) for name, domain in self.domains)

    def __or__(self, other: "Space") -> "Space":
        """Both spaces together; a name in both must have the same domain."""
        for name, domain in other.domains:
            if name in self.names and self[name] != domain:
                raise Refused(f"both spaces have {name!r}, as {self[name]} and as {domain}: drop one with .without({name!r})")
        return Space(dict.fromkeys((*self.domains, *other.domains)))

    def without(self, *names: str) -> "Space":
        """The space with some parameters taken away."""
        for name in names:
            self[name]
        return Space(pair for pair in self.domains if pair[0] not in names)

    def around(self, points: Iterable[Mapping[str, Any]], margin: float = 0.1) -> "Space":
        """The box that holds the points, wider by ``margin`` of the unit interval on every side, never outside this space.

        >>> from hpsearch.space import Uniform
        >>> Space(x=Uniform(0, 10)).around([{"x": 2.5}, {"x": 7.5}], margin=0.125)
        Space(x=Uniform(low=1.25, high=8.75))
        """
        coordinates = np.array([self.units(point) for point in points])
        if not coordinates.size:
            raise Refused("a box can only be drawn around at least one point")
        low, high = coordinates.min(axis=0) - margin, coordinates.max(axis=0) + margin
        return Space((name, domain.within(low[k], high[k])) for k, (name, domain) in enumerate(self.domains))
