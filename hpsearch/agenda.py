"""The agenda: every trial a study wants, as far as the scores known so far determine it.

It is a pure function of the study and of those scores. So a search that was killed goes on where it stood, and a study that was
changed runs what the change adds: there is no other state.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hpsearch.ablation import Arm
from hpsearch.search import Tune, best, points_of
from hpsearch.space import Point, Space
from hpsearch.study import TUNING_SEED, Study, Trial, needed

Scores = Mapping[str, float | None]  # trial key to score of finished trials; None: failed


@dataclass(frozen=True)
class Stage:
    """One round of one search: its box, its points and trials so far determined, and which were kept."""

    arm: Arm
    index: int
    box: Space
    points: tuple[Point, ...]
    trials: tuple[Trial, ...]
    scores: tuple[float | None, ...]  # of the first trials, as far as they are finished in order; larger is better
    size: int  # trials when it is whole
    kept: tuple[int, ...] | None  # best first; None while it is not whole

    @property
    def winner(self) -> Point | None:
        """The best point of a whole round; None where none finished."""
        return self.points[self.kept[0]] if self.kept else None


@dataclass(frozen=True)
class Measurement:
    """One seed of one arm: a trial that may enter a table."""

    arm: Arm
    seed: int
    trial: Trial


@dataclass(frozen=True)
class Agenda:
    """Stages of the searches and measurements of the arms; ``problems`` says in words what cannot go on."""

    stages: tuple[Stage, ...]
    measurements: tuple[Measurement, ...]
    problems: tuple[str, ...]
    settled: bool  # nothing further will be determined by more scores

    def trials(self) -> Iterator[Trial]:
        """Every trial determined so far, searches first, then seed by seed over all arms; each once, after those it needs."""
        every = [each for trial in self._students() for each in (*needed(trial), trial)]
        return iter({trial.key: trial for trial in every}.values())

    @property
    def teachers(self) -> tuple[Trial, ...]:
        """Trials that are there only because others need their weights; each once."""
        students = self._students()
        own = {trial.key for trial in students}
        return tuple({t.key: t for trial in students for t in needed(trial) if t.key not in own}.values())

    def _students(self) -> list[Trial]:
        searched = [trial for stage in self.stages for trial in stage.trials]
        return searched + [m.trial for m in sorted(self.measurements, key=lambda m: m.seed)]


def agenda(study: Study, scores: Scores) -> Agenda:
    """What the study wants, given the scores of finished trials by key (in the metric's own direction)."""
    searched = {arm: _search(study, arm, scores) for arm in study.searches}
    stages = tuple(stage for rounds in searched.values() for stage in rounds)
    measurements, problems, settled = [], [], True
    for arm in study.plan.arms:
        rounds = searched.get(arm) or next(iter(searched.values()), ())
        if not rounds:
            point: Point | None = {}
        elif _whole(study.tune, rounds) or rounds[-1].kept == ():
            point = rounds[-1].winner
            if point is None:
                problems.append(_dead(rounds[-1]))
        else:
            point, settled = None, False
        if point is not None:
            config = study.config(arm, point)
            epochs = study.length(config)
            measurements += [Measurement(arm, s, study.trial(config, s, epochs, "final")) for s in range(study.seeds)]
    return Agenda(stages, tuple(measurements), tuple(dict.fromkeys(problems)), settled)


def _search(study: Study, arm: Arm, scores: Scores) -> tuple[Stage, ...]:
    """The rounds of one search, up to the first that is not whole."""
    tune = study.tune
    stages: list[Stage] = []
    for index in range(len(tune.rounds) if tune else 0):
        stage = _stage(study, arm, index, stages[-1] if stages else None, scores)
        stages.append(stage)
        if not stage.kept:
            break
    return tuple(stages)


def _stage(study: Study, arm: Arm, index: int, before: Stage | None, scores: Scores) -> Stage:
    tune = study.tune
    if tune is None:
        raise ValueError("a study without tune= has no rounds")
    asked = tune.rounds[index]
    carried = [before.points[k] for k in before.kept] if before and before.kept else []
    box = tune.space.around(carried, tune.margin) if carried else tune.space
    told: tuple[float | None, ...] = ()
    while True:  # more scores can determine more points, until they determine none
        points = points_of(tune, index, box, carried, told)
        trials = [study.trial(study.config(arm, point), TUNING_SEED + index, asked.epochs, "tuning") for point in points]
        known = _prefix(study, trials, scores)
        if len(known) == len(told):
            break
        told = known
    kept = best(told, asked.keep) if len(told) == asked.points else None
    return Stage(arm, index, box, tuple(points), tuple(trials), told, asked.points, kept)


def _prefix(study: Study, trials: list[Trial], scores: Scores) -> tuple[float | None, ...]:
    known: list[float | None] = []
    for trial in trials:
        if trial.key not in scores:
            break
        score = scores[trial.key]
        known.append(None if score is None else study.better(score))
    return tuple(known)


def _whole(tune: Tune | None, rounds: tuple[Stage, ...]) -> bool:
    return tune is not None and len(rounds) == len(tune.rounds) and rounds[-1].kept is not None


def _dead(stage: Stage) -> str:
    return (
        f"round {stage.index + 1} of the search for arm {stage.arm.name!r} ended with no finished trial: "
        f"all {stage.size} failed; narrow the space or see the reasons with `hpsearch status`"
    )
