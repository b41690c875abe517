"""Rounds, from coarse to fine: what is kept of one, and where the next one looks.

The rules, all in unit coordinates of the whole space:

1. Points of a round: those the round before kept, run again for longer, then new ones inside the box.
2. Kept: the best ``keep`` finished points; of equal scores the earlier one. A failed point is never kept.
3. The next box holds the kept points and reaches ``margin`` beyond them on every side, clipped to the whole space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from hpsearch.errors import Refused
from hpsearch.search.proposals import PROPOSALS, propose
from hpsearch.space import Point, Space
from hpsearch.values import Value, digest

LEAST_MARGIN = 0.001  # of the unit interval: a box around one point needs a width


@dataclass(frozen=True)
class Round(Value):
    """One stage from coarse to fine: so many points, so many epochs each, how many to keep for the next."""

    points: int
    epochs: int
    keep: int = 1  # of the last round: only the best is used

    def __post_init__(self) -> None:
        for name, number in (("points", self.points), ("epochs", self.epochs), ("keep", self.keep)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise Refused(f"Round needs {name} to be a whole number of at least 1, got {number!r}")
        if self.keep > self.points:
            raise Refused(f"Round cannot keep {self.keep} of {self.points} points: lower keep or raise points")

    @property
    def cost(self) -> int:
        """Epochs of all its trials."""
        return self.points * self.epochs


@dataclass(frozen=True)
class Tune(Value):
    """What is re-tuned so that the comparison is fair, over which space, in which rounds.

    ``arms`` says for whom: ``each`` arm has a search of its own under an equal budget; ``base`` or ``stack`` share one search, of
    the base or of the arm with all tricks, whose winner every arm uses.
    """

    space: Space
    rounds: tuple[Round, ...]
    arms: Literal["each", "base", "stack"] = "each"
    proposals: str = "sobol"
    margin: float = 0.1  # of the unit interval, round the kept points
    seed: int = 0

    def __post_init__(self) -> None:
        rounds = (self.rounds,) if isinstance(self.rounds, Round) else tuple(self.rounds)
        object.__setattr__(self, "rounds", rounds)
        if not isinstance(self.space, Space):
            raise Refused(f"Tune needs a Space first, got {self.space!r}")
        if not rounds or not all(isinstance(each, Round) for each in rounds):
            raise Refused(f"Tune needs rounds=(Round(points=..., epochs=...), ...), got {self.rounds!r}")
        for earlier, later in pairwise(rounds):
            if earlier.keep > later.points:
                raise Refused(f"a round keeps {earlier.keep} points, the next runs only {later.points}: lower keep or raise points")
        if self.arms not in ("each", "base", "stack"):
            raise Refused(f"Tune.arms is 'each', 'base' or 'stack', got {self.arms!r}")
        if self.proposals not in PROPOSALS:
            raise Refused(f"Tune.proposals is one of {', '.join(PROPOSALS)}, got {self.proposals!r}")
        if not LEAST_MARGIN <= self.margin <= 1:
            raise Refused(f"Tune.margin is a share of the unit interval, {LEAST_MARGIN} to 1, got {self.margin}")

    @property
    def cost(self) -> int:
        """Epochs of one search: all its rounds."""
        return sum(each.cost for each in self.rounds)


def best(scores: Sequence[float | None], keep: int) -> tuple[int, ...]:
    """Indices of the best scores, best first, ties by position; None (failed, stopped) is never among them.

    >>> best([1.0, None, 3.0, 3.0], keep=2)
    (2, 3)
    """
    finished = [(-score, index) for index, score in enumerate(scores) if score is not None]
    return tuple(index for _, index in sorted(finished)[:keep])


def points_of(tune: Tune, index: int, box: Space, carried: Sequence[Point], told: Sequence[float | None] = ()) -> list[Point]:
    """The points of round ``index`` in its box, as far as they are determined: the carried ones, then new ones.

    ``told`` holds the scores of this round's points so far, for proposals that learn; the others ignore it.
    """
    seed = int(digest([tune.seed, index])[:8], 16)
    fresh = propose(tune.proposals, box, tune.rounds[index].points - len(carried), seed, told[len(carried) :])
    return [*carried, *fresh]
