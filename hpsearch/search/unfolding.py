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
5. **At the edge.** Where the score rises to an end of the range, the range is widened there by ``widen`` of its width, up to its
   hard limit or what the config refuses, and the next points are sent there: from just inside the best point out to the new end.
   It rises to an end where three things hold: the best point lies within ``edge`` of it, or within twice that with no finished
   point further out; the kept points lie on average in the outer two fifths on that side; and a parabola through the better two
   thirds of the finished points, and all that lie beyond the best, rises at the end. What comes after the points sent there waits
   for all of them, whatever ``ahead`` says: nothing narrows before they are told.
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

from dataclasses import replace
from itertools import accumulate, pairwise

from hpsearch.search.confirm import confirmed
from hpsearch.search.round import unfold_round
from hpsearch.search.tune import Tune
from hpsearch.search.verdicts import as_widened
from hpsearch.search.walk import GENERATION, Accepts, Ask, Scores, UnfoldedRound, Unfolding, Walk, moved
from hpsearch.space import Space


def unfold(tune: Tune, told: Scores, accepts: Accepts = lambda name, value: True) -> Unfolding:
    """Every run that the search asks for, given the scores of finished ones (larger is better, None for failed or stopped).

    ``accepts`` says whether the config takes a parameter's value: a range is never widened to an end that it refuses.
    """
    changes = (_draws(before) != _draws(after) for before, after in pairwise((*tune.earlier, tune)))
    *firsts, first = (GENERATION * number for number in accumulate(changes, initial=0))
    former: list[Ask] = []
    looked: list[Ask] = []
    for search, seed in zip(tune.earlier, firsts, strict=True):
        if seed < first:
            there = tuple(ask for ask in former if ask.seed < seed)
            asks = _unfold(Walk(search, told, accepts, seed, there)).asks
            former += [ask for ask in asks if ask in told and told[ask] is not None]
            looked += asks
    walk = Walk(tune, told, accepts, first, tuple(former))
    return replace(_unfold(walk), looked=(*looked, *walk.looked))


def _draws(tune: Tune) -> tuple[Space, str, int]:
    """What says where the first points of a search lie."""
    return tune.space, tune.proposals, tune.seed


def _unfold(walk: Walk) -> Unfolding:
    tune = walk.tune
    whole = tune.space
    before: UnfoldedRound | None = None
    for index in range(len(tune.rounds)):
        round_ = unfold_round(walk, index, whole, before)
        if round_ is None:
            return Unfolding(walk.rounds, None, before is not None and before.kept == ())
        if before is not None:
            walk.rounds = (*walk.rounds[:-1], replace(before, verdicts=as_widened(before.verdicts, moved(round_.steps[:2]))))
        walk.rounds = (*walk.rounds, round_)
        if round_.size != len(round_.asks) or round_.kept == ():
            return Unfolding(walk.rounds, None, round_.kept == ())
        before, whole = round_, round_.whole
    return confirmed(walk, walk.rounds[-1])
