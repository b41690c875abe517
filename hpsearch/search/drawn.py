"""Scrambled Sobol points by scipy. Importing scipy.stats takes longer than all else that `hpsearch plan` does: they are kept."""

import warnings
from functools import lru_cache

import numpy as np

from hpsearch.kept import kept, scipy_version

MOST = 4096  # points that are kept; more are drawn anew each time


@lru_cache(maxsize=1024)  # a search is unfolded anew whenever something is told
def sobol(dimensions: int, count: int, seed: int) -> np.ndarray:
    """The first points (count, dimensions) of a scrambled Sobol sequence, in the unit cube. Source: Owen (1998)."""
    if count > MOST:
        points = _draw(dimensions, count, seed)
    else:
        points = kept(f"sobol-{dimensions}x{count}-{seed}", scipy_version(), lambda: _draw(dimensions, count, seed))
    points.flags.writeable = False  # it is handed out again
    return points


def _draw(dimensions: int, count: int, seed: int) -> np.ndarray:
    from scipy.stats import qmc

    with warnings.catch_warnings():  # a count that is no power of two loses balance, not validity
        warnings.simplefilter("ignore", UserWarning)
        points: np.ndarray = qmc.Sobol(dimensions, scramble=True, rng=seed).random(count)
    return points
