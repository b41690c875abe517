"""Simultaneous intervals: the distribution of the largest |t| over all contrasts of a table."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import Refused
from hpsearch.statistics.power import check_share, crossing

Numbers = NDArray[np.float64]
DRAWS = 20_000
POINTS = 1_000  # kept of the draws: moves a critical value by under 1 in 10,000, where the draws leave it open by 1 in 500
SEED = 20_190_617


@dataclass(frozen=True, eq=False)
class Largest:
    """The distribution of max|t| for contrasts with a known correlation and ``df`` residual degrees of freedom.

    t = A u R, where u is uniform on the unit sphere of ``rank`` dimensions and R^2 / rank is distributed as F(rank, df); so
    max|t| = R g(u) with g = max|A u|. The radius is integrated exactly and only the direction is drawn, so one contrast gives
    exactly Student's t. Source: Deak (1980) for the radius; Hothorn, Bretz and Westfall (2008) for the use.
    """

    reach: Numbers  # (points,), evenly spaced quantiles of g(u)
    rank: int
    df: int
    _known: dict[float, float] = field(default_factory=dict, repr=False)  # quantiles found before

    def tail(self, t: float) -> float:
        """P(max|t| > t): the p-value of one contrast, adjusted for all.

        >>> round(largest(np.eye(1), df=10).tail(2.228), 3)
        0.05
        """
        from scipy.special import fdtrc

        if t == 0:
            return 1.0
        with np.errstate(divide="ignore"):
            return float(fdtrc(self.rank, self.df, (abs(t) / self.reach) ** 2 / self.rank).mean())

    def quantile(self, confidence: float) -> float:
        """The t that all contrasts stay below together with this confidence.

        >>> round(largest(np.eye(1), df=10).quantile(0.95), 3)
        2.228
        """
        check_share("confidence", confidence)
        if confidence not in self._known:
            self._known[confidence] = self._solved(confidence)
        return self._known[confidence]

    def _solved(self, confidence: float) -> float:
        high = 2.0
        while self.tail(high) > 1 - confidence:
            high *= 2
        return crossing(lambda t: self.tail(t) - (1 - confidence), 0.0, high)


def largest(correlation: Numbers, df: int, draws: int = DRAWS, seed: int = SEED) -> Largest:
    """The distribution of max|t| for a correlation matrix (contrasts, contrasts), singular or not; the same on every call.

    >>> round(largest(np.ones((3, 3)), df=10).quantile(0.95), 3)  # three times the same contrast
    2.228
    """
    if df < 1:
        raise Refused(f"the distribution of t needs at least 1 residual degree of freedom, got {df}")
    matrix = np.ascontiguousarray(np.atleast_2d(correlation), dtype=np.float64)
    return _largest(matrix.tobytes(), len(matrix), df, draws, seed)


@lru_cache(maxsize=4096)
def _largest(correlation: bytes, count: int, df: int, draws: int, seed: int) -> Largest:
    reach, rank = _reach(correlation, count, draws, seed)
    return Largest(reach, rank, df)


@lru_cache(maxsize=4096)
def _reach(correlation: bytes, count: int, draws: int, seed: int) -> tuple[Numbers, int]:
    """Quantiles of max|A u| over directions u, and their dimension."""
    values, vectors = np.linalg.eigh(np.frombuffer(correlation).reshape(count, count))
    kept = values > 1e-9 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    normal = np.random.default_rng(seed).standard_normal((draws, root.shape[1]))
    direction = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    reach = np.quantile(np.abs(direction @ root.T).max(axis=1), (np.arange(POINTS) + 0.5) / POINTS)
    return reach, root.shape[1]


def holm(p: Numbers) -> Numbers:
    """P-values (rows,) adjusted after Holm: step down from the smallest, each times the number of rows not yet rejected.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70. scipy has no such adjustment.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
