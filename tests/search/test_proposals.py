"""Proposals are pure functions of box, count, seed and scores; learning ones find better points than their start."""

import random
from statistics import mean

import pytest
import torch
from scipy.stats import qmc

from hpsearch.search import propose
from hpsearch.search.proposals import BATCH, PROPOSALS
from hpsearch.space import Choice, Integers, LogIntegers, OneMinus, Space, Uniform

MIXED = Space(
    rate=10 ** Uniform(-4, 0),
    momentum=OneMinus(10 ** Uniform(-2, -1)),
    layers=Integers(1, 6),
    width=LogIntegers(8, 512),
    schedule=Choice("step", "cosine", None),
)
FLAT = Space(x=Uniform(-1, 1), y=Uniform(-1, 1))
LEARNING = ("tpe", "gp")


@pytest.fixture(autouse=True)
def one_thread():
    """GP proposals are tiny matrices: many threads on busy cores make them wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def bowl(point):
    return -((point["x"] - 0.3) ** 2) - (point["y"] + 0.6) ** 2


def walked(kind, box, count, seed, score):
    """All points of a learning proposal, each scored as soon as it is known."""
    points = propose(kind, box, count, seed)
    while len(points) < count:
        points = propose(kind, box, count, seed, [score(point) for point in points])
    return points


def broken_prefixes(count, told, ask):
    """The law as a check that reports: numbers of told scores after which an earlier list is no prefix of the later one."""
    lists = [ask(told[:n]) for n in range(count + 1)]
    return [n for n in range(count) if lists[n + 1][: len(lists[n])] != lists[n]]


@pytest.mark.parametrize("kind", PROPOSALS)
def test_equal_arguments_give_equal_points_whatever_the_global_generator(kind):
    told = [0.1 * n for n in range(BATCH)]
    random.seed(1)
    once = propose(kind, MIXED, 6, 5, told)
    random.seed(2)
    assert propose(kind, MIXED, 6, 5, told) == once
    assert propose(kind, MIXED, 6, 6, told) != once


@pytest.mark.parametrize("kind", PROPOSALS)
def test_points_lie_inside_the_box(kind):
    points = walked(kind, MIXED, 8, 3, lambda point: -point["rate"] + point["layers"])
    assert len(points) == 8
    for point in points:
        assert point.keys() == set(MIXED.names)
        assert all(value in MIXED[name] for name, value in point.items())


@pytest.mark.parametrize("kind", LEARNING)
def test_more_scores_only_lengthen_the_list(kind):
    told = [0.3, None, -1.0, 2.0, 0.5, 0.5, None, 1.0, 0.0, 0.25]
    assert broken_prefixes(10, told, lambda scores: propose(kind, FLAT, 10, 7, scores)) == []


def test_the_prefix_law_reports_a_planted_fault():
    told = [0.3, 0.1, -1.0, 2.0, 0.5, 0.5]
    forgetful = broken_prefixes(6, told, lambda scores: propose("random", FLAT, 6, 7 + len(scores)))
    assert forgetful == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", LEARNING)
def test_learning_starts_with_sobol_points_and_waits_for_whole_batches(kind):
    start = propose("sobol", FLAT, 4, 7)
    assert propose(kind, FLAT, 12, 7) == start
    assert propose(kind, FLAT, 12, 7, [1.0, 2.0, 3.0]) == start
    assert len(propose(kind, FLAT, 12, 7, [1.0, 2.0, 3.0, 4.0])) == 8
    assert propose(kind, FLAT, 40, 7) == propose("sobol", FLAT, 10, 7)


@pytest.mark.parametrize("kind", LEARNING)
def test_learning_goes_on_where_every_point_failed(kind, capfd):
    points = propose(kind, MIXED, 8, 1, [None] * 4)
    assert len(points) == 8
    assert capfd.readouterr().err == ""


def test_learned_points_depend_on_the_scores():
    assert propose("tpe", FLAT, 8, 7, [1.0, 2.0, 3.0, 4.0]) != propose("tpe", FLAT, 8, 7, [4.0, 3.0, 2.0, 1.0])


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


def test_sobol_fills_the_square_more_evenly_than_chance():
    def discrepancy(kind):
        return mean(qmc.discrepancy([FLAT.units(p) for p in propose(kind, FLAT, 32, seed)]) for seed in range(5))

    assert discrepancy("sobol") < discrepancy("random") / 2


@pytest.mark.parametrize("kind", PROPOSALS)
def test_no_points_asked_no_points_given(kind):
    assert propose(kind, FLAT, 0, 0) == []


def test_tpe_finds_better_points_than_sobol_alone():
    seeds = range(6)
    learned = mean(max(map(bowl, walked("tpe", FLAT, 24, seed, bowl))) for seed in seeds)
    start = mean(max(map(bowl, propose("sobol", FLAT, 6, seed))) for seed in seeds)
    late = mean(mean(map(bowl, walked("tpe", FLAT, 24, seed, bowl)[12:])) for seed in seeds)
    blind = mean(mean(map(bowl, propose("sobol", FLAT, 24, seed))) for seed in seeds)
    assert learned > start
    assert late > blind / 2  # both are negative: later proposals lie nearer to the top than blind ones


def test_gp_finds_the_top_of_a_smooth_function():
    assert max(map(bowl, walked("gp", FLAT, 12, 0, bowl))) > max(map(bowl, propose("sobol", FLAT, 4, 0)))
