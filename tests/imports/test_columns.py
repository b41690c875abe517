"""From columns to runs: what each option does, and one sentence for everything that does not fit."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch import Refused
from hpsearch.results.imports import Columns, Table, tidy
from hpsearch.results.imports.columns import matches, text
from hpsearch.results.imports.table import as_logged, with_pattern, with_settings


def table(frame: dict[str, list[Any]], **changes: Any) -> Table:
    return Table("a tidy CSV table", pd.DataFrame(frame), **changes)


CURVES = table(
    {
        "model": ["a"] * 4 + ["b"] * 4,
        "seed": [0, 0, 1, 1] * 2,
        "epoch": [2, 1] * 4,
        "acc": [0.2, 0.1, 0.4, 0.3, 0.6, 0.5, 0.8, 0.7],
        "loss": [1.0, 2.0] * 4,
        "lr": [0.1] * 8,
        "width": [1] * 4 + [2] * 4,
        "note": ["x", "y"] * 4,
    }
)
WHOLE = Columns(arm="model", seed="seed", epoch="epoch", metric="acc")


def test_runs_are_told_apart_and_their_epochs_put_in_order():
    runs = tidy(CURVES, WHOLE)
    assert runs.arms == ("a", "b")
    assert runs.paired
    assert runs.logged == ("acc", "loss")  # lr stays the same, note is no number
    assert list(runs.settings.columns) == ["lr", "width"]
    assert runs.lines["run"].unique().tolist() == ["a, seed 0", "a, seed 1", "b, seed 0", "b, seed 1"]
    assert runs.lines["acc"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_the_metric_can_be_named_scaled_and_shifted():
    runs = tidy(CURVES, Columns(arm="model", seed="seed", epoch="epoch", metric="top1=acc", scale=-100, offset=100))
    assert runs.metric == "top1"
    assert runs.lines["top1"].round(9).tolist() == [90, 80, 70, 60, 50, 40, 30, 20]
    assert "loss" in runs.lines  # as it was
    assert runs.lines["loss"].tolist() == [2.0, 1.0] * 4


def test_runs_without_seeds_share_none():
    """Runs numbered anew in every arm must not become pairs by that."""
    frame = {"arm": ["a", "a", "b", "b"], "repeat": [0, 1, 0, 1], "acc": [1.0, 2.0, 3.0, 4.0]}
    for columns in (Columns(arm="arm", metric="acc"), Columns(arm="arm", metric="acc", run="repeat")):
        runs = tidy(table(frame), columns)
        assert not runs.paired
        assert runs.lines["seed"].tolist() == [0, 1, 2, 3]
    assert runs.lines["run"].tolist() == ["a, 0", "a, 1", "b, 0", "b, 1"]


def test_an_arm_is_one_run_where_only_epochs_are_counted():
    runs = tidy(
        table({"arm": ["a", "a", "b"], "epoch": [0, 1, 0], "acc": [1.0, 2.0, 3.0]}), Columns(arm="arm", epoch="epoch", metric="acc")
    )
    assert runs.lines["run"].tolist() == ["a", "a", "b"]


def test_arms_are_chosen_in_the_order_asked_for():
    frame = {"arm": ["a", "b, c", "d"], "acc": [1.0, 2.0, 3.0]}
    assert tidy(table(frame), Columns(arm="arm", metric="acc", arms="d,a")).arms == ("d", "a")
    assert tidy(table(frame), Columns(arm="arm", metric="acc")).arms == ("a", "b, c", "d")


def test_arms_of_several_columns_say_which_value_is_whose():
    frame = {"model": ["r50", "r50", "r50"], "mixup": [True, False, False], "ema": [0.9, 0.9, math.nan], "acc": [1.0, 2.0, 3.0]}
    assert tidy(table(frame), Columns(arm="model,mixup,ema", metric="acc")).arms == (
        "r50, mixup True, ema 0.9",
        "r50, mixup False, ema 0.9",
        "r50, mixup False, ema empty",
    )


def test_where_takes_any_value_of_a_column_and_all_columns():
    columns = Columns(arm="model", seed="seed", metric="acc", where=("seed=0", "seed=1.0", "epoch=2"))
    assert len(tidy(CURVES, columns).lines) == 4


def test_a_log_scores_where_it_has_the_metric_and_a_silent_run_stays():
    lines = [
        {"run": r, "Step": s, "loss": 1.0} | ({"acc": s / 10} if s % 2 == 0 and r != "c" else {})
        for r in "abc"
        for s in range(1, 6)
    ]
    logged = Table("a log", as_logged(lines), "run", "Step")
    runs = tidy(logged, Columns(arm="run", metric="acc"))
    last = runs.lines.groupby("run").last()
    assert last.loc[["a", "b"], "epoch"].tolist() == [4, 4]
    assert math.isnan(runs.lines[runs.lines["run"] == "c"]["acc"].iloc[-1])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"arm": "modell"}, "--arm names the column 'modell', which does not exist: did you mean 'model'?"),
        ({"arm": "model,sed"}, "--arm names the column 'sed', which does not exist: did you mean 'seed'?"),
        ({"metric": "accuracy"}, "--metric names the column 'accuracy', which does not exist"),
        ({"metric": "note"}, "--metric names the column 'note', which holds 'x': it must hold numbers"),
        (
            {"metric": "seed=acc"},
            "--metric cannot be called 'seed', which is a reserved name: give it another, as in score=acc",
        ),
        ({"seed": "sead"}, "--seed names the column 'sead', which does not exist: did you mean 'seed'?"),
        ({"epoch": "epochs"}, "--epoch names the column 'epochs', which does not exist: did you mean 'epoch'?"),
        ({"epoch": "acc"}, "--epoch takes whole numbers, and the column 'acc' holds '0.2': name such a column"),
        ({"seed": "lr"}, "--seed takes whole numbers, and the column 'lr' holds '0.1': name such a column, or leave it out"),
        ({"seed": "note"}, "--seed names the column 'note', which holds 'x': it must hold numbers"),
        ({"run": "runs"}, "--run names the column 'runs', which does not exist"),
        ({"where": ("model=c",)}, "--where model=c leaves no row: known are a, b"),
        ({"where": ("model",)}, "--where takes COLUMN=VALUE, got 'model'"),
        ({"where": ("modul=a",)}, "--where names the column 'modul', which does not exist: did you mean 'model'?"),
        ({"where": ("model=a",)}, "differences need two arms, and there is only 'a': name another column with --arm"),
        ({"arms": "a"}, "differences need two arms, and there is only 'a'"),
        ({"arms": "a,c"}, "--arms names 'c', which no row has: known are a, b"),
        ({"arms": "a,b,a"}, "--arms names an arm twice: a,b,a"),
        ({"epoch": None}, "run 'a, seed 0' has 2 lines: name the column that counts its epochs with --epoch, or use --where"),
        ({"seed": None}, "run 'a' has two lines for epoch 2: name the column that identifies the run with --run or --seed"),
        ({"seed": "width"}, "run 'a, seed 1' has two lines for epoch 2: use --where"),
        ({"seed": "width", "run": "seed"}, "arm 'a' has two runs under seed 1: use --where, or leave out --seed"),
    ],
)
def test_what_does_not_fit_is_refused(columns, said):
    given_ = {"arm": "model", "seed": "seed", "epoch": "epoch", "metric": "acc"} | columns
    with pytest.raises(Refused) as refused:
        tidy(CURVES, Columns(**given_))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_seeds_that_no_two_arms_share_are_refused():
    frame = {"arm": ["a", "a", "b", "b"], "seed": [0, 1, 2, 3], "acc": [1.0, 2.0, 3.0, 4.0]}
    with pytest.raises(Refused, match="no two arms share a value of 'seed': leave out --seed, and runs are compared without pairs"):
        tidy(table(frame), Columns(arm="arm", metric="acc", seed="seed"))


def test_a_column_of_many_values_makes_no_arms():
    frame = {"lr": [n / 1000 for n in range(200)], "acc": [1.0] * 200}
    with pytest.raises(Refused, match="--arm lr makes 200 arms: name a column of few values, or use --where"):
        tidy(table(frame), Columns(arm="lr", metric="acc"))


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 0.0), (math.nan, 0.0), (1.0, math.inf)])
def test_a_scale_that_means_nothing_is_refused(scale, offset):
    with pytest.raises(Refused, match="--scale and --offset are numbers, and --scale is not 0"):
        Columns(arm="a", metric="b", scale=scale, offset=offset)


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.booleans()))
def test_a_value_is_found_by_how_it_is_written(value):
    assert matches(value, text(value))


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_two_numbers_are_never_written_alike(one, other):
    assert (text(one) == text(other)) == (one == other) or one == other == 0


def test_settings_join_by_the_run():
    curves = table({"run": ["r1", "r1", "r2"], "epoch": [1, 2, 1], "acc": [1.0, 2.0, 3.0]})
    settings = table({"Name": ["r2", "r1", "r3"], "optimiser": ["adam", "sgd", "sgd"], "acc": [9.0, 9.0, 9.0]})
    joined = with_settings(curves, settings, "run")
    assert joined.frame["optimiser"].tolist() == ["sgd", "sgd", "adam"]
    assert joined.frame["acc"].tolist() == [1.0, 2.0, 3.0]  # what was logged stays


@pytest.mark.parametrize(
    ("settings", "run", "said"),
    [
        ({"run": ["r1"], "x": [1]}, None, "--settings joins by the run's name: say which column that is with --run"),
        ({"nobody": ["r1"], "x": [1]}, "run", "--settings needs a column 'run' with the runs' names: it has nobody, x"),
        ({"run": ["r1"], "x": [1]}, "run", "--settings has no row for the run 'r2': known are r1"),
        ({"run": ["r1", "r1"], "x": [1, 2]}, "run", "--settings names the run 'r1' twice: leave one row per run"),
        ({"run": ["r1"], "x": [1]}, "rum", "--run names the column 'rum', which does not exist: did you mean 'run'?"),
    ],
)
def test_settings_that_do_not_join_are_refused(settings, run, said):
    with pytest.raises(Refused) as refused:
        with_settings(table({"run": ["r1", "r2"], "acc": [1.0, 2.0]}), table(settings), run)
    assert str(refused.value) == said


def test_a_pattern_makes_columns_of_names():
    found = with_pattern(table({"run": ["wide-3", "deep-10"], "acc": [1.0, 2.0]}), r"(?P<arm>.+)-(?P<seed>\d+)", "run").frame
    assert found[["arm", "seed"]].to_dict("list") == {"arm": ["wide", "deep"], "seed": [3, 10]}


@pytest.mark.parametrize(
    ("pattern", "run", "said"),
    [
        ("(?P<arm>.+", "run", "is not a regular expression: missing ), unterminated subpattern at position 0"),
        ("(.+)-.", "run", "names no group: write one as in '(?P<arm>.+)-(?P<seed>[0-9]+)'"),
        ("(?P<arm>[a-z]+)", "run", "the run 'wide-3' does not match --pattern '(?P<arm>[a-z]+)': it must match the whole name"),
        ("(?P<acc>.+)-.", "run", "--pattern would make a column 'acc', which exists already: rename the group"),
        ("(?P<arm>.+)-.", None, "--pattern is matched against the runs' names: say which column that is with --run"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(pattern, run, said):
    with pytest.raises(Refused) as refused:
        with_pattern(table({"run": ["wide-3"], "acc": [1.0]}), pattern, run)
    assert said in str(refused.value)
