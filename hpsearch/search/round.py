"""One round of a search unfolds."""

from collections.abc import Sequence
from math import ceil, inf, prod

from hpsearch.search.box import Move, narrow
from hpsearch.search.proposals import Learner, Proposals, first_of, learn, learner, propose
from hpsearch.search.tune import best
from hpsearch.search.verdicts import verdicts
from hpsearch.search.walk import GENERATION, Ask, Step, UnfoldedRound, Walk, enough, moved
from hpsearch.space import Choice, Integers, LogIntegers, Point, Space
from hpsearch.values import digest

STEP = 4  # new points that a step has at least
PATIENCE = 8  # times a step draws anew where it drew what was there before


def unfold_round(walk: Walk, index: int, whole: Space, before: UnfoldedRound | None) -> UnfoldedRound | None:
    """A round as far as it is determined; None where it cannot begin."""
    tune, asked, start = walk.tune, walk.tune.rounds[index], len(walk.asks)
    steps: list[Step] = []

    def so_far(determined: bool) -> UnfoldedRound:
        size = len(walk.asks) - start if determined else max(wanted, len(walk.asks) - start + 1)
        return _so_far(walk, index, whole, steps, start, size)

    box, moves = whole, tuple[Move, ...]()
    if before is not None:
        first = start - len(before.asks)
        known = enough(walk, first, start, bool(moved(before.steps[-2:])))
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
            return so_far(False)
        there = {ask.items for ask in walk.asks[start:]}
        carried = [before.asks[k].point for k in best(whole_scores, carrying) if before.asks[k].items not in there]
        steps.append(Step("carried", None, len(walk.asks) - start))
        walk.ask(carried, index, asked.epochs)
    if sampler := learner(tune.proposals):
        return so_far(_learn(sampler, walk, index, box, steps, start, wanted))
    for number, size in enumerate(sizes[1:], start=1):
        last = number == len(sizes) - 1
        count = wanted - (len(walk.asks) - start) if last else size
        for all_of_them in (bool(moved(steps[-2:])), True):  # all, too, where a box by fewer has no point that is new
            known = enough(walk, start, len(walk.asks), all_of_them)
            if known is None:
                return so_far(False)
            wider, moves = whole, ()
            if any(score is not None for score in known[1]):
                wider, box, moves = narrow(tune, whole, *known, tune.keep(index), walk.accepts)
            if points := _fresh(walk, index, number, box, count, start):
                break
        whole = wider
        steps.append(Step("narrowed", box, len(walk.asks) - start, moves))
        walk.ask(points, index, asked.epochs)
    return so_far(True)


def _so_far(walk: Walk, index: int, whole: Space, steps: list[Step], start: int, size: int) -> UnfoldedRound:
    """The round of ``size`` runs of which those from ``start`` on are asked for."""
    tune, asks = walk.tune, tuple(walk.asks[start:])
    walk.knows(0, 0)
    scores = tuple(walk.scores[start:])
    kept = best(scores, tune.keep(index)) if len(scores) == size else None
    found = verdicts(tune, whole, [ask.point for ask in asks], scores, moved(steps)) if kept else ()
    return UnfoldedRound(index, tune.rounds[index].epochs, whole, tuple(steps), asks, scores, size, kept, found)


def _sizes(fresh: int, proposals: Proposals) -> list[int]:
    """New points of a round by step; what fails to be carried is added to the last."""
    if learner(proposals):
        return [max(1, min(fresh, max(STEP, fresh // 4)))] if fresh else [0]
    if proposals == "grid" or fresh < 2 * STEP:
        return [fresh]
    first = ceil(fresh / 2)
    rest = fresh - first
    return [first, rest] if rest < 2 * STEP else [first, ceil(rest / 2), rest // 2]


def _fresh(walk: Walk, index: int, step: int, box: Space, count: int, start: int) -> list[Point]:
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

    kind = first_of(tune.proposals)
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


def _found(walk: Walk, index: int, whole: Space) -> list[Ask]:
    """Runs of earlier searches in the same round that were as long and lie in the range."""
    same = (index, walk.tune.rounds[index].epochs)
    fitting = {ask.items: ask for ask in walk.former if (ask.seed % GENERATION, ask.epochs) == same}
    return [ask for ask in fitting.values() if ask.point in whole]


def _learn(sampler: Learner, walk: Walk, index: int, box: Space, steps: list[Step], start: int, points: int) -> bool:
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
        point = learn(sampler, box, walk.points(start, count), scores, pending, seed)
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
