"""Every argument of the statistics that makes no sense is refused, and the message says which and why."""

import re

import numpy as np
import pandas as pd
import pytest

from hpsearch import Refused, Trick, ladder
from hpsearch.statistics import effects_of, largest, power, seeds_needed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": 1}, "a difference needs at least 2 arms, got 1"),
        ({"difference": float("nan")}, "difference is a finite number in the unit of the score, got nan"),
        ({"deviation": 0.0}, "deviation is a positive number, got 0.0"),
        ({"deviation": -0.1}, "deviation is a positive number, got -0.1"),
        ({"squares": 0.0}, "squares is a positive number, got 0.0"),
        ({"level": 5}, "level lies between 0 and 1, got 5"),
        ({"power": 80}, "power lies between 0 and 1, got 80"),
    ],
)
def test_seeds_needed_refuses(changes, message):
    with pytest.raises(Refused, match=re.escape(message)):
        seeds_needed(**({"difference": 0.3, "deviation": 0.1, "arms": 3} | changes))


def test_power_refuses():
    with pytest.raises(Refused, match="at least 1 degree of freedom, got 0"):
        power(1.0, df=0, level=0.05)
    with pytest.raises(Refused, match="level lies between 0 and 1, got 5"):
        power(1.0, df=4, level=5)


def test_the_largest_t_refuses():
    with pytest.raises(Refused, match="at least 1 residual degree of freedom, got 0"):
        largest(np.eye(2), df=0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
@pytest.mark.parametrize("repeats", [0, 1, 3])
def test_a_confidence_that_is_none_is_refused_whatever_was_measured(confidence, repeats):
    lines = [(arm, seed, 1.0 + seed * len(arm)) for arm in ("base", "a") for seed in range(repeats)]
    scores = pd.DataFrame(lines, columns=["arm", "seed", "score"]).astype({"score": "float64"})
    with pytest.raises(Refused, match=f"confidence lies between 0 and 1, got {confidence}"):
        effects_of(ladder(Trick("a", {"x": 1})), scores, confidence=confidence)
