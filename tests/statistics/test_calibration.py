"""The statistics are as sure as they say: a fast part of ``benchmarks/calibration.py``, and faults that the same checks must see.

Tolerances are three binomial standard errors about the rate that is claimed; random numbers are fixed, so a run that passes passes
again. The full table is ``reports/calibration.md``.
"""

import importlib
import math

import numpy as np
import pytest

from benchmarks import calibration
from hpsearch import Seeds
from hpsearch.statistics import Largest

TABLES = 800
rows = importlib.import_module("hpsearch.statistics.rows")
sequential = importlib.import_module("hpsearch.statistics.sequential")


def slack(rate: float, tables: float = TABLES) -> float:
    return 3 * math.sqrt(rate * (1 - rate) / tables)


def check(arms: int, seeds: int, name: str = "normal", tables: int = TABLES) -> None:
    """What is claimed of tables for which the model holds."""
    found = calibration.cell(name, arms, seeds, tables)
    assert abs(found["coverage"] - 0.95) < slack(0.05, tables) + 0.005
    assert found["interval error"] < 0.05 + slack(0.05, tables)
    assert found["holm error"] < 0.05 + slack(0.05, tables)
    assert found["margin error"] < 0.05 + slack(0.05, tables / 5)
    if name == "normal":
        assert abs(found["power"] - 0.8) < slack(0.8, tables * (arms - 1) ** 0.5) + 0.04  # doubted rows cost up to 4 points


REGULAR = [(2, 2), (2, 5), (3, 3), (6, 3), (6, 5), (12, 2)]


@pytest.mark.parametrize(("arms", "seeds"), REGULAR)
def test_regular_tables_hold_what_is_claimed(arms, seeds):
    check(arms, seeds)


@pytest.mark.parametrize(("arms", "seeds"), [(2, 5), (3, 3), (6, 5)])
def test_so_they_do_with_missing_seeds(arms, seeds):
    check(arms, seeds, "missing")


# ---- planted faults ------------------------------------------------------------------------------------------------------------


def test_too_many_degrees_of_freedom_are_seen(monkeypatch):
    honest = rows.fit_table

    def fit(arms, values):
        found = honest(arms, values)
        df = values.size - len(arms)  # as if the seeds took none
        return calibration.replace(found, df=df, deviation=found.deviation * math.sqrt(found.df / df))

    monkeypatch.setattr(rows, "fit_table", fit)
    with pytest.raises(AssertionError):
        check(3, 3)


def test_a_normal_quantile_in_place_of_t_is_seen(monkeypatch):
    honest = rows.largest
    monkeypatch.setattr(rows, "largest", lambda correlation, df: honest(correlation, 100_000))
    with pytest.raises(AssertionError):
        check(2, 5)


def test_unadjusted_intervals_are_seen(monkeypatch):
    from scipy.stats import t

    monkeypatch.setattr(Largest, "quantile", lambda self, confidence: float(t.isf((1 - confidence) / 2, self.df)))
    with pytest.raises(AssertionError):
        check(6, 5)


def test_an_unadjusted_p_value_is_seen(monkeypatch):
    monkeypatch.setattr(rows.Rows, "tails", lambda self, t: 2 * rows_tail(self.df, t))
    honest = calibration.judge(np.random.default_rng(1).standard_normal((6, 5)), calibration.contrasts(6))
    with pytest.raises(AssertionError):
        agree(honest)


def test_p_values_and_intervals_agree():
    rng = np.random.default_rng(1)
    for _ in range(100):
        agree(calibration.judge(rng.standard_normal((6, 5)) + 2 * (np.arange(6) == 3)[:, None], calibration.contrasts(6)))


def agree(found: "rows.Rows") -> None:
    """The smallest adjusted p-value of a table would be 5 % at the critical value."""
    assert found.tails(found.critical) == pytest.approx(np.full(len(found.value), 0.05), abs=1e-4)
    assert ((found.adjusted < 0.05) == (np.abs(found.value) > found.half)).all()


def rows_tail(df: np.ndarray, t: np.ndarray) -> np.ndarray:
    from scipy.special import stdtr

    return stdtr(df, -t)


def test_ignoring_the_blocks_is_seen(monkeypatch):
    monkeypatch.setattr(rows, "fit_table", without_blocks)
    with pytest.raises(AssertionError):
        check(3, 5)


def without_blocks(arms: tuple[str, ...], values: np.ndarray) -> "rows.Fit":
    from hpsearch.statistics.randomised_blocks import Fit

    means, count = values.mean(axis=1), values.shape[1]
    squares, df = ((values - means[:, None]) ** 2).sum(), values.size - len(values)
    counts = (count,) * len(values)
    return Fit(arms, counts, means, np.eye(len(values)) / count, np.eye(len(values)), df, math.sqrt(squares / df))


# ---- where the model does not hold ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arms", "seeds", "least"), [("noisy", 6, 5, 0.90), ("noisy", 12, 5, 0.92), ("heavy", 6, 5, 0.93)])
def test_the_rule_keeps_what_the_report_states(name, arms, seeds, least):
    assert calibration.cell(name, arms, seeds, 400)["coverage"] > least


def test_always_pooling_is_seen():
    with calibration.chosen("pooled always"):
        assert calibration.cell("noisy", 12, 5, 300)["coverage"] < 0.87


def test_never_pooling_costs_most_of_the_power():
    with calibration.chosen("own always"):
        assert calibration.cell("normal", 6, 5, 200)["power"] < 0.5


@pytest.mark.parametrize("seeds", [5, 6, 8])
def test_the_exact_test_errs_at_most_as_stated(seeds):
    error = calibration.signs("heavy", seeds, 400)["error"]
    assert error == 0 if seeds == 5 else error < 0.05 + slack(0.05, 400)


# ---- seeds that follow the results ---------------------------------------------------------------------------------------------

FOLLOWED = Seeds(3, 12, until=1e-9)


def followed(arms: int, seeds: Seeds, tables: int = 500) -> dict[str, float]:
    found = calibration.course("normal", arms, seeds, 0.0, tables)
    assert found["error"] < 0.05 + slack(0.05, tables)
    assert found["coverage"] > 0.95 - slack(0.05, tables)
    return found


POCOCK = Seeds(3, 12, until=1e-9, spending="Pocock")


@pytest.mark.parametrize(
    ("arms", "seeds"),
    [(2, FOLLOWED), (6, POCOCK), *(pytest.param(*each, marks=pytest.mark.full) for each in ((6, FOLLOWED), (2, POCOCK)))],
)
def test_looking_again_and_again_errs_no_more_than_looking_once(arms, seeds):
    followed(arms, seeds)


def test_looking_for_free_is_seen(monkeypatch):
    monkeypatch.setattr(sequential, "looks_levels", lambda contrasts, looks, spending, rate: (rate,) * len(looks))
    with pytest.raises(AssertionError):
        followed(2, FOLLOWED)


def test_large_effects_save_seeds():
    found = calibration.course("normal", 6, Seeds(3, 12, until=1.0), 3.0, 60)
    assert found["seeds"] < 10.5
    assert found["power"] > 0.97
