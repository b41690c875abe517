"""From evidence to effects: which scores enter, in which direction, and in the order in which they could be seen."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from hpsearch.ablation.seeds import Seeds
from hpsearch.errors import Refused, did_you_mean
from hpsearch.protocol import Goal
from hpsearch.statistics.effect import Effect
from hpsearch.statistics.effects import effects_of, effects_unpaired
from hpsearch.statistics.notes import spread_words
from hpsearch.statistics.scales import scales, scales_words
from hpsearch.statistics.sequential import course, effects_by_looks

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.study import Study


class Measured(Protocol):
    """What is asked of evidence: the study, its trials on the final set, and one line per epoch of every trial."""

    @property
    def study(self) -> "Study":
        """The question."""

    @property
    def rows(self) -> "pd.DataFrame":
        """One line per epoch, with ``key``, ``epoch`` and a column per metric."""

    def measurements(self) -> "pd.DataFrame":
        """One line per trial, with ``key``, ``arm``, ``seed``, ``state`` and ``score``."""


def effects(evidence: Measured, confidence: float = 0.95, metric: str | None = None) -> tuple[Effect, ...]:
    """Every contrast of the study's plan, from its measurements alone: trials of the search never enter.

    ``metric`` is one of the study's other metrics; the intervals of each metric's table are simultaneous by themselves. The
    margin is the score's own and asks nothing of other metrics. Where the study lets seeds follow the results, every row is
    judged at the look that decided it. Evidence does not change, so what was judged once is remembered with it: a report asks a
    dozen times.
    """
    known = _judged.setdefault(evidence, {})
    asked = (confidence, metric)
    if asked not in known:
        apart = _across_scales(evidence, metric)
        known[asked] = tuple(replace(each, apart=each.name in apart) for each in _effects(evidence, confidence, metric))
    return known[asked]


_judged: "WeakKeyDictionary[Measured, dict[tuple[float, str | None], tuple[Effect, ...]]]" = WeakKeyDictionary()


def _effects(evidence: Measured, confidence: float, metric: str | None) -> tuple[Effect, ...]:
    study = evidence.study
    name, goal = metric or study.metric, goal_of(study, metric)
    scores = scores_of(evidence, metric)
    margin = study.margin if name == study.metric else None
    if not study.paired:
        return effects_unpaired(study.plan, scores, goal, confidence)
    seeds: object = study.seeds
    if isinstance(seeds, Seeds):
        at = course(seeds, study.plan, _finished(evidence, scores_of(evidence)), study.margin, confidence)
        return effects_by_looks(seeds, study.plan, at, scores, goal, confidence, name, margin)
    return effects_of(study.plan, scores, goal, confidence, name, margin)


def goal_of(study: "Study", metric: str | None = None) -> Goal:
    """In which direction a metric of the study is better."""
    goals: dict[str, Goal] = {study.metric: study.goal, **dict(study.also)}
    if (metric or study.metric) not in goals:
        raise Refused(f"the study has no metric {metric!r}: {did_you_mean(str(metric), goals)}; name it in Study.also")
    return goals[metric or study.metric]


def scores_of(evidence: Measured, metric: str | None = None) -> "pd.DataFrame":
    """Columns ``arm``, ``seed`` and ``score`` of finished measurements: the study's score, or another metric's.

    Another metric is taken as the score is: the median of the last epochs, so many as ``Study.last`` says.
    """
    measured = evidence.measurements()
    done = measured[measured["state"] == "complete"]
    if metric is None or metric == evidence.study.metric:
        return done[["arm", "seed", "score"]]
    rows = evidence.rows
    found = done[["arm", "seed"]].assign(score=np.nan)
    if metric in rows.columns:
        last = rows.sort_values("epoch").drop_duplicates(["key", "epoch"]).groupby("key").tail(evidence.study.last)
        found["score"] = done["key"].map(last.groupby("key")[metric].median()).astype("float64")
    return found


def variance_note(evidence: Measured) -> str:
    """In words, whose spread the intervals rest on and why; empty where nothing was measured twice."""
    scores = scores_of(evidence)
    return spread_words(evidence.study.plan, scores) if evidence.study.paired else ""


def scales_note(evidence: Measured, metric: str | None = None) -> str:
    """That arms live on different scales; empty where they do not, and of our own loop, whose metrics have one scale."""
    return "" if evidence.study.train is None else scales_words(scores_of(evidence, metric))


def _across_scales(evidence: Measured, metric: str | None) -> set[str]:
    """Names of the contrasts whose arms live on different scales."""
    if not scales_note(evidence, metric):
        return set()
    place = {arm: group for group, arms in enumerate(scales(scores_of(evidence, metric))) for arm in arms}
    weighed = {each.name: [arm.name for arm, weight in each.weights if weight] for each in evidence.study.plan.contrasts}
    return {name for name, arms in weighed.items() if len({place[arm] for arm in arms if arm in place}) > 1}


def _finished(evidence: Measured, scores: "pd.DataFrame") -> dict[tuple[str, int], float | None]:
    """Scores of measurements that have ended by arm and seed, None of those without one."""
    measured = evidence.measurements()
    ended = measured[measured["state"].isin(("complete", "failed", "stopped"))]
    told: dict[tuple[str, int], float | None] = {(str(a), int(s)): None for a, s in zip(ended["arm"], ended["seed"], strict=True)}
    known = zip(scores["arm"], scores["seed"], scores["score"], strict=True)
    return told | {(str(arm), int(seed)): float(score) for arm, seed, score in known if np.isfinite(score)}
