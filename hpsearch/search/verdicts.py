"""Where the best point of a round lies in the range: what to say of each dimension."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

import numpy as np

from hpsearch.search.box import Move, Side, is_hard, nearest_end
from hpsearch.search.tune import Tune, best
from hpsearch.space import Choice, Domain, Point, Space

FLAT = 12  # finished points a round needs before a dimension can be called flat

Kind = Literal["inside", "widened", "limit", "edge", "flat"]


@dataclass(frozen=True)
class Verdict:
    """Where the best point of a round lies along one dimension.

    ``inside``; ``widened``: it lay at an end, which was moved; ``limit``: at an end that cannot move; ``edge``: at an end that was
    not moved (any further), because the score does not rise to it or no points were left; ``flat``: the score does not follow
    this dimension.
    """

    label: str
    kind: Kind
    side: Side | None = None
    domain: Domain | None = None  # the range, as widened


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
    side = nearest_end(domain, at, edge)
    if side and is_hard(domain, side):
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
