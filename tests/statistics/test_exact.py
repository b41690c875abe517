"""The exact test against enumeration, and its floor in words."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from hpsearch import Trick, ladder
from hpsearch.statistics import effects_of, exact_words, floor, sign_flip

PLAN = ladder(Trick("a", {"x": 1}))


def frame(base: list[float], other: list[float]) -> pd.DataFrame:
    lines = [(arm, seed, score) for arm, row in (("base", base), ("a", other)) for seed, score in enumerate(row)]
    return pd.DataFrame(lines, columns=["arm", "seed", "score"])


@pytest.mark.parametrize("seeds", [2, 3, 5, 8, 11])
def test_p_is_the_share_of_signs_at_least_as_extreme(seeds):
    differences = np.random.default_rng(seeds).standard_normal(seeds) + 0.5
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=seeds)]
    known = np.mean([found >= abs(differences.sum()) * (1 - 1e-12) for found in sums])
    assert sign_flip(differences) == pytest.approx(known)


def test_ties_count_on_both_sides():
    assert sign_flip(np.array([1.0, 1.0, -1.0, 1.0])) == pytest.approx(10 / 16)
    assert sign_flip(np.zeros(4)) == 1.0


@pytest.mark.parametrize("seeds", [1, 15])
def test_of_one_seed_and_of_many_there_is_none(seeds):
    assert sign_flip(np.ones(seeds)) is None


@pytest.mark.parametrize("seeds", [2, 5, 9])
def test_the_floor_is_reached_where_all_seeds_agree(seeds):
    assert sign_flip(np.linspace(1, 2, seeds)) == floor(seeds)


def test_an_effect_carries_it_over_the_seeds_its_arms_share():
    [effect] = effects_of(PLAN, frame([1, 2, 3, 4, 5, 6], [2, 3.5, 3.5, 5.5, float("nan"), 7.5]))
    assert (effect.p_exact, effect.p_floor) == (0.0625, 0.0625)
    assert exact_words([effect]).endswith("5 seeds cannot go below p = 0.0625.")
    [short] = effects_of(PLAN, frame([1, 2, 3, 4], [2, 3.5, 3.5, 5.5]))
    assert "5 seeds cannot go below p = 0.0625 and 4 seeds" not in exact_words([effect, short])
    assert "4 seeds cannot go below p = 0.125 and 5 seeds cannot go below p = 0.0625" in exact_words([effect, short])


def test_without_it_nothing_is_said():
    [effect] = effects_of(PLAN, frame([1], [2]))
    assert effect.p_exact is None
    assert exact_words([effect]) == ""
