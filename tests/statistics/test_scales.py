"""Arms on different scales are named, and arms that merely differ are let be."""

import numpy as np
import pandas as pd
import pytest

from hpsearch.statistics import scales, scales_words


def frame(sd: float = 0.01, **means: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    lines = [(arm, seed, mean * (1 + sd * rng.standard_normal())) for arm, mean in means.items() for seed in range(5)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("sign", [1, -1])
def test_percent_among_shares_is_named_whatever_the_unit(factor, sign):
    found = scales(frame(a=0.9 * factor * sign, b=90.0 * factor * sign, c=0.88 * factor * sign))
    assert found == (("c", "a"), ("b",))


@pytest.mark.parametrize("means", [{"a": 0.5, "b": 0.95}, {"a": 10.0, "b": 95.0}, {"a": 0.05, "b": 0.3, "c": 1.2}, {"a": 3.0}])
def test_arms_that_differ_on_one_scale_are_let_be(means):
    assert len(scales(frame(**means))) == 1
    assert scales_words(frame(**means)) == ""


def test_one_run_that_diverged_moves_no_arm_to_another_scale():
    scores = frame(a=0.9, b=0.9)
    scores.loc[3, "score"] = 4000.0
    assert len(scales(scores)) == 1


def test_scores_of_zero_and_none_at_all_are_no_scale():
    assert scales(frame(a=0.0, b=0.9)) == (("b",),)
    assert scales(frame().astype({"score": "float64"})) == ()
    gaps = frame(a=0.9, b=90.0)
    gaps.loc[0, "score"] = np.nan
    assert len(scales(gaps)) == 2


def test_the_words_name_the_arms_and_where_they_lie():
    words = scales_words(frame(sd=0.0, a=0.9, b=90.0, c=0.9))
    assert words.startswith("The arms’ scores lie on different scales: “a”, “c” near 0.9; “b” near 90.")
    assert "their differences mean nothing" in words
