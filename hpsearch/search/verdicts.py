"""Where the best points lie in the range: narrowing a box, widening an end, and what to say of each dimension."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import numpy as np

from hpsearch.search.rounds import Tune, best
from hpsearch.space import Choice, Dimension, Domain, Point, Space

OUTER = 0.4  # of the range: where the kept points must lie on average for an end to be widened
FLAT = 12  # finished points a round needs before a dimension can be called flat

Kind = Literal["inside", "widened", "limit", "edge", "flat"]
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Move:
    """An end of the range that was widened."""

    label: str
    side: Side
    before: Domain
    after: Domain


@dataclass(frozen=True)
class Verdict:
    """Where the best point of a round lies along one dimension.

    ``inside``; ``widened``: it lay at an end, which was moved; ``limit``: at an end that cannot move; ``edge``: at an end that was
    not moved (any further), because the kept points do not gather there or no points were left; ``flat``: the score does not follow
    this dimension.
    """

    label: str
    kind: Kind
    side: Side | None = None
    domain: Domain | None = None  # the range, as widened


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


def _side(domain: Domain, at: float, edge: float) -> Side | None:
    """The end near which a unit coordinate lies; of a few whole numbers the last one is near, however wide its share."""
    if at <= max(edge, domain.unit(domain.value(0.0))):
        return "low"
    return "high" if at >= min(1 - edge, domain.unit(domain.value(1.0))) else None


def _gathers(domain: Domain, units: np.ndarray, edge: float) -> Side | None:
    """The end at which the best point lies and toward which the kept ones lean."""
    side = None if isnan(units[0]) else _side(domain, units[0], edge)
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


def verdicts(
    tune: Tune, whole: Space, points: Sequence[Point], scores: Sequence[float | None], moves: Sequence[Move]
) -> tuple[Verdict, ...]:
    """What to say of every dimension that has an order, after a round; nothing where no point finished."""
    finished = [k for k, score in enumerate(scores) if score is not None]
    if not finished:
        return ()
    top = best(scores, 1)[0]
    units = np.array([whole.units(points[k]) for k in finished])
    values = np.array([scores[k] for k in finished], dtype=float)
    at = whole.units(points[top])
    found = []
    for number, (label, dimension) in enumerate(zip(whole.labels, whole.dimensions, strict=True)):
        if not isinstance(dimension.domain, Choice) and not isnan(at[number]):
            moved = [move for move in moves if move.label == label]
            found.append(_verdict(label, dimension.domain, at[number], tune.edge, moved, units[:, number], values))
    return tuple(found)


def as_widened(said: Sequence[Verdict], moves: Sequence[Move]) -> tuple[Verdict, ...]:
    """The verdicts of a round once the next one has begun: where that moved an end, this one lay at the edge."""
    after = {move.label: move for move in moves}
    return tuple(Verdict(v.label, "widened", after[v.label].side, after[v.label].after) if v.label in after else v for v in said)


def _verdict(
    label: str, domain: Domain, at: float, edge: float, moved: Sequence[Move], units: np.ndarray, values: np.ndarray
) -> Verdict:
    side = _side(domain, at, edge)
    if side and (domain.low_is_hard if side == "low" else domain.high_is_hard):
        return Verdict(label, "limit", side, domain)
    if side:
        return Verdict(label, "edge", side, domain)
    if moved:
        return Verdict(label, "widened", moved[-1].side, domain)
    return Verdict(label, "flat" if _is_flat(units, values) else "inside", None, domain)


def _is_flat(units: np.ndarray, values: np.ndarray) -> bool:
    """Whether a parabola in the coordinate explains the ranks of the scores no better than chance: an adjusted R^2 of at most 0."""
    there = ~np.isnan(units)
    count = int(there.sum())
    if count < FLAT or np.ptp(units[there]) == 0:
        return False
    ranks = np.argsort(np.argsort(values[there])).astype(float)
    spread = ((ranks - ranks.mean()) ** 2).sum()
    left = ((ranks - np.polyval(np.polyfit(units[there], ranks, 2), units[there])) ** 2).sum()
    return bool(1 - (left / (count - 3)) / (spread / (count - 1)) <= 0)
