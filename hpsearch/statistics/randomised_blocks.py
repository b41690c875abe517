"""The model of a table: score = arm + seed + residual, with seeds as blocks and one variance for all arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
ROUNDING = 1e-10  # of the scores' size: what is smaller is arithmetic, not spread


@dataclass(frozen=True, eq=False)
class Layout:
    """What least squares needs to know of a table before any score: which arms ran which seeds.

    Parameters are one mean per arm and one shift per seed but the first; observations are in the order of the table's rows.
    """

    design: Numbers  # (observations, parameters)
    solve: Numbers  # (parameters, observations), its pseudo-inverse
    seen: Numbers  # (parameters, parameters): projection on the row space: what can be estimated
    df: int  # observations less the rank of the design

    def rest(self, observed: Numbers) -> Numbers:
        """Residuals of observations (observations, ...)."""
        return observed - self.design @ (self.solve @ observed)


@lru_cache(maxsize=1024)
def _layout(there: bytes, arms: int, seeds: int) -> Layout:
    arm, seed = np.nonzero(np.frombuffer(there, dtype=np.bool_).reshape(arms, seeds))
    ran = np.unique(seed)
    columns = [arm == a for a in range(arms)] + [seed == s for s in ran[1:]]
    design = np.column_stack(columns).astype(np.float64)
    solve = np.asarray(np.linalg.pinv(design), dtype=np.float64)
    seen = solve @ design
    return Layout(design, solve, seen, len(arm) - round(float(np.trace(seen))))


def layout(there: Flags) -> Layout:
    """The layout of a table (arms, seeds) of what is there; every arm has at least one score."""
    return _layout(np.ascontiguousarray(there).tobytes(), *there.shape)


@dataclass(frozen=True, eq=False)
class Fit:
    """Least squares of score = arm + seed + residual.

    ``deviation`` is the residual standard deviation in the unit of the score: None where no freedom is left to estimate it.
    """

    arms: tuple[str, ...]  # with at least one score
    counts: tuple[int, ...]  # scores per arm
    means: Numbers  # (arms,), as if every arm had run every seed
    covariance: Numbers  # (arms, arms) of the means, for a residual variance of 1
    seen: Numbers  # (arms + other columns, the same): projection on the row space: what can be estimated
    df: int  # residual degrees of freedom
    deviation: float | None

    def weights(self, contrast: Mapping[str, float]) -> Numbers | None:
        """The contrast's weights in the order of ``arms``; None where one of its arms has no score."""
        if any(weight and arm not in self.arms for arm, weight in contrast.items()):
            return None
        return np.array([contrast.get(arm, 0.0) for arm in self.arms])

    def comparable(self, weights: Numbers) -> bool:
        """Whether the contrast is estimable: not so where its arms share no seed, even through other arms."""
        return bool(estimable(self.seen, weights[None])[0])


def estimable(seen: Numbers, contrasts: Numbers) -> Flags:
    """Which contrasts (rows, arms) of the means lie in the row space of a layout: the data can estimate them."""
    rows = np.zeros((len(contrasts), len(seen)))
    rows[:, : contrasts.shape[1]] = contrasts
    return np.asarray((np.abs(rows @ seen - rows) < 1e-8).all(axis=1))


def table(scores: "pd.DataFrame") -> tuple[tuple[str, ...], Numbers]:
    """Arms with at least one score, and their scores (arms, seeds), not a number where one is missing or infinite."""
    known = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    if known.duplicated(["arm", "seed"]).any():
        raise Refused("an arm has two scores under one seed: give each trial once")
    arms, seeds = tuple(dict.fromkeys(known["arm"])), {seed: n for n, seed in enumerate(dict.fromkeys(known["seed"]))}
    values = np.full((len(arms), len(seeds)), np.nan)
    place = {arm: n for n, arm in enumerate(arms)}
    values[known["arm"].map(place).to_numpy(dtype=int), known["seed"].map(seeds).to_numpy(dtype=int)] = known["score"]
    return arms, values


def fit(scores: "pd.DataFrame") -> Fit:
    """Fit the model to a frame with the columns ``arm``, ``seed`` and ``score``; missing or infinite scores are left out.

    Arms may lack seeds: a mean is then corrected for the seeds it lacks by what those seeds did to the other arms.
    Source: Montgomery, Design and Analysis of Experiments, randomized complete block design and missing values.

    >>> import pandas as pd
    >>> plan = fit(pd.DataFrame({"arm": list("aabb"), "seed": [0, 1, 0, 1], "score": [1.0, 2.0, 3.0, 5.0]}))
    >>> plan.means.round(3).tolist(), plan.df, plan.deviation
    ([1.5, 4.0], 1, 0.5)
    """
    return fit_table(*table(scores))


def fit_table(arms: tuple[str, ...], values: Numbers) -> Fit:
    """Fit the model to scores (arms, seeds), not a number where one is missing; every arm has at least one."""
    if not arms:
        return Fit((), (), np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)), 0, None)
    there = np.isfinite(values)
    known = layout(there)
    observed = values[there]
    params, covariance = known.solve @ observed, known.solve @ known.solve.T
    # Means are given for the average seed, not for the first; contrasts do not depend on it, since weights sum to zero.
    means = params[: len(arms)] + params[len(arms) :].sum() / int(there.any(axis=0).sum())
    covariance = covariance[: len(arms), : len(arms)]
    counts = tuple(int(count) for count in there.sum(axis=1))
    squares = float((known.rest(observed) ** 2).sum())
    return Fit(arms, counts, means, covariance, known.seen, known.df, deviation(squares, known.df, observed))


def squares(values: Numbers) -> tuple[float, int]:
    """Residual squares and degrees of freedom of a table."""
    there = np.isfinite(values)
    known = layout(there)
    return float((known.rest(values[there]) ** 2).sum()), known.df


def deviation(squares: float, df: int, observed: Numbers) -> float | None:
    """The residual standard deviation: 0 where the squares are mere arithmetic, None where no freedom is left."""
    if df < 1:
        return None
    found = float(np.sqrt(squares / df))
    return found if found > ROUNDING * max(1e-300, float(np.abs(observed).max())) else 0.0


def pooled_deviation(scores: "pd.DataFrame") -> float | None:
    """The standard deviation from seed to seed, pooled over arms, in the unit of the score; None where nothing was repeated.

    It is the residual standard deviation of ``fit``: what a seed does to all arms alike is removed, as it cancels in differences.

    >>> import pandas as pd
    >>> pooled_deviation(pd.DataFrame({"arm": list("aabb"), "seed": [0, 1, 0, 1], "score": [1.0, 2.0, 3.0, 5.0]}))
    0.5
    """
    return fit(scores).deviation


def deviation_of(scores: Mapping[tuple[str, int], float]) -> float | None:
    """The same of scores by arm and seed, none missing, without pandas: planning a study starts faster.

    >>> deviation_of({("a", 0): 1.0, ("a", 1): 2.0, ("b", 0): 3.0, ("b", 1): 5.0})
    0.5
    """
    arms, seeds = (tuple(dict.fromkeys(names)) for names in zip(*scores, strict=True)) if scores else ((), ())
    values = np.array([[scores.get((arm, seed), np.nan) for seed in seeds] for arm in arms])
    return fit_table(arms, values).deviation
