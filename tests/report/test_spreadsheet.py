"""No CSV of ours holds a cell that a spreadsheet evaluates, and numbers stay numbers."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from hpsearch.report import spreadsheet
from hpsearch.report.spreadsheet import csv_of

HOSTILE = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", '=HYPERLINK("http://x")', "-", "+a")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_set_behind_an_apostrophe_and_nothing_else_is_changed(text):
    frame = pd.DataFrame({"arm": [text, "plain", "a=b"], "gain": [-1.5, float("nan"), 1e-300], text: [True, False, True]})
    head, *lines = csv.reader(io.StringIO(csv_of(frame), newline=""))
    assert head == ["arm", "gain", told := "'" + text.replace("\r", "\n")]
    assert [line[0] for line in lines] == [told, "plain", "a=b"]
    assert [line[1] for line in lines] == ["-1.5", "", "1e-300"]


def test_numbers_stay_numbers_also_as_text_and_among_texts():
    frame = pd.DataFrame({"setting": ["-0.5", -0.25, None, "+3", "-inf", "=2"], "n": [-1, -2, -3, -4, -5, -6]})
    lines = list(csv.reader(io.StringIO(csv_of(frame))))[1:]
    assert [line[0] for line in lines] == ["-0.5", "-0.25", "", "+3", "-inf", "'=2"]
    assert [line[1] for line in lines] == ["-1", "-2", "-3", "-4", "-5", "-6"]


def test_every_csv_of_the_report_goes_through_the_one_door():
    root = Path(spreadsheet.__file__).parents[1]
    found = {path.name for path in root.rglob("*.py") if re.search(r"\.to_csv\(", path.read_text(encoding="utf-8"))}
    assert found == {"spreadsheet.py"}
