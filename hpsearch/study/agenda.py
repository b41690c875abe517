"""The agenda: every trial a study wants, as far as the scores known so far determine it.

It is a pure function of the study and of those scores. So a search that was killed goes on where it stood, and a study that was
changed runs what the change adds: there is no other state. (A ``Memo`` only saves time.)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.ablation import Arm
from hpsearch.ablation.seeds import Seeds
from hpsearch.errors import Refused, sentence
from hpsearch.search import Ask, UnfoldedRound, Unfolding, unfold
from hpsearch.space import Point
from hpsearch.study import TUNING_SEED, Study, Trial, needed

Scores = Mapping[str, float | None]  # trial key to score of finished trials; None: failed or stopped


@dataclass(frozen=True, kw_only=True)
class ArmRound(UnfoldedRound):
    """One round of the search for one arm, as far as it has unfolded, with its trials."""

    arm: Arm
    trials: tuple[Trial, ...]  # one per run, in the same order


@dataclass(frozen=True)
class Measurement:
    """One seed of one arm: a trial that may enter a table."""

    arm: Arm
    seed: int
    trial: Trial


@dataclass(frozen=True)
class Agenda:
    """Rounds of the searches and measurements of the arms; ``problems`` says in words what cannot go on."""

    rounds: tuple[ArmRound, ...]
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
        searched = [trial for each in self.rounds for trial in each.trials]
        return searched + [m.trial for m in sorted(self.measurements, key=lambda m: m.seed)]


@dataclass(frozen=True, eq=False)
class _Search:
    """A search as it unfolded last, and the scores it rested on: it need not be worked out again while those are the same."""

    unfolding: Unfolding
    found: Mapping[str, float | None]  # scores by trial key
    missing: frozenset[str]  # keys that were looked for and had no score

    def holds(self, scores: Scores) -> bool:
        """Whether these scores say the same as those it rested on."""
        return self.missing.isdisjoint(scores) and all(key in scores and scores[key] == score for key, score in self.found.items())


@dataclass(eq=False)
class Memo:
    """What was worked out before of one study's agenda. It saves time and changes nothing; whoever asks repeatedly keeps one."""

    study: Study
    searches: dict[str, _Search] = field(default_factory=dict)  # by name of the arm
    trials: dict[tuple[str, Ask], Trial] = field(default_factory=dict)  # by name of the arm and the run; a key takes time to hash
    measured: dict[str, tuple[Point, tuple[Trial, ...]]] = field(default_factory=dict)  # by name of the arm, at its point

    def trial(self, arm: Arm, ask: Ask) -> Trial:
        """The trial that a run of an arm's search is."""
        known = self.trials.get((arm.name, ask))
        if known is None:
            config = _config(self.study, arm, ask.point)
            known = self.trials[arm.name, ask] = self.study.trial(config, TUNING_SEED + ask.seed, ask.epochs, "tuning")
        return known

    def measurements(self, arm: Arm, point: Point) -> tuple[Trial, ...]:
        """The trials that measure an arm at its tuned point, one per seed that it may have."""
        known = self.measured.get(arm.name)
        if known is None or known[0] != point:
            config = self.study.config(arm, point)
            length = self.study.length(config)
            seeds = range(self.study.most_seeds)
            known = self.measured[arm.name] = (point, tuple(self.study.trial(config, seed, length, "final") for seed in seeds))
        return known[1]


@dataclass(frozen=True, eq=False)
class _Told:
    """The scores of one arm's runs; larger is better."""

    memo: Memo
    arm: Arm
    scores: Scores

    def __contains__(self, ask: Ask) -> bool:
        return self.memo.trial(self.arm, ask).key in self.scores

    def __getitem__(self, ask: Ask) -> float | None:
        score = self.scores[self.memo.trial(self.arm, ask).key]
        return None if score is None else self.memo.study.better(score)


def agenda(study: Study, scores: Scores, memo: Memo | None = None) -> Agenda:
    """What the study wants, given the scores of finished trials by key (in the metric's own direction).

    ``memo`` is what earlier calls for the same study worked out, and is added to; the answer is the same without one.
    """
    memo = Memo(study) if memo is None else memo
    if memo.study is not study:
        raise ValueError("this memo belongs to another study")
    searches = {arm: _search(memo, arm, scores) for arm in study.searches}
    searched = {arm: each.unfolding for arm, each in searches.items()}
    rounds = tuple(each for arm, found in searched.items() for each in _rounds(memo, arm, found))
    problems, settled, points = [], True, dict[Arm, Point]()
    for arm in study.plan.arms:
        found = searched.get(arm) or next(iter(searched.values()), None)
        point: Point | None = {} if found is None else found.winner
        if found is not None and point is None:
            settled = settled and found.settled
            if found.settled:
                whose = arm if arm in searched else next(iter(searched))
                problems.append(_dead(whose, found.rounds[-1]))
        if point is not None:
            points[arm] = point
    measurements = _measurements(memo, points, scores)
    if isinstance(study.seeds, Seeds) and any(m.trial.key not in scores for m in measurements):
        settled = False  # further seeds may follow from these
    looked = frozenset(key for each in searches.values() for key in (*each.found, *each.missing))
    winners = tuple((arm.name, found.winner) for arm, found in searched.items() if found.winner is not None)
    return Agenda(rounds, measurements, tuple(dict.fromkeys(problems)), settled, winners, looked)


def _measurements(memo: Memo, points: Mapping[Arm, Point], scores: Scores) -> tuple[Measurement, ...]:
    """The seeds of every arm whose tuned point is known: all of them, or as many as the looks so far ask for."""
    study = memo.study
    every = {arm: memo.measurements(arm, point) for arm, point in points.items()}
    counts = {arm.name: study.first_seeds for arm in points}
    if isinstance(study.seeds, Seeds):
        from hpsearch.statistics import next_seeds  # numpy and scipy: only where seeds follow the results

        ended = {(arm.name, s): scores[t.key] for arm, trials in every.items() for s, t in enumerate(trials) if t.key in scores}
        counts |= next_seeds(study.seeds, study.plan, ended, study.margin)
    return tuple(Measurement(arm, s, trial) for arm, trials in every.items() for s, trial in enumerate(trials[: counts[arm.name]]))


def _search(memo: Memo, arm: Arm, scores: Scores) -> _Search:
    """The search for one arm, and the scores it rests on."""
    study = memo.study
    if study.tune is None:
        raise ValueError("a study without tune= has no rounds")
    known = memo.searches.get(arm.name)
    if known is None or not known.holds(scores):
        users = dict.fromkeys((arm, *study.plan.arms)) if study.tune.shared else (arm,)
        unfolding = unfold(
            study.tune, _Told(memo, arm, scores), lambda name, value: all(study.takes(a, name, value) for a in users)
        )
        looked = {memo.trial(arm, ask).key for ask in unfolding.looked}
        known = _Search(unfolding, {key: scores[key] for key in looked if key in scores}, frozenset(looked - scores.keys()))
        memo.searches[arm.name] = known
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


def _rounds(memo: Memo, arm: Arm, found: Unfolding) -> Iterator[ArmRound]:
    for each in found.rounds:
        yield ArmRound(arm=arm, trials=tuple(memo.trial(arm, ask) for ask in each.asks), **vars(each))


def _dead(arm: Arm, last: UnfoldedRound) -> str:
    return (
        f"round {last.index + 1} of the search for arm {arm.name!r} ended with no finished trial: "
        f"all {last.size} failed; `hpsearch status` says why; narrow the space if it is the cause"
    )
