"""Boxes: where the next points of a search go, and the ends of its range that are widened for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isnan
from typing import Any, Literal, assert_never

import numpy as np

from hpsearch.search.tune import Tune, best
from hpsearch.space import Choice, Dimension, Domain, Point, Space

OUTER = 0.4  # of the range: where the kept points must lie on average for an end to be widened
BETTER = 2 / 3  # of the finished points: the others, where training failed to learn, do not say how the score rises at an end
LEAST = 5  # points at different coordinates, without which the parabola is not heard

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
    """The range, widened where the score rises to an end; the box of the next points; and the ends that moved."""
    finished = best(scores, len(scores))
    units = np.array([whole.units(points[k]) for k in finished])
    ordered = np.array([scores[k] for k in finished], dtype=float)
    kept = [points[k] for k in finished[:keep]]
    moves: dict[int, Move] = {}
    wider = whole
    for number, (label, dimension) in enumerate(zip(whole.labels, whole.dimensions, strict=True)):
        side = _rises_to(dimension.domain, units[:, number], ordered, keep, tune.edge)
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


def _outward_of(units: np.ndarray, side: Side) -> np.ndarray:
    """How far toward that end each point lies, in [0, 1]."""
    match side:
        case "low":
            return 1 - units
        case "high":
            return units
        case _:
            assert_never(side)


def _rises_to(domain: Domain, units: np.ndarray, scores: np.ndarray, keep: int, edge: float) -> Side | None:
    """The end to which the score rises, given coordinates and scores of the finished points, best first.

    The best point lies near it, or is the outermost and not far from it; the kept ones lean toward it; and the score still rises
    there.
    """
    if isnan(units[0]):
        return None
    side = nearest_end(domain, units[0], edge) or _outermost(units, 2 * edge)
    if side is None:
        return None
    outward = _outward_of(units, side)
    leans = np.nanmean(outward[:keep]) >= 1 - OUTER
    return side if leans and _rises(outward, scores) else None


def _outermost(units: np.ndarray, near: float) -> Side | None:
    """The end at which no point lies further out than the first; few points leave gaps there wider than ``edge``."""
    if units[0] <= min(near, np.nanmin(units)):
        return "low"
    return "high" if units[0] >= max(1 - near, np.nanmax(units)) else None


def _rises(outward: np.ndarray, scores: np.ndarray) -> bool:
    """Whether a parabola through the better points, and all beyond the best, rises at 1; True where they are too few to tell."""
    there = ~np.isnan(outward)
    outward, scores = outward[there], scores[there]
    counts = (np.arange(len(scores)) < max(LEAST, ceil(BETTER * len(scores)))) | (outward > outward[0])
    outward, below = outward[counts], scores[0] / 2 - scores[counts] / 2  # halves, so that no difference is beyond all numbers
    if len(np.unique(outward)) < LEAST or not below.any():
        return True
    square, slope, _ = np.polyfit(outward, -below / below.max(), 2)
    return bool(2 * square + slope > 0)


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
