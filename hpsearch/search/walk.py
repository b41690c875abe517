"""How far a search has unfolded: the runs it asked for, round by round, and what is known of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal, Protocol

from hpsearch.search.box import Move
from hpsearch.search.tune import Tune
from hpsearch.search.verdicts import Verdict
from hpsearch.space import Point, Space
from hpsearch.values import Value

ENOUGH = 2 / 3  # of a round's runs so far: a box drawn from fewer would follow chance, and do worse than the whole range
GENERATION = 1_000  # seeds between a search and an earlier one over another range

Kind = Literal["found", "spread", "carried", "narrowed", "learned", "confirming"]
Accepts = Callable[[str, Any], bool]


@dataclass(frozen=True)
class Ask(Value):
    """One run a search asks for: a point, the number of its seed and its epochs."""

    items: tuple[tuple[str, Any], ...]
    seed: int
    epochs: int

    @property
    def point(self) -> Point:
        """Parameter to value."""
        return dict(self.items)


class Scores(Protocol):
    """Scores of finished runs, such as a dictionary: larger is better, None for one that failed or was stopped."""

    def __contains__(self, ask: Ask, /) -> bool: ...

    def __getitem__(self, ask: Ask, /) -> float | None: ...


@dataclass(frozen=True)
class Step:
    """Runs that were determined together: where they were sent and why."""

    kind: Kind
    box: Space | None  # None: points that were there before
    start: int  # of its runs, in its round
    moves: tuple[Move, ...] = ()  # ends of the range that were widened for it


@dataclass(frozen=True)
class UnfoldedRound:
    """One round as far as it has unfolded; the confirming round is the one after the last."""

    index: int  # from 0
    epochs: int  # of each of its runs
    whole: Space  # range searched so far, as widened in this round
    steps: tuple[Step, ...]
    asks: tuple[Ask, ...]
    scores: tuple[float | None, ...]  # of the first runs, as far as they are finished in order; larger is better
    size: int  # runs when it is whole
    kept: tuple[int, ...] | None  # best first; None while it is not whole
    verdicts: tuple[Verdict, ...] = ()  # by dimension, once it is whole
    confirming: bool = False  # whether it runs the best points again under fresh seeds

    @property
    def found(self) -> int:
        """How many of its runs were there before: those of earlier searches."""
        return self.steps[1].start if self.steps[0].kind == "found" else 0

    @property
    def box(self) -> Space:
        """Where its first points were sent."""
        return next((step.box for step in self.steps if step.box is not None), self.whole)

    @property
    def points(self) -> tuple[Point, ...]:
        """Its points, in the order in which they were asked for."""
        return tuple(ask.point for ask in self.asks)

    @property
    def winner(self) -> Point | None:
        """The best point of a whole round; None where none finished."""
        return self.asks[self.kept[0]].point if self.kept else None


@dataclass(frozen=True)
class Unfolding:
    """A search as far as it is determined."""

    rounds: tuple[UnfoldedRound, ...]
    winner: Point | None  # None while it is not known, or where none finished
    settled: bool  # no score will determine anything further
    looked: tuple[Ask, ...] = ()  # all runs whose scores it asked for, those of earlier searches too

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Every run asked for so far, in order."""
        return tuple(ask for each in self.rounds for ask in each.asks)


@dataclass
class Walk:
    """Where the unfolding stands."""

    tune: Tune
    told: Scores
    accepts: Accepts
    first: int  # seed of its first round
    former: tuple[Ask, ...]  # finished runs of earlier searches over other ranges
    rounds: tuple[UnfoldedRound, ...] = ()
    asks: list[Ask] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)  # of the longest prefix of the asks that is told

    def ask(self, points: Sequence[Point], seed: int, epochs: int) -> None:
        """Ask for a run of each point."""
        self.asks += [Ask(tuple(sorted(point.items())), self.first + seed, epochs) for point in points]

    def knows(self, start: int, count: int) -> Sequence[float | None] | None:
        """The scores of the runs ``start`` to ``count`` of the order; None where not all of them, and all before, are told."""
        while len(self.scores) < len(self.asks) and self.asks[len(self.scores)] in self.told:
            self.scores.append(self.told[self.asks[len(self.scores)]])
        return self.scores[start:count] if len(self.scores) >= count else None

    def points(self, start: int, count: int) -> list[Point]:
        """Those of the runs ``start`` to ``count`` of the order."""
        return [ask.point for ask in self.asks[start:count]]

    @property
    def looked(self) -> tuple[Ask, ...]:
        """The runs whose scores it asked for: those that are told, and the first that is not."""
        return tuple(self.asks[: len(self.scores) + 1])


Known = tuple[list[Point], Sequence[float | None]]  # points and their scores


def enough(walk: Walk, start: int, end: int, all_of_them: bool = False) -> Known | None:
    """Points and scores of the runs ``start`` to ``end`` without the last ``ahead``; of all of them where those tell nothing."""
    prefix = max(end - walk.tune.ahead, start + ceil(ENOUGH * (end - start)))
    for count in (end if all_of_them else prefix, end):
        scores = walk.knows(start, count)
        if scores is None:
            return None
        if count == end or any(score is not None for score in scores):
            return walk.points(start, count), scores
    return None


def moved(steps: Sequence[Step]) -> tuple[Move, ...]:
    """The ends that were widened for some steps."""
    return tuple(move for step in steps for move in step.moves)
