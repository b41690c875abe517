"""Variants of our search for the benchmark: the constants a user could set otherwise. ``base`` is what ``Tune`` does by itself.

    python benchmarks/search_quality.py --data DIR --methods ours --variants benchmarks/variants.py

Every task is reported with the variant that was best on the *other* tasks, so that no constant is chosen where it is reported.
"""

from collections.abc import Callable
from math import sqrt

from benchmarks.search_quality import limited, tune_of
from benchmarks.tables import Task
from hpsearch.search import Confirm, Round, Tune
from hpsearch.search.tune import SHARES


def variant(confirming: float = 0.2, keep: float = 0.6, margin: float = 0.1) -> Callable[[Task, int, int], Tune]:
    """A search whose confirming runs cost so much of its rounds, whose rounds keep so many roots of their points."""

    def declare(task: Task, budget: int, seed: int) -> Tune:
        whole = budget * task.full / (1 + confirming)
        parts = SHARES if task.fidelities else ((1.0, 1.0),)
        sizes = [
            (max(1, int(whole * share / max(1, round(task.full * part)))), max(1, round(task.full * part))) for part, share in parts
        ]
        after = [points // 2 for points, _ in sizes[1:]] + [sizes[-1][0]]
        rounds = tuple(
            Round(points, epochs, keep=max(1, min(round(keep * sqrt(points)), points, most)))
            for (points, epochs), most in zip(sizes, after, strict=True)
        )
        again = (budget * task.full - sum(each.cost for each in rounds)) // task.full
        points = min(rounds[-1].points, max(2, round(again / 2.5)))
        confirm = Confirm(points, again // points) if again >= points else None
        return Tune(limited(task.space), rounds, confirm=confirm, margin=margin, seed=seed)

    return declare


VARIANTS = {"base": tune_of, "confirm .1": variant(confirming=0.1)}
