"""The headline against the numbers: what helped, or what is nearly resolved and what it needs."""

import re
from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.power import TTestPower

from hpsearch import Trick, ladder, leave_one_out, one_at_a_time
from hpsearch.report.sections.answer import effects_words
from hpsearch.report.words import unit
from hpsearch.statistics import effects_of

TRICKS = tuple(Trick(name, {name: 1}) for name in ("alpha", "beta", "gamma"))
SEPARATED = {"base": [90.0, 91.0, 92.0, 90.5], "alpha": [92.4, 92.6, 97.0, 92.2]}  # all seeds of one above all of the other


def frame(scores: dict[str, list[float]]) -> pd.DataFrame:
    lines = [(arm, seed, score) for arm, own in scores.items() for seed, score in enumerate(own)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


def test_a_row_whose_seeds_all_agree_is_named_with_the_seeds_it_needs():
    rng = np.random.default_rng(2)
    others = {name: (91 + rng.standard_normal(4)).tolist() for name in ("beta", "gamma")}
    estimated = effects_of(one_at_a_time(*TRICKS), frame(SEPARATED | others))
    near = next(effect for effect in estimated if effect.name == "alpha alone")
    assert not any(effect.resolved for effect in estimated)
    headline = effects_words(estimated, unit("loss"))[0]
    assert headline.startswith("Nothing was shown to help, but “alpha alone”, ")
    assert "with the same sign under every seed" in headline
    assert f"{near.seeds_needed} seeds per arm would resolve an effect of this size" in headline


def test_one_contrast_alone_says_the_same_seeds_as_the_paired_t_test():
    scores = SEPARATED | {"alpha": [92.4, 93.0, 103.0, 91.6]}
    [effect] = effects_of(ladder(TRICKS[0]), frame(scores))
    paired = np.array(scores["alpha"]) - np.array(scores["base"])
    pairs = ceil(TTestPower().solve_power(paired.mean() / paired.std(ddof=1), alpha=0.05, power=0.8))
    said = " ".join(effects_words([effect], unit("loss")))
    assert effect.verdict == "not resolved"
    assert f"{pairs} seeds per arm would resolve" in said


def test_it_says_as_well_how_many_seeds_would_do_if_nothing_else_changed():
    """Four rows, of which one rests on an arm with an odd seed, and so has an interval of its own."""
    plan = leave_one_out(*TRICKS, Trick("delta", {"delta": 1}))
    rows = [
        [98.2, 99.1, 99.1, 99.1],
        [91.8, 82.6, 91.8, 91.8],
        [98.2, 99.1, 98.6, 99.1],
        [99.1, 99.1, 98.6, 99.1],
        [98.6, 99.1, 99.1, 98.6],
    ]
    effect, *others = effects_of(plan, frame(dict(zip((arm.name for arm in plan.arms), rows, strict=True))))
    differences = np.array(rows[0]) - np.array(rows[1])
    mean, deviation = differences.mean(), differences.std(ddof=1)
    level = 1 - 0.95 ** (1 / 4)  # of such a row, after Sidak
    counts = range(2, 100)
    halves = [t.ppf(1 - level / 2, n - 1) * deviation / np.sqrt(n) for n in counts]
    narrow = next(n for n, half in zip(counts, halves, strict=True) if half < mean)
    powerful = ceil(TTestPower().solve_power(mean / deviation, alpha=level, power=0.8))
    assert (narrow, powerful) == (5, 7)
    assert (effect.seeds_as_seen, effect.seeds_needed) == (narrow, powerful)
    headline = effects_words([effect, *others], unit("loss"))[0]
    power = "7 seeds per arm would resolve an effect of this size with 80 % power"
    assert f"{power}, and 5 would be enough if difference and spread stayed as they are." in headline


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 6), st.floats(0.0, 4.0), st.sampled_from([one_at_a_time, leave_one_out, ladder]))
def test_the_headline_names_what_the_numbers_say(seed, seeds, worth, design):
    rng, plan = np.random.default_rng(seed), design(*TRICKS)
    scores = {arm.name: (90 + worth * (TRICKS[0] in arm.tricks) + rng.standard_normal(seeds)).tolist() for arm in plan.arms}
    estimated = effects_of(plan, frame(scores))
    headline, counted, *rest = effects_words(estimated, unit("loss"))
    single = [e for e in estimated if not e.name.startswith("all ")]
    helped = [e for e in single if e.verdict == "helps"]
    near = [e for e in single if e.verdict == "not resolved" and e.seeds_needed and e.seeds_needed <= 2 * seeds]
    if helped:
        assert f"hat helped most is “{max(helped, key=lambda e: e.value).name}”" in headline
    elif near:
        fewest = min(e.seeds_needed for e in near)
        named = re.findall("but “(.*?)”", headline)
        assert named[0] in {e.name for e in near if e.seeds_needed == fewest}
        assert f"nearly resolved: {fewest} seeds per arm" in headline
    else:
        assert "nearly" not in headline
    for verdict, words in (("helps", "help"), ("hurts", "hurt")):
        amount = sum(e.verdict == verdict for e in estimated)
        assert (f"{amount} {words}" if amount else f"none {verdict}") in counted
    needed = [e.seeds_needed for e in estimated if e.verdict == "not resolved" and e.seeds_needed]
    if needed:
        span = f"{min(needed):,} to {max(needed):,}" if min(needed) < max(needed) else f"{needed[0]:,}"
        assert f"; {span} seeds per arm would resolve effects of the size seen" in " ".join(rest)


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_a_row_that_is_far_from_resolved_is_not_called_near(goal):
    rng = np.random.default_rng(4)
    [effect] = effects_of(ladder(TRICKS[0]), frame({name: rng.standard_normal(4).tolist() for name in ("base", "alpha")}), goal)
    assert not effect.nearly_resolved
