"""Equivalence against statsmodels, published power and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import ttost_paired

from hpsearch import Refused, Trick, ladder
from hpsearch.statistics import NO_LARGER, effects_of, judge, power_within, seeds_within

ONE, TWO = ladder(Trick("a", {"x": 1})), ladder(Trick("a", {"x": 1}), Trick("b", {"y": 1}), Trick("c", {"z": 1}))


def frame(values: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    lines = [(names[arm], seed, values[arm, seed]) for arm, seed in np.ndindex(values.shape)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


@pytest.mark.parametrize("margin", [0.4, 0.9, 2.0])
def test_one_row_is_two_one_sided_paired_tests(margin):
    values = np.random.default_rng(1).standard_normal((2, 12)) * 0.5
    [effect] = effects_of(ONE, frame(values, ("base", "a")), margin=margin)
    known, *_ = ttost_paired(values[1], values[0], -margin, margin)
    assert effect.p_margin == pytest.approx(known, rel=1e-6)
    assert (effect.verdict == NO_LARGER) == (known <= 0.05)


def test_several_rows_share_the_error_rate():
    values = np.random.default_rng(2).standard_normal((4, 6)) * 0.1
    alone = effects_of(ONE, frame(values[:2], ("base", "a")), margin=0.3)[0]
    judged = effects_of(TWO, frame(values, tuple(arm.name for arm in TWO.arms)), margin=0.3)
    rows = judge(values, np.eye(4)[1:] - np.eye(4)[:-1])
    assert all(effect.p_margin is not None for effect in judged)
    assert rows.within(0.3)[0] > 2 * judge(values, np.array([[-1.0, 1, 0, 0]])).within(0.3)[0]
    assert alone.p_margin < 0.05


def test_it_is_said_also_where_zero_is_excluded_and_not_where_the_margin_is_passed():
    values = np.array([[0.0, 0, 0, 0, 0], [0.1, 0.11, 0.09, 0.1, 0.1]]) + np.random.default_rng(3).standard_normal(5)
    [effect] = effects_of(ONE, frame(values, ("base", "a")), margin=0.3)
    assert effect.verdict == NO_LARGER
    assert effect.low > 0
    assert not effect.resolved
    assert effect.seeds_needed is None
    [passed] = effects_of(ONE, frame(values, ("base", "a")), margin=0.08)
    assert passed.verdict == "helps"
    assert passed.p_margin > 0.5
    [without] = effects_of(ONE, frame(values, ("base", "a")))
    assert (without.verdict, without.p_margin) == ("helps", None)


def test_what_is_not_resolved_asks_for_the_seeds_of_the_nearer_answer():
    values = np.random.default_rng(4).standard_normal((2, 5))
    values[1] += values[0].mean() - values[1].mean() + 0.01  # next to nothing
    [without] = effects_of(ONE, frame(values, ("base", "a")))
    [within] = effects_of(ONE, frame(values, ("base", "a")), margin=1.0)
    assert (without.verdict, without.seeds_needed, without.more_seeds) == ("not resolved", None, None)
    assert within.verdict == "not resolved"
    assert 5 < within.seeds_needed < 200
    assert within.more_seeds == within.seeds_needed - 5


def test_power_agrees_with_the_published_one():
    # R, PowerTOST: power.TOST(CV = 0.25, n = 24) gives 0.7391155: a 2 x 2 crossover with theta0 0.95 between 0.8 and 1.25.
    error = math.sqrt(math.log(0.25**2 + 1)) * math.sqrt(2 / 24)
    at = math.log(0.95)
    assert power_within((at - math.log(0.8)) / error, (math.log(1.25) - at) / error, 22, 0.05) == pytest.approx(0.7391155, abs=1e-6)


def test_seeds_within_show_it_in_a_simulation():
    seeds, rng, tables = seeds_within(0.1, 0.5, deviation=0.4, arms=2), np.random.default_rng(5), 1500
    found = 0
    for _ in range(tables):
        values = 0.4 * rng.standard_normal((2, seeds)) + np.array([[0.0], [0.1]])
        found += judge(values, np.array([[-1.0, 1.0]])).within(0.5)[0] <= 0.05
    assert found / tables == pytest.approx(0.8, abs=0.05)
    assert seeds_within(0.6, 0.5, deviation=0.4, arms=2) is None


@pytest.mark.parametrize("margin", [0.0, -0.3, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(Refused, match="margin is a positive number in the unit of the score"):
        effects_of(ONE, frame(np.ones((2, 3)), ("base", "a")), margin=margin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": 1}, "at least 2 arms"),
        ({"difference": float("inf")}, "difference is a finite number"),
        ({"margin": 0.0}, "margin is a positive number"),
        ({"deviation": -1.0}, "deviation is a positive number"),
        ({"level": 5}, "level lies between 0 and 1"),
        ({"power": 80}, "power lies between 0 and 1"),
    ],
)
def test_seeds_within_refuses(changes, message):
    with pytest.raises(Refused, match=message):
        seeds_within(**({"difference": 0.0, "margin": 0.3, "deviation": 0.1, "arms": 3} | changes))


def test_power_within_refuses():
    with pytest.raises(Refused, match="at least 1 degree of freedom"):
        power_within(1.0, 1.0, 0, 0.05)
    with pytest.raises(Refused, match="level lies between 0 and 1"):
        power_within(1.0, 1.0, 5, 5)
