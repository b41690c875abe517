"""Digits follow each row's own interval: at any scale nothing but zero reads as zero, and every number stays short."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import pipe_tables

from hpsearch.report import markdown
from hpsearch.report.words import MINUS, number, readable, unit
from hpsearch.results.imports import Columns, Question, imported, read
from hpsearch.results.inference import effects

TINY = 1e-12  # of the largest number beside it: what floating point leaves over is not held against a table


def report_of(tmp_path: Path, frame: pd.DataFrame, **options):
    source = tmp_path / "runs.csv"
    frame.to_csv(source, index=False)
    table = read(str(source), None, None, None, None)
    return imported(table, str(source), Columns(arm="arm", metric="acc", seed="seed"), Question(), ["import", "runs.csv"], "runs")


def diverged() -> pd.DataFrame:
    """Six arms near 0.90 to within 0.002, one run of which diverged to 0.1."""
    rng = np.random.default_rng(3)
    lines = [(arm, seed, 0.9 + 0.002 * rng.standard_normal()) for arm in "abcdef" for seed in range(5)]
    frame = pd.DataFrame(lines, columns=["arm", "seed", "acc"])
    frame.loc[(frame["arm"] == "b") & (frame["seed"] == 3), "acc"] = 0.1
    return frame


def test_one_arm_that_diverged_does_not_take_the_digits_of_the_others(tmp_path):
    made = report_of(tmp_path, diverged())
    [table] = [rows for rows in pipe_tables(markdown(made)) if rows and "Difference" in rows[0]]
    for row, effect in zip(table, effects(made), strict=True):
        shown = [float(cell) for key, cell in row.items() if key == "Difference" or key.endswith((": low", ": high"))]
        for cell, known in zip(shown, (effect.value, effect.low, effect.high), strict=True):
            assert cell == pytest.approx(known, abs=0.06 * effect.half)  # half a unit of its second digit
            assert (cell == 0) == (known == 0)


@pytest.mark.parametrize("power", range(-9, 10, 3))
@pytest.mark.parametrize("mixed", [False, True])
def test_tables_can_be_read_at_every_scale(tmp_path, power, mixed):
    """Scores of size 10^power, and beside them, where ``mixed``, an arm whose spread is a thousand times smaller."""
    rng, scale = np.random.default_rng(power + 20), 10.0**power
    deviations = {"a": 0.02, "b": 0.02, "c": 0.00002 if mixed else 0.02, "d": 0.00002 if mixed else 0.02}
    lines = [(arm, s, scale * (0.9 + d * rng.standard_normal())) for arm, d in deviations.items() for s in range(5)]
    made = report_of(tmp_path, pd.DataFrame(lines, columns=["arm", "seed", "acc"]))
    text = markdown(made)
    [table] = [rows for rows in pipe_tables(text) if rows and "Difference" in rows[0]]
    [arms] = [rows for rows in pipe_tables(text) if rows and "Mean" in rows[0]]
    for row, effect in zip(table, effects(made), strict=True):
        for cell, known in zip([row["Difference"], *(row[key] for key in row if key.endswith((": low", ": high")))],
                               (effect.value, effect.low, effect.high), strict=True):  # fmt: skip
            assert len(cell) <= 15
            assert float(cell.replace(",", "")) == pytest.approx(known, abs=0.06 * effect.half)
            assert float(cell.replace(",", "")) != 0
    for row in arms:
        assert len(row["Mean"]) <= 15
        assert float(row["SD"].replace(",", "")) > 0
    assert not re.search(r"[-−+]0\.0*(?![0-9])", text)  # a zero with a sign, in tables and in sentences


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(1e-12, 1e12), st.booleans())
def test_no_number_but_zero_reads_as_zero(value, spread, signed):
    for written in (unit("loss"), unit("top1")):
        text = readable(number(value, written.at(spread).digits, signed)).replace(",", "")
        assert (float(text) == 0) == (value == 0)
        assert math.copysign(1, float(text)) == math.copysign(1, value) or value == 0


@given(st.floats(1e-9, 1e9), st.floats(-50, 50))
def test_a_number_is_as_exact_as_two_digits_of_its_spread(spread, shift):
    text = readable(number(shift * spread, unit("loss").at(spread).digits))
    assert float(text.replace(",", "")) == pytest.approx(shift * spread, abs=0.051 * spread)
    assert len(text) <= 15


@pytest.mark.parametrize("value", [-1234.5, 0.25, 0.0])
def test_ordinary_numbers_are_written_as_ever(value):
    assert number(value, 2, signed=True) == f"{value:+,.2f}".replace("-", MINUS).replace("+0.00", "0.00")
