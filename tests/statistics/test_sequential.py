"""Looks against published boundaries; which arms get seeds; and that nothing is seen before its look."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpsearch import Refused, Seeds, Trick, ladder, one_at_a_time
from hpsearch.ablation import Arm, Plan, difference
from hpsearch.statistics import NOT_LOOKED_AT, effects_by_looks, effects_of, looks_levels, next_seeds
from hpsearch.statistics.forecast import weights_of
from hpsearch.statistics.sequential import course, obrien_fleming, pocock, repeated_p

A, B, C = (Trick(name, {name: 1}) for name in "abc")
PLAN = one_at_a_time(A, B, C)
NAMES = tuple(arm.name for arm in PLAN.arms)
RULE = Seeds(start=3, most=12, until=0.3)
PAIR, FIVE = np.array([[-1.0, 1.0]]), (2000, 4000, 6000, 8000, 10_000)  # so many seeds that t is z


def scores(worth: dict[str, float], seeds: int = 12, seed: int = 0, sd: float = 1.0) -> dict[tuple[str, int], float | None]:
    rng = np.random.default_rng(seed)
    block = 5 * rng.standard_normal(seeds)
    return {(name, n): worth.get(name, 0.0) + block[n] + sd * rng.standard_normal() for n in range(seeds) for name in NAMES}


def frame(known: dict[tuple[str, int], float | None]) -> pd.DataFrame:
    return pd.DataFrame([(arm, seed, score) for (arm, seed), score in known.items()], columns=["arm", "seed", "score"])


def z(levels: tuple[float, ...]) -> np.ndarray:
    return stats.norm.isf(np.array(levels) / 2)


# ---- boundaries ----------------------------------------------------------------------------------------------------------------


def test_five_looks_have_the_published_boundaries_of_lan_and_demets():
    # O'Brien-Fleming type, two-sided 5 %: 4.877, 3.357, 2.680, 2.290, 2.031 (Jennison and Turnbull 2000; R, gsDesign and ldbounds).
    assert z(looks_levels(PAIR, FIVE)) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.015)
    # Pocock type: 2.438, 2.427, 2.410, 2.397, 2.386.
    assert z(looks_levels(PAIR, FIVE, "Pocock")) == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=0.03)


@pytest.mark.parametrize(
    "published",
    [[4.56, 3.23, 2.63, 2.28, 2.04], [2.413] * 5],  # O'Brien and Fleming (1979) and Pocock (1977), two-sided 5 %
)
def test_original_boundaries_are_crossed_in_five_percent_of_what_is_drawn(published):
    from hpsearch.statistics.sequential import _paths

    paths, _ = _paths(PAIR.tobytes(), 2, FIVE)
    crossed = (paths <= 2 * stats.norm.sf(published)[:, None]).any(axis=0).mean()
    assert crossed == pytest.approx(0.05, abs=0.0025)


@pytest.mark.parametrize("spend", [obrien_fleming, pocock])
def test_spending_grows_to_the_whole_rate(spend):
    spent = [spend(0.05, share) for share in np.linspace(0.1, 1, 10)]
    assert spent[-1] == pytest.approx(0.05)
    assert (np.diff(spent) > 0).all()


@pytest.mark.parametrize("spending", ["O'Brien-Fleming", "Pocock"])
@pytest.mark.parametrize("plan", [ladder(A), ladder(A, B, C), PLAN])
def test_levels_lie_between_what_a_look_spends_and_what_is_spent_so_far(plan, spending):
    spend = {"O'Brien-Fleming": obrien_fleming, "Pocock": pocock}[spending]
    spent = [spend(0.05, n / 12) for n in RULE.looks]
    levels = looks_levels(weights_of(plan), RULE.looks, spending)
    assert levels[0] == pytest.approx(spent[0])
    assert all(a - b - 1e-12 <= level <= a * 1.08 for level, a, b in zip(levels, spent, [0.0, *spent], strict=False))


def test_two_looks_at_two_correlated_rows_agree_with_the_normal_distribution():
    # Both rows at both looks as one normal vector of four: correlation of rows times that of looks.
    steps, looks = weights_of(ladder(A, B))[:2], (4000, 8000)
    levels = looks_levels(steps, looks)
    rows, times = np.array([[1, -0.5], [-0.5, 1]]), np.array([[1, np.sqrt(0.5)], [np.sqrt(0.5), 1]])
    both = stats.multivariate_normal(cov=np.kron(times, rows))
    first = _two_sided(rows, levels[0])
    at = np.array([first, first, *([_two_sided(rows, levels[1])] * 2)])
    assert 1 - both.cdf(at, lower_limit=-at) == pytest.approx(0.05, abs=0.002)


def _two_sided(correlation: np.ndarray, level: float) -> float:
    from scipy.optimize import brentq

    law = stats.multivariate_normal(cov=correlation)
    return float(brentq(lambda x: 1 - law.cdf([x, x], lower_limit=[-x, -x]) - level, 0.5, 9))


@pytest.mark.parametrize("look", range(4))
def test_a_repeated_p_is_five_percent_at_the_level_of_five_percent(look):
    contrasts = weights_of(PLAN)
    level = looks_levels(contrasts, RULE.looks)[look]
    assert repeated_p(contrasts, RULE, look, level) == pytest.approx(0.05, rel=0.03)
    assert repeated_p(contrasts, RULE, look, level / 5) < 0.05 < repeated_p(contrasts, RULE, look, level * 2)
    assert repeated_p(contrasts, RULE, look, 1.0) == 1.0


def test_one_p_means_less_at_an_early_look():
    contrasts = weights_of(PLAN)
    said = [repeated_p(contrasts, RULE, look, 0.01) for look in range(4)]
    assert said == sorted(said, reverse=True)
    assert said[-1] > 0.01


# ---- which arms get seeds ------------------------------------------------------------------------------------------------------


def test_first_every_arm_gets_the_first_block():
    assert next_seeds(RULE, PLAN, {}) == dict.fromkeys(NAMES, 3)
    most = {key: score for key, score in scores({}).items() if key != ("b", 2)}
    assert next_seeds(RULE, PLAN, most) == dict.fromkeys(NAMES, 3)  # one trial of the block still runs


def test_seeds_go_to_the_arms_of_rows_that_are_not_resolved():
    known = scores({"a": 40.0, "b": 40.0}, sd=0.7)
    wanted = next_seeds(RULE, PLAN, {key: score for key, score in known.items() if key[1] < 6})
    assert wanted == {"base": 9, "a": 3, "b": 3, "c": 9}
    assert next_seeds(RULE, PLAN, known) == {"base": 12, "a": 3, "b": 3, "c": 12}


def test_a_narrow_interval_and_one_within_the_margin_need_no_more_seeds():
    known = scores({}, sd=0.7)
    assert next_seeds(Seeds(3, 12, until=50.0), PLAN, known) == dict.fromkeys(NAMES, 3)
    assert next_seeds(RULE, PLAN, known, margin=60.0) == dict.fromkeys(NAMES, 3)
    assert next_seeds(Seeds(3, 12, until=1e-6), PLAN, known) == dict.fromkeys(NAMES, 12)


def test_failed_trials_end_a_block_and_an_arm_that_always_fails_gets_no_more():
    known = scores({}, sd=0.7)
    known[("b", 1)] = None
    known |= {("c", n): None for n in range(12)}
    assert next_seeds(RULE, PLAN, known) == {"base": 12, "a": 12, "b": 12, "c": 3}
    assert next_seeds(RULE, PLAN, {key: None for key in known}) == dict.fromkeys(NAMES, 3)


def test_arms_that_no_row_asks_about_get_the_first_block():
    plan = Plan((Arm(), Arm((A,)), Arm((B,))), (difference("a", Arm((A,)), Arm()),))
    known = {(arm, n): float(n % 2) + len(arm) * 0.01 * n for arm in ("base", "a", "b") for n in range(12)}
    assert next_seeds(RULE, plan, known)["b"] == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.lists(st.sampled_from(["run", "fail"]), min_size=48, max_size=48), st.randoms(use_true_random=False))
def test_more_trials_never_want_fewer_seeds(seed, fates, rng):
    known = scores({"a": 2.0, "b": 8.0}, seed=seed)
    keys = [key for key in known]
    rng.shuffle(keys)
    known = {key: None if fate == "fail" and seed % 3 == 0 else known[key] for key, fate in zip(keys, fates, strict=True)}
    before = dict.fromkeys(NAMES, 0)
    for count in range(0, 49, 6):
        wanted = next_seeds(RULE, PLAN, dict(list(known.items())[:count]))
        assert all(wanted[name] >= before[name] for name in NAMES)
        assert set(wanted.values()) <= set(RULE.looks)
        before = wanted


def test_a_plan_that_asks_nothing_gets_the_first_block():
    plan = Plan((Arm(), Arm((A,))))
    known = {(arm, n): float(n) for arm in ("base", "a") for n in range(3)}
    assert next_seeds(RULE, plan, known) == {"base": 3, "a": 3}
    assert effects_by_looks(RULE, plan, course(RULE, plan, known), frame(known)) == ()


def test_what_ran_beyond_a_look_is_not_seen():
    known = scores({"a": 6.0}, sd=0.7)
    first = {key: score for key, score in known.items() if key[1] < 6}
    more = first | {key: score + 100 * (key[0] == "b") for key, score in known.items() if key[1] >= 6 and key[0] != "c"}
    assert next_seeds(RULE, PLAN, first) == next_seeds(RULE, PLAN, more)
    at = course(RULE, PLAN, first)
    assert effects_by_looks(RULE, PLAN, at, frame(first)) == effects_by_looks(RULE, PLAN, course(RULE, PLAN, more), frame(more))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_look_sees_only_the_scores_it_asked_for(sign):
    """Scores that another study already had, of arms that need no more seeds, change no table, no level and no interval."""
    known = scores({"a": 40.0}, sd=0.7)
    wanted = course(RULE, PLAN, known).wanted
    assert wanted == (12, 3, 12, 12)
    asked = {key: score for key, score in known.items() if key[1] < wanted[NAMES.index(key[0])]}
    rng = np.random.default_rng(5)
    more = known | {("a", seed): sign * 1000 * rng.standard_normal() for seed in range(3, 12)}
    lean, rich = course(RULE, PLAN, asked), course(RULE, PLAN, more)
    assert rich.decided == lean.decided
    for one, other in zip(lean.tables, rich.tables, strict=True):
        np.testing.assert_array_equal(one, other)
    assert effects_by_looks(RULE, PLAN, rich, frame(more)) == effects_by_looks(RULE, PLAN, lean, frame(asked))


# ---- what is said --------------------------------------------------------------------------------------------------------------


def test_a_row_keeps_the_interval_of_the_look_that_decided_it():
    known = scores({"a": 40.0}, sd=0.7)
    at = course(RULE, PLAN, known)
    assert [len(table[0]) for table in at.tables] == [3, 6, 9, 12]
    judged = {effect.name: effect for effect in effects_by_looks(RULE, PLAN, at, frame(known))}
    look = at.decided[0]
    seen = frame({key: score for key, score in known.items() if key[1] < RULE.looks[look]})
    then = effects_of(PLAN, seen, confidence=1 - at.levels[look])[0]
    assert (judged["a alone"].low, judged["a alone"].high, judged["a alone"].seeds) == (then.low, then.high, RULE.looks[look])
    assert judged["a alone"].verdict == "helps"
    assert judged["c alone"].seeds == 12
    assert all(effect.p_holm is None and effect.p_exact is None for effect in judged.values())


def test_at_the_last_look_p_is_below_five_percent_where_the_interval_excludes_zero():
    told = []
    for seed in range(10):
        known = scores({"a": 1.1, "b": 0.5}, seed=seed)
        told += effects_by_looks(Seeds(3, 12, until=1e-6), PLAN, course(Seeds(3, 12, until=1e-6), PLAN, known), frame(known))
    assert {effect.resolved for effect in told} == {True, False}
    sure = [effect for effect in told if not 0.045 < effect.p < 0.055]  # levels and p-values are drawn
    assert [effect.p < 0.05 for effect in sure] == [effect.resolved for effect in sure]


def test_before_the_first_look_there_are_estimates_only():
    known = {key: score for key, score in scores({"a": 40.0}).items() if key[1] < 2}
    told = effects_by_looks(RULE, PLAN, course(RULE, PLAN, known), frame(known))
    assert {effect.verdict for effect in told} == {NOT_LOOKED_AT}
    assert all(effect.value is not None and effect.low is None and effect.p is None for effect in told)


# ---- the value -----------------------------------------------------------------------------------------------------------------


def test_looks():
    assert Seeds(2, 4, until=1).looks == (2, 4)
    assert Seeds(3, 10, until=1, step=4).looks == (3, 7, 10)
    assert Seeds(3, 12, until=0.3) == Seeds(start=3, most=12, until=0.3, step=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 1}, "an interval needs at least 2 seeds, got start=1"),
        ({"start": 3.0}, "a whole number for start, got 3.0"),
        ({"most": True}, "a whole number for most, got True"),
        ({"most": 3}, "Seeds needs start < most, got start=3, most=3: for a fixed number write seeds=3"),
        ({"step": 0}, "step of at least 1, got 0"),
        ({"until": 0.0}, "a positive number, got 0.0"),
        ({"until": float("nan")}, "a positive number, got nan"),
        ({"until": "0.3"}, "a positive number, got '0.3'"),
        ({"spending": "all"}, "Seeds.spending is .*, got 'all'"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(Refused, match=message):
        Seeds(**({"start": 3, "most": 12, "until": 0.3} | changes))
