"""What a round keeps, what a search costs, and what is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import Refused
from hpsearch.search import Round, Tune, best, points_of
from hpsearch.space import Integers, Space, Uniform
from hpsearch.values import from_json, to_json

SPACE = Space(lr=10 ** Uniform(-3, 0))
SCORES = st.lists(st.none() | st.floats(-10, 10) | st.sampled_from([0.0, 1.0]), max_size=12)


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


def test_cost_is_points_times_epochs_over_all_rounds():
    tune = Tune(SPACE, (Round(points=24, epochs=5, keep=4), Round(points=8, epochs=20)))
    assert (tune.rounds[0].cost, tune.rounds[1].cost, tune.cost) == (120, 160, 280)


def test_one_round_may_stand_alone():
    assert Tune(SPACE, Round(3, 1)) == Tune(SPACE, rounds=(Round(3, 1),)) == Tune(SPACE, [Round(3, 1)])


def test_a_search_travels_as_json():
    tune = Tune(SPACE, (Round(6, 1, keep=2), Round(4, 2)), arms="stack", proposals="gp", margin=0.2, seed=3)
    assert from_json(json.loads(json.dumps(to_json(tune)))) == tune
    assert hash(tune) == hash(Tune(SPACE, [Round(6, 1, keep=2), Round(4, 2)], "stack", "gp", 0.2, 3))


def test_a_round_is_the_carried_points_and_then_new_ones():
    tune = Tune(SPACE, (Round(6, 1, keep=2), Round(5, 2)))
    carried = [{"lr": 0.02}, {"lr": 0.03}]
    box = SPACE.around(carried, 0.1)
    points = points_of(tune, 1, box, carried)
    assert points[:2] == carried
    assert len(points) == 5
    assert all(point["lr"] in box["lr"] for point in points)


def test_rounds_and_seeds_draw_different_points():
    rounds = (Round(4, 1), Round(4, 1))
    first, second = (points_of(Tune(SPACE, rounds), index, SPACE, []) for index in (0, 1))
    other = points_of(Tune(SPACE, rounds, seed=1), 0, SPACE, [])
    assert len({points[0]["lr"] for points in (first, second, other)}) == 3


REFUSED = [
    (lambda: Round(0, 1), "Round needs points to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 0), "Round needs epochs to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 1.5), "Round needs epochs to be a whole number of at least 1, got 1.5"),
    (lambda: Round(4, True), "Round needs epochs to be a whole number of at least 1, got True"),
    (lambda: Round(4, 1, keep=0), "Round needs keep to be a whole number of at least 1, got 0"),
    (lambda: Round(4, 1, keep=5), "Round cannot keep 5 of 4 points: lower keep or raise points"),
    (lambda: Tune({"lr": 1}, Round(4, 1)), "Tune needs a Space first, got {'lr': 1}"),
    (lambda: Tune(SPACE, ()), "Tune needs rounds=(Round(points=..., epochs=...), ...), got ()"),
    (lambda: Tune(SPACE, (3,)), "Tune needs rounds=(Round(points=..., epochs=...), ...), got (3,)"),
    (
        lambda: Tune(SPACE, (Round(8, 1, keep=4), Round(3, 2))),
        "a round keeps 4 points, the next runs only 3: lower keep or raise points",
    ),
    (lambda: Tune(SPACE, Round(4, 1), arms="all"), "Tune.arms is 'each', 'base' or 'stack', got 'all'"),
    (
        lambda: Tune(SPACE, Round(4, 1), proposals="grid"),
        "Tune.proposals is one of sobol, random, tpe, gp, got 'grid'",
    ),
    (lambda: Tune(SPACE, Round(4, 1), margin=0), "Tune.margin is a share of the unit interval, 0.001 to 1, got 0"),
    (lambda: Tune(SPACE, Round(4, 1), margin=1.5), "Tune.margin is a share of the unit interval, 0.001 to 1, got 1.5"),
    (lambda: Tune(SPACE, Round(4, 1), margin=math.nan), "Tune.margin is a share of the unit interval, 0.001 to 1, got nan"),
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
