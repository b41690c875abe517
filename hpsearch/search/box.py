"""Boxes: where the next points of a search go, and the ends of its range that are widened for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

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


def _gathers(domain: Domain, units: np.ndarray, edge: float) -> Side | None:
    """The end at which the best point lies and toward which the kept ones lean."""
    side = None if isnan(units[0]) else nearest_end(domain, units[0], edge)
    middle = np.nanmean(units) if side else 0.5
    return side if (middle <= OUTER if side == "low" else middle >= 1 - OUTER) else None


def _widened(dimension: Dimension, side: Side, widen: float, accepts: Callable[[str, Any], bool]) -> Domain | None:
    """The domain with one end moved outward; None where it cannot move."""
    domain = dimension.domain
    if isinstance(domain, Choice) or not widen or (domain.low_is_hard if side == "low" else domain.high_is_hard):
        return None
    after = domain.reach(-widen, 1.0) if side == "low" else domain.reach(0.0, 1.0 + widen)
    end = after.value(0.0 if side == "low" else 1.0)
    return after if after != domain and accepts(dimension.name, end) else None


def _outward(box: Space, dimension: Dimension, side: Side, top: Point, margin: float) -> Space:
    """The box that along one dimension of the range reaches from just inside the best point to the widened end."""
    at = dimension.domain.unit(top[dimension.name])
    part = dimension.domain.within(0.0, at + margin) if side == "low" else dimension.domain.within(at - margin, 1.0)
    for number, own in enumerate(box.dimensions):
        if (own.name, own.when) == (dimension.name, dimension.when):
            return box.replaced(number, part)
    return box
