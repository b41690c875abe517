"""Laws of unfolding: a pure function of a search and its scores, from which any interrupted search goes on where it stood."""

import heapq
import itertools
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.search import Ask, Confirm, Round, Tune, propose, unfold
from hpsearch.space import Choice, Integers, Space, Uniform

ROUND = "hpsearch.search.round."
FLAT = Space(rate=10 ** Uniform(-4, 0), decay=10 ** Uniform(-6, -1))
BRANCHED = Space(
    decay=10 ** Uniform(-6, -1),
    kind=Choice("plain", sgd=Space(rate=10 ** Uniform(-2, 0), momentum=Uniform(0, 1)), adam=Space(rate=10 ** Uniform(-4, -2))),
)
ROUNDS = (Round(12, 1), Round(9, 2), Round(6, 4))
KINDS = ("sobol", "random", "grid", "tpe")
CASES = [(kind, space) for kind in KINDS for space in (FLAT, BRANCHED)]
every_case = pytest.mark.parametrize(("kind", "space"), CASES, ids=[f"{k}-{'flat' if s is FLAT else 'branched'}" for k, s in CASES])


def score(ask):
    """Best at a rate of 0.1, the low end of the decay, and longer runs; seeds make noise."""
    point = ask.point
    rate = math.log10(point.get("rate", 0.01))
    noise = random.Random(repr(ask)).gauss(0, 0.1)
    return ask.epochs - (rate + 1) ** 2 - 0.1 * math.log10(point["decay"]) + point.get("momentum", 0) + noise


def sometimes_failing(ask):
    return None if random.Random(repr(ask)).random() < 0.3 else score(ask)


def finished(tune, score=score, order=None, slots=1, told=()):
    """All scores in the order in which they came, while ``slots`` runs go on; ``order`` draws which of them ends next."""
    told, running = dict(told), []
    while True:
        new = [ask for ask in unfold(tune, told).asks if ask not in told and ask not in running]
        running += new[: slots - len(running)]
        if not running:
            return told
        ask = running.pop(order.randrange(len(running)) if order else 0)
        told[ask] = score(ask)


def wavering(tune, score=score):
    """The law as a check that reports: numbers of slots with which other runs were asked for than in the search's own."""
    straight = finished(tune, score)
    return [slots for slots in (4, 10) if finished(tune, score, random.Random(slots), slots) != straight]


def strayed(tune, score=score):
    """The law as a check that reports: how many runs were told where one was asked for that no uninterrupted search asks for."""
    whole = finished(tune, score)
    asks, draw = set(unfold(tune, whole).asks), random.Random(0)
    other = finished(tune, score, draw, slots=5)
    known = [list(order)[:count] for order in (whole, other) for count in range(len(order))]
    known += [draw.sample(list(whole), draw.randrange(len(whole))) for _ in range(15)]
    return [len(some) for some in known if not asks.issuperset(unfold(tune, {ask: score(ask) for ask in some}).asks)]


def hasty(walk, start, end, *rest):
    """A fault: decisions rest on whatever finished, not on a prefix of the order."""
    asks = [ask for ask in walk.asks[start:end] if walk.told.get(ask) is not None]
    return ([ask.point for ask in asks], [walk.told[ask] for ask in asks]) if len(asks) > (end - start) // 2 else None


@every_case
def test_any_order_of_ending_and_any_number_of_slots_ask_for_the_same_runs(kind, space):
    assert wavering(Tune(space, ROUNDS, proposals=kind), sometimes_failing) == []


@pytest.mark.parametrize("kind", ["sobol", "tpe"])
def test_where_nothing_fails_any_order_asks_for_the_same_runs(kind):
    assert wavering(Tune(BRANCHED, ROUNDS, proposals=kind)) == []


@every_case
def test_killed_at_any_point_it_has_asked_for_nothing_that_an_uninterrupted_search_does_not(kind, space):
    assert strayed(Tune(space, ROUNDS, proposals=kind), sometimes_failing) == []


@pytest.mark.parametrize("kind", KINDS)
def test_killed_in_any_round_and_resumed_it_asks_for_the_same_runs(kind):
    tune = Tune(BRANCHED, ROUNDS, proposals=kind)
    whole = finished(tune)
    done = unfold(tune, whole)
    assert [round_.confirming for round_ in done.rounds] == [False, False, False, True]
    for count in (5, 15, 24, len(whole) - 2):  # one in each round
        told = finished(tune, order=random.Random(count), slots=3, told=list(whole.items())[:count])
        assert unfold(tune, told) == done


@pytest.mark.parametrize("law", [wavering, strayed])
def test_the_laws_report_a_planted_fault(monkeypatch, law):
    monkeypatch.setattr(ROUND + "enough", hasty)
    assert law(Tune(FLAT, ROUNDS)) != []


def test_equal_arguments_give_equal_unfoldings_and_strangers_change_nothing():
    tune = Tune(FLAT, ROUNDS)
    some = dict(list(finished(tune).items())[:15])
    before, stranger = dict(some), Ask((("rate", 0.5),), 0, 1)
    once = unfold(tune, some)
    assert unfold(tune, some | {stranger: 99.0}) == once == unfold(tune, some)
    assert some == before


def waits(tune, slots, seed, spread=0.3):
    """The law as a check that reports: when a slot found nothing to do though runs of the rounds, without confirming, were to come."""
    draw, clock, told, running, handed, idle = random.Random(seed), 0.0, {}, [], set(), []
    number = itertools.count()
    while True:
        rounds = [round_ for round_ in unfold(tune, told).rounds if not round_.confirming]
        asks = [ask for round_ in rounds for ask in round_.asks if ask not in handed]
        for ask in asks[: slots - len(running)]:
            handed.add(ask)
            length = ask.epochs * min(1.5, max(0.7, draw.lognormvariate(0, spread)))
            heapq.heappush(running, (clock + length, next(number), ask))
        if not running:
            return idle
        whole = len(rounds) == len(tune.rounds) and rounds[-1].size == len(rounds[-1].asks) and handed.issuperset(rounds[-1].asks)
        if len(running) < slots and not whole:
            idle.append(clock)
        clock, _, ask = heapq.heappop(running)
        told[ask] = score(ask)


LONG = (Round(24, 2, keep=3), Round(20, 3, keep=3), Round(16, 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("slots", "ahead", "spread"), [(3, 6, 0.3), (4, 4, 0.0)])
def test_no_slot_waits_where_runs_may_be_drawn_ahead(kind, slots, ahead, spread):
    tune = Tune(FLAT, LONG, proposals=kind, ahead=ahead, widen=0)  # what follows a widened end waits for it
    seeds = range(2 if spread else 1)  # of runs that take equally long, one
    assert [waits(tune, slots, seed, spread) for seed in seeds] == [[] for _ in seeds]


@pytest.mark.parametrize("kind", ["sobol", "tpe"])
def test_slots_wait_where_nothing_may_be_drawn_ahead(kind):
    assert all(waits(Tune(FLAT, LONG, proposals=kind, ahead=0), slots=3, seed=seed) for seed in range(2))


def twice(unfolding):
    """The law as a check that reports: points that a round holds more than once."""
    rounds = [[ask.items for ask in round_.asks] for round_ in unfolding.rounds if not round_.confirming]
    return [items for held in rounds for items in dict.fromkeys(held) if held.count(items) > 1]


SMALL = [
    (Space(n=Integers(1, 3)), 3),
    (Space(kind=Choice("a", "b")), 2),
    (Space(kind=Choice("a", b=Space(n=Integers(1, 4)))), 5),
    (Space(n=Integers(1, 3), kind=Choice("a", "b")), 6),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("space", "size"), SMALL)
@pytest.mark.parametrize("points", [4, 9])
def test_in_a_small_space_no_point_runs_twice_in_a_round_and_the_search_still_ends(kind, space, size, points):
    def score(ask):
        return ask.point.get("n", 0) + (ask.point.get("kind") == "b") / 2

    tune = Tune(space, (Round(points, 1, keep=2), Round(points, 2)), proposals=kind, widen=0)
    done = unfold(tune, finished(tune, score))
    assert twice(done) == []
    assert done.settled
    assert done.winner == max((ask.point for ask in done.rounds[0].asks), key=lambda p: (p.get("n", 0), p.get("kind") == "b"))
    first = len(unfold(tune, {}).asks)
    assert min(size, first) <= len(done.rounds[0].asks) <= min(size, points)


def test_the_law_of_duplicates_reports_a_planted_fault(monkeypatch):
    def careless(walk, index, step, box, count, start):
        return propose("random", box, count, step)

    monkeypatch.setattr(ROUND + "_fresh", careless)
    tune = Tune(Space(n=Integers(1, 3)), Round(9, 1))
    assert twice(unfold(tune, {})) != []


@settings(max_examples=15, deadline=None)
@given(points=st.integers(1, 20), longer=st.integers(1, 20), keep=st.none() | st.just(1), failing=st.booleans())
def test_rounds_have_as_many_runs_as_they_say_failed_ones_among_them(points, longer, keep, failing):
    tune = Tune(FLAT, (Round(points, 1, keep), Round(longer, 2)), confirm=None)
    done = unfold(tune, finished(tune, sometimes_failing if failing else score))
    assert done.settled
    sizes = [len(round_.asks) for round_ in done.rounds]
    assert sizes == [points, longer][: len(sizes)]
    assert len(sizes) == 2 or set(done.rounds[0].scores) == {None}
    assert all(round_.scores[k] is not None for round_ in done.rounds for k in round_.kept)


def test_of_equal_scores_the_earlier_point_is_kept():
    tune = Tune(FLAT, (Round(12, 1, keep=3), Round(8, 1)), confirm=Confirm(2, 2))
    done = unfold(tune, finished(tune, lambda ask: 1.0))
    assert [round_.kept[:3] for round_ in done.rounds[:2]] == [(0, 1, 2), (0, 1)]
    assert done.winner == done.rounds[1].asks[0].point


@pytest.mark.parametrize("broken", [1, 2])
def test_where_a_whole_round_fails_the_search_ends_without_a_winner(broken):
    tune = Tune(FLAT, ROUNDS)
    done = unfold(tune, finished(tune, lambda ask: None if ask.epochs == broken else score(ask)))
    assert (done.settled, done.winner, len(done.rounds)) == (True, None, broken)
    assert done.rounds[-1].kept == ()


@pytest.mark.parametrize("kind", KINDS)
def test_appended_rounds_only_add_runs(kind):
    short = Tune(FLAT, (Round(12, 1, keep=3), Round(9, 2, keep=2)), proposals=kind, confirm=None)
    told = finished(short)
    longer = replace(short, rounds=(*short.rounds, Round(6, 4)), confirm="auto")
    for tune in (longer, replace(longer, earlier=(short,))):
        assert list(finished(tune, told=told))[: len(told)] == list(told)
        assert len(finished(tune, told=told)) == tune.trials


@pytest.mark.parametrize(("fewer", "more"), [(3, 5), (5, 7), (6, 12), (8, 9)])
def test_points_added_to_a_round_keep_the_first_ones(fewer, more):
    few, many = ([ask.items for ask in unfold(Tune(FLAT, Round(n, 1)), {}).asks] for n in (fewer, more))
    assert len(few) == fewer if fewer < 8 else 4
    assert many[: len(few)] == few
