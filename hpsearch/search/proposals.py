"""Proposals: pure functions from a box, a number of points and a seed to points.

Source of the scrambled Sobol points: scipy.stats.qmc (Owen scrambling; Owen 1998).
"""

import warnings
from collections.abc import Sequence

import numpy as np

from hpsearch.space import Point, Space

PROPOSALS = ("sobol", "random", "tpe", "gp")
BATCH = 4  # points a learning proposal draws at a time, whatever the number of slots: so a replay gives the same points


def propose(kind: str, box: Space, count: int, seed: int, told: Sequence[float | None] = ()) -> list[Point]:
    """``count`` points of the box; fewer where the kind learns and has not been told enough yet.

    ``told`` are the scores of the first points of this very list, larger is better, None for failed ones. Equal arguments give
    equal points; more scores only ever lengthen the list.
    """
    if count < 1:
        return []
    if kind == "sobol":
        return _points(box, _sobol(len(box), count, seed))
    if kind == "random":
        return _points(box, np.random.default_rng(seed).random((count, len(box))))
    return _learned(kind, box, count, seed, told)


def _points(box: Space, units: np.ndarray) -> list[Point]:
    return [box.point(tuple(row)) for row in units]


def _sobol(dimensions: int, count: int, seed: int) -> np.ndarray:
    from scipy.stats import qmc  # a second to import: only when points are drawn

    with warnings.catch_warnings():  # a count that is no power of two loses balance, not validity
        warnings.simplefilter("ignore", UserWarning)
        return qmc.Sobol(dimensions, scramble=True, rng=seed).random(count)  # type: ignore[no-any-return]


def _learned(kind: str, box: Space, count: int, seed: int, told: Sequence[float | None]) -> list[Point]:
    """Sobol points for the first quarter, then batches asked of an Optuna sampler once all points before them are told."""
    from hpsearch.search.samplers import ask

    start = min(count, max(BATCH, count // 4))
    points = propose("sobol", box, start, seed)
    while len(points) < count and len(told) >= len(points):
        wanted = min(BATCH, count - len(points))
        points += ask(kind, box, points, told[: len(points)], wanted, seed + len(points))
    return points
