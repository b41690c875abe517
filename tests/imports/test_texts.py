"""Names are read as they are written: what pandas takes for a missing value, a number or a truth value is somebody's arm."""

import csv
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.errors import Refused
from hpsearch.results.imports import Columns, Question, imported, read
from hpsearch.results.imports.columns import tidy

WORDS = ("NA", "None", "nan", "NaN", "null", "NULL", "N/A", "n/a", "<NA>", "#N/A", "true", "True", "1", "01", "007", "7", "inf",
         "1_000", "-", "=1", "#", "empty", "", "sgd", "1e3x", "0.10", "-nan", "None, NA")  # fmt: skip


def table(tmp_path: Path, arms: list[str], name: str = "t.csv") -> Path:
    path = tmp_path / name
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["model", "seed", "acc"])
        lines.writerows([arm, seed, 70 + place + seed / 10] for place, arm in enumerate(arms) for seed in range(2))
    return path


def arms_of(path: Path) -> list[str]:
    told = imported(read(str(path)), str(path), Columns(arm="model", metric="acc", seed="seed"), Question(), ["import"])
    runs = told.trials.groupby("arm", sort=False)["score"].agg(list)
    assert all(len(scores) == 2 for scores in runs), "an arm took another's runs"
    return list(runs.index)


def test_na_and_none_are_two_arms_beside_a_third(tmp_path):
    assert arms_of(table(tmp_path, ["None", "NA", "sgd"])) == ["None", "NA", "sgd"]


def test_all_at_once_stay_apart(tmp_path):
    assert len(arms_of(table(tmp_path, list(WORDS)))) == len(WORDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=2, max_size=4, unique=True))
def test_cells_written_differently_are_different_arms(tmp_path_factory, arms):
    """Whatever the others are; two spellings of one number in a column of numbers alone are one number."""
    if all(word.lower() in ("nan", "-nan", "1", "7", "inf", "0.10", "true") for word in arms):
        arms.append("sgd")
    assert len(arms_of(table(tmp_path_factory.mktemp("t"), arms))) == len(arms)


def test_numbers_keep_the_words_for_nothing_apart(tmp_path):
    assert arms_of(table(tmp_path, ["0.1", "NA", "None", ""])) == ["model 0.1", "NA", "None", "model empty"]
    assert arms_of(table(tmp_path, ["1", "2"])) == ["model 1", "model 2"]
    assert arms_of(table(tmp_path, ["True", "False"])) == ["model True", "model False"]
    assert arms_of(table(tmp_path, ["007", "7"])) == ["007", "7"]


def test_lines_are_chosen_by_the_words_that_are_written(tmp_path):
    path = table(tmp_path, ["None", "NA", "sgd"])
    frame = pd.read_csv(path, keep_default_na=False).assign(decay=["0.1", "NA", "None", "0.1", "NA", ""])
    frame.to_csv(path, index=False)
    kept = tidy(read(str(path)), Columns(arm="model", metric="acc", where=("decay=NA", "decay=None")))
    assert kept.arms == ("None", "NA", "sgd")
    assert len(kept.lines) == 3


def test_a_label_and_an_order_may_name_them(tmp_path):
    columns = Columns(arm="model", metric="acc", seed="seed", arms="NA,None")
    told = imported(read(str(table(tmp_path, ["None", "NA", "sgd"]))), "t", columns, Question(labels=("NA=none",)), ["import"])
    assert [arm.name for arm in told.study.plan.arms] == ["none", "None"]


def test_a_text_and_an_empty_cell_called_alike_are_refused(tmp_path):
    path = table(tmp_path, ["model empty", "", "sgd"])
    with pytest.raises(Refused, match="--arm model would call two arms 'model empty': change the cells of one"):
        arms_of(path)


def test_missing_numbers_stay_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("model,acc,loss,n\na,1.5,NA,1\nb,,nan,\na,NaN,2,3\n")
    frame = read(str(path)).frame
    assert frame["acc"].isna().tolist() == [False, True, True]
    assert frame["loss"].isna().tolist() == [True, True, False]
    assert (frame["n"].iloc[0], math.isnan(frame["n"].iloc[1])) == (1, True)


@pytest.mark.parametrize(("sign", "comma"), [(";", ","), (";", "."), ("\t", "."), ("|", ".")])
def test_a_separator_is_seen(tmp_path, sign, comma):
    path = tmp_path / "t.csv"
    lines = [("model", "seed", "acc"), ("a", "0", f"75{comma}1"), ("a", "1", f"75{comma}3"), ("b", "0", f"76{comma}0")]
    path.write_text("".join(f"{sign.join(line)}\n" for line in lines))
    found = read(str(path))
    assert found.frame.to_dict("list") == {"model": ["a", "a", "b"], "seed": [0, 1, 0], "acc": [75.1, 75.3, 76.0]}
    assert (repr(sign) in found.kind) == (sign != "\t")


def test_a_comma_is_the_separator_where_the_header_has_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("model,a;b\nx,1\ny,2\n")
    assert list(read(str(path)).frame.columns) == ["model", "a;b"]


def test_lines_longer_than_the_header_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("model,acc\na,1,75\nb,2,76\n")
    with pytest.raises(Refused, match="has more cells in its rows than columns in its header: give every column a name"):
        read(str(path))


def test_numbers_are_read_exactly(tmp_path):
    values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -2 / 3, 123456789012345680.0]
    path = tmp_path / "t.csv"
    path.write_text("model,acc\n" + "".join(f"a,{value!r}\n" for value in values))
    assert read(str(path)).frame["acc"].tolist() == values
