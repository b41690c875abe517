"""What a round keeps, what a search costs, what running the best again is worth, and what is refused."""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.errors import Refused
from hpsearch.search import Confirm, Halving, Median, Round, Tune, best, unfold
from hpsearch.space import Integers, Space, Uniform
from hpsearch.values import from_json, to_json

SPACE = Space(lr=10 ** Uniform(-3, 0))
SCORES = st.lists(st.none() | st.floats(-10, 10) | st.sampled_from([0.0, 1.0]), max_size=12)
ROUND = st.builds(Round, st.integers(1, 60), st.integers(1, 60))


class Known(Mapping):
    """Scores of every run that may be asked for."""

    def __init__(self, score):
        self.score = score

    def __getitem__(self, ask):
        return self.score(ask)

    def __iter__(self):
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError


@given(scores=SCORES, keep=st.integers(1, 5))
def test_no_failed_point_is_kept_and_none_left_out_is_better(scores, keep):
    kept = best(scores, keep)
    finished = [index for index, score in enumerate(scores) if score is not None]
    assert len(set(kept)) == len(kept) == min(keep, len(finished))
    assert set(kept) <= set(finished)
    for left_out in set(finished) - set(kept):
        worst = kept[-1]
        assert scores[left_out] < scores[worst] or (scores[left_out] == scores[worst] and left_out > worst)


def test_of_equal_scores_the_earlier_is_better():
    assert best([2.0, 5.0, None, 5.0, 2.0], keep=3) == (1, 3, 0)


def test_nothing_is_kept_where_everything_failed():
    assert best([None, None], keep=2) == ()


@pytest.mark.parametrize(("points", "kept"), [(1, 1), (2, 1), (8, 2), (24, 3), (64, 5), (100, 6), (400, 12)])
def test_a_round_that_does_not_say_keeps_six_tenths_of_the_root_of_its_points(points, kept):
    assert Round(points, 1).kept == kept
    assert Round(points, 1, keep=1).kept == 1


@given(rounds=st.lists(ROUND, min_size=1, max_size=4))
def test_without_keep_at_most_half_of_the_next_round_is_carried(rounds):
    tune = Tune(SPACE, tuple(rounds))
    for index, (earlier, later) in enumerate(pairwise(rounds)):
        assert 1 <= tune.keep(index) <= min(earlier.kept, max(1, later.points // 2))
    assert tune.keep(len(rounds) - 1) == rounds[-1].kept


def test_cost_is_points_times_epochs_over_all_rounds_and_what_is_run_again():
    rounds = (Round(points=24, epochs=5, keep=4), Round(points=8, epochs=20))
    tune = Tune(SPACE, rounds, confirm=None)
    assert (tune.rounds[0].cost, tune.rounds[1].cost, tune.cost, tune.trials) == (120, 160, 280, 32)
    again = Tune(SPACE, rounds, confirm=Confirm(points=3, seeds=2))
    assert (again.cost, again.trials) == (280 + 3 * 2 * 20, 32 + 6)


@pytest.mark.parametrize(
    ("rounds", "again"),
    [
        ((Round(24, 5), Round(8, 20)), Confirm(2, 1)),  # 280 / 5 = 56 epochs: two runs of 20
        ((Round(40, 5),), Confirm(3, 2)),  # 200 / 5 = 40 epochs: eight runs of 5, of which six
        ((Round(30, 1),), Confirm(2, 3)),
        ((Round(6, 2), Round(3, 4)), None),  # 24 / 5: not even two runs of 4
        ((Round(1, 50),), None),  # nothing to choose from
    ],
)
def test_confirming_takes_about_a_fifth_of_the_rounds_where_that_is_two_runs(rounds, again):
    assert Tune(SPACE, rounds).confirming == again
    assert Tune(SPACE, rounds, confirm=None).confirming is None
    assert Tune(SPACE, rounds, confirm=Confirm(4, 1)).confirming == Confirm(4, 1)


@given(rounds=st.lists(ROUND, min_size=1, max_size=3))
def test_confirming_never_takes_more_than_a_fifth(rounds):
    tune, bare = Tune(SPACE, tuple(rounds)), Tune(SPACE, tuple(rounds), confirm=None)
    again = tune.confirming
    assert tune.cost <= 1.2 * bare.cost
    assert again is None or (again.points * again.seeds >= 2 and again.points <= rounds[-1].points)
    assert tune.trials - bare.trials == (again.points * again.seeds if again else 0)


@settings(max_examples=20, deadline=None)
@given(rounds=st.lists(st.builds(Round, st.integers(1, 12), st.integers(1, 9)), min_size=1, max_size=3))
def test_a_search_that_ended_has_run_what_it_said_it_costs(rounds):
    tune = Tune(SPACE, tuple(rounds))
    done = unfold(tune, Known(lambda ask: ask.point["lr"]))
    assert done.settled
    assert (len(done.asks), sum(ask.epochs for ask in done.asks)) == (tune.trials, tune.cost)
    assert [round_.index for round_ in done.rounds if round_.confirming] == ([len(rounds)] if tune.confirming else [])


@given(full=st.integers(1, 100), times=st.integers(1, 60))
def test_a_search_within_a_budget_ends_with_full_trainings_and_stays_in_it(full, times):
    tune = Tune.within(SPACE, budget=full * times, full=full, proposals="tpe")
    assert tune.rounds[-1].epochs == full
    assert tune.cost <= full * times
    assert tune.proposals == "tpe"
    if times >= 20:
        assert tune.cost >= 0.75 * full * times
    assert len(tune.rounds) == (3 if full >= 10 and times >= 8 else 1)


def test_one_round_may_stand_alone():
    assert Tune(SPACE, Round(3, 1)) == Tune(SPACE, rounds=(Round(3, 1),)) == Tune(SPACE, [Round(3, 1)])


@pytest.mark.parametrize("confirm", ["auto", None, Confirm(2, 3)])
@pytest.mark.parametrize("stopping", [None, Median(), Halving(shortest=2)])
def test_a_search_travels_as_json(confirm, stopping):
    earlier = Tune(SPACE | Space(n=Integers(1, 3)), Round(3, 1))
    tune = Tune(SPACE, (Round(6, 1, keep=2), Round(4, 2)), "stack", "gp", 0.2, 3, confirm, 0.2, 1.0, 2, stopping, earlier)
    again = from_json(json.loads(json.dumps(to_json(tune))))
    assert again == tune
    assert hash(again) == hash(tune)
    assert tune.earlier == (earlier,)


def test_rounds_and_seeds_draw_different_points():
    two = (Round(4, 1), Round(4, 1))
    rounds = unfold(Tune(SPACE, two, margin=1.0, widen=0), Known(lambda ask: 0.0)).rounds
    other = unfold(Tune(SPACE, two, seed=1), {}).rounds
    assert len({each.asks[0].point["lr"] for each in (*rounds[:2], *other)}) == 3


@cache  # both ways of running again are compared with the same searches
def regret(confirm, number):
    """What is lost in one search among 30 points of which one is better by 1.5, under noise of 1."""
    tune = Tune(Space(x=Uniform(0, 1)), Round(30, 1), proposals="grid", confirm=confirm)
    good = unfold(tune, {}).asks[number % 30]
    told = Known(lambda ask: 1.5 * (ask.items == good.items) + random.Random(repr((number, ask))).gauss(0, 1))
    return 0.0 if unfold(tune, told).winner == good.point else 1.5


def gain(confirm):
    """What running again saves, on average over 200 searches of equal noise in their rounds: the low end of the 99 % interval."""
    gains = [regret(None, number) - regret(confirm, number) for number in range(200)]
    return mean(gains) - 2.6 * stdev(gains) / math.sqrt(len(gains))


@pytest.mark.parametrize("confirm", ["auto", Confirm(5, 3)])
def test_running_the_best_again_loses_less_than_trusting_one_score(confirm):
    assert gain(confirm) > 0


def test_the_law_of_regret_reports_a_planted_fault(monkeypatch):
    regret.cache_clear()
    monkeypatch.setattr("hpsearch.search.confirm._ranked", lambda last, again, chosen: list(chosen))
    try:
        assert gain("auto") <= 0
    finally:
        regret.cache_clear()


def test_the_winner_is_none_that_failed_under_a_fresh_seed_where_another_did_not():
    tune = Tune(SPACE, Round(12, 1), confirm=Confirm(3, 2))
    top = unfold(tune, Known(lambda ask: ask.point["lr"])).winner
    done = unfold(tune, Known(lambda ask: None if ask.seed == 2 and ask.point == top else ask.point["lr"]))
    again = done.rounds[-1]
    assert top in [ask.point for ask in again.asks]
    assert done.winner == max((ask.point for ask in again.asks if ask.point != top), key=lambda point: point["lr"])
    assert done.winner == again.asks[again.kept[0]].point
    hopeless = unfold(tune, Known(lambda ask: None if ask.seed else ask.point["lr"]))
    assert hopeless.winner == max((ask.point for ask in hopeless.asks), key=lambda point: point["lr"])


@pytest.mark.parametrize("again", [Confirm(3, 1), Confirm(4, 5)])
def test_confirming_runs_have_seeds_and_points_of_their_own_account(again):
    done = unfold(Tune(SPACE, (Round(10, 1), Round(6, 2)), confirm=again), Known(lambda ask: ask.point["lr"]))
    rounds, confirming = done.rounds[:-1], done.rounds[-1]
    assert {ask.seed for ask in confirming.asks}.isdisjoint({ask.seed for round_ in rounds for ask in round_.asks})
    assert len({ask.seed for ask in confirming.asks}) == again.seeds
    assert {ask.epochs for ask in confirming.asks} == {2}
    assert len(set(confirming.asks)) == len(confirming.asks) == again.points * again.seeds
    assert {ask.items for ask in confirming.asks} <= {ask.items for ask in rounds[-1].asks}


def tune(**changes):
    return replace(Tune(SPACE, Round(4, 1)), **changes)


REFUSED = [
    (lambda: Round(0, 1), "Round needs points to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 0), "Round needs epochs to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 1.5), "Round needs epochs to be a whole number of at least 1, got 1.5"),
    (lambda: Round(4, True), "Round needs epochs to be a whole number of at least 1, got True"),
    (lambda: Round(4, 1, keep=0), "Round needs keep to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 1, keep=5), "Round cannot keep 5 of 4 points: lower keep or raise points"),
    (lambda: Confirm(0, 1), "Confirm needs points to be a whole number of at least 1, got 0"),
    (lambda: Confirm(2, 0), "Confirm needs seeds to be a whole number of at least 1, got 0"),
    (lambda: Tune({"lr": 1}, Round(4, 1)), "Tune needs a Space first, got {'lr': 1}"),
    (lambda: Tune(SPACE, ()), "Tune needs rounds=(Round(points=..., epochs=...), ...), got ()"),
    (lambda: Tune(SPACE, (3,)), "Tune needs rounds=(Round(points=..., epochs=...), ...), got (3,)"),
    (
        lambda: Tune(SPACE, (Round(8, 1, keep=4), Round(3, 2))),
        "a round keeps 4 points, the next runs only 3: lower keep or raise points",
    ),
    (lambda: tune(arms="all"), "Tune.arms is 'each', 'base' or 'stack', got 'all'"),
    (lambda: tune(proposals="bayes"), "Tune.proposals is one of sobol, random, grid, tpe, gp, cmaes, got 'bayes'"),
    (lambda: tune(confirm=3), "Tune.confirm is Confirm(points=..., seeds=...), 'auto' or None, got 3"),
    (lambda: tune(margin=0), "Tune.margin is a share of the unit interval, 0.001 to 1, got 0"),
    (lambda: tune(margin=1.5), "Tune.margin is a share of the unit interval, 0.001 to 1, got 1.5"),
    (lambda: tune(margin=math.nan), "Tune.margin is a share of the unit interval, 0.001 to 1, got nan"),
    (lambda: tune(edge=0.5), "Tune.edge is a share of the unit interval, 0 to 0.4, got 0.5"),
    (lambda: tune(widen=-1), "Tune.widen is a share of a range's width, 0 (never) to 10, got -1"),
    (lambda: tune(ahead=-1), "Tune.ahead is a whole number of points, 0 or more, got -1"),
    (lambda: tune(ahead=True), "Tune.ahead is a whole number of points, 0 or more, got True"),
    (lambda: tune(stopping="median"), "Tune.stopping is Halving(), Median() or None, got 'median'"),
    (lambda: tune(earlier=(SPACE,)), f"Tune.earlier holds searches that ran before, Tune(...), got {SPACE!r}"),
    (lambda: Tune.within(SPACE, 9, 10), "Tune.within needs a budget of at least one full training, 10 epochs, got 9"),
    (lambda: Tune.within(SPACE, 90.5, 10), "Tune.within needs budget to be a whole number of at least 1, got 90.5"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_nonsense_is_refused_with_a_remedy(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message


def test_the_least_margin_still_leaves_a_box_round_one_point():
    space = Space(lr=10 ** Uniform(-3, 0), x=Uniform(0, 1), n=Integers(1, 9))
    box = space.around([{"lr": 0.1, "x": 1.0, "n": 3}], margin=0.001)
    assert box["x"].low < 1.0 == box["x"].high
