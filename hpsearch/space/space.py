"""A space: named domains, and points as mappings from name to value.

A choice may open a space of its own, whose parameters exist only where its option is chosen. Unit coordinates are one flat row
for all dimensions whatever was chosen; those of the branches that were not chosen are ignored going in and NaN coming out.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpsearch.errors import Refused, did_you_mean
from hpsearch.space.base import Domain
from hpsearch.values import Value

Point = dict[str, Any]
When = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Dimension(Value):
    """One unit coordinate of a space: a parameter, its domain, and the options that must be chosen for it to exist.

    >>> from hpsearch.space import Uniform
    >>> Dimension("momentum", Uniform(0, 1), when=(("optimiser", "sgd"),)).label
    'momentum (optimiser=sgd)'
    """

    name: str
    domain: Domain
    when: When = ()  # parameter and option, outermost first

    @property
    def label(self) -> str:
        """The name with its conditions."""
        conditions = ", ".join(f"{name}={option}" for name, option in self.when)
        return f"{self.name} ({conditions})" if conditions else self.name

    def excludes(self, other: "Dimension") -> bool:
        """Whether no point holds both: a choice on the way to them would have to be two options at once."""
        chosen = dict(self.when)
        return any(name in chosen and chosen[name] != option for name, option in other.when)


@dataclass(frozen=True, init=False)
class Space(Value):
    """Named domains, sorted by name: equal however they were written down.

    >>> from hpsearch.space import Choice, Uniform
    >>> space = Space(lr=10 ** Uniform(-3, 0), momentum=Uniform(0.5, 1))
    >>> space.point((1.0, 0.5))
    {'lr': 1.0, 'momentum': 0.75}
    >>> space = Space(optimiser=Choice("plain", sgd=Space(momentum=Uniform(0, 1))))
    >>> space.point((0.2, 0.5)), space.point((0.9, 0.5))
    ({'optimiser': 'plain'}, {'optimiser': 'sgd', 'momentum': 0.5})
    """

    domains: tuple[tuple[str, Domain], ...]

    def __init__(self, domains: Iterable[tuple[str, Domain]] = (), **named: Domain) -> None:
        pairs = [*domains, *named.items()]
        for name, domain in pairs:
            if not isinstance(domain, Domain):
                raise Refused(f"{name}={domain!r} is not a domain: write Uniform(low, high), 10 ** Uniform(...), Choice(...)")
        object.__setattr__(self, "domains", tuple(sorted((tuple(pair) for pair in pairs), key=lambda pair: pair[0])))
        if len(dict(self.domains)) < len(self.domains):
            raise Refused(f"a Space names each parameter once, got {[name for name, _ in self.domains]}")
        if not self.domains:
            raise Refused("a Space needs at least one domain, as in Space(learning_rate=10 ** Uniform(-3, 0))")
        self._refuse_twice()

    def _refuse_twice(self) -> None:
        named: dict[str, list[Dimension]] = {}
        for each in self.parameters:
            named.setdefault(each.name, []).append(each)
        for one, other in (pair for same in named.values() for pair in combinations(same, 2)):
            if not one.excludes(other):
                raise Refused(f"a point could hold {one.name!r} twice, as {one.label} and as {other.label}: rename one")

    def __repr__(self) -> str:
        return f"Space({', '.join(f'{name}={domain!r}' for name, domain in self.domains)})"

    @cached_property
    def parameters(self) -> tuple[Dimension, ...]:
        """Dimensions and constants, sorted by name, each choice before what it opens."""
        found: list[Dimension] = []
        for name, domain in self.domains:
            found.append(Dimension(name, domain))
            for option, space in domain.branches:
                found += [Dimension(each.name, each.domain, ((name, option), *each.when)) for each in space.parameters]
        return tuple(found)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All that take a unit coordinate, in the order of the coordinates: sorted by name, each choice before what it opens."""
        return tuple(each for each in self.parameters if each.domain.varies)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the dimensions, with their conditions where a name is there more than once.

        >>> from hpsearch.space import Choice, Uniform
        >>> Space(kind=Choice(a=Space(x=Uniform(0, 1)), b=Space(x=Uniform(0, 2), y=Uniform(0, 1)))).labels
        ('kind', 'x (kind=a)', 'x (kind=b)', 'y')
        """
        names = [each.name for each in self.dimensions]
        return tuple(each.name if names.count(each.name) == 1 else each.label for each in self.dimensions)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, those of branches and constants too, each once, sorted."""
        return tuple(sorted({each.name for each in self.parameters}))

    def __getitem__(self, name: str) -> Domain:
        """The domain of a parameter, at the top or else in a branch; refused where branches disagree about it."""
        found = [each for each in self.parameters if each.name == name]
        if not found:
            raise Refused(f"the space has no parameter {name!r}: {did_you_mean(name, self.names)}")
        if any(each.domain != found[0].domain for each in found):
            places = " and ".join(each.label for each in found)
            raise Refused(f"{name!r} is ambiguous: there are {places}; look it up in space.dimensions")
        return found[0].domain

    def __len__(self) -> int:
        return len(self.dimensions)

    def assemble(self, choose: Callable[[int, Dimension], Any]) -> Point:
        """The point whose parameters are chosen one by one, given number and dimension: only those that exist, and constants."""
        point: Point = {}
        number = -1
        for each in self.parameters:
            number += each.domain.varies
            if all(point.get(name) == option for name, option in each.when):
                point[each.name] = choose(number, each) if each.domain.varies else each.domain.value(0.5)
        return point

    def point(self, units: Sequence[float]) -> Point:
        """The point at unit coordinates, one per dimension; only the parameters that exist there, and the constants.

        Coordinates of dimensions that do not exist there are ignored and may be NaN.
        """
        if len(units) != len(self):
            raise Refused(f"a point of this space has {len(self)} coordinates, got {len(units)}")
        return self.assemble(lambda number, dimension: dimension.domain.value(float(units[number])))

    def points(self, units: ArrayLike) -> dict[str, Any]:
        """Columns of values for unit coordinates of shape (points, dimensions).

        A parameter of a branch is a column of objects, None where it does not exist.
        """
        rows = np.asarray(units, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self):
            raise Refused(f"points of this space need coordinates of shape (points, {len(self)}), got {rows.shape}")
        columns: dict[str, Any] = {}
        exist: dict[When, Any] = {(): slice(None)}  # which rows, by condition
        number = -1
        for each in self.parameters:
            number += each.domain.varies
            where = exist[each.when]
            given = _checked(rows[where, number]) if each.domain.varies else np.zeros(len(rows))[where]
            values = each.domain.values(given)
            if each.when:
                column = columns.setdefault(each.name, np.full(len(rows), None, dtype=object))
                column[where] = values
            else:
                column = columns[each.name] = values
            for option, _ in each.domain.branches:
                chosen = column == option
                exist[(*each.when, (each.name, option))] = chosen & where if each.when else chosen
        return columns

    def units(self, point: Mapping[str, Any]) -> tuple[float, ...]:
        """The unit coordinates of a point, NaN where a dimension does not exist.

        Refused where a value lies outside its domain or one that should exist is missing.
        """
        units = [math.nan] * len(self)

        def choose(number: int, dimension: Dimension) -> Any:
            units[number] = dimension.domain.unit(_given(point, dimension.name))
            return point[dimension.name]

        for name, value in self.assemble(choose).items():
            if _given(point, name) != value:  # of the constants; the others are the point's own
                raise Refused(f"{point[name]!r} is not {value!r}, the constant {name!r} of the space")
        return tuple(units)

    def __contains__(self, point: object) -> bool:
        """Whether a mapping holds exactly the parameters that exist there, each in its domain."""
        if not isinstance(point, Mapping):
            return False
        try:
            self.units(point)
        except Refused:
            return False
        return point.keys() == self.assemble(lambda _, dimension: point[dimension.name]).keys()

    def __or__(self, other: "Space") -> "Space":
        """Both spaces together; a name in both must have the same domain."""
        own = dict(self.domains)
        for name, domain in other.domains:
            if own.get(name, domain) != domain:
                raise Refused(f"both spaces have {name!r}, as {own[name]} and as {domain}: drop one with .without({name!r})")
        return Space(dict.fromkeys((*self.domains, *other.domains)))

    def without(self, *names: str) -> "Space":
        """The space with some parameters taken away, and with a choice all that it opens."""
        for name in names:
            self._refuse_branch(name)
        return Space(pair for pair in self.domains if pair[0] not in names)

    def _refuse_branch(self, name: str) -> None:
        found = [each for each in self.parameters if each.name == name]
        if found and found[0].when:
            outer = found[0].when[0][0]
            raise Refused(f"{name!r} is in a branch of {outer!r}, where .without cannot reach it: write {outer!r} without it")
        if not found:
            self[name]  # refuses, with a hint

    def around(self, points: Iterable[Mapping[str, Any]], margin: float = 0.1) -> "Space":
        """The box that holds the points, wider by ``margin`` of the unit interval on every side, never outside this space.

        Of a choice, which has no order, the options among the points are kept, each branch narrowed to its own points.

        >>> from hpsearch.space import Choice, Uniform
        >>> Space(x=Uniform(0, 10)).around([{"x": 2.5}, {"x": 7.5}], margin=0.125)
        Space(x=Uniform(low=1.25, high=8.75))
        >>> Space(kind=Choice("a", "b", "c")).around([{"kind": "c"}, {"kind": "a"}])
        Space(kind=Choice(options=('a', 'c')))
        """
        if not 0 <= margin < math.inf:
            raise Refused(f"the margin around the points is a share of the unit interval, 0 or more, got {margin}")
        held = list(points)
        if not held:
            raise Refused("a box can only be drawn around at least one point")
        for point in held:
            self.units(point)  # refused outside
        return self._around(held, margin)

    def _around(self, points: list[Mapping[str, Any]], margin: float) -> "Space":
        def narrowed(name: str, domain: Domain) -> Domain:
            box = domain.around([point[name] for point in points], margin)
            return box.map_branches(lambda option, branch: branch._around([p for p in points if p[name] == option], margin))

        return Space((name, narrowed(name, domain)) for name, domain in self.domains)

    def replaced(self, index: int, domain: Domain) -> "Space":
        """The space with another domain for one dimension, given its number."""
        if not 0 <= index < len(self):
            raise Refused(f"the dimensions of this space are 0 to {len(self) - 1}, got {index}")
        return self._replaced(self.dimensions[index].when, self.dimensions[index].name, domain)

    def _replaced(self, when: When, name: str, domain: Domain) -> "Space":
        if not when:
            return Space((own, domain if own == name else before) for own, before in self.domains)
        (outer, chosen), inner = when[0], when[1:]
        choice = dict(self.domains)[outer].map_branches(
            lambda option, space: space._replaced(inner, name, domain) if option == chosen else space
        )
        return self._replaced((), outer, choice)

    def reach(self, bounds: Mapping[int, tuple[float, float]]) -> "Space":
        """The space in which some dimensions, by number, reach from one unit coordinate to another, up to their hard limits.

        >>> from hpsearch.space import Uniform
        >>> Space(x=Uniform(2, 4), y=Uniform(0, 1)).reach({0: (-0.5, 1.5), 1: (-1, 2)})
        Space(x=Uniform(low=1.0, high=5.0), y=Uniform(low=0.0, high=1.0))
        """
        space = self
        for index in sorted(bounds, reverse=True):  # inner before outer: a choice that loses options moves only later numbers
            if not 0 <= index < len(self):
                raise Refused(f"the dimensions of this space are 0 to {len(self) - 1}, got {index}")
            space = space.replaced(index, space.dimensions[index].domain.reach(*bounds[index]))
        return space


def _given(point: Mapping[str, Any], name: str) -> Any:
    if name not in point:
        raise Refused(f"the point lacks {name!r}, it has {', '.join(sorted(point)) or 'nothing'}")
    return point[name]


def _checked(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """The coordinates of one dimension, side by side in memory; refused outside [0, 1]."""
    column = np.ascontiguousarray(units)
    if column.size and not (column.min() >= 0 and column.max() <= 1):
        wrong = column[~((column >= 0) & (column <= 1))][0]
        raise Refused(f"a unit coordinate lies in [0, 1], got {wrong}")
    return column
