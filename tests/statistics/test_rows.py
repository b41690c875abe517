"""Rows of a table under each method, against scipy; and that they are simultaneous as stated."""

import numpy as np
import pytest
from scipy import stats

from hpsearch.statistics import judge, largest

STEPS = np.array([[-1.0, 1, 0, 0, 0], [0, -1, 1, 0, 0], [0, 0, -1, 1, 0], [0, 0, 0, -1, 1]])


def table(seed: int, deviations: tuple[float, ...], seeds: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 70 + np.array(deviations)[:, None] * rng.standard_normal((len(deviations), seeds)) + 5 * rng.standard_normal(seeds)


def test_quiet_rows_are_pooled_over_the_quiet_arms_and_noisy_ones_paired():
    values = table(1, (1, 1, 40, 1, 1))
    rows = judge(values, STEPS)
    assert rows.method == ("pooled", "paired", "paired", "pooled")
    assert rows.pool == (0, 1, 3, 4)
    quiet = values[[0, 1, 3, 4]]
    rest = quiet - quiet.mean(axis=0) - quiet.mean(axis=1, keepdims=True) + quiet.mean()
    assert rows.error[[0, 3]] == pytest.approx(np.sqrt((rest**2).sum() / 15 * 2 / 6))
    assert rows.df.tolist() == [15, 5, 5, 15]
    paired = stats.ttest_rel(values[2], values[1])
    low, high = paired.confidence_interval(0.95 ** (1 / 4))
    assert (rows.value[1] - rows.half[1], rows.value[1] + rows.half[1]) == pytest.approx((low, high))
    assert rows.p[1] == pytest.approx(paired.pvalue)
    assert rows.adjusted[1] == pytest.approx(1 - (1 - paired.pvalue) ** 4)  # Sidak
    apart = largest(np.eye(2), 15)  # two rows that share no arm
    assert rows.critical[0] == pytest.approx(apart.quantile(0.95 ** (2 / 4)), abs=0.01)
    assert rows.adjusted[0] == pytest.approx(1 - (1 - apart.tail(abs(rows.value[0] / rows.error[0]))) ** 2, abs=0.01)


def test_rows_that_share_too_few_seeds_are_judged_by_welch():
    values = table(2, (1, 1, 40, 1, 1), 8)
    values[2, :5] = values[1, 6:] = np.nan  # one seed in common
    rows = judge(values, STEPS)
    assert rows.method[1:3] == ("Welch", "paired")
    known = stats.ttest_ind(values[2, 5:], values[1, :6], equal_var=False)
    assert rows.value[1] == pytest.approx(values[2, 5:].mean() - values[1, :6].mean())
    assert rows.p[1] == pytest.approx(known.pvalue)
    assert rows.df[1] == pytest.approx(known.df)


def test_where_arms_differ_throughout_no_row_is_pooled():
    values = table(3, (1, 1, 1, 1, 1, 4, 4, 4, 4, 4), 10)
    steps = np.eye(10)[1:] - np.eye(10)[:-1]
    rows = judge(values, steps)
    assert rows.spread.heterogeneous
    assert set(rows.method) == {"paired"}
    assert rows.error == pytest.approx((steps @ values).std(axis=1, ddof=1) / np.sqrt(10))


def test_a_noisy_row_takes_the_wider_of_two_intervals():
    values = table(6, (1, 1, 3, 1, 1))
    rows = judge(values, STEPS)
    assert any(noisy.arm == 2 and not noisy.certain for noisy in rows.spread.noisy)
    rest = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    pooled = np.sqrt((rest**2).sum() / 20 * 2 / 6)
    for row in (1, 2):
        own = (STEPS[row] @ values).std(ddof=1) / np.sqrt(6)
        wide = max(own * stats.t.isf((1 - 0.95 ** (1 / 4)) / 2, 5), pooled * stats.t.isf((1 - 0.95 ** (1 / 4)) / 2, 20))
        assert rows.half[row] == pytest.approx(wide)


@pytest.mark.parametrize("deviations", [(1, 1, 1, 1, 1), (1, 1, 40, 1, 1), (1, 1, 1, 9, 1)])
def test_adjusted_p_is_below_five_percent_exactly_where_the_interval_excludes_zero(deviations):
    for seed in range(30):
        values = table(seed, deviations) + np.array([0.0, 1.5, 1.5, 4.0, 30.0])[:, None]
        rows = judge(values, STEPS)
        assert ((rows.adjusted < 0.05) == (np.abs(rows.value) > rows.half)).all()
        margin = 3.0
        inside = np.abs(rows.value) + rows.half < margin
        assert (rows.within(margin)[inside] < 0.05).all()  # the two-sided interval inside is more than enough


def test_two_arms_are_paired_whatever_their_variances():
    values = table(5, (1, 30))
    rows = judge(values, np.array([[-1.0, 1.0]]))
    assert rows.method == ("paired",)
    assert rows.p[0] == pytest.approx(stats.ttest_rel(values[1], values[0]).pvalue)


def test_one_seed_gives_estimates_without_intervals():
    rows = judge(np.array([[1.0], [3.0], [4.0]]), np.array([[-1.0, 1.0, 0.0]]))
    assert rows.value == pytest.approx([2.0])
    assert np.isnan(rows.half).all()
    assert np.isnan(rows.adjusted).all()
