"""Replaying a study from the record: what it wants, as far as its scores determine it, and where each trial stands."""

from dataclasses import dataclass

from hpsearch.results.older import Past, Verdict
from hpsearch.results.record import Record
from hpsearch.space import Point
from hpsearch.study import Study, Trial
from hpsearch.study.agenda import Agenda, Memo, agenda

SEARCH, MEASUREMENT, TEACHER = "search", "measurement", "teacher"  # roles of a trial in a study


Scores = dict[str, float | None]  # of finished trials by key; None: failed or stopped


@dataclass(frozen=True)
class Replayed:
    """A study as far as the record determines it."""

    study: Study
    plan: Agenda
    scores: Scores  # that it rests on
    past: Past  # where the record has its trials


def replayed(record: Record | None, study: Study, decision: Verdict = "") -> Replayed:
    """The study as the record determines it; ``decision`` is what becomes of older trials without one."""
    past, memo = Past(record, study, decision), Memo(study)
    scores: Scores = {}
    ours: Scores = {}  # of trials, each looked up once
    others: Scores = {}  # of runs that only earlier searches asked for
    asked: set[str] = set()
    while True:
        plan = agenda(study, scores, memo)
        trials = {trial.key: trial for trial in plan.trials()}
        former = plan.looked - trials.keys()
        ours |= past.scores([trial for key, trial in trials.items() if key not in asked])
        asked |= trials.keys()
        if record is not None:
            others |= record.scores(former - others.keys(), study.metric, study.last)
        found = {key: ours[key] for key in trials if key in ours} | {key: others[key] for key in former if key in others}
        if len(found) == len(scores):
            return Replayed(study, plan, scores, past)
        scores = found


@dataclass(frozen=True)
class Place:
    """A place in the study that a trial fills."""

    role: str
    arm: str  # name; of a teacher ``teacher`` and a number
    trial: Trial
    round: int | None = None  # from 1, in a search
    point: int | None = None  # in its round, from 0
    values: Point | None = None  # of the tuned parameters, in a search


def places(plan: Agenda) -> list[Place]:
    """Every place of a study, searches first; a trial that two places share stands once for each."""
    searched = [
        Place(SEARCH, round_.arm.name, trial, round_.index + 1, number, point)
        for round_ in plan.rounds
        for number, (trial, point) in enumerate(zip(round_.trials, round_.points, strict=True))
    ]
    taught = [Place(TEACHER, f"teacher {number}", trial) for number, trial in enumerate(plan.teachers, start=1)]
    return [*searched, *taught, *(Place(MEASUREMENT, m.arm.name, m.trial) for m in plan.measurements)]
