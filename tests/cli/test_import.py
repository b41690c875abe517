"""``hpsearch import`` as a user meets it: one command to a report, one sentence for every mistake, and the committed reports."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.giving import giving

ROOT = Path(__file__).parents[2]
SHARED = next((each / "shared" / "data" for each in ROOT.parents if (each / "shared" / "data").is_dir()), ROOT / "shared")
TABLE = "model,seed,epoch,acc,loss\n" + "".join(
    f"{model},{seed},{epoch},{0.5 + 0.1 * (model == 'wide') + 0.01 * ((seed * 7 + epoch * 3) % 5) + 0.003 * (model == 'wide') * seed},{1 / epoch}\n"
    for model in ("plain", "wide")
    for seed in range(4)
    for epoch in (1, 2, 3)
)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hpsearch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a command in an empty folder; exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    return giving(monkeypatch, capsys)


WORDS = ("import", "t.csv", "--arm", "model", "--seed", "seed", "--epoch", "epoch", "--metric", "top1=acc", "--scale", "100")


def test_a_table_becomes_a_report(hpsearch: Run, tmp_path: Path) -> None:
    Path("t.csv").write_text(TABLE)
    code, said, complaint = hpsearch(*WORDS, "--out", "r/r.html")
    assert (code, complaint) == (0, "")
    assert re.search(r"wide against plain +\+10\.45 +\[\+9\.\d\d, \+1\d\.\d\d\] +helps", said)
    assert said.endswith("report: r/r.html\n")
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"r.html", "r.md", "r.csv"}
    assert "hpsearch import t.csv --arm model --seed seed" in (tmp_path / "r" / "r.md").read_text()
    [effect] = pd.read_csv("r/r.csv").to_dict("records")
    assert effect["difference"] == pytest.approx(10.45)


@pytest.mark.parametrize("others", [{"narrow": 0.88}, {}])
@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_the_headline_concludes_nothing_from_arms_on_different_scales(hpsearch: Run, goal: str, others: dict[str, float]) -> None:
    """One arm in percent among fractions: it neither helps nor hurts most, nor does it count."""
    means = {"plain": 0.90, "percent": 90.0, **others}
    lines = [
        f"{arm},{seed},{mean * (1 + 0.001 * ((seed * 7 + place) % 5))}"
        for place, (arm, mean) in enumerate(means.items())
        for seed in range(5)
    ]
    Path("t.csv").write_text("\n".join(["model,seed,acc", *lines]))
    words = ("--arm", "model", "--seed", "seed", "--metric", "acc", "--goal", goal, "--out", "r.html")
    code, said, _ = hpsearch("import", "t.csv", *words)
    assert code == 0
    assert re.search(r"percent against plain .*(helps|hurts) \(on different scales\)", said)
    told = Path("r.md").read_text().split("## The answer")[1].split("## ")[0].split("\n\n")
    [warning] = [text for text in told if text.startswith("> The arms’ scores lie on different scales")]
    assert warning.endswith("Left out of the sentences below: “percent against plain”.")
    sentences = [text for text in told if text and not text.startswith((">", "*"))]
    assert all("percent" not in text for text in sentences)
    if not others:
        assert sentences == ["Nothing is concluded here: every contrast that was measured compares arms on different scales."]
    else:
        assert any(text.startswith("Of 1 other contrast, ") for text in sentences)
        assert any("“narrow against plain”" in text for text in sentences)


@pytest.mark.parametrize("out", ["t.html", "./t.html", "r/../t.html"])
def test_a_report_never_takes_the_place_of_its_source(hpsearch: Run, out: str) -> None:
    Path("t.csv").write_text(TABLE)
    Path("r").mkdir()
    code, _, complaint = hpsearch(*WORDS, "--out", out)
    assert (code, Path("t.csv").read_text()) == (2, TABLE)
    assert "would write t.csv over t.csv, which it is made from: give another name with --out" in complaint


def test_a_warning_is_printed_too(hpsearch: Run) -> None:
    lines = TABLE.splitlines()
    Path("t.csv").write_text("\n".join([*lines[:-1], ""]))  # the last epoch of one run is gone
    code, said, _ = hpsearch(*WORDS, "--out", "r.html")
    assert code == 0
    assert "Runs of one arm have different numbers of epochs (wide 2 to 3): each is scored by its last." in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--arm", "modell"), "--arm names the column 'modell', which does not exist: did you mean 'model'?"),
        (("--metric", "accc"), "--metric names the column 'accc', which does not exist: did you mean 'acc'?"),
        (("--where", "seed=9"), "--where seed=9 leaves no row: known are 0, 1, 2, 3"),
        (("--arms", "plain,wid"), "--arms names 'wid', which no row has: did you mean 'wide'?"),
        (("--base", "plane"), "--base names 'plane', which is not an arm: did you mean 'plain'?"),
        (("--design", "leder"), "--design 'leder' is not known: did you mean 'ladder'?"),
        (("--goal", "best"), "--goal is maximise or minimise, got 'best'"),
        (("--scale", "0"), "--scale and --offset are numbers, and --scale is not 0: got 0 and 0"),
        (("--settings", "no.csv"), "--settings takes a CSV or Parquet table, and no.csv is not one"),
        (("--pattern", "x"), "--pattern is matched against the runs' names: say which column that is with --run"),
        (("--format", "wandb"), "t.csv cannot be read as wandb: import takes a CSV or Parquet table"),
        (("--out", "r.pdf"), "a report is an HTML file: name it r.html, got r.pdf"),
        (("--question", " "), "--question is empty: say in one sentence what the results answer"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(hpsearch: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    Path("t.csv").write_text(TABLE)
    code, printed, complaint = hpsearch(*WORDS, "--out", "r.html", *words)
    assert code == 2
    assert complaint.startswith(f"hpsearch: {said}")
    assert complaint.count("\n") == 1
    assert printed == ""
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_without_a_source_the_usage_is_shown(hpsearch: Run) -> None:
    code, _, complaint = hpsearch("import")
    assert code == 2
    assert "SOURCE" in complaint


def command(report: str) -> list[str]:
    """The command in a committed report's provenance."""
    [line] = [line for line in (ROOT / "reports" / f"{report}.md").read_text().splitlines() if line.startswith("| command |")]
    return shlex.split(line.split("|")[2].replace("\\", ""))[1:]


@pytest.mark.skipif(not (SHARED / "gluoncv_imagenet_logs").is_dir(), reason="needs the shared data beside the project")
@pytest.mark.parametrize("report", ["gluoncv_ladder", "algoperf_label_smoothing"])
def test_a_committed_report_is_what_its_command_makes(hpsearch: Run, report: str) -> None:
    words = [word.replace("../shared/data", str(SHARED)) for word in command(report)]
    words[words.index("--out") + 1] = "again.html"
    code, _, complaint = hpsearch(*words)
    assert (code, complaint) == (0, "")
    pd.testing.assert_frame_equal(pd.read_csv("again.csv"), pd.read_csv(ROOT / "reports" / f"{report}.csv"))


def test_the_ladder_of_single_runs_has_no_interval() -> None:
    found = pd.read_csv(ROOT / "reports" / "gluoncv_ladder.csv")
    assert found["difference"].round(2).tolist() == [0.33, 0.33, 0.47, 0.61, 1.75]  # 77.33, 77.66, 78.00, 78.47, 79.08
    assert found["low"].isna().all()
    assert set(found["verdict"]) == {"one run gives no interval"}


def test_label_smoothing_is_worth_what_five_runs_each_say() -> None:
    [found] = pd.read_csv(ROOT / "reports" / "algoperf_label_smoothing.csv").to_dict("records")
    assert [round(found[name], 2) for name in ("difference", "low", "high")] == [0.84, 0.67, 1.0]
    assert (found["verdict"], found["seeds"]) == ("helps", 5)
