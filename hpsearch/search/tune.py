"""What a study says of its search: over which space, in which rounds, and what is run again at the end.

How the search unfolds from there is in ``hpsearch.search.unfolding``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal, assert_never, get_args

from hpsearch.errors import Refused
from hpsearch.search.proposals import PROPOSALS, Proposals, largest_grid
from hpsearch.search.stopping import Rule
from hpsearch.space import Space
from hpsearch.values import Value

LEAST_MARGIN = 0.001  # of the unit interval: a box around one point needs a width
CONFIRMING = 0.2  # of the epochs of all rounds: what running the best again costs, unless a study says otherwise
SHARES = ((0.1, 0.4), (0.3, 0.3), (1.0, 0.3))  # of a full training, of the epochs: the rounds of ``Tune.within``


@dataclass(frozen=True)
class Round(Value):
    """One step from coarse to fine: how many points, for how many epochs each, and how many of them the next round builds on."""

    points: int
    epochs: int
    keep: int | None = None  # best points, around which the next round searches; else about 0.6 times the root of the points

    def __post_init__(self) -> None:
        _whole("Round", points=self.points, epochs=self.epochs)
        if self.keep is not None:
            _whole("Round", keep=self.keep)
            if self.keep > self.points:
                raise Refused(f"Round cannot keep {self.keep} of {self.points} points: lower keep or raise points")

    @property
    def kept(self) -> int:
        """How many points it keeps."""
        return max(1, round(0.6 * sqrt(self.points))) if self.keep is None else self.keep

    @property
    def cost(self) -> int:
        """Epochs of all its trials."""
        return self.points * self.epochs


@dataclass(frozen=True)
class Confirm(Value):
    """The last round: the best ``points`` of the round before are trained again, as long, each under ``seeds`` fresh seeds."""

    points: int
    seeds: int

    def __post_init__(self) -> None:
        _whole("Confirm", points=self.points, seeds=self.seeds)


def _whole(kind: str, **numbers: object) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise Refused(f"{kind} needs {name} to be a whole number of at least 1, got {number!r}")


Arms = Literal["each", "base", "stack"]


@dataclass(frozen=True)
class Tune(Value):
    """What is re-tuned so that the comparison is fair, over which space, in which rounds.

    ``arms`` says for whom: ``each`` arm has its own search, with an equal budget; ``base`` or ``stack`` share one search, of
    the base or of the arm with all tricks, whose winner every arm uses.
    """

    space: Space
    rounds: tuple[Round, ...]
    arms: Arms = "each"
    proposals: Proposals = "sobol"
    margin: float = 0.1  # of the unit interval, around the kept points
    seed: int = 0
    confirm: Confirm | Literal["auto"] | None = "auto"  # "auto": about a fifth of what the rounds cost
    edge: float = (
        0.1  # of the unit interval: how near to an end of its range the best point must lie to widen it; twice that if outermost
    )
    widen: float = 0.5  # of a range's width: what is added beyond such an end, never past the hard limit
    ahead: int = 4  # latest points whose scores may be unknown when the next are drawn: at least the number of slots
    stopping: Rule | None = None  # ends trials of a round that fall behind the others
    earlier: tuple["Tune", ...] = ()  # searches that ran before: their runs that still fit are used again, and cost nothing

    def __post_init__(self) -> None:
        rounds = (self.rounds,) if isinstance(self.rounds, Round) else tuple(self.rounds)
        object.__setattr__(self, "rounds", rounds)
        object.__setattr__(self, "earlier", (self.earlier,) if isinstance(self.earlier, Tune) else tuple(self.earlier))
        if not isinstance(self.space, Space):
            raise Refused(f"Tune needs a Space first, got {self.space!r}")
        if not rounds or not all(isinstance(each, Round) for each in rounds):
            raise Refused(f"Tune needs rounds=(Round(points=..., epochs=...), ...), got {self.rounds!r}")
        for earlier, later in pairwise(rounds):
            if earlier.keep is not None and earlier.keep > later.points:
                raise Refused(f"a round keeps {earlier.keep} points, the next runs only {later.points}: lower keep or raise points")
        if self.arms not in get_args(Arms):
            raise Refused(f"Tune.arms is 'each', 'base' or 'stack', got {self.arms!r}")
        if self.proposals not in PROPOSALS:
            raise Refused(f"Tune.proposals is one of {', '.join(PROPOSALS)}, got {self.proposals!r}")
        if not (self.confirm is None or self.confirm == "auto" or isinstance(self.confirm, Confirm)):
            raise Refused(f"Tune.confirm is Confirm(points=..., seeds=...), 'auto' or None, got {self.confirm!r}")
        self._check_shares()
        if not (self.stopping is None or isinstance(self.stopping, Rule)):
            raise Refused(f"Tune.stopping is Halving(), Median() or None, got {self.stopping!r}")
        if wrong := [each for each in self.earlier if not isinstance(each, Tune)]:
            raise Refused(f"Tune.earlier holds searches that ran before, Tune(...), got {wrong[0]!r}")

    def _check_shares(self) -> None:
        if not LEAST_MARGIN <= self.margin <= 1:
            raise Refused(f"Tune.margin is a share of the unit interval, {LEAST_MARGIN} to 1, got {self.margin}")
        if not 0 <= self.edge <= 0.4:
            raise Refused(f"Tune.edge is a share of the unit interval, 0 to 0.4, got {self.edge}")
        if not 0 <= self.widen <= 10:
            raise Refused(f"Tune.widen is a share of a range's width, 0 (never) to 10, got {self.widen}")
        if isinstance(self.ahead, bool) or not isinstance(self.ahead, int) or self.ahead < 0:
            raise Refused(f"Tune.ahead is a whole number of points, 0 or more, got {self.ahead!r}")

    @property
    def shared(self) -> bool:
        """Whether one search serves all arms."""
        match self.arms:
            case "each":
                return False
            case "base" | "stack":
                return True
            case _:
                assert_never(self.arms)

    @property
    def whom(self) -> str:
        """For whom it searches, in words that follow "Search," and "We tuned the learning rate,"."""
        match self.arms:
            case "each":
                return "for every arm, under equal budgets"
            case "base":
                return "once for all arms, on the base"
            case "stack":
                return "once for all arms, on the arm with all tricks"
            case _:
                assert_never(self.arms)

    @property
    def confirming(self) -> Confirm | None:
        """What is run again at the end; None where nothing is."""
        if self.confirm != "auto":
            return self.confirm
        again = int(CONFIRMING * sum(each.cost for each in self.rounds) / self.rounds[-1].epochs)
        points = min(self.rounds[-1].points, max(2, round(again / 2.5)))
        return Confirm(points, again // points) if again >= 2 and points >= 2 else None

    def keep(self, index: int) -> int:
        """Points that round ``index`` keeps; no more than half of the next round where the study does not say."""
        asked = self.rounds[index]
        if asked.keep is None and index + 1 < len(self.rounds):
            return max(1, min(asked.kept, self.rounds[index + 1].points // 2))
        return asked.kept

    @property
    def cost(self) -> int:
        """Epochs of one search: all its rounds and what is run again at the end."""
        again = self.confirming
        return sum(each.cost for each in self.rounds) + (again.points * again.seeds * self.rounds[-1].epochs if again else 0)

    @property
    def trials(self) -> int:
        """Trials of one search."""
        again = self.confirming
        return sum(each.points for each in self.rounds) + (again.points * again.seeds if again else 0)

    @property
    def waste(self) -> str:
        """What a grid wastes, in a sentence; empty for the others."""
        if self.proposals != "grid":
            return ""
        points = self.rounds[0].points
        levels = largest_grid(len(self.space), points)
        return (
            f"a grid of {points} points in {len(self.space)} parameters tries only {levels} values of each, "
            f"where Sobol points try {points}: if some parameters do not matter, the other points are wasted"
        )

    @staticmethod
    def within(space: Space, budget: int, full: int, **rest: object) -> "Tune":
        """A search of about ``budget`` epochs whose last round trains for ``full`` epochs, confirming runs included.

        Three rounds, of a tenth, three tenths and the whole of a full training, on 40, 30 and 30 % of the epochs; where a full
        training is shorter than 10 epochs, or the budget below 8 of them, one round of full trainings.

        >>> from hpsearch.space import Uniform
        >>> Tune.within(Space(x=Uniform(0, 1)), budget=640, full=10).rounds
        (Round(points=213, epochs=1, keep=None), Round(points=53, epochs=3, keep=None), Round(points=16, epochs=10, keep=None))
        """
        _whole("Tune.within", budget=budget, full=full)
        if budget < full:
            raise Refused(f"Tune.within needs a budget of at least one full training, {full} epochs, got {budget}")
        whole = budget / (1 + CONFIRMING)
        parts = SHARES if full >= 10 and budget >= 8 * full else ((1.0, 1.0),)
        lengths = [(max(1, round(full * part)), share) for part, share in parts]
        rounds = tuple(Round(max(1, int(whole * share / epochs)), epochs) for epochs, share in lengths)
        return Tune(space, rounds, **rest)  # type: ignore[arg-type]


def best(scores: Sequence[float | None], keep: int) -> tuple[int, ...]:
    """Indices of the best scores, best first, ties by position; None (failed, stopped) is never among them.

    >>> best([1.0, None, 3.0, 3.0], keep=2)
    (2, 3)
    """
    finished = [(-score, index) for index, score in enumerate(scores) if score is not None]
    return tuple(index for _, index in sorted(finished)[:keep])


def mean(numbers: Iterable[float]) -> float:
    """The arithmetic mean of some numbers, at least one."""
    found = list(numbers)
    return sum(found) / len(found)
