"""Stopping early: rules that end a trial which falls behind the others of its round, as pure functions of the curves.

The decisions are Optuna's pruners', over a study rebuilt from the curves (``hpsearch.search.pruners``): nothing of theirs is
kept, so that they survive a restart. A stopped trial never enters a table, an importance or a "best".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpsearch.errors import Refused
from hpsearch.values import Value

Curve = Mapping[int, float]  # epoch, from 1, to score; larger is better


@dataclass(frozen=True)
class Rule(Value):
    """What ends a trial early. Subclasses say when."""


@dataclass(frozen=True)
class Median(Rule):
    """Ends a trial whose best score so far lies below the median of the others' at the same epoch.

    Source: the median stopping rule of Vizier (Golovin et al. 2017, section 3.2.2), without its running mean, as in Optuna.
    """

    after: int = 4  # trials of the round that ended before anything is stopped
    warmup: int = 1  # epochs of every trial that are never judged

    def __post_init__(self) -> None:
        if self.after < 1 or self.warmup < 0:
            raise Refused(f"Median needs after of at least 1 trial and warmup of 0 epochs or more, got {self.after}, {self.warmup}")


@dataclass(frozen=True)
class Halving(Rule):
    """Ends all but the best 1/``factor`` of the trials that reached epoch ``shortest``, ``shortest * factor``, and so on.

    Asynchronous successive halving (Li et al. 2020, algorithm 2): each trial is judged when it gets there, against those that did.
    """

    shortest: int = 1  # epochs before the first judgement
    factor: int = 3

    def __post_init__(self) -> None:
        if self.shortest < 1 or self.factor < 2:
            raise Refused(
                f"Halving needs shortest of at least 1 epoch and a factor of 2 or more, got {self.shortest}, {self.factor}"
            )


@dataclass(frozen=True)
class Divergence(Value):
    """Ends a trial whose ``metric`` grows above ``multiple`` times what it was in the first epoch that has it; it counts as failed.

    Where the rows have no such metric, or it began at 0 or below, nothing is judged. A trial ends as well where this metric, or the
    score, is a number that is not finite, in whatever epoch. A study with ``divergence=None`` judges the score alone, and that only
    in the epochs it is read from.
    """

    metric: str = "loss"
    multiple: float = 10.0

    def __post_init__(self) -> None:
        if not self.metric or not self.multiple > 1:
            raise Refused(f"Divergence needs a metric and a multiple above 1, got {self.metric!r} and {self.multiple}")

    def judge(self, first: Mapping[str, object], row: Mapping[str, object], epoch: int, began: int = 1) -> str:
        """Why a trial with this row has diverged; empty where it has not. ``first`` is the row of epoch ``began``.

        >>> Divergence(multiple=3).judge({"loss": 2.0}, {"loss": 6.5}, 4)
        "metric 'loss' is 6.5 in epoch 4, more than 3 times the 2 of epoch 1"
        """
        start, now = first.get(self.metric), row.get(self.metric)
        if not isinstance(start, int | float) or not isinstance(now, int | float) or start <= 0 or now <= self.multiple * start:
            return ""
        grown = f"more than {self.multiple:g} times the {start:.4g} of epoch {began}"
        return f"metric {self.metric!r} is {now:.4g} in epoch {epoch}, {grown}"


DIVERGENCE = Divergence()  # what a study takes unless it says otherwise


def stops(rule: Rule, own: Curve, others: Sequence[tuple[Curve, bool]]) -> str:
    """Why a trial with the curve ``own`` is to end now; empty where it is to go on.

    ``others`` are the other trials of its round, each with its curve and whether it ran to its end.
    """
    from hpsearch.search.pruners import prunes  # optuna: a second to import

    epoch = max(own)
    if not prunes(rule, own, others):
        return ""
    if isinstance(rule, Halving):
        return f"not among the best 1/{rule.factor} of its round at epoch {epoch}"
    return f"below the median of its round at epoch {epoch}"
