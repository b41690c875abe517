"""Power against statsmodels, published arithmetic and simulation."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from hpsearch import Refused
from hpsearch.statistics import power, seeds_needed, smallest_difference


@pytest.mark.parametrize("pairs", [3, 5, 17, 60])
def test_two_arms_are_the_paired_t_test_of_statsmodels(pairs):
    # The difference of a pair has sqrt(2) times the residual deviation.
    known = TTestPower().solve_power(nobs=pairs, alpha=0.05, power=0.8) * np.sqrt(2)
    assert smallest_difference(arms=2, seeds=pairs) == pytest.approx(known, rel=1e-3)


@pytest.mark.parametrize("df", [4, 10, 38])
@pytest.mark.parametrize("effect", [0.5, 1.0, 2.0])
def test_power_is_that_of_statsmodels_at_equal_degrees_of_freedom(df, effect):
    per_group = df // 2 + 1
    known = TTestIndPower().power(effect, per_group, 0.05)
    assert power(effect * np.sqrt(per_group / 2), df, 0.05) == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("df", [1, 2, 11, 400])
@pytest.mark.parametrize("level", [0.05, 0.001])
def test_power_is_the_noncentral_t_where_scipy_gives_one(df, level):
    critical = stats.t.isf(level / 2, df)
    for noncentrality in (0.0, 0.7, 2.0, 4.0):
        known = stats.nct.sf(critical, df, noncentrality) + stats.nct.cdf(-critical, df, noncentrality)
        assert power(noncentrality, df, level) == pytest.approx(known, abs=1e-7)


def test_power_is_a_number_that_grows_where_scipy_gives_none():
    curve = [power(noncentrality, 11, 0.05) for noncentrality in np.linspace(0, 80, 161)]
    assert np.isfinite(curve).all()
    assert (np.diff(curve) >= -1e-12).all()
    assert curve[-1] == pytest.approx(1)


@pytest.mark.parametrize(("seeds", "alone", "table"), [(2, 0.37, 0.52), (3, 0.29, 0.39), (5, 0.22, 0.29), (8, 0.17, 0.23)])
def test_twelve_rungs_of_imagenet(seeds, alone, table):
    # Hand arithmetic for a seed deviation of 0.12 points: one comparison, and eleven by Bonferroni.
    assert smallest_difference(12, seeds, 0.12) == pytest.approx(alone, abs=0.01)
    assert smallest_difference(12, seeds, 0.12, comparisons=11) == pytest.approx(table, abs=0.03)


def test_the_smallest_difference_is_seen_in_a_simulation():
    arms, seeds, rng, hits = 4, 5, np.random.default_rng(0), 0
    size, df = smallest_difference(arms, seeds, 2.0), (arms - 1) * (seeds - 1)
    for _ in range(2000):
        table = 2.0 * rng.standard_normal((arms, seeds)) + 3 * rng.standard_normal(seeds)
        table[0] += size
        rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        error = np.sqrt((rest**2).sum() / df * 2 / seeds)
        hits += abs(table[0].mean() - table[1].mean()) / error > stats.t.isf(0.025, df)
    assert hits / 2000 == pytest.approx(0.8, abs=0.03)


def test_seeds_needed_is_the_first_count_with_enough_power():
    for difference in (0.08, 0.14, 0.3):
        found = seeds_needed(difference, 0.12, arms=6)
        assert smallest_difference(6, found, 0.12) <= difference
        assert found == 2 or smallest_difference(6, found - 1, 0.12) > difference


def test_hopeless_and_zero_differences_have_no_number_of_seeds():
    assert seeds_needed(0.0001, 0.12, arms=12) is None
    assert seeds_needed(0.0, 0.12, arms=12) is None
    assert seeds_needed(50.0, 0.12, arms=12) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": 1, "seeds": 5}, "at least 2 arms and 2 seeds, got arms=1, seeds=5"),
        ({"arms": 2, "seeds": 1}, "at least 2 arms and 2 seeds"),
        ({"arms": 2, "seeds": 5, "deviation": 0.0}, "deviation is a positive number"),
        ({"arms": 2, "seeds": 5, "confidence": 95}, "confidence lies between 0 and 1, got 95"),
        ({"arms": 2, "seeds": 5, "power": 1.0}, "power lies between 0 and 1"),
        ({"arms": 2, "seeds": 5, "power": 0.01}, "power must exceed"),
        ({"arms": 2, "seeds": 5, "comparisons": 0}, "comparisons is how many"),
    ],
)
def test_nonsense_is_refused_in_words(arguments, message):
    with pytest.raises(Refused, match=message):
        smallest_difference(**arguments)


def test_planning_starts_without_the_heavy_libraries():
    heavy = ("scipy", "pandas", "statsmodels", "plotly", "torch")
    loaded = [_loaded(module, heavy) for module in ("hpsearch", "hpsearch.statistics")]
    assert loaded[0] == loaded[1]  # no more than what writing a study loads


def _loaded(module: str, heavy: tuple[str, ...]) -> str:
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
