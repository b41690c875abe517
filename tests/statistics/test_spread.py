"""Which arm is noisier: against closed forms, and exact where variances are equal."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hpsearch import Plan, Trick, ladder
from hpsearch.statistics import spread, spread_words
from hpsearch.statistics.randomised_blocks import squares
from hpsearch.statistics.spread import SUSPECTED, UNLIKE, Noisy, _unlike, _without_each

PLAN, WIDE = (ladder(*(Trick(name, {name: 1}) for name in names)) for names in ("abcd", "abcdefg"))


def table(rng: np.random.Generator, arms: int, seeds: int, noisy: dict[int, float] | None = None) -> np.ndarray:
    deviations = np.array([(noisy or {}).get(arm, 1.0) for arm in range(arms)])
    return 70 + deviations[:, None] * rng.standard_normal((arms, seeds)) + 5 * rng.standard_normal(seeds)


def frame(values: np.ndarray, plan: Plan = PLAN) -> pd.DataFrame:
    lines = [(plan.arms[arm].name, seed, values[arm, seed]) for arm, seed in np.ndindex(values.shape)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


def test_the_ratio_is_that_of_an_arm_less_the_mean_of_the_others_to_their_own_residuals():
    values = table(np.random.default_rng(1), 4, 6, {2: 5.0})
    found = spread(values).noisy[0]
    others = np.delete(values, 2, axis=0)
    rest = others - others.mean(axis=0) - others.mean(axis=1, keepdims=True) + others.mean()
    own = (values[2] - others.mean(axis=0)).var(ddof=1) * 3 / 4  # variance of the difference: 1 + 1/3 of a residual's
    assert found.arm == 2
    assert found.df == (5, 10)
    assert found.ratio == pytest.approx(own / ((rest**2).sum() / 10))
    assert found.p == pytest.approx(stats.f.sf(found.ratio, 5, 10))


@pytest.mark.parametrize("lost", [[], [(0, 1), (3, 2), (3, 4)]])
def test_equal_variances_are_doubted_as_often_as_stated(lost):
    rng, doubted, unlike, tables = np.random.default_rng(2), 0, 0, 1500
    for _ in range(tables):
        values = table(rng, 5, 5)
        for arm, seed in lost:
            values[arm, seed] = np.nan
        found = spread(values)
        doubted += any(noisy.arm == 1 for noisy in found.noisy)
        unlike += found.heterogeneous
    error = 3.5 * np.sqrt(0.05 * 0.95 / tables)
    assert doubted / tables < SUSPECTED / 2 + error  # one arm of the two that a difference has
    assert unlike / tables < UNLIKE + error  # fewer, since the noisiest are set aside before


@pytest.mark.parametrize("arms", [2, 4])
def test_a_contrast_shares_its_error_rate_between_its_arms(arms):
    """However many arms it has, a contrast is doubted as often as stated where all variances are equal."""
    weights = np.array([1.0] * (arms // 2) + [-1.0] * (arms // 2) + [0.0] * (5 - arms))
    share = SUSPECTED / arms
    assert Noisy(0, 9.0, (4, 12), 0.99 * share, certain=False).touches(weights)
    assert not Noisy(0, 9.0, (4, 12), 1.01 * share, certain=False).touches(weights)
    assert not Noisy(4, 9.0, (4, 12), 0.0, certain=False).touches(weights)
    rng, tables = np.random.default_rng(13), 1500
    doubted = sum(any(noisy.touches(weights) for noisy in spread(table(rng, 5, 5)).noisy) for _ in range(tables))
    assert doubted / tables < SUSPECTED + 3.5 * np.sqrt(SUSPECTED * (1 - SUSPECTED) / tables)


@pytest.mark.parametrize("lost", [[], [(0, 1), (3, 2), (3, 4)]])
def test_the_question_whether_arms_agree_has_uniform_p_values(lost):
    rng, found = np.random.default_rng(8), []
    for _ in range(600):
        values = table(rng, 5, 5)
        for arm, seed in lost:
            values[arm, seed] = np.nan
        found.append(_unlike(values))
    assert stats.kstest(found, "uniform").pvalue > 0.01


@pytest.mark.parametrize("lost", [[], [(0, 1), (4, 2)]])
def test_a_noisy_arm_is_found_and_a_quiet_one_is_let_be(lost):
    rng = np.random.default_rng(3)
    loud, quiet = table(rng, 5, 6, {3: 30.0}), table(rng, 5, 6, {3: 1e-3})
    for arm, seed in lost:
        loud[arm, seed] = quiet[arm, seed] = np.nan
    assert [(noisy.arm, noisy.certain) for noisy in spread(loud).noisy] == [(3, True)]
    assert spread(loud).pool(5) == [0, 1, 2, 4]
    assert not any(noisy.arm == 3 for noisy in spread(quiet).noisy)


def test_half_of_the_arms_noisy_is_seen_as_a_disagreement():
    values = np.random.default_rng(4).standard_normal((8, 10)) * np.repeat([1.0, 4.0], 4)[:, None]
    assert spread(values).heterogeneous


@pytest.mark.parametrize("values", [np.ones((4, 5)), np.arange(5.0) + np.zeros((4, 1)), np.full((3, 1), 2.0), np.ones((1, 4))])
def test_tables_without_spread_say_nothing(values):
    found = spread(values)
    assert (found.noisy, found.heterogeneous) == ((), False)


def test_one_noisy_arm_among_constant_ones_is_noisy_beyond_measure():
    values = np.ones((4, 5))
    values[1] += np.random.default_rng(5).standard_normal(5)
    [noisy] = spread(values).noisy
    assert (noisy.arm, noisy.ratio, noisy.p, noisy.certain) == (1, np.inf, 0.0, True)


def test_words_name_the_noisy_arm_and_its_ratio():
    words = spread_words(PLAN, frame(table(np.random.default_rng(6), 5, 6, {2: 30.0})))
    assert words.startswith("Noisier than the other arms: “a + b”: variance ")
    assert "F(5, 15)" in words
    assert words.endswith("which leaves out the scores of “a + b”.")


def test_words_of_equal_and_of_unlike_arms():
    alike = spread_words(PLAN, frame(table(np.random.default_rng(7), 5, 6)))
    assert alike.startswith("One residual variance, pooled over all 5 arms, serves every row: no arm is noisier")
    few = spread_words(PLAN, frame(table(np.random.default_rng(7), 5, 3)))
    assert few.endswith("diverges in one run of five, in 44 to 70 %.")
    assert "hide a noisy arm" not in alike
    unlike = spread_words(WIDE, frame(np.random.default_rng(4).standard_normal((8, 10)) * np.repeat([1.0, 4.0], 4)[:, None], WIDE))
    assert "differ in variance among themselves (p = " in unlike
    assert "nothing is pooled" in unlike
    assert spread_words(PLAN, frame(table(np.random.default_rng(7), 5, 1))) == ""


def test_leaving_an_arm_out_of_a_whole_table_is_leaving_it_out_of_least_squares():
    values = table(np.random.default_rng(9), 5, 4)
    whole, df = squares(values)
    short = [squares(np.delete(values, arm, axis=0)) for arm in range(5)]
    quick = _without_each(values, whole, df)
    assert [found for found, _ in quick] == pytest.approx([known for known, _ in short])
    assert [df for _, df in quick] == [df for _, df in short]
