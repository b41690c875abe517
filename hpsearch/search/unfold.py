"""A search unfolds: a pure function from what it is told to do and the scores known so far to every run it asks for.

The rules, in unit coordinates of the range searched so far:

1. **Order.** All runs of a search stand in one order: those of a round after those of the round before. Which points come next
   follows from the scores of a *prefix* of that order, all but the last ``ahead`` before them but no fewer than two thirds of the
   round's; so slots go on while the last runs of a round finish, and the order in which runs end changes nothing.
2. **A round** begins with about half of its new points spread over its box by its proposals, then runs again, for longer, the
   points kept of the round before, then draws the rest in one or two steps, each in a narrower box. A round with fewer than
   ``2 * STEP`` new points has one step. Proposals that learn draw one point at a time instead, inside the round's box.
3. **Kept**: the best ``keep`` finished points; of equal scores the earlier one. A failed or stopped point is never kept.
4. **The next box** holds the kept points and reaches ``margin`` beyond them on every side, within the range searched so far. Of a
   choice the options among the kept points stay.
5. **At the edge.** Where the best point lies within ``edge`` of an end of the range, and the kept points on average in the outer
   two fifths on that side, the range is widened there by ``widen`` of its width, up to its hard limit or what the config refuses,
   and the next points are sent there: from just inside the best point out to the new end. What comes after them waits for all of
   them, whatever ``ahead`` says: nothing narrows before they are told.
6. **Duplicates.** A run asked for twice is one run: in a space of few points a step draws on until it has new ones, and takes
   fewer where there are none left.
7. **Earlier searches.** A search that differs from the one before in its rounds alone goes on with it: the same points under the
   same seeds. Over another range, or with other proposals, it takes seeds of its own, so that no run of its own is one of theirs;
   their finished runs of the same round that are as long and still lie in the range join the round first. They are there
   already: they cost nothing and take no place.
8. **Failures.** A failed run uses up its place in the budget. A round that ended with no finished point ends the search.
9. **Confirming.** The best points of the last round are trained again under fresh seeds. Half of them are chosen as soon as all
   but the last ``ahead`` scores are known. The winner has the best mean, shrunk by half an observation toward the mean of its
   neighbours; a point that failed under a fresh seed comes after all that did not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from math import ceil, exp, inf, isnan, prod
from typing import Any, Literal

from hpsearch.search.proposals import LEARNING, learn, propose
from hpsearch.search.rounds import Tune, best, mean
from hpsearch.search.verdicts import Move, Verdict, as_widened, narrow, verdicts
from hpsearch.space import Choice, Integers, LogIntegers, Point, Space
from hpsearch.values import Value, digest

ENOUGH = 2 / 3  # of a round's runs so far: with fewer a box would be drawn round chance, and blind points would do better
STEP = 4  # new points that a step has at least
NEAR = 0.1  # root mean square distance per coordinate at which a neighbour's weight has fallen to exp(-1/2)
SHRINK = 0.5  # observations that the neighbours count for
GENERATION = 1_000  # seeds between a search and an earlier one over another range
PATIENCE = 8  # times a step draws anew where it drew what was there before

Kind = Literal["found", "spread", "carried", "narrowed", "learned", "confirming"]
Scores = Mapping["Ask", float | None]


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


@dataclass(frozen=True)
class Step:
    """Runs that were determined together: where they were sent and why."""

    kind: Kind
    box: Space | None  # None: points that were there before
    start: int  # of its runs, in its round
    moves: tuple[Move, ...] = ()  # ends of the range that were widened for it


@dataclass(frozen=True)
class Leg:
    """One round as far as it has unfolded."""

    index: int  # from 0; the confirming round is the one after the last
    epochs: int
    whole: Space  # range searched so far, as widened in this round
    steps: tuple[Step, ...]
    asks: tuple[Ask, ...]
    scores: tuple[float | None, ...]  # of the first runs, as far as they are finished in order; larger is better
    size: int  # runs when it is whole
    kept: tuple[int, ...] | None  # best first; None while it is not whole
    verdicts: tuple[Verdict, ...] = ()  # by dimension, once it is whole
    confirming: bool = False

    @property
    def found(self) -> int:
        """How many of its runs were there before: those of earlier searches."""
        return self.steps[1].start if self.steps[0].kind == "found" else 0

    @property
    def box(self) -> Space:
        """Where its first points were sent."""
        return next((step.box for step in self.steps if step.box is not None), self.whole)


@dataclass(frozen=True)
class Unfolding:
    """A search as far as it is determined."""

    legs: tuple[Leg, ...]
    winner: Point | None  # None while it is not known, or where none finished
    settled: bool  # no score will determine anything further

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Every run asked for so far, in order."""
        return tuple(ask for leg in self.legs for ask in leg.asks)


Accepts = Callable[[str, Any], bool]


def unfold(tune: Tune, told: Scores, accepts: Accepts = lambda name, value: True) -> Unfolding:
    """Every run that the search asks for, given the scores of finished ones (larger is better, None for failed or stopped).

    ``accepts`` says whether the config takes a parameter's value: a range is never widened to an end that it refuses.
    """
    changes = (_draws(before) != _draws(after) for before, after in pairwise((*tune.earlier, tune)))
    *firsts, first = (GENERATION * number for number in accumulate(changes, initial=0))
    former: list[Ask] = []
    for search, seed in zip(tune.earlier, firsts, strict=True):
        if seed < first:
            there = tuple(ask for ask in former if ask.seed < seed)
            asks = _unfold(_Walk(search, told, accepts, seed, there)).asks
            former += [ask for ask in asks if told.get(ask) is not None]
    return _unfold(_Walk(tune, told, accepts, first, tuple(former)))


def _draws(tune: Tune) -> tuple[Space, str, int]:
    """What says where the first points of a search lie."""
    return tune.space, tune.proposals, tune.seed


def _unfold(walk: "_Walk") -> Unfolding:
    tune = walk.tune
    whole = tune.space
    before: Leg | None = None
    for index in range(len(tune.rounds)):
        leg = _round(walk, index, whole, before)
        if leg is None:
            return Unfolding(walk.legs, None, before is not None and before.kept == ())
        if before is not None:
            walk.legs = (*walk.legs[:-1], replace(before, verdicts=as_widened(before.verdicts, _moved(leg.steps[:2]))))
        walk.legs = (*walk.legs, leg)
        if leg.size != len(leg.asks) or leg.kept == ():
            return Unfolding(walk.legs, None, leg.kept == ())
        before, whole = leg, leg.whole
    return _confirmed(walk, walk.legs[-1])


@dataclass
class _Walk:
    """Where the unfolding stands."""

    tune: Tune
    told: Scores
    accepts: Accepts
    first: int  # seed of its first round
    former: tuple[Ask, ...]  # finished runs of earlier searches over other ranges
    legs: tuple[Leg, ...] = ()
    asks: list[Ask] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)  # of the longest prefix of the asks that is told

    def ask(self, points: Sequence[Point], seed: int, epochs: int) -> None:
        self.asks += [Ask(tuple(sorted(point.items())), self.first + seed, epochs) for point in points]

    def knows(self, start: int, count: int) -> Sequence[float | None] | None:
        """The scores of the runs ``start`` to ``count`` of the order; None where not all of them, and all before, are told."""
        while len(self.scores) < len(self.asks) and self.asks[len(self.scores)] in self.told:
            self.scores.append(self.told[self.asks[len(self.scores)]])
        return self.scores[start:count] if len(self.scores) >= count else None

    def points(self, start: int, count: int) -> list[Point]:
        return [ask.point for ask in self.asks[start:count]]


def _round(walk: _Walk, index: int, whole: Space, before: Leg | None) -> Leg | None:
    """A round as far as it is determined; None where it cannot begin."""
    tune, asked, start = walk.tune, walk.tune.rounds[index], len(walk.asks)
    steps: list[Step] = []

    def leg(determined: bool) -> Leg:
        size = len(walk.asks) - start if determined else max(wanted, len(walk.asks) - start + 1)
        return _leg(walk, index, whole, steps, start, size)

    box, moves = whole, tuple[Move, ...]()
    if before is not None:
        first = start - len(before.asks)
        known = _enough(walk, first, start, bool(_moved(before.steps[-2:])))
        if known is None:
            return None
        points, scores = known
        if all(score is None for score in scores):
            return None
        whole, box, moves = narrow(tune, whole, points, scores, tune.keep(before.index), walk.accepts)
    found = _found(walk, index, whole)
    if found:
        steps.append(Step("found", None, 0))
        walk.asks += found
    wanted = asked.points + len(found)
    carrying = min(tune.keep(before.index), asked.points) if before else 0
    fresh = asked.points - carrying
    sizes = _sizes(fresh, tune.proposals)
    steps.append(Step("spread", box, len(walk.asks) - start, moves))
    walk.ask(_fresh(walk, index, 0, box, sizes[0], start), index, asked.epochs)
    if before is not None:
        whole_scores = walk.knows(start - len(before.asks), start)
        if whole_scores is None:
            return leg(False)
        there = {ask.items for ask in walk.asks[start:]}
        carried = [before.asks[k].point for k in best(whole_scores, carrying) if before.asks[k].items not in there]
        steps.append(Step("carried", None, len(walk.asks) - start))
        walk.ask(carried, index, asked.epochs)
    if tune.proposals in LEARNING:
        return leg(_learn(walk, index, box, steps, start, wanted))
    for number, size in enumerate(sizes[1:], start=1):
        last = number == len(sizes) - 1
        count = wanted - (len(walk.asks) - start) if last else size
        for all_of_them in (bool(_moved(steps[-2:])), True):  # all, too, where a box by fewer has no point that is new
            known = _enough(walk, start, len(walk.asks), all_of_them)
            if known is None:
                return leg(False)
            wider, moves = whole, ()
            if any(score is not None for score in known[1]):
                wider, box, moves = narrow(tune, whole, *known, tune.keep(index), walk.accepts)
            if points := _fresh(walk, index, number, box, count, start):
                break
        whole = wider
        steps.append(Step("narrowed", box, len(walk.asks) - start, moves))
        walk.ask(points, index, asked.epochs)
    return leg(True)


def _leg(walk: _Walk, index: int, whole: Space, steps: list[Step], start: int, size: int) -> Leg:
    tune, asks = walk.tune, tuple(walk.asks[start:])
    walk.knows(0, 0)
    scores = tuple(walk.scores[start:])
    kept = best(scores, tune.keep(index)) if len(scores) == size else None
    found = verdicts(tune, whole, [ask.point for ask in asks], scores, _moved(steps)) if kept else ()
    return Leg(index, tune.rounds[index].epochs, whole, tuple(steps), asks, scores, size, kept, found)


def _moved(steps: Sequence[Step]) -> tuple[Move, ...]:
    return tuple(move for step in steps for move in step.moves)


def _enough(walk: _Walk, start: int, end: int, all_of_them: bool = False) -> tuple[list[Point], Sequence[float | None]] | None:
    """Points and scores of the runs ``start`` to ``end`` without the last ``ahead``; of all of them where those tell nothing."""
    prefix = max(end - walk.tune.ahead, start + ceil(ENOUGH * (end - start)))
    for count in (end if all_of_them else prefix, end):
        scores = walk.knows(start, count)
        if scores is None:
            return None
        if count == end or any(score is not None for score in scores):
            return walk.points(start, count), scores
    return None


def _sizes(fresh: int, proposals: str) -> list[int]:
    """New points of a round by step; what fails to be carried is added to the last."""
    if proposals in LEARNING:
        return [max(1, min(fresh, max(STEP, fresh // 4)))] if fresh else [0]
    if proposals == "grid" or fresh < 2 * STEP:
        return [fresh]
    first = ceil(fresh / 2)
    rest = fresh - first
    return [first, rest] if rest < 2 * STEP else [first, ceil(rest / 2), rest // 2]


def _fresh(walk: _Walk, index: int, step: int, box: Space, count: int, start: int) -> list[Point]:
    """``count`` points of the box that the round does not have yet; fewer where there are no more."""
    tune = walk.tune
    taken = {ask.items for ask in walk.asks[start:]}
    size = _size(box)
    if size < inf:
        count = min(count, int(size) - sum(dict(items) in box for items in taken))
    if count < 1:
        return []
    points: list[Point] = []

    def take(found: Sequence[Point]) -> bool:
        for point in found:
            items = tuple(sorted(point.items()))
            if items not in taken and len(points) < count:
                taken.add(items)
                points.append(point)
        return len(points) == count

    kind = "sobol" if tune.proposals in LEARNING else tune.proposals
    seed = int(digest([tune.seed, index, step] if step else [tune.seed, index])[:8], 16)
    for attempt in range(PATIENCE):
        wanted = count * 2**attempt
        if take(propose(kind if attempt == 0 else "sobol" if kind == "grid" else kind, box, wanted, seed)):
            break
    return points


def _size(space: Space) -> float:
    """How many different points a space has."""
    sizes: list[float] = []
    for _, domain in space.domains:
        if isinstance(domain, Choice):
            opened = dict(domain.branches)
            sizes.append(sum(_size(opened[option]) if option in opened else 1 for option in domain.options))
        elif isinstance(domain, Integers | LogIntegers):
            sizes.append(domain.high - domain.low + 1)
        else:
            sizes.append(inf if domain.varies else 1)
    return prod(sizes)


def _found(walk: _Walk, index: int, whole: Space) -> list[Ask]:
    """Runs of earlier searches in the same round that were as long and lie in the range."""
    same = (index, walk.tune.rounds[index].epochs)
    fitting = {ask.items: ask for ask in walk.former if (ask.seed % GENERATION, ask.epochs) == same}
    return [ask for ask in fitting.values() if ask.point in whole]


def _learn(walk: _Walk, index: int, box: Space, steps: list[Step], start: int, points: int) -> bool:
    """Points one at a time by proposals that learn; whether all of them are determined."""
    tune, asked = walk.tune, walk.tune.rounds[index]
    taken = {ask.items for ask in walk.asks[start:]}
    if len(walk.asks) - start < points:
        steps.append(Step("learned", box, len(walk.asks) - start))
    repeats = 0
    while len(walk.asks) - start < points:
        count = max(start, len(walk.asks) - tune.ahead)
        scores = walk.knows(start, count)
        if scores is None:
            return False
        seed = int(digest([tune.seed, index, len(walk.asks) - start, repeats])[:8], 16)
        pending = walk.points(count, len(walk.asks))
        point = learn(tune.proposals, box, walk.points(start, count), scores, pending, seed)
        items = tuple(sorted(point.items()))
        if items in taken and repeats < PATIENCE:
            repeats += 1
            continue
        if items in taken:
            points -= 1  # the box has no more points, as far as the sampler can tell
        else:
            taken.add(items)
            walk.ask([point], index, asked.epochs)
        repeats = 0
    return True


def _confirmed(walk: _Walk, last: Leg) -> Unfolding:
    """The search after its last round: the confirming runs, and the winner once they are told."""
    again, start = walk.tune.confirming, len(walk.asks)
    first = start - len(last.asks)
    if again is None:
        winner = last.asks[last.kept[0]].point if last.kept else None
        return Unfolding(walk.legs, winner, last.kept is not None)
    known = _enough(walk, first, start)
    if known is None:
        return Unfolding(walk.legs, None, False)
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
    leg = Leg(last.index + 1, last.epochs, last.whole, steps, asks, scores, size, None, confirming=True)
    if done:
        ranked = _ranked(last, leg, chosen)
        places = [next(n for n, ask in enumerate(asks) if ask.items == last.asks[k].items) for k in ranked]
        leg = replace(leg, kept=tuple(places))
    winner = asks[leg.kept[0]].point if leg.kept else None
    return Unfolding((*walk.legs, leg), winner, done)


def _run_again(walk: _Walk, last: Leg, chosen: Sequence[int], seeds: int) -> None:
    for seed in range(seeds):
        walk.ask([last.asks[k].point for k in chosen], last.index + 1 + seed, last.epochs)


def _ranked(last: Leg, again: Leg, chosen: Sequence[int]) -> list[int]:
    """The points run again, by number in the last round, the winner first."""
    told = list(zip((ask.items for ask in again.asks), again.scores, strict=True))
    repeats = {k: [score for items, score in told if items == last.asks[k].items] for k in chosen}

    def merit(k: int) -> tuple[bool, float]:
        own = last.scores[k]
        scores = [score for score in (own, *repeats[k]) if score is not None]
        return None not in repeats[k], _shrunk(last, k, scores)

    return sorted(chosen, key=merit, reverse=True)


def _shrunk(last: Leg, k: int, scores: Sequence[float]) -> float:
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
