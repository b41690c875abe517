"""Proposals: pure functions from a box, a number of points and a seed to points."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Literal, assert_never, get_args

import numpy as np

from hpsearch.search.drawn import sobol
from hpsearch.space import Point, Space

Spread = Literal["sobol", "random", "grid"]
Learner = Literal["tpe", "gp", "cmaes"]  # Optuna's samplers, asked for one point at a time
Proposals = Literal[Spread, Learner]
LEARNING: tuple[str, ...] = get_args(Learner)
PROPOSALS: tuple[str, ...] = get_args(Proposals)


def learner(proposals: Proposals) -> Learner | None:
    """The sampler that learns; None for proposals that do not."""
    match proposals:
        case "tpe" | "gp" | "cmaes":
            return proposals
        case "sobol" | "random" | "grid":
            return None
        case _:
            assert_never(proposals)


def first_of(proposals: Proposals) -> Spread:
    """By what a round's first points are spread: what learns has nothing yet to learn from.

    >>> first_of("tpe"), first_of("grid")
    ('sobol', 'grid')
    """
    match proposals:
        case "sobol" | "random" | "grid":
            return proposals
        case "tpe" | "gp" | "cmaes":
            return "sobol"
        case _:
            assert_never(proposals)


def propose(kind: Spread, box: Space, count: int, seed: int) -> list[Point]:
    """``count`` points of the box, by ``sobol``, ``random`` or ``grid``. Equal arguments give equal points.

    A grid has as many values of every parameter as fit into ``count`` points; what is left over are Sobol points.
    """
    if count < 1 or not len(box):
        return [box.point(())] * max(0, count) if not len(box) else []
    match kind:
        case "random":
            return _points(box, np.random.default_rng(seed).random((count, len(box))))
        case "grid":
            cells = _grid(len(box), count)
        case "sobol":
            cells = np.empty((0, len(box)))
        case _:
            assert_never(kind)
    rest = sobol(len(box), count - len(cells), seed) if count > len(cells) else np.empty((0, len(box)))
    return _points(box, np.vstack([cells, rest]))


def learn(
    kind: Learner, box: Space, points: Sequence[Point], scores: Sequence[float | None], pending: Sequence[Point], seed: int
) -> Point:
    """The next point of the box by an Optuna sampler, given points with scores and those still running."""
    told = tuple((_frozen(point), score) for point, score in zip(points, scores, strict=True))
    return dict(_learned(kind, box, repr(box), told, tuple(map(_frozen, pending)), seed))


Frozen = tuple[tuple[str, object], ...]
Told = tuple[tuple[Frozen, float | None], ...]


def _frozen(point: Point) -> Frozen:
    return tuple(point.items())


@lru_cache(maxsize=8192)  # a search is unfolded anew whenever something is told
def _learned(kind: Learner, box: Space, _written: str, told: Told, pending: tuple[Frozen, ...], seed: int) -> Frozen:
    """Boxes that are equal may hold options of other types, as 1 and True: only those that are written alike share a point."""
    from hpsearch.search.samplers import ask

    points, scores = [dict(point) for point, _ in told], [score for _, score in told]
    return _frozen(ask(kind, box, points, scores, 1, seed, [dict(point) for point in pending])[0])


def largest_grid(dimensions: int, count: int) -> int:
    """Values of every parameter in the largest full grid of at most ``count`` points.

    >>> largest_grid(3, 64), largest_grid(3, 63)
    (4, 3)
    """
    levels = 1
    while dimensions and (levels + 1) ** dimensions <= count:
        levels += 1
    return levels


def _grid(dimensions: int, count: int) -> np.ndarray:
    """Centres of the cells."""
    levels = largest_grid(dimensions, count)
    centres = (np.arange(levels) + 0.5) / levels
    return np.array(list(product(centres, repeat=dimensions)))


def _points(box: Space, units: np.ndarray) -> list[Point]:
    return [box.point(tuple(row)) for row in units]
