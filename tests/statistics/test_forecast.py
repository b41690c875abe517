"""The forecast of a plan against closed forms and tables."""

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from hpsearch import Refused, Trick, factorial, ladder, leave_one_out, one_at_a_time
from hpsearch.ablation import Plan
from hpsearch.statistics import power, resolution, resolution_kept, smallest_difference

TRICKS = tuple(Trick(name, {name: 1}) for name in "abcdef")


@pytest.mark.parametrize("pairs", [3, 5, 17])
def test_one_row_is_the_paired_t_test_of_statsmodels(pairs):
    known = TTestPower().solve_power(nobs=pairs, alpha=0.05, power=0.8) * math.sqrt(2)
    assert resolution(ladder(TRICKS[0]), pairs) == pytest.approx([known], rel=1e-3)


def test_many_to_one_uses_dunnetts_critical_value():
    # Dunnett (1964), two-sided 5 %, 3 treatments, 6 degrees of freedom: 3.10.
    [size, *others] = resolution(one_at_a_time(*TRICKS[:3]), 3, deviation=0.5)
    from scipy.stats import t

    level = 2 * t.sf(3.10, 6)
    assert power(size / (0.5 * math.sqrt(2 / 3)), 6, level) == pytest.approx(0.8, abs=0.004)
    assert others == [size, size]


def test_sidak_bounds_it_from_above():
    for plan in (ladder(*TRICKS), one_at_a_time(*TRICKS), factorial(*TRICKS[:3])):
        bound = smallest_difference(len(plan.arms), 4, comparisons=len(plan.contrasts))
        assert max(resolution(plan, 4)) <= bound * 1.0001 or plan == factorial(*TRICKS[:3])


def test_a_main_effect_of_a_factorial_resolves_less_than_a_difference_of_two_arms():
    sizes = dict(zip((c.name for c in factorial(*TRICKS[:3]).contrasts), resolution(factorial(*TRICKS[:3]), 4), strict=True))
    assert sizes["a x b"] == pytest.approx(2 * sizes["a, main effect"])


def test_a_plan_that_asks_nothing_resolves_nothing():
    assert resolution(Plan((ladder(TRICKS[0]).arms[0],)), 5) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 1}, "at least 2 seeds, got seeds=1"),
        ({"deviation": 0.0}, "deviation is a positive number, got 0.0"),
        ({"power": 1.0}, "power lies between 0 and 1, got 1.0"),
        ({"power": 0.01}, "power must exceed the error rate"),
        ({"confidence": 95}, "confidence lies between 0 and 1, got 95"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(Refused, match=message):
        resolution(**({"plan": ladder(*TRICKS[:2]), "seeds": 5} | changes))


def test_what_is_kept_of_a_plan_is_its_own_resolution_and_is_made_anew_by_other_code(tmp_path, monkeypatch):
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path))
    plans = [ladder(*TRICKS[:2]), ladder(*TRICKS[:3]), leave_one_out(*TRICKS[:3])]
    for _ in range(2):  # computed, then read
        for plan in plans:
            for seeds in (2, 5):
                assert resolution_kept(plan, seeds) == resolution(plan, seeds)
    assert len(list((tmp_path / "kept").iterdir())) == 6
    for file in (tmp_path / "kept").iterdir():
        with np.load(file) as kept:
            np.savez(file, array=kept["array"] + 1, maker=np.array("another"))
    assert resolution_kept(plans[0], 5) == resolution(plans[0], 5)
