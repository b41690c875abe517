"""Effects of a table: every contrast of a plan from scores by arm and seed."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.ablation import Contrast, Plan
from hpsearch.errors import Refused
from hpsearch.protocol import Goal
from hpsearch.statistics.effect import (
    FEW_SEEDS,
    NO_LARGER,
    NO_SHARED_SEED,
    NO_SPREAD,
    NO_SPREAD_OF_RUNS,
    NOT_MEASURED,
    NOT_RESOLVED,
    ONE_RUN,
    ONE_SEED,
    Effect,
    verdict,
)
from hpsearch.statistics.exact import floor, sign_flip
from hpsearch.statistics.power import check_share, seeds_as_seen, seeds_needed, seeds_within
from hpsearch.statistics.randomised_blocks import Fit, Numbers, estimable, fit_table, table
from hpsearch.statistics.rows import POOLED, WELCH, Rows, judge, shared
from hpsearch.statistics.simultaneous import holm
from hpsearch.statistics.unpaired import Unpaired, unpaired_contrasts

if TYPE_CHECKING:
    import pandas as pd


def effects_of(
    plan: Plan,
    scores: "pd.DataFrame",
    goal: Goal = "maximise",
    confidence: float = 0.95,
    metric: str = "top1",
    margin: float | None = None,
) -> tuple[Effect, ...]:
    """Every contrast of a plan from scores with the columns ``arm`` (name), ``seed`` and ``score``.

    Interval: estimate +- c SE, simultaneous at the given confidence; ``rows.judge`` says how c and SE are found.
    ``metric`` picks the published claim to stand beside each. Within a ``margin``, in the unit of the score: a row whose two
    one-sided tests both say so, at one minus the confidence for all rows together, shows no difference larger than the margin,
    even where it is distinguished from zero.

    >>> import pandas as pd
    >>> from hpsearch.ablation import Trick, ladder
    >>> scores = pd.DataFrame({"arm": ["base"] * 3 + ["a"] * 3, "seed": [0, 1, 2] * 2, "score": [1.0, 2, 3, 5, 6.5, 6.5]})
    >>> [effect] = effects_of(ladder(Trick("a", {"x": 1})), scores)
    >>> effect.value, round(effect.low, 2), round(effect.high, 2), effect.verdict
    (4.0, 2.76, 5.24, 'helps')
    >>> [effect] = effects_of(ladder(Trick("a", {"x": 1})), scores, margin=6.0)
    >>> effect.verdict
    'no difference larger than the margin'
    """
    check_share("confidence", confidence)  # here, since nothing may be measured yet
    check_margin(margin)
    arms, values = table(scores)
    fitted = fit_table(arms, values)
    weighed = [fitted.weights({arm.name: weight for arm, weight in contrast.weights}) for contrast in plan.contrasts]
    asked = [n for n, weights in enumerate(weighed) if weights is not None and estimable(fitted.seen, weights[None])[0]]
    rows = judge(values, np.array([weighed[n] for n in asked]), confidence) if asked else None
    judged = Judged(fitted, values, rows, goal, margin) if rows else None
    places = {n: place for place, n in enumerate(asked)}
    return tuple(_effect(contrast, weighed[n], fitted, metric, judged, places.get(n)) for n, contrast in enumerate(plan.contrasts))


def check_margin(margin: float | None) -> None:
    """Refuse a margin that is not a positive number."""
    if margin is not None and not 0 < margin < math.inf:
        raise Refused(f"margin is a positive number in the unit of the score, got {margin}")


@dataclass(frozen=True, eq=False)
class Judged:
    """The rows of a table, and what an effect says of each."""

    fitted: Fit
    values: Numbers  # (arms, seeds)
    rows: Rows
    goal: Goal
    margin: float | None

    @cached_property
    def half(self) -> Numbers:
        """Half the width of every interval."""
        return self.rows.half

    @cached_property
    def adjusted(self) -> Numbers:
        """P-values consistent with the intervals."""
        return self.rows.adjusted

    @cached_property
    def holm(self) -> Numbers:
        """P-values of the single rows after Holm."""
        told, found = self.rows.error > 0, np.full(len(self.rows.error), np.nan)
        found[told] = holm(self.rows.p[told])
        return found

    @cached_property
    def within(self) -> Numbers:
        """P-values of being smaller than the margin."""
        return np.full(len(self.half), np.nan) if self.margin is None else self.rows.within(self.margin)

    def verdict(self, row: int) -> str:
        """In words."""
        value, half = float(self.rows.value[row]), float(self.half[row])
        if math.isnan(half):
            if self.rows.error[row] == 0:
                return NO_SPREAD
            return ONE_SEED if max(self.fitted.counts) == 1 else FEW_SEEDS
        if self.within[row] <= 1 - self.rows.confidence:
            return NO_LARGER
        return verdict(value - half, value + half, self.goal)

    def needed(self, row: int, weights: Numbers) -> int | None:
        """Seeds per arm that would resolve it, against the error rate that the table leaves to each row."""
        value, (deviation, arms, squares) = float(self.rows.value[row]), self._spread(row, weights)
        found = [seeds_needed(value, deviation, arms, self._level(row), squares=squares)]
        if self.margin is not None:
            level = (1 - self.rows.confidence) / len(self.rows.value)
            found.append(seeds_within(value, self.margin, deviation, arms, level, squares=squares))
        return min((seeds for seeds in found if seeds), default=None)

    def as_seen(self, row: int, weights: Numbers) -> int | None:
        """Seeds per arm at which its interval would exclude zero, if difference and spread stay as they are."""
        deviation, arms, squares = self._spread(row, weights)
        return seeds_as_seen(float(self.rows.value[row]), deviation, arms, self._level(row), squares)

    def _level(self, row: int) -> float:
        """The error rate that the table leaves to a row."""
        from scipy.special import stdtr

        return 2 * float(stdtr(float(self.rows.df[row]), -self.rows.critical[row]))

    def _spread(self, row: int, weights: Numbers) -> tuple[float, int, float]:
        """Standard deviation, how many arms share it, sum of squared weights.

        A pooled row is a contrast of so many arms with one standard deviation; a row by itself is one difference, seed by seed.
        """
        error = float(self.rows.error[row])
        if self.rows.method[row] == POOLED:
            deviation = error / math.sqrt(float(weights @ self.fitted.covariance @ weights))
            return deviation, len(self.rows.pool), float(weights @ weights)
        counts = [count for count, weight in zip(self.fitted.counts, weights, strict=True) if weight]
        return error * math.sqrt(min(counts)), 2, 1.0


def _effect(
    contrast: Contrast, weights: Numbers | None, fitted: Fit, metric: str, judged: Judged | None, row: int | None
) -> Effect:
    claims = contrast.trick.claims if contrast.trick else ()
    claim = next((claim for claim in claims if claim.metric == metric), None)
    counts = dict(zip(fitted.arms, fitted.counts, strict=True))
    seeds = min(counts.get(arm.name, 0) for arm, weight in contrast.weights if weight)
    if judged is None or row is None or weights is None:
        said = NOT_MEASURED if weights is None else NO_SHARED_SEED
        return Effect(contrast.name, contrast.design, None, None, None, seeds, said, claim)
    said, value, half = judged.verdict(row), float(judged.rows.value[row]), float(judged.half[row])
    if math.isnan(half):
        return Effect(contrast.name, contrast.design, value, None, None, seeds, said, claim)
    differences = shared(judged.values, weights)
    exact = sign_flip(differences)
    return Effect(
        contrast.name,
        contrast.design,
        value,
        value - half,
        value + half,
        seeds,
        said,
        claim,
        p=float(judged.adjusted[row]),
        seeds_needed=judged.needed(row, weights) if said == NOT_RESOLVED else None,
        seeds_as_seen=judged.as_seen(row, weights) if said == NOT_RESOLVED else None,
        method=judged.rows.method[row],
        df=float(judged.rows.df[row]),
        error=float(judged.rows.error[row]),
        p_holm=float(judged.holm[row]),
        p_exact=exact,
        p_floor=None if exact is None else floor(len(differences)),
        p_margin=None if judged.margin is None else float(judged.within[row]),
    )


def effects_unpaired(plan: Plan, scores: "pd.DataFrame", goal: Goal = "maximise", confidence: float = 0.95) -> tuple[Effect, ...]:
    """Every contrast of a plan from independent runs, with the columns ``arm`` and ``score``: no run is the partner of another.

    Interval: estimate +- t SE by Welch, each arm with its own variance; Bonferroni makes all of them simultaneous, and
    p-values are adjusted in the same way.

    >>> import pandas as pd
    >>> from hpsearch.ablation import Trick, ladder
    >>> scores = pd.DataFrame({"arm": ["base"] * 3 + ["a"] * 3, "score": [1.0, 2, 3, 5, 6.5, 6.5]})
    >>> [effect] = effects_unpaired(ladder(Trick("a", {"x": 1})), scores)
    >>> effect.value, round(effect.low, 2), round(effect.high, 2), effect.verdict
    (4.0, 1.86, 6.14, 'helps')
    """
    found, level = unpaired_contrasts(plan, scores, confidence)
    counts = {str(arm): len(mine) for arm, mine in scores.dropna(subset=["score"]).groupby("arm")}
    judged = [(contrast, found.get(contrast)) for contrast in plan.contrasts]
    adjusted = iter(holm(np.array([each.p for _, each in judged if each is not None and each.error])))
    return tuple(
        _unpaired(
            contrast, each, counts, level, confidence, goal, float(next(adjusted)) if each is not None and each.error else None
        )
        for contrast, each in judged
    )


def _unpaired(
    contrast: Contrast,
    found: Unpaired | None,
    counts: dict[str, int],
    level: float,
    confidence: float,
    goal: Goal,
    p_holm: float | None,
) -> Effect:
    runs = min(counts.get(arm.name, 0) for arm, weight in contrast.weights if weight)
    if found is None:
        return Effect(contrast.name, contrast.design, None, None, None, runs, NOT_MEASURED)
    if not found.error:
        said = ONE_RUN if found.error is None else NO_SPREAD_OF_RUNS
        return Effect(contrast.name, contrast.design, found.value, None, None, runs, said)
    low, high = found.interval(level)
    said = verdict(low, high, goal)
    needed = found.runs_needed(level) if said == NOT_RESOLVED else None
    adjusted = min(1.0, found.p * (1 - confidence) / level)
    own = (WELCH, found.df, found.error, p_holm)
    return Effect(contrast.name, contrast.design, found.value, low, high, runs, said, None, adjusted, needed, *own)
