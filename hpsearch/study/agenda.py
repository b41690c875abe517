"""The agenda: every trial a study wants, as far as the scores known so far determine it.

It is a pure function of the study and of those scores. So a search that was killed goes on where it stood, and a study that was
changed runs what the change adds: there is no other state.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.ablation import Arm
from hpsearch.ablation.seeds import Seeds
from hpsearch.errors import Refused, sentence
from hpsearch.search import Ask, Leg, Unfolding, unfold
from hpsearch.search.unfold import Step
from hpsearch.search.verdicts import Verdict
from hpsearch.space import Point, Space
from hpsearch.study import TUNING_SEED, Study, Trial, needed

Scores = Mapping[str, float | None]  # trial key to score of finished trials; None: failed or stopped


@dataclass(frozen=True)
class Stage:
    """One round of one search as far as it has unfolded; the confirming round is the one after the last."""

    arm: Arm
    leg: Leg
    trials: tuple[Trial, ...]

    @property
    def index(self) -> int:
        """Number of the round, from 0."""
        return self.leg.index

    @property
    def epochs(self) -> int:
        """Of each of its trials."""
        return self.leg.epochs

    @property
    def confirming(self) -> bool:
        """Whether it runs the best points again under fresh seeds."""
        return self.leg.confirming

    @property
    def whole(self) -> Space:
        """The range searched so far, as widened."""
        return self.leg.whole

    @property
    def box(self) -> Space:
        """Where its first points were sent."""
        return self.leg.box

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps, each with its box and the ends that were widened for it."""
        return self.leg.steps

    @property
    def points(self) -> tuple[Point, ...]:
        """Its points, in the order in which they were asked for."""
        return tuple(ask.point for ask in self.leg.asks)

    @property
    def scores(self) -> tuple[float | None, ...]:
        """Of the first trials, as far as they are finished in order; larger is better."""
        return self.leg.scores

    @property
    def size(self) -> int:
        """Trials when it is whole."""
        return self.leg.size

    @property
    def kept(self) -> tuple[int, ...] | None:
        """Which were kept, best first; None while it is not whole."""
        return self.leg.kept

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Where its best point lies along every dimension; nothing while it is not whole."""
        return self.leg.verdicts

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
    winners: tuple[tuple[str, Point], ...] = ()  # of the searches that ended, by name of the arm
    looked: frozenset[str] = frozenset()  # keys of all trials whose score would matter, those of earlier searches too

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
    told = {arm: _Told(study, arm, scores) for arm in study.searches}
    searched = {arm: _search(study, each) for arm, each in told.items()}
    stages = tuple(stage for arm, found in searched.items() for stage in _stages(study, arm, found))
    problems, settled, points = [], True, dict[Arm, Point]()
    for arm in study.plan.arms:
        found = searched.get(arm) or next(iter(searched.values()), None)
        point: Point | None = {} if found is None else found.winner
        if found is not None and point is None:
            settled = settled and found.settled
            if found.settled:
                whose = arm if arm in searched else next(iter(searched))
                problems.append(_dead(whose, found.legs[-1]))
        if point is not None:
            points[arm] = point
    measurements = _measurements(study, points, scores)
    if isinstance(study.seeds, Seeds) and any(m.trial.key not in scores for m in measurements):
        settled = False  # further seeds may follow from these
    looked = frozenset(key for each in told.values() for key in each.looked)
    winners = tuple((arm.name, found.winner) for arm, found in searched.items() if found.winner is not None)
    return Agenda(stages, measurements, tuple(dict.fromkeys(problems)), settled, winners, looked)


def _measurements(study: Study, points: Mapping[Arm, Point], scores: Scores) -> tuple[Measurement, ...]:
    """The seeds of every arm whose tuned point is known: all of them, or as many as the looks so far ask for."""
    every = {arm: [_measured(study, arm, point, s) for s in range(study.most_seeds)] for arm, point in points.items()}
    counts = {arm.name: study.first_seeds for arm in points}
    if isinstance(study.seeds, Seeds):
        from hpsearch.statistics import next_seeds  # numpy and scipy: only where seeds follow the results

        ended = {(arm.name, s): scores[t.key] for arm, trials in every.items() for s, t in enumerate(trials) if t.key in scores}
        counts |= next_seeds(study.seeds, study.plan, ended, study.margin)
    return tuple(Measurement(arm, s, trial) for arm, trials in every.items() for s, trial in enumerate(trials[: counts[arm.name]]))


def _measured(study: Study, arm: Arm, point: Point, seed: int) -> Trial:
    config = study.config(arm, point)
    return study.trial(config, seed, study.length(config), "final")


@dataclass(frozen=True, eq=False)
class _Told(Mapping[Ask, float | None]):
    """The scores of one arm's search by what it asked for; larger is better."""

    study: Study
    arm: Arm
    scores: Scores
    looked: set[str] = field(default_factory=set)

    def __getitem__(self, ask: Ask) -> float | None:
        key = _trial(self.study, self.arm, ask).key
        self.looked.add(key)
        score = self.scores[key]
        return None if score is None else self.study.better(score)

    def __iter__(self) -> Iterator[Ask]:
        raise NotImplementedError("keys are hashes: what was asked cannot be read from them")

    def __len__(self) -> int:
        return len(self.scores)


def _search(study: Study, told: _Told) -> Unfolding:
    if study.tune is None:
        raise ValueError("a study without tune= has no rounds")
    known: _Unfolded | None = study.unfolded.get(told.arm.name)
    if known is not None and known.holds(told.scores):
        told.looked.update(known.found, known.missing)
        return known.unfolding
    users = (told.arm,) if study.tune.arms == "each" else dict.fromkeys((told.arm, *study.plan.arms))
    unfolding = unfold(study.tune, told, lambda name, value: all(study.takes(arm, name, value) for arm in users))
    found = {key: told.scores[key] for key in told.looked if key in told.scores}
    study.unfolded[told.arm.name] = _Unfolded(unfolding, found, frozenset(told.looked - found.keys()))
    return unfolding


@dataclass(frozen=True, eq=False)
class _Unfolded:
    """A search as it unfolded last, and all that it rested on: it need not be worked out again while that is the same."""

    unfolding: Unfolding
    found: Mapping[str, float | None]  # scores by trial key
    missing: frozenset[str]  # keys that were asked about and had no score

    def holds(self, scores: Scores) -> bool:
        """Whether these scores say the same as those it rested on."""
        return not any(key in scores for key in self.missing) and all(
            key in scores and scores[key] == score for key, score in self.found.items()
        )


def _trial(study: Study, arm: Arm, ask: Ask) -> Trial:
    """The trial that a search's run is; made once, for its key is a hash of the whole config."""
    known = study.asked.get((arm.name, ask))
    if known is None:
        known = study.trial(_config(study, arm, ask.point), TUNING_SEED + ask.seed, ask.epochs, "tuning")
        study.asked[arm.name, ask] = known
    return known


def _config(study: Study, arm: Arm, point: Point) -> Any:
    """A point's config; ends of ranges were tried when the study was built, and what lies between may be refused all the same."""
    try:
        return study.config(arm, point)
    except Exception as error:
        where = ", ".join(f"{name}={value!r}" for name, value in point.items())
        kind = type(study.base).__name__
        raise Refused(
            f"{kind} refuses {where}, a point of the search: {sentence(error)}; let it fail in training instead"
        ) from error


def _stages(study: Study, arm: Arm, found: Unfolding) -> tuple[Stage, ...]:
    return tuple(Stage(arm, leg, tuple(_trial(study, arm, ask) for ask in leg.asks)) for leg in found.legs)


def _dead(arm: Arm, leg: Leg) -> str:
    return (
        f"round {leg.index + 1} of the search for arm {arm.name!r} ended with no finished trial: "
        f"all {leg.size} failed; narrow the space or see the reasons with `hpsearch status`"
    )
