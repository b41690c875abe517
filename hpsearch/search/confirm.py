"""The confirming round: the best points of the last round run again, and the winner among them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, exp, isnan

from hpsearch.search.tune import best, mean
from hpsearch.search.walk import Step, UnfoldedRound, Unfolding, Walk, enough

NEAR = 0.1  # root mean square distance per coordinate at which a neighbour's weight has fallen to exp(-1/2)
SHRINK = 0.5  # observations that the neighbours count for


def confirmed(walk: Walk, last: UnfoldedRound) -> Unfolding:
    """The search after its last round: the confirming runs, and the winner once they are told."""
    again, start = walk.tune.confirming, len(walk.asks)
    first = start - len(last.asks)
    if again is None:
        return Unfolding(walk.rounds, last.winner, last.kept is not None)
    known = enough(walk, first, start)
    if known is None:
        return Unfolding(walk.rounds, None, False)
    early = best(known[1], ceil(again.points / 2))
    _run_again(walk, last, early, again.seeds)
    chosen = early
    if last.kept is not None:
        order = best(last.scores, len(last.scores))
        chosen = (*early, *[k for k in order if k not in early][: again.points - len(early)])
        _run_again(walk, last, chosen[len(early) :], again.seeds)
    walk.knows(0, 0)
    scores = tuple(walk.scores[start:])
    whole = last.kept is not None
    size = len(walk.asks) - start if whole else again.points * again.seeds
    steps = (Step("confirming", None, 0),)
    asks = tuple(walk.asks[start:])
    done = whole and len(scores) == size
    round_ = UnfoldedRound(last.index + 1, last.epochs, last.whole, steps, asks, scores, size, None, confirming=True)
    if done:
        ranked = _ranked(last, round_, chosen)
        places = [next(n for n, ask in enumerate(asks) if ask.items == last.asks[k].items) for k in ranked]
        round_ = replace(round_, kept=tuple(places))
    return Unfolding((*walk.rounds, round_), round_.winner, done)


def _run_again(walk: Walk, last: UnfoldedRound, chosen: Sequence[int], seeds: int) -> None:
    """Ask for the chosen points of the last round, by their numbers in it, under fresh seeds."""
    for seed in range(seeds):
        walk.ask([last.asks[k].point for k in chosen], last.index + 1 + seed, last.epochs)


def _ranked(last: UnfoldedRound, again: UnfoldedRound, chosen: Sequence[int]) -> list[int]:
    """The points run again, by number in the last round, the winner first."""
    told = list(zip((ask.items for ask in again.asks), again.scores, strict=True))
    repeats = {k: [score for items, score in told if items == last.asks[k].items] for k in chosen}

    def merit(k: int) -> tuple[bool, float]:
        own = last.scores[k]
        scores = [score for score in (own, *repeats[k]) if score is not None]
        return None not in repeats[k], _shrunk(last, k, scores)

    return sorted(chosen, key=merit, reverse=True)


def _shrunk(last: UnfoldedRound, k: int, scores: Sequence[float]) -> float:
    """The mean of a point's scores with ``SHRINK`` observations of the mean of its neighbours among the round's points."""
    own = last.whole.units(last.asks[k].point)
    weighed = []
    for other, (ask, score) in enumerate(zip(last.asks, last.scores, strict=True)):
        if other != k and score is not None:
            distance = _distance(own, last.whole.units(ask.point))
            weighed.append((exp(-distance / (2 * NEAR**2)), score))
    total = sum(weight for weight, _ in weighed)
    weight = SHRINK * min(1.0, total)
    if weight < 1e-12:
        return mean(scores)
    neighbours = sum(each * score for each, score in weighed) / total
    return (sum(scores) + weight * neighbours) / (len(scores) + weight)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The mean squared difference of unit coordinates; 1 for a coordinate that only one of the two points has."""
    parts: Iterator[float] = (
        1.0 if isnan(a) != isnan(b) else 0.0 if isnan(a) else (a - b) ** 2 for a, b in zip(one, other, strict=True)
    )
    return mean(parts)
