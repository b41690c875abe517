"""The block model by hand: sums of squares of a two-way table, and the seeds a paired t test would ask for."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from hpsearch import Trick, ladder, one_at_a_time
from hpsearch.statistics import effects_of, fit, largest, seeds_needed

TRICKS = tuple(Trick(name, {name: 1}) for name in "abc")
# Four arms under three seeds. Row means 2, 4, 6, 8; column means 4, 5, 6; grand mean 5; what is left sums to zero both ways.
REST = np.array([[0.5, -0.5, 0.0], [-0.5, 0.5, 0.0], [0.25, 0.0, -0.25], [-0.25, 0.0, 0.25]])
TABLE = np.array([2.0, 4, 6, 8])[:, None] + np.array([-1.0, 0, 1]) + REST
NAMES = ("base", "a", "b", "c")


def frame(table: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    lines = [(arm, seed, score) for arm, row in zip(names, table, strict=True) for seed, score in enumerate(row)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


def test_four_arms_and_three_seeds_are_the_two_way_table_worked_by_hand():
    fitted = fit(frame(TABLE, NAMES))
    assert fitted.df == 6  # (4 - 1)(3 - 1)
    assert fitted.deviation == pytest.approx(math.sqrt(1.25 / 6))  # squares of REST: 4 of 1/4 and 4 of 1/16
    assert fitted.means == pytest.approx([2, 4, 6, 8])
    effects = effects_of(one_at_a_time(*TRICKS), frame(TABLE, NAMES))
    assert [e.value for e in effects] == pytest.approx([2, 4, 6])
    half = 3.10 * math.sqrt(1.25 / 6) * math.sqrt(2 / 3)  # Dunnett (1964), two-sided 5 %, 3 treatments, 6 degrees of freedom: 3.10
    assert [(e.high - e.low) / 2 for e in effects] == pytest.approx([half] * 3, abs=0.005)


def test_many_to_one_agrees_with_dunnett_of_scipy():
    # Without blocks: the same correlation 1/2, and scipy's own integration of the multivariate t.
    rng = np.random.default_rng(3)
    control, *others = (rng.standard_normal(6) + shift for shift in (0, 0.8, 1.5, 0.1))
    known = stats.dunnett(*others, control=control, rng=np.random.default_rng(0))
    distribution = largest(0.5 * np.eye(3) + 0.5, df=4 * 6 - 4)
    assert [distribution.tail(abs(t)) for t in known.statistic] == pytest.approx(known.pvalue.tolist(), abs=0.005)


def test_adjusted_p_is_below_five_percent_exactly_where_the_interval_excludes_zero():
    rng = np.random.default_rng(5)
    plan, judged = ladder(*TRICKS), []
    names = tuple(arm.name for arm in plan.arms)
    for _ in range(15):
        table = rng.standard_normal((4, 4)) + 1.3 * np.arange(4)[:, None]
        judged += effects_of(plan, frame(table, names))
    assert [e.p < 0.05 for e in judged] == [e.resolved for e in judged]
    assert {e.resolved for e in judged} == {True, False}


@pytest.mark.parametrize("size", [0.4, 0.7, 1.1])
def test_seeds_needed_of_two_arms_are_the_pairs_of_statsmodels(size):
    pairs = TTestPower().solve_power(effect_size=size / math.sqrt(2), alpha=0.05, power=0.8)
    assert seeds_needed(size, deviation=1.0, arms=2) == math.ceil(pairs)
