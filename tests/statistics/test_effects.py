"""Effects against closed forms, statsmodels and tables; how sure they are is tested in ``test_calibration``."""

import math
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import mixedlm, ols
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from hpsearch import Claim, Refused, Trick, factorial, ladder
from hpsearch.ablation import Arm, Plan, difference
from hpsearch.statistics import Effect, effects_of, fit, judge, largest, pooled_deviation
from hpsearch.statistics.forecast import weights_of
from hpsearch.statistics.randomised_blocks import table
from hpsearch.statistics.simultaneous import holm

A, B, CC = (Trick(name, {name: 1}, claims=(Claim(0.5, "the base", "a paper, Table 1"),)) for name in "abc")


def scores(
    plan: Plan, seeds: int, rng: np.random.Generator, worth: dict[str, float] | None = None, sd: float = 1.0
) -> pd.DataFrame:
    """Scores of every arm under every seed: worth of the tricks, a block per seed five times as wide as the noise, noise."""
    block = 5 * sd * rng.standard_normal(seeds)
    lines = [
        (arm.name, seed, 70 + sum((worth or {}).get(t.name, 0.0) for t in arm.tricks) + block[seed] + sd * rng.standard_normal())
        for arm in plan.arms
        for seed in range(seeds)
    ]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


def test_one_contrast_is_the_paired_t_test():
    frame = scores(ladder(A), 6, np.random.default_rng(1))
    [effect] = effects_of(ladder(A), frame)
    wide = frame.pivot(index="seed", columns="arm", values="score")
    paired = stats.ttest_rel(wide["a"], wide["base"])
    low, high = paired.confidence_interval(0.95)
    assert effect.value == pytest.approx(wide["a"].mean() - wide["base"].mean())
    assert (effect.low, effect.high) == pytest.approx((low, high), rel=1e-6)
    assert effect.p == pytest.approx(paired.pvalue, rel=1e-6)


@pytest.mark.parametrize("missing", [[], [3], [0, 7, 12]])
def test_estimates_and_errors_are_those_of_statsmodels_with_and_without_missing_seeds(missing):
    plan = ladder(A, B, CC)
    frame = scores(plan, 5, np.random.default_rng(2)).drop(index=missing)
    model = ols("score ~ C(arm, Treatment('base')) + C(seed)", frame).fit()
    whole = effects_of(plan, frame)[-1]  # all 3 together: a + b + c against the base
    name = "C(arm, Treatment('base'))[T.a + b + c]"
    fitted = fit(frame)
    weights = fitted.weights({"a + b + c": 1.0, "base": -1.0})
    assert whole.value == pytest.approx(model.params[name])
    assert fitted.df == model.df_resid
    assert fitted.deviation == pytest.approx(math.sqrt(model.scale))
    assert fitted.deviation * math.sqrt(weights @ fitted.covariance @ weights) == pytest.approx(model.bse[name])


def test_a_missing_seed_is_corrected_for_what_that_seed_did_to_the_others():
    frame = pd.DataFrame({"arm": list("aaabb"), "seed": [0, 1, 2, 0, 1], "score": [1.0, 2.0, 30.0, 2.0, 3.0]})
    plan = Plan((), (difference("b - a", Arm((B,)), Arm((A,))),))
    [effect] = effects_of(plan, frame)
    assert effect.value == pytest.approx(1.0)  # and not 2.5 - 11
    assert effect.seeds == 2


def test_failed_and_infinite_scores_are_left_out():
    frame = pd.DataFrame({"arm": list("aaabbb"), "seed": [0, 1, 2] * 2, "score": [1, 2, np.nan, 2, 3.5, math.inf]})
    assert fit(frame).counts == (2, 2)


def test_correlated_critical_value_agrees_with_dunnett():
    # Many to one, balanced: correlation 1/2. Dunnett (1964), two-sided 5 %, 3 treatments, 20 degrees of freedom: 2.54.
    half = 0.5 * np.eye(3) + 0.5
    assert largest(half, 20).quantile(0.95) == pytest.approx(2.54, abs=0.01)


@pytest.mark.parametrize(("count", "df", "known"), [(2, 10, 2.609), (3, 10, 2.829), (5, 20, 2.819), (10, 20, 3.123)])
def test_independent_critical_values_agree_with_the_studentised_maximum_modulus(count, df, known):
    assert largest(np.eye(count), df).quantile(0.95) == pytest.approx(known, abs=0.012)


def test_independent_contrasts_with_many_degrees_of_freedom_follow_sidak():
    sidak = stats.norm.isf((1 - 0.95 ** (1 / 6)) / 2)
    assert largest(np.eye(6), 1_000_000).quantile(0.95) == pytest.approx(sidak, abs=0.01)


@pytest.mark.parametrize("df", [1, 2, 7, 300])
@pytest.mark.parametrize("correlation", [np.eye(1), np.ones((4, 4)), np.array([[1, -1], [-1, 1]])])
def test_one_question_however_often_it_is_asked_has_the_t_quantile(df, correlation):
    assert largest(correlation, df).quantile(0.95) == pytest.approx(stats.t.isf(0.025, df), rel=1e-5)


def test_the_distribution_agrees_with_scipy_for_two_correlated_contrasts():
    rho, df, t = 0.6, 8, 2.4
    both = stats.multivariate_t(shape=[[1, rho], [rho, 1]], df=df, seed=1)
    inside = both.cdf([t, t], lower_limit=[-t, -t])
    assert largest(np.array([[1, rho], [rho, 1]]), df).tail(t) == pytest.approx(1 - inside, abs=0.002)


def test_ignoring_the_blocks_would_be_noticed():
    frame = scores(ladder(A, B), 6, np.random.default_rng(3))
    within = math.sqrt(frame.groupby("arm")["score"].var().mean())
    assert within > 2 * pooled_deviation(frame)


def test_a_factorial_gives_main_effects_and_interactions():
    plan = factorial(A, B)
    frame = pd.DataFrame(
        [
            (
                arm.name,
                seed,
                10
                + (A in arm.tricks)
                + 2 * (B in arm.tricks)
                + 4 * (A in arm.tricks and B in arm.tricks)
                + 0.01 * (seed * len(arm.name) % 3),
            )
            for arm in plan.arms
            for seed in range(4)
        ],
        columns=["arm", "seed", "score"],
    )
    values = {e.name: e.value for e in effects_of(plan, frame)}
    assert values["a, main effect"] == pytest.approx(3, abs=0.05)
    assert values["b, main effect"] == pytest.approx(4, abs=0.05)
    assert values["a x b"] == pytest.approx(4, abs=0.1)


def test_verdicts_know_the_goal():
    frame = scores(ladder(A), 5, np.random.default_rng(4), {"a": 30.0})
    assert [e.verdict for e in effects_of(ladder(A), frame, "maximise")] == ["helps"]
    assert [e.verdict for e in effects_of(ladder(A), frame, "minimise")] == ["hurts"]
    still = scores(ladder(A), 5, np.random.default_rng(4), {"a": 0.0})
    [effect] = effects_of(ladder(A), still)
    assert effect.verdict == "not resolved"
    assert effect.seeds_needed > 5


def test_what_cannot_be_said_is_said_in_words():
    plan = ladder(A, B)
    nothing = pd.DataFrame(columns=["arm", "seed", "score"]).astype({"score": "float64"})
    assert {e.verdict for e in effects_of(plan, nothing)} == {"not measured"}
    one = scores(plan, 1, np.random.default_rng(5))
    assert {e.verdict for e in effects_of(plan, one)} == {"one seed gives no interval"}
    assert all(e.value is not None and e.low is None and e.p is None for e in effects_of(plan, one))
    same = one.assign(score=3.0)
    again = pd.concat([same, same.assign(seed=1)])
    assert {e.verdict for e in effects_of(plan, again)} == {"no spread between seeds, so no interval"}
    part = scores(plan, 3, np.random.default_rng(5)).query("arm != 'a + b'")
    assert [e.verdict == "not measured" for e in effects_of(plan, part)] == [False, True, True]


def test_arms_without_a_common_seed_are_not_compared():
    frame = pd.DataFrame({"arm": ["base"] * 2 + ["a"] * 2, "seed": [0, 1, 2, 3], "score": [1.0, 2, 3, 5]})
    [effect] = effects_of(ladder(A), frame)
    assert (effect.value, effect.verdict) == (None, "the arms share no seed")


def test_a_seed_given_twice_is_refused():
    frame = pd.DataFrame({"arm": ["base", "base"], "seed": [0, 0], "score": [1.0, 2.0]})
    with pytest.raises(Refused, match="two scores under one seed"):
        fit(frame)


@pytest.mark.parametrize(
    ("value", "verdict", "claimed", "word"),
    [
        (0.3, "helps", 0.5, "agrees"),
        (-0.3, "hurts", -0.1, "agrees"),
        (0.3, "helps", -0.5, "disagrees"),
        (0.3, "helps", 0.0, "disagrees"),
        (0.3, "not resolved", 0.5, "cannot tell"),
        (None, "not measured", 0.5, "cannot tell"),
    ],
)
def test_the_word_beside_a_claim(value, verdict, claimed, word):
    effect = Effect("x", "", value, None, None, 5, verdict, Claim(claimed, "y", "z"))
    assert effect.beside_claim == word


def test_a_claim_on_another_metric_is_not_set_beside():
    frame = scores(ladder(A), 4, np.random.default_rng(6))
    assert effects_of(ladder(A), frame, metric="loss")[0].claim is None
    assert effects_of(ladder(A), frame, metric="top1")[0].claim == A.claims[0]
    assert effects_of(ladder(A), frame, metric="loss")[0].beside_claim == ""


def test_the_claimed_size_is_looked_for_in_the_interval():
    inside = Effect("x", "", 0.4, 0.1, 0.7, 5, "helps", Claim(0.5, "y", "z"))
    assert inside.holds_claim
    assert Effect("x", "", 0.4, 0.1, 0.45, 5, "helps", Claim(0.5, "y", "z")).holds_claim is False
    assert Effect("x", "", 0.4, None, None, 5, "helps", Claim(0.5, "y", "z")).holds_claim is None


def test_seeds_needed_resolve_the_effect_in_a_simulation():
    plan = ladder(A, B)
    rng = np.random.default_rng(8)
    frame = scores(plan, 4, np.random.default_rng(11), {"a": 0.8})
    effect = effects_of(plan, frame)[0]
    if effect.verdict != "not resolved":
        pytest.skip("this draw happens to be resolved")
    sigma = pooled_deviation(frame)
    seen = []
    for _ in range(300):
        rows = judge(table(scores(plan, effect.seeds_needed, rng, {"a": effect.value}, sigma))[1], weights_of(plan))
        seen.append(abs(rows.value[0]) > rows.half[0])
    assert 0.71 <= np.mean(seen) <= 0.89  # 80 % asked for, 300 tables: standard error 2.3 %


def test_holm_steps_down_from_the_smallest_p_of_single_t_tests():
    plan = ladder(A, B, CC)
    frame = scores(plan, 5, np.random.default_rng(9), {"a": 1.5, "b": 0.8})
    judged = effects_of(plan, frame)
    assert {effect.method for effect in judged} == {"pooled"}
    alone = [2 * stats.t.sf(abs(effect.value / effect.error), 12) for effect in judged]
    order, worst, known = np.argsort(alone), 0.0, {}
    for place, row in enumerate(order):  # Holm (1979)
        worst = max(worst, min(1.0, (len(alone) - place) * alone[row]))
        known[row] = worst
    assert [effect.p_holm for effect in judged] == pytest.approx([known[row] for row in range(len(alone))])
    assert {effect.df for effect in judged} == {12.0}
    assert all(effect.p_holm >= p for effect, p in zip(judged, alone, strict=True))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), max_size=30))
def test_holm_is_that_of_statsmodels(p):
    with mock.patch("gc.collect"):  # which statsmodels calls every time, in a process that holds the objects of all tests before
        known = multipletests(p, method="holm")[1] if p else []
    assert holm(np.array(p)) == pytest.approx(known)


@pytest.mark.parametrize("size", [0.4, 0.6, 0.9])
def test_seeds_needed_of_one_row_are_those_of_the_paired_t_test_at_five_percent(size):
    frame = scores(ladder(A), 4, np.random.default_rng(11), {"a": size})
    [effect] = effects_of(ladder(A), frame)
    wide = frame.pivot(index="seed", columns="arm", values="score")
    paired = wide["a"] - wide["base"]
    pairs = TTestPower().solve_power(abs(paired.mean() / paired.std()), alpha=0.05, power=0.8)
    assert effect.verdict == "not resolved"
    assert effect.seeds_needed == math.ceil(pairs)


def test_seeds_needed_of_a_pooled_row_keep_the_error_rate_that_the_table_leaves_it():
    plan = ladder(A, B, CC)
    frame = scores(plan, 5, np.random.default_rng(21), {"a": 0.5})
    effect = effects_of(plan, frame)[0]
    level = 2 * stats.t.sf((effect.high - effect.low) / 2 / effect.error, effect.df)  # of this row, under its own interval
    deviation = effect.error * math.sqrt(5 / 2)

    def power(seeds: int) -> float:
        df, shift = 3 * (seeds - 1), effect.value / deviation / math.sqrt(2 / seeds)
        reach = stats.t.isf(level / 2, df)
        return stats.nct.sf(reach, df, shift) + stats.nct.cdf(-reach, df, shift)

    assert effect.method == "pooled"
    assert power(effect.seeds_needed - 1) < 0.8 <= power(effect.seeds_needed)


def test_balanced_tables_agree_with_a_mixed_model_whose_seeds_are_random():
    frame = scores(ladder(A, B), 8, np.random.default_rng(12), {"a": 2.0})
    model = mixedlm("score ~ C(arm, Treatment('base'))", frame, groups="seed").fit(reml=True)
    effect = effects_of(ladder(A, B), frame)[0]
    name = "C(arm, Treatment('base'))[T.a]"
    assert effect.value == pytest.approx(model.params[name])
    assert effect.error == pytest.approx(model.bse[name], rel=1e-3)
