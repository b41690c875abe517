"""Proposals are pure functions of box, count, seed and scores; learning ones find better points than their start."""

import importlib.util
import random
from itertools import product
from statistics import mean

import pytest
import torch
from scipy.stats import qmc

from hpsearch.search import propose
from hpsearch.search.proposals import LEARNING, PROPOSALS, largest_grid, learn
from hpsearch.space import Choice, Constant, Integers, LogIntegers, OneMinus, Space, Uniform

MIXED = Space(
    rate=10 ** Uniform(-4, 0),
    momentum=OneMinus(10 ** Uniform(-2, -1)),
    layers=Integers(1, 6),
    width=LogIntegers(8, 512),
    schedule=Choice("step", "cosine", None),
)
FLAT = Space(x=Uniform(-1, 1), y=Uniform(-1, 1))
DRAWN = [kind for kind in PROPOSALS if kind not in LEARNING]
missing = pytest.mark.skipif(importlib.util.find_spec("cmaes") is None, reason="cmaes is not installed")
LEARNED = [pytest.param(kind, marks=missing) if kind == "cmaes" else kind for kind in LEARNING]


@pytest.fixture(autouse=True)
def one_thread():
    """GP proposals are tiny matrices: many threads on busy cores make them wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def bowl(point):
    return -((point["x"] - 0.3) ** 2) - (point["y"] + 0.6) ** 2


def walked(kind, box, count, seed, score, start=4):
    """Points of a learning proposal one at a time, each scored as soon as it is known, after ``start`` Sobol points."""
    points = propose("sobol", box, start, seed)
    while len(points) < count:
        points.append(learn(kind, box, points, [score(point) for point in points], [], seed + len(points)))
    return points


def test_the_proposals_are_those_that_a_study_may_name():
    assert PROPOSALS == ("sobol", "random", "grid", "tpe", "gp", "cmaes")


@pytest.mark.parametrize("kind", DRAWN)
def test_equal_arguments_give_equal_points_whatever_the_global_generator(kind):
    random.seed(1)
    once = propose(kind, MIXED, 6, 5)
    random.seed(2)
    assert propose(kind, MIXED, 6, 5) == once
    assert propose(kind, MIXED, 6, 6) != once


@pytest.mark.parametrize("kind", LEARNED)
def test_a_learned_point_follows_from_the_arguments_alone(kind):
    points = propose("sobol", FLAT, 12, 0)  # a generation of CMA-ES is 6 here
    scores = [None if n == 1 else bowl(point) for n, point in enumerate(points)]
    learn.__globals__["_learned"].cache_clear()  # so that it is really asked twice
    random.seed(1)
    once = learn(kind, FLAT, points, scores, points[:1], 5)
    learn.__globals__["_learned"].cache_clear()
    random.seed(2)
    assert learn(kind, FLAT, points, scores, points[:1], 5) == once
    assert learn(kind, FLAT, points, scores, points[:1], 6) != once
    assert learn(kind, FLAT, points, scores[::-1], points[:1], 5) != once


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("count", [1, 7, 64])
def test_drawn_points_lie_inside_the_box(kind, count):
    points = propose(kind, MIXED, count, 3)
    assert len(points) == count
    for point in points:
        assert point.keys() == set(MIXED.names)
        assert point in MIXED


@pytest.mark.parametrize("kind", LEARNED)
def test_learned_points_lie_inside_the_box(kind):
    points = walked(kind, MIXED, 8, 3, lambda point: -point["rate"] + point["layers"])
    assert all(point in MIXED for point in points)


@pytest.mark.parametrize("kind", LEARNED)
def test_learning_goes_on_where_every_point_failed(kind, capfd):
    points = propose("sobol", MIXED, 4, 1)
    assert learn(kind, MIXED, points, [None] * 4, [], 1) in MIXED
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("count", [1, 5, 16])
def test_sobol_points_are_scipys(count):
    units = qmc.Sobol(2, scramble=True, rng=11).random_base2(4)[:count]
    expected = [{"x": 2 * row[0] - 1, "y": 2 * row[1] - 1} for row in units]
    got = propose("sobol", FLAT, count, 11)
    assert [point["x"] for point in got] == pytest.approx([point["x"] for point in expected])
    assert [point["y"] for point in got] == pytest.approx([point["y"] for point in expected])


@pytest.mark.parametrize("kind", ["sobol", "random"])
def test_more_points_of_a_round_begin_with_the_fewer(kind):
    assert propose(kind, FLAT, 9, 2)[:4] == propose(kind, FLAT, 4, 2)


@pytest.mark.parametrize(("count", "levels"), [(1, 1), (4, 2), (9, 3), (16, 4), (20, 4), (35, 5)])
def test_a_grid_is_the_centres_of_its_cells_and_sobol_points_for_the_rest(count, levels):
    assert largest_grid(2, count) == levels
    points = propose("grid", FLAT, count, 4)
    centres = [-1 + (2 * n + 1) / levels for n in range(levels)]
    cells = [pytest.approx({"x": x, "y": y}) for x, y in product(centres, centres)]
    assert points[: levels**2] == cells
    rest = count - levels**2
    assert points[levels**2 :] == propose("sobol", FLAT, rest, 4)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 26, 27, 80, 81, 1000])
@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_no_larger_grid_would_fit(dimensions, count):
    levels = largest_grid(dimensions, count)
    assert levels**dimensions <= count < (levels + 1) ** dimensions


def test_sobol_fills_the_square_more_evenly_than_chance():
    def discrepancy(kind):
        return mean(qmc.discrepancy([FLAT.units(p) for p in propose(kind, FLAT, 32, seed)]) for seed in range(5))

    assert discrepancy("sobol") < discrepancy("random") / 2


@pytest.mark.parametrize("kind", DRAWN)
def test_no_points_asked_no_points_given(kind):
    assert propose(kind, FLAT, 0, 0) == []


def test_tpe_finds_better_points_than_sobol_alone():
    seeds = range(6)
    learned = mean(max(map(bowl, walked("tpe", FLAT, 24, 100 * seed, bowl))) for seed in seeds)
    start = mean(max(map(bowl, propose("sobol", FLAT, 6, 100 * seed))) for seed in seeds)
    late = mean(mean(map(bowl, walked("tpe", FLAT, 24, 100 * seed, bowl)[12:])) for seed in seeds)
    blind = mean(mean(map(bowl, propose("sobol", FLAT, 24, 100 * seed))) for seed in seeds)
    assert learned > start
    assert late > blind / 2  # both are negative: later proposals lie nearer to the top than blind ones


@pytest.mark.parametrize("kind", [kind for kind in LEARNED if kind != "tpe"])
def test_a_model_finds_the_top_of_a_smooth_function(kind):
    assert max(map(bowl, walked(kind, FLAT, 16, 0, bowl))) > max(map(bowl, propose("sobol", FLAT, 4, 0)))


@pytest.mark.parametrize("kind", ["tpe", "gp"])
def test_a_learner_keeps_away_from_points_that_still_run(kind):
    """Proposals in parallel differ although nothing was told in between."""
    points = propose("sobol", FLAT, 8, 0)
    scores = [bowl(point) for point in points]
    pending = []
    for _ in range(3):
        pending.append(learn(kind, FLAT, points, scores, pending, 9))
    assert len({tuple(point.items()) for point in pending}) == 3


@pytest.mark.parametrize("kind", [*DRAWN, *LEARNED])
def test_a_point_has_the_types_of_its_own_space_whatever_was_drawn_before_of_an_equal_one(kind):
    for options in ((1, 0), (True, False), (1.0, 0.0)):
        opened = Choice("off", on=Space(constant=Constant(options[0])))
        box = Space(plain=Choice(*options), opened=opened, x=Uniform(0, 1), y=Uniform(0, 1))
        told = box.point((0.8, 0.2, 0.5, 0.5))
        found = [learn(kind, box, [told], [1.0], [], 2)] if kind in LEARNING else propose(kind, box, 3, 2)
        values = [value for point in found for name, value in point.items() if name in ("plain", "constant")]
        assert {type(value) for value in values} == {type(options[0])}
