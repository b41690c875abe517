"""Runs that are no pairs: Welch's interval is scipy's, all rows are simultaneous, and one run carries none."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from hpsearch import Trick, ladder, one_at_a_time
from hpsearch.statistics import effects_of, effects_unpaired, within_deviation

STEP = ladder(Trick("a", {"x": 1}))
scores_of_an_arm = st.lists(st.floats(0, 100, width=16), min_size=2, max_size=8).filter(lambda found: len(set(found)) > 1)


def frame(**arms: list[float]) -> pd.DataFrame:
    """Scores by arm; seeds are numbered through, so that no two arms share one."""
    lines = [(arm, score) for arm, scores in arms.items() for score in scores]
    return pd.DataFrame({"arm": [a for a, _ in lines], "seed": range(len(lines)), "score": [s for _, s in lines]})


@settings(max_examples=60, deadline=None)
@given(scores_of_an_arm, scores_of_an_arm)
def test_one_contrast_is_welchs_test_of_scipy(base, better):
    [effect] = effects_unpaired(STEP, frame(base=base, a=better))
    test = ttest_ind(better, base, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert effect.value == pytest.approx(np.mean(better) - np.mean(base), abs=1e-9)
    assert (effect.low, effect.high) == (pytest.approx(low, rel=1e-6), pytest.approx(high, rel=1e-6))
    assert effect.p == pytest.approx(test.pvalue, rel=1e-6, abs=1e-12)


def test_several_contrasts_share_the_error():
    plan = one_at_a_time(*(Trick(name, {name: 1}) for name in "abc"))
    scores = frame(base=[1.0, 2.0, 3.0], a=[4.0, 5.0, 7.0], b=[1.0, 2.5, 3.0], c=[8.0])
    found = effects_unpaired(plan, scores)
    low, high = ttest_ind([4.0, 5.0, 7.0], [1.0, 2.0, 3.0], equal_var=False).confidence_interval(1 - 0.05 / 2)  # c has one run
    assert (found[0].low, found[0].high) == (pytest.approx(low), pytest.approx(high))
    assert found[0].p == pytest.approx(2 * ttest_ind([4.0, 5.0, 7.0], [1.0, 2.0, 3.0], equal_var=False).pvalue)
    assert [effect.verdict for effect in found] == ["not resolved", "not resolved", "one run gives no interval"]
    assert (found[2].value, found[2].low, found[2].seeds) == (6.0, None, 1)


def test_a_verdict_and_its_p_never_disagree():
    generator = np.random.default_rng(0)
    for shift in np.linspace(0, 3, 40):
        drawn = frame(base=generator.normal(size=4).tolist(), a=generator.normal(shift, 2, size=5).tolist())
        [effect] = effects_unpaired(STEP, drawn)
        assert (effect.p < 0.05) == effect.resolved


@pytest.mark.parametrize(
    ("arms", "goal", "verdict"),
    [
        ({"base": [1.0, 1.1, 1.2], "a": [5.0, 5.1, 5.2]}, "maximise", "helps"),
        ({"base": [1.0, 1.1, 1.2], "a": [5.0, 5.1, 5.2]}, "minimise", "hurts"),
        ({"base": [1.0, 3.0, 5.0], "a": [2.0, 3.0, 5.0]}, "maximise", "not resolved"),
        ({"base": [1.0], "a": [2.0]}, "maximise", "one run gives no interval"),
        ({"base": [1.0, 2.0], "a": [2.0]}, "maximise", "one run gives no interval"),
        ({"base": [0.3, 0.1 + 0.2], "a": [0.7, 0.7]}, "maximise", "no spread between runs, so no interval"),
        ({"base": [1.0, 2.0], "a": [math.nan]}, "maximise", "not measured"),
        ({"base": [1.0, 2.0]}, "maximise", "not measured"),
    ],
)
def test_verdicts(arms, goal, verdict):
    [effect] = effects_unpaired(STEP, frame(**arms), goal)
    assert effect.verdict == verdict
    assert (effect.low is None) == (verdict not in ("helps", "hurts", "not resolved"))


def test_runs_numbered_alike_would_have_become_pairs():
    """The fault this guards against: the same scores under seeds that two arms seem to share give another, narrower interval."""
    base, better = [1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.6, 4.5]
    [apart] = effects_unpaired(STEP, frame(base=base, a=better))
    [paired] = effects_of(STEP, pd.concat([frame(base=base), frame(a=better)]))
    assert apart.verdict == "not resolved"
    assert paired.verdict == "helps"
    [alone] = effects_of(STEP, frame(base=base, a=better))
    assert alone.value is None  # and blocks without a shared seed measure nothing


def test_the_runs_needed_resolve_what_was_seen():
    """At the number of runs named, Welch's test sees the difference about as often as it was promised."""
    [effect] = effects_unpaired(STEP, frame(base=[0.0, 1.0, 2.0], a=[0.0, 2.0, 4.0]))
    assert effect.value == 1.0
    assert effect.seeds_needed is not None
    generator = np.random.default_rng(1)
    for runs, least, most in ((effect.seeds_needed, 0.77, 0.83), (effect.seeds_needed // 2, 0.0, 0.6)):
        base, better = generator.normal(1, 1, (4000, runs)), generator.normal(2, 2, (4000, runs))
        seen = (ttest_ind(better, base, axis=1, equal_var=False).pvalue < 0.05).mean()
        assert least <= seen <= most
    [none] = effects_unpaired(STEP, frame(base=[0.0, 1.0], a=[0.0, 1.0]))
    assert none.seeds_needed is None


def test_the_deviation_within_arms():
    assert within_deviation(frame(a=[1.0, 3.0], b=[5.0, 5.0, 5.0])) == pytest.approx(math.sqrt(2 / 3))
    assert within_deviation(frame(a=[1.0], b=[2.0])) is None
    assert within_deviation(frame(a=[1.0, math.nan], b=[2.0])) is None
