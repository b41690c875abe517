"""The model of a table: score = arm + seed + residual, with seeds as blocks and one variance for all arms."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
ROUNDING = 1e-10  # of the scores' size: what is smaller is arithmetic, not spread


@dataclass(frozen=True, eq=False)
class Fit:
    """Least squares of score = arm + seed + residual.

    ``deviation`` is the residual standard deviation in the unit of the score: None where no freedom is left to estimate it.
    """

    arms: tuple[str, ...]  # with at least one score
    counts: tuple[int, ...]  # scores per arm
    means: Numbers  # (arms,), as if every arm had run every seed
    covariance: Numbers  # (arms, arms) of the means, for a residual variance of 1
    seen: Numbers  # (arms + other columns, the same): projection on what the data can tell apart
    df: int  # residual degrees of freedom
    deviation: float | None

    def weights(self, contrast: Mapping[str, float]) -> Numbers | None:
        """The contrast's weights in the order of ``arms``; None where one of its arms has no score."""
        if any(weight and arm not in self.arms for arm, weight in contrast.items()):
            return None
        return np.array([contrast.get(arm, 0.0) for arm in self.arms])

    def comparable(self, weights: Numbers) -> bool:
        """Whether the data tell the contrast apart from the seeds: not so where its arms share none, even through others."""
        row = np.zeros(len(self.seen))
        row[: len(weights)] = weights
        return bool(np.allclose(row @ self.seen, row, atol=1e-8))


def fit(scores: "pd.DataFrame") -> Fit:
    """Fit the model to a frame with the columns ``arm``, ``seed`` and ``score``; missing or infinite scores are left out.

    Arms may lack seeds: a mean is then corrected for the seeds it lacks by what those seeds did to the other arms.
    Source: Montgomery, Design and Analysis of Experiments, randomized complete block design and missing values.

    >>> import pandas as pd
    >>> plan = fit(pd.DataFrame({"arm": list("aabb"), "seed": [0, 1, 0, 1], "score": [1.0, 2.0, 3.0, 5.0]}))
    >>> plan.means.round(3).tolist(), plan.df, plan.deviation
    ([1.5, 4.0], 1, 0.5)
    """
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    known = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    if known.duplicated(["arm", "seed"]).any():
        raise Refused("an arm has two scores under one seed: give each trial once")
    arms = tuple(dict.fromkeys(known["arm"]))
    seeds = tuple(dict.fromkeys(known["seed"]))
    if not arms:
        return Fit((), (), np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)), 0, None)
    columns = [known["arm"] == arm for arm in arms] + [known["seed"] == seed for seed in seeds[1:]]
    design = np.column_stack(columns).astype(np.float64)
    score = known["score"].to_numpy(dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularMatrixWarning)  # `comparable` asks of each contrast what this says of the whole
        solved = OLS(score, design).fit(method="pinv")
    seen = np.linalg.pinv(design) @ design
    # Means are given for the average seed, not for the first; contrasts do not depend on it, since weights sum to zero.
    means = solved.params[: len(arms)] + solved.params[len(arms) :].sum() / len(seeds)
    covariance = solved.normalized_cov_params[: len(arms), : len(arms)]
    counts = tuple(int((known["arm"] == arm).sum()) for arm in arms)
    df = int(solved.df_resid)
    deviation = _deviation(float(solved.ssr), df, score)
    return Fit(arms, counts, means, covariance, seen, df, deviation)


def _deviation(squares: float, df: int, score: Numbers) -> float | None:
    if df < 1:
        return None
    deviation = float(np.sqrt(squares / df))
    return deviation if deviation > ROUNDING * max(1e-300, float(np.abs(score).max())) else 0.0


def pooled_deviation(scores: "pd.DataFrame") -> float | None:
    """The standard deviation from seed to seed, pooled over arms, in the unit of the score; None where nothing was repeated.

    It is the residual deviation of ``fit``: what a seed does to all arms alike is taken out, as it cancels in every difference.

    >>> import pandas as pd
    >>> pooled_deviation(pd.DataFrame({"arm": list("aabb"), "seed": [0, 1, 0, 1], "score": [1.0, 2.0, 3.0, 5.0]}))
    0.5
    """
    return fit(scores).deviation
