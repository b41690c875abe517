"""Readers of tables, W&B and TensorBoard exports, on text as those tools write it; what a source is taken for."""

import json
import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from hpsearch import Refused
from hpsearch.results.imports import Columns, read, tidy

# tensorboard 2.21's scalars page gave these bytes for five steps of a float32
TB_CSV = "Wall time,Step,Value\r\n1795251389.6396751,0,0.5\r\n1795251389.6398664,1,0.550000011920929\r\n"
TB_JSON = "[[1795251389.6396751, 0, 0.5], [1795251389.6398664, 1, 0.550000011920929]]"
# a W&B chart's export: the axis, then value, smallest and largest per run; runs end at different steps
CHART = (
    '"Step","wide-0 - val/acc","wide-0 - val/acc__MIN","wide-0 - val/acc__MAX","deep - er-0 - _step","deep - er-0 - _step__MIN",'
    '"deep - er-0 - _step__MAX","deep - er-0 - val/acc","deep - er-0 - val/acc__MIN","deep - er-0 - val/acc__MAX"\n'
    '"0","0.5","0.5","0.5","0","0","0","0.25","0.25","0.25"\n'
    '"1","0.75","0.75","0.75","1","1","1","NaN","NaN","NaN"\n'
    '"2","","","","2","2","2","0.5","0.5","0.5"\n'
)


def put(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return str(path)


def test_csv_tsv_and_parquet_are_the_same_table(tmp_path):
    frame = pd.DataFrame({"arm": ["a", "b"], "acc": [0.5, math.nan], "on": [True, False]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.csv.gz", "t.tsv", "t.parquet"):
        table = read(str(tmp_path / name))
        assert table.kind == f"a tidy {'Parquet' if 'parquet' in name else 'CSV'} table"
        pd.testing.assert_frame_equal(table.frame, frame, check_dtype=False)
        assert table.files == (tmp_path / name,)


def test_a_chart_of_wandb_is_one_line_per_run_and_step(tmp_path):
    table = read(put(tmp_path / "wandb_export.csv", CHART))
    assert (table.kind, table.run, table.epoch, table.notes) == ("a chart exported from W&B", "run", "Step", ())
    assert table.frame.columns.tolist() == ["run", "Step", "val/acc"]
    assert table.frame["run"].tolist() == ["wide-0"] * 2 + ["deep - er-0"] * 3
    assert [str(value) for value in table.frame["val/acc"]] == ["0.5", "0.75", "0.25", "nan", "0.5"]
    lines = tidy(table, Columns(arm="run", metric="val/acc")).lines
    assert lines.groupby("run", sort=False)["epoch"].max().tolist() == [1, 2]


def test_a_chart_that_wandb_averaged_says_so(tmp_path):
    averaged = CHART.replace('"0.75","0.75","0.75"', '"0.75","0.5","1.0"')
    [note] = read(put(tmp_path / "g.csv", averaged)).notes
    assert "for 1 of the chart's points the smallest and the largest value differ" in note


def test_histories_of_wandb_are_runs_by_their_files(tmp_path):
    put(tmp_path / "h" / "plain-0.csv", ",loss,acc,_step,_runtime\n0,1.0,,0,2.5\n1,0.5,0.75,1,3.5\n2,0.25,,2,4.5\n")
    pd.DataFrame({"_step": [0, 1], "loss": [1.0, 0.5], "acc": ["NaN", None]}).to_parquet(tmp_path / "h" / "wide-0.parquet")
    table = read(str(tmp_path / "h"))
    assert (table.kind, table.run, table.epoch) == ("histories exported from W&B", "run", "_step")
    assert table.frame["run"].tolist() == ["plain-0"] * 3 + ["wide-0"] * 2
    assert "" not in table.frame.columns
    assert table.frame["acc"].tolist()[:3] == [None, 0.75, None]
    assert math.isnan(table.frame["acc"].tolist()[3])  # W&B's own NaN, not a step at which nothing was logged
    lines = tidy(table, Columns(arm="run", metric="acc")).lines
    assert lines[lines["run"] == "plain-0"]["epoch"].tolist() == [1]


def test_the_table_of_runs_of_wandb_is_a_tidy_table(tmp_path):
    content = '"Name","State","optimiser","val/acc"\n"a-0","finished","sgd","0.5"\n"a-1","finished","adam","0.75"\n'
    assert read(put(tmp_path / "runs.csv", content)).kind == "a tidy CSV table"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_scalars_of_tensorboard_are_runs_and_tags_by_their_files(tmp_path, form):
    for run in ("plain-0", "wide-0"):
        for tag in ("val_acc", "loss"):
            put(tmp_path / "d" / f"run-{run}-tag-{tag}.{form}", TB_CSV if form == "csv" else TB_JSON)
    table = read(str(tmp_path / "d"))
    assert (table.kind, table.run, table.epoch) == ("scalars downloaded from TensorBoard", "run", "Step")
    assert table.frame.to_dict("list") == {
        "run": ["plain-0", "plain-0", "wide-0", "wide-0"],
        "Step": [0, 1, 0, 1],
        "loss": [0.5, 0.550000011920929] * 2,
        "val_acc": [0.5, 0.550000011920929] * 2,
    }


def test_scalars_named_by_the_run_alone_have_no_tag(tmp_path):
    put(tmp_path / "d" / "plain-0.csv", TB_CSV)
    put(tmp_path / "d" / "wide-0.json", TB_JSON.replace("0.5]", '"NaN"]'))  # as TensorBoard writes a NaN
    table = read(str(tmp_path / "d"))
    assert table.frame.columns.tolist() == ["run", "Step", "Value"]
    assert math.isnan(table.frame["Value"].tolist()[2])


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="tensorboard is installed, so event files are read")
def test_event_files_ask_for_tensorboard(tmp_path):
    put(tmp_path / "logs" / "a" / "events.out.tfevents.1795251389.vm.1.0", "x")
    with pytest.raises(
        Refused, match="is an event file, which only tensorboard can read: install it with `pip install tensorboard`, or"
    ):
        read(str(tmp_path / "logs"))


def test_event_files_are_read_where_tensorboard_is_installed(tmp_path):
    summary = pytest.importorskip("tensorboard.summary", reason="needs tensorboard")
    for run, shift in (("plain", 0.0), ("wide", 0.5)):
        writer = summary.Writer(str(tmp_path / "logs" / run))
        for step in range(3):
            writer.add_scalar("acc", 0.25 * step + shift, step)
        writer.close()
    table = read(str(tmp_path / "logs"))
    assert table.kind == "TensorBoard event files"
    assert table.frame.to_dict("list") == {
        "run": ["plain"] * 3 + ["wide"] * 3,
        "Step": [0, 1, 2] * 2,
        "acc": [0, 0.25, 0.5, 0.5, 0.75, 1.0],
    }


@pytest.mark.parametrize(
    ("name", "content", "form", "said"),
    [
        (None, "", None, "there is nothing at SOURCE: import takes a CSV or Parquet table, an Optuna storage"),
        ("t.txt", "hello", None, "SOURCE cannot be read: import takes"),
        ("t.csv", "a,b\n1,2\n", "ray", "SOURCE cannot be read as ray: import takes"),
        ("t.csv", "a,b\n1,2\n", "rai", "--format 'rai' is not known: did you mean 'ray'?"),
        ("t.csv", "a,b\n", None, "the source has no rows, read as a tidy CSV table: give another one"),
        ("t.csv", "", None, "cannot read SOURCE as a table: No columns to parse from file"),
        ("t.csv", "a,b,a\n1,2,3\n", None, "SOURCE has two columns named 'a': rename one"),
        ("t.csv", "a,b\n1,2\n1,2,3\n", None, "cannot read SOURCE as a table: Error tokenizing data."),
        ("t.parquet", "a,b\n", None, "cannot read SOURCE as a table: "),
        ("run-a-tag-b.json", "{}", None, "SOURCE is not a list of [wall time, step, value], as TensorBoard's JSON link gives it"),
        ("c.csv", CHART.splitlines()[0] + "\n", None, "SOURCE looks like a chart exported from W&B, but every cell is empty"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, form, said):
    source = str(tmp_path / (name or "nowhere"))
    if name:
        put(tmp_path / name, content)
    with pytest.raises(Refused) as refused:
        read(source, form)
    assert said in str(refused.value).replace(source, "SOURCE")
    assert "\n" not in str(refused.value)


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    put(tmp_path / "d" / "a.txt", "x")
    with pytest.raises(Refused, match="d cannot be read: import takes"):
        read(str(tmp_path / "d"))


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("arm,acc\nä,1\n".encode("latin-1"))
    with pytest.raises(Refused, match="is not UTF-8 text"):
        read(str(tmp_path / "t.csv"))


def test_reading_a_table_imports_none_of_the_heavy_libraries(tmp_path):
    path = put(tmp_path / "t.csv", "arm,acc\na,1\nb,2\n")
    code = (
        f"import sys; from hpsearch.results.imports import read; read({json.dumps(path)})\n"
        "print([name for name in ('torch', 'ray', 'optuna', 'tensorboard', 'plotly') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
