"""Effects: every contrast of a plan with its estimate, a simultaneous interval, a verdict in words and the published claim."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hpsearch.ablation import Claim, Contrast, Plan
from hpsearch.statistics.blocks import Fit, Numbers, fit
from hpsearch.statistics.power import check_share, seeds_needed
from hpsearch.statistics.simultaneous import Largest, largest
from hpsearch.values import Value

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.record.evidence import Evidence

Goal = Literal["maximise", "minimise"]

HELPS, HURTS, NOT_RESOLVED, NOT_MEASURED = "helps", "hurts", "not resolved", "not measured"
ONE_SEED = "one seed carries no interval"
FEW_SEEDS = "too few seeds for an interval"
NO_SPREAD = "no spread between seeds, so no interval"
NO_SHARED_SEED = "the arms share no seed"
AGREES, DISAGREES, CANNOT_TELL = "agrees", "disagrees", "cannot tell"


@dataclass(frozen=True)
class Effect(Value):
    """A contrast with its estimate, in the metric's own direction and unit.

    ``low`` and ``high`` are an interval that holds for all contrasts of the table together, ``p`` is adjusted in the same way.
    ``seeds_needed`` stands only beside "not resolved": seeds per arm that would resolve an effect of the size seen with 80 %
    power, None where more than 1000 would be needed.
    """

    name: str
    design: str
    value: float | None
    low: float | None
    high: float | None
    seeds: int  # of its arm that has fewest
    verdict: str
    claim: Claim | None = None  # published for the same metric
    p: float | None = None
    seeds_needed: int | None = None

    @property
    def resolved(self) -> bool:
        """Whether the interval excludes zero."""
        return self.verdict in (HELPS, HURTS)

    @property
    def beside_claim(self) -> str:
        """What this says about the claim's sign; empty where nothing was claimed.

        ``agrees``: resolved, and of the claim's sign. ``disagrees``: resolved, and not of its sign (a claim of zero has none).
        ``cannot tell``: not resolved. The claim was measured on other data under another budget, so none of them is a proof.
        """
        if self.claim is None:
            return ""
        if not self.resolved or self.value is None:
            return CANNOT_TELL
        return AGREES if self.value * self.claim.value > 0 else DISAGREES

    @property
    def holds_claim(self) -> bool | None:
        """Whether the interval contains the claimed size; None where one of the two is missing."""
        if self.claim is None or self.low is None or self.high is None:
            return None
        return self.low <= self.claim.value <= self.high


def effects(evidence: "Evidence", confidence: float = 0.95) -> tuple[Effect, ...]:
    """Every contrast of the study's plan, from its measurements alone: trials of the search never enter."""
    study = evidence.study
    measured = evidence.measurements()
    scores = measured.loc[measured["state"] == "complete", ["arm", "seed", "score"]]
    return effects_of(study.plan, scores, study.goal, confidence, study.metric)


def effects_of(
    plan: Plan, scores: "pd.DataFrame", goal: Goal = "maximise", confidence: float = 0.95, metric: str = "top1"
) -> tuple[Effect, ...]:
    """Every contrast of a plan from scores with the columns ``arm`` (name), ``seed`` and ``score``.

    Interval: estimate +- c SE, with c the quantile of max|t| over the contrasts that could be measured. ``metric`` picks the
    published claim to stand beside each.

    >>> import pandas as pd
    >>> from hpsearch.ablation import Trick, ladder
    >>> scores = pd.DataFrame({"arm": ["base"] * 3 + ["a"] * 3, "seed": [0, 1, 2] * 2, "score": [1.0, 2, 3, 5, 6.5, 6.5]})
    >>> [effect] = effects_of(ladder(Trick("a", {"x": 1})), scores)
    >>> effect.value, round(effect.low, 2), round(effect.high, 2), effect.verdict
    (4.0, 2.76, 5.24, 'helps')
    """
    check_share("confidence", confidence)  # here, since nothing may be measured yet
    fitted = fit(scores)
    weighed = {contrast: _weights(fitted, contrast) for contrast in plan.contrasts}
    measured = [weights for weights in weighed.values() if weights is not None and fitted.comparable(weights)]
    together = _together(fitted, np.array(measured)) if measured and fitted.deviation else None
    critical = together.quantile(confidence) if together else None
    return tuple(_effect(c, w, fitted, together, critical, goal, metric) for c, w in weighed.items())


def _weights(fitted: Fit, contrast: Contrast) -> Numbers | None:
    return fitted.weights({arm.name: weight for arm, weight in contrast.weights})


def _together(fitted: Fit, contrasts: Numbers) -> Largest:
    covariance = contrasts @ fitted.covariance @ contrasts.T
    error = np.sqrt(np.diag(covariance))
    return largest(covariance / np.outer(error, error), fitted.df)


def _effect(
    contrast: Contrast,
    weights: Numbers | None,
    fitted: Fit,
    together: Largest | None,
    critical: float | None,
    goal: Goal,
    metric: str,
) -> Effect:
    claims = contrast.trick.claims if contrast.trick else ()
    claim = next((claim for claim in claims if claim.metric == metric), None)
    counts = dict(zip(fitted.arms, fitted.counts, strict=True))
    seeds = min(counts.get(arm.name, 0) for arm, weight in contrast.weights if weight)
    if weights is None or not fitted.comparable(weights):
        verdict = NOT_MEASURED if weights is None else NO_SHARED_SEED
        return Effect(contrast.name, contrast.design, None, None, None, seeds, verdict, claim)
    value = float(weights @ fitted.means)
    if together is None or critical is None or not fitted.deviation:
        return Effect(contrast.name, contrast.design, value, None, None, seeds, _why_none(fitted), claim)
    error = fitted.deviation * float(np.sqrt(weights @ fitted.covariance @ weights))
    low, high = value - critical * error, value + critical * error
    verdict = _verdict(low, high, goal)
    needed = _needed(value, weights, fitted, critical) if verdict == NOT_RESOLVED else None
    return Effect(contrast.name, contrast.design, value, low, high, seeds, verdict, claim, together.tail(value / error), needed)


def _verdict(low: float, high: float, goal: Goal) -> str:
    """In words: resolved where the interval excludes zero.

    >>> _verdict(-0.3, -0.1, "minimise"), _verdict(-0.3, -0.1, "maximise"), _verdict(-0.3, 0.1, "maximise")
    ('helps', 'hurts', 'not resolved')
    """
    if low <= 0 <= high:
        return NOT_RESOLVED
    return HELPS if (low > 0) == (goal == "maximise") else HURTS


def _why_none(fitted: Fit) -> str:
    if fitted.deviation == 0:
        return NO_SPREAD
    return ONE_SEED if max(fitted.counts) == 1 else FEW_SEEDS


def _needed(value: float, weights: Numbers, fitted: Fit, critical: float) -> int | None:
    """Seeds per arm for an effect of this size, against the error rate that the table leaves to each contrast."""
    from scipy.stats import t

    level = 2 * float(t.sf(critical, fitted.df))
    squares = float(weights @ weights)
    return seeds_needed(value, fitted.deviation or 0.0, len(fitted.arms), level, squares=squares)
