"""Boxes: where the next points of a search go, and the ends of its range that are widened for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal, assert_never

import numpy as np

from hpsearch.search.tune import Tune, best
from hpsearch.space import Choice, Dimension, Domain, Point, Space

OUTER = 0.4  # of the range: where the kept points must lie on average for an end to be widened

Side = Literal["low", "high"]


@dataclass(frozen=True)
class Move:
    """An end of the range that was widened."""

    label: str
    side: Side
    before: Domain
    after: Domain


def narrow(
    tune: Tune,
    whole: Space,
    points: Sequence[Point],
    scores: Sequence[float | None],
    keep: int,
    accepts: Callable[[str, Any], bool],
) -> tuple[Space, Space, tuple[Move, ...]]:
    """The range, widened where the best point lies at an end; the box of the next points; and the ends that moved."""
    kept = [points[k] for k in best(scores, keep)]
    units = np.array([whole.units(point) for point in kept])
    moves: dict[int, Move] = {}
    wider = whole
    for number, (label, dimension) in enumerate(zip(whole.labels, whole.dimensions, strict=True)):
        side = _gathers(dimension.domain, units[:, number], tune.edge)
        after = _widened(dimension, side, tune.widen, accepts) if side else None
        if side and after is not None:
            wider = wider.replaced(number, after)
            moves[number] = Move(label, side, dimension.domain, after)
    box = wider.around(kept, tune.margin)
    for number, move in moves.items():
        box = _outward(box, wider.dimensions[number], move.side, kept[0], tune.margin)
    return wider, box, tuple(moves.values())


def nearest_end(domain: Domain, at: float, edge: float) -> Side | None:
    """The end near which a unit coordinate lies; of a few whole numbers the last one is near, however wide its share."""
    if at <= max(edge, domain.unit(domain.value(0.0))):
        return "low"
    return "high" if at >= min(1 - edge, domain.unit(domain.value(1.0))) else None


def is_hard(domain: Domain, side: Side) -> bool:
    """Whether a range cannot be widened at that end."""
    match side:
        case "low":
            return domain.low_is_hard
        case "high":
            return domain.high_is_hard
        case _:
            assert_never(side)


def _gathers(domain: Domain, units: np.ndarray, edge: float) -> Side | None:
    """The end at which the best point lies and toward which the kept ones lean."""
    side = None if isnan(units[0]) else nearest_end(domain, units[0], edge)
    middle = np.nanmean(units) if side else 0.5
    match side:
        case "low":
            return side if middle <= OUTER else None
        case "high":
            return side if middle >= 1 - OUTER else None
        case None:
            return None
        case _:
            assert_never(side)


def _widened(dimension: Dimension, side: Side, widen: float, accepts: Callable[[str, Any], bool]) -> Domain | None:
    """The domain with one end moved outward; None where it cannot move."""
    domain = dimension.domain
    if isinstance(domain, Choice) or not widen or is_hard(domain, side):
        return None
    match side:
        case "low":
            after, end = domain.reach(-widen, 1.0), 0.0
        case "high":
            after, end = domain.reach(0.0, 1.0 + widen), 1.0
        case _:
            assert_never(side)
    return after if after != domain and accepts(dimension.name, after.value(end)) else None


def _outward(box: Space, dimension: Dimension, side: Side, top: Point, margin: float) -> Space:
    """The box that along one dimension of the range reaches from just inside the best point to the widened end."""
    at = dimension.domain.unit(top[dimension.name])
    match side:
        case "low":
            part = dimension.domain.within(0.0, at + margin)
        case "high":
            part = dimension.domain.within(at - margin, 1.0)
        case _:
            assert_never(side)
    for number, own in enumerate(box.dimensions):
        if (own.name, own.when) == (dimension.name, dimension.when):
            return box.replaced(number, part)
    return box
