"""Contrasts of runs that are not paired: every arm with its own variance, after Welch."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.ablation import Contrast, Plan
from hpsearch.statistics.power import MOST_SEEDS, check_share, power
from hpsearch.statistics.randomised_blocks import ROUNDING, Numbers
from hpsearch.values import Value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Unpaired(Value):
    """A contrast of independent arms: estimate, standard error and Welch's degrees of freedom.

    With an arm's mean m, variance s^2 of n runs and weight w: estimate sum w m, squared error sum w^2 s^2 / n, and
    df = (sum v)^2 / sum v^2 / (n - 1) with v = w^2 s^2 / n. Source: Welch (1947), Biometrika 34, 28-35.
    """

    value: float
    error: float | None  # None where an arm has one run
    df: float
    spread: tuple[float, ...]  # w^2 s^2 of the arms

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval that leaves out a share of ``level``."""
        from scipy.special import stdtrit

        reach = -float(stdtrit(self.df, level / 2)) * (self.error or 0.0)
        return self.value - reach, self.value + reach

    @property
    def p(self) -> float:
        """Of the two-sided test of a difference of 0."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.df, -abs(self.value) / (self.error or math.inf)))

    def runs_needed(self, level: float, share: float = 0.8) -> int | None:
        """Runs per arm that resolve a difference of the size seen with a power of ``share``; None beyond 1000."""
        if self.value == 0:
            return None
        freedom = sum(self.spread) ** 2 / sum(v * v for v in self.spread)  # of n runs per arm, over n - 1

        def enough(runs: int) -> bool:
            error = math.sqrt(sum(self.spread) / runs)
            return power(abs(self.value) / error, int(freedom * (runs - 1)), level) >= share

        counts = range(2, MOST_SEEDS + 1)
        found = bisect_left(counts, True, key=enough)
        return counts[found] if found < len(counts) else None


def unpaired_contrast(contrast: Contrast, scores: Mapping[str, Numbers]) -> Unpaired | None:
    """The contrast of arms' scores by name; None where an arm has none.

    >>> from hpsearch.ablation import Trick, ladder
    >>> [step] = ladder(Trick("a", {"x": 1})).contrasts
    >>> found = unpaired_contrast(step, {"base": np.array([1.0, 2.0, 3.0]), "a": np.array([4.0, 6.0, 8.0])})
    >>> found.value, round(found.error, 3), round(found.df, 2)
    (4.0, 1.291, 2.94)
    """
    return welch([(weight, scores.get(arm.name, np.zeros(0))) for arm, weight in contrast.weights if weight])


def welch(parts: Sequence[tuple[float, Numbers]]) -> Unpaired | None:
    """The contrast of weights and the scores of each arm; None where an arm has none."""
    if not all(len(found) for _, found in parts):
        return None
    value = sum(weight * float(found.mean()) for weight, found in parts)
    if min(len(found) for _, found in parts) < 2:
        return Unpaired(value, None, 0.0, ())
    spread = tuple(weight**2 * _variance(found) for weight, found in parts)
    shares = [v / len(found) for v, (_, found) in zip(spread, parts, strict=True)]
    below = sum(share**2 / (len(found) - 1) for share, (_, found) in zip(shares, parts, strict=True))
    return Unpaired(value, math.sqrt(sum(shares)), sum(shares) ** 2 / below if below else 0.0, spread)


def _variance(scores: Numbers) -> float:
    """Of one arm's runs; 0 where they differ by rounding alone."""
    found = float(scores.var(ddof=1))
    return found if math.sqrt(found) > ROUNDING * float(np.abs(scores).max()) else 0.0


def unpaired_contrasts(plan: Plan, scores: "pd.DataFrame", confidence: float = 0.95) -> tuple[dict[Contrast, Unpaired], float]:
    """Every contrast that could be measured, and the error rate of each that makes their intervals simultaneous.

    Bonferroni: the share of error is parted evenly between the contrasts that have an interval.
    """
    check_share("confidence", confidence)
    known = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    by_arm = {str(arm): mine["score"].to_numpy(dtype=np.float64) for arm, mine in known.groupby("arm")}
    found = {contrast: measured for contrast in plan.contrasts if (measured := unpaired_contrast(contrast, by_arm)) is not None}
    return found, (1 - confidence) / max(1, sum(bool(each.error) for each in found.values()))


def within_deviation(scores: "pd.DataFrame") -> float | None:
    """The standard deviation from run to run within an arm, pooled over arms; None where nothing was repeated.

    >>> import pandas as pd
    >>> within_deviation(pd.DataFrame({"arm": list("aabb"), "score": [1.0, 3.0, 5.0, 5.0]}))
    1.0
    """
    known = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    groups = known.groupby("arm")["score"]
    freedom = len(known) - groups.ngroups
    return math.sqrt(float(((known["score"] - groups.transform("mean")) ** 2).sum()) / freedom) if freedom > 0 else None
