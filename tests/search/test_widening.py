"""Small searches leave a range in which the score rises to an end, and stay in one where it does not."""

import math
import random
import sys

import numpy as np
import pytest

from hpsearch.search import Confirm, Round, Tune, unfold
from hpsearch.search.box import narrow
from hpsearch.space import Space, Uniform
from tests.search.test_rounds import Known

ROUNDS = (Round(16, 5, keep=4), Round(8, 15))  # those of the README
SEEDS = 30
NEAR = math.log10(3)


def search(peak, seed, noise=0.1, others=0, flat=False):
    """A search of a learning rate from 1e-4 to 1e-2 whose score falls with the squared distance, in decades, from its peak."""

    def score(ask):
        spread = random.Random(f"{seed} {ask.items} {ask.seed} {ask.epochs}").gauss(0, noise)
        return spread - (0 if flat else (math.log10(ask.point["rate"]) - peak) ** 2)

    space = Space(rate=10 ** Uniform(-4, -2), **{f"other{n}": 10 ** Uniform(0, 1) for n in range(others)})
    return unfold(Tune(space, ROUNDS, seed=seed), Known(score))


def near(peak, **case):
    """How many of the searches end within a factor of 3 of the peak."""
    ends = [math.log10(search(peak, seed, **case).winner["rate"]) for seed in range(SEEDS)]
    return sum(abs(end - peak) < NEAR for end in ends)


def widened(peak, label="rate", **case):
    """How many of the searches widen a range."""
    steps = [[step for each in search(peak, seed, **case).rounds for step in each.steps] for seed in range(SEEDS)]
    return sum(any(move.label == label for step in some for move in step.moves) for some in steps)


@pytest.mark.parametrize("peak", [0, -6], ids=["upward", "downward"])
@pytest.mark.parametrize(("noise", "others"), [(0, 0), (0.1, 0), (0.1, 2)])
def test_a_search_reaches_a_peak_two_decades_beyond_its_range(peak, noise, others):
    assert near(peak, noise=noise, others=others) >= 28


@pytest.mark.parametrize(("peak", "most"), [(-3, 0), (-2.3, 9), (-3.6, 3)])
def test_a_search_stays_where_its_peak_is(peak, most):
    assert widened(peak) <= most


def test_noise_alone_seldom_widens():
    assert widened(0, flat=True, noise=1.0) <= 5
    assert widened(0, "other0", noise=0.1, others=1) <= 4


@pytest.mark.parametrize("fault", ["only within the edge", "the falling score goes unseen"])
def test_the_laws_of_widening_report_a_planted_fault(monkeypatch, fault):
    module = sys.modules["hpsearch.search.box"]
    if fault == "only within the edge":
        monkeypatch.setattr(module, "_outermost", lambda units, near: None)
        assert near(0) < 28
    else:
        monkeypatch.setattr(module, "_rises", lambda outward, scores: True)
        assert widened(-2.3) > 9


def moved(units, scores, keep=4, **changes):
    """The side of x that is widened for points at these coordinates, from 0 to 1; None for none."""
    tune = Tune(Space(x=Uniform(2, 3)), ROUNDS, **changes)
    _, _, moves = narrow(tune, tune.space, [{"x": 2 + at} for at in units], scores, keep, lambda name, value: True)
    return moves[0].side if moves else None


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("units", "scores", "moves"),
    [
        ([0.95, 0.90, 0.80, 0.20], [4, 3, 2, 1], True),  # 0.71 on average
        ([0.95, 0.90, 0.35, 0.24], [4, 3, 2, 1], True),  # 0.61
        ([0.95, 0.90, 0.35, 0.16], [4, 3, 2, 1], False),  # 0.59: they do not lean that way
        ([0.95, 0.50, 0.35, 0.10], [4, 3, 2, 1], False),  # 0.475: where a threshold of 0.4 would say yes
        ([0.85, 0.80, 0.70, 0.60], [4, 3, 2, 1], True),  # the outermost, within twice the edge
        ([0.85, 0.88, 0.70, 0.60], [4, 3, 2, 1], False),  # neither the outermost nor within the edge
        ([0.79, 0.70, 0.70, 0.60], [4, 3, 2, 1], False),  # the outermost, and far from the end
        ([0.92, 0.85, 0.98, 0.60, 0.40, 0.20, 0.1], [-0, -0.5, -4, -1, -2, -3, -4], False),  # it falls again at the end
        ([0.98, 0.92, 0.85, 0.60, 0.40, 0.20, 0.1], [-0, -0.5, -1, -2, -3, -4, -5], True),
        ([0.95, 0.90, 0.80, 0.70, 0.60, 0.50], [1e308, -1e308, -1e308, 0, 0, 0], True),
    ],
)
def test_what_widens_an_end(units, scores, moves, mirrored):
    assert moved([1 - at for at in units] if mirrored else units, scores) == (("low" if mirrored else "high") if moves else None)


@pytest.mark.parametrize("neighbours", [1, 3, 20])
def test_however_many_neighbours_a_point_has_they_count_for_half_an_observation(neighbours):
    """The mean of a point and of its neighbours in the limit of no distance, in closed form."""
    module = sys.modules["hpsearch.search.confirm"]
    points = 0.5 + 1e-9 * np.arange(neighbours + 1)
    tune = Tune(Space(x=Uniform(0, 1)), Round(neighbours + 1, 1), confirm=Confirm(1, 1))
    last = unfold(tune, Known(lambda ask: 0.0)).rounds[0]
    asks = tuple(type(ask)((("x", at),), ask.seed, ask.epochs) for ask, at in zip(last.asks, points, strict=True))
    last = module.replace(last, asks=asks, scores=(8.0,) + neighbours * (2.0,))
    assert module._shrunk(last, 0, [8.0, 10.0]) == pytest.approx((18 + 0.5 * 2) / 2.5)
