"""The command line as a user meets it: every command on a small study, and one sentence for every mistake."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.giving import giving

HEAD = """
from dataclasses import dataclass
from hpsearch import *
from hpsearch.training import Recipe, digits, image_folder

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False
    deep: bool = False

def train(config, seed, epochs, run):
    for epoch in range(epochs):
        yield {"top1": 50.0 + 10 * config.wide + config.deep + (seed * 7919 + epoch + 3 * config.wide * seed) % 13 / 10}

wide, deep = Trick("wide", {"wide": True}), Trick("deep", {"deep": True})
space = Space(rate=10 ** Uniform(-3, 0))
tune = Tune(space, rounds=Round(points=4, epochs=1))
"""
GOOD = HEAD + 'study = Study(question="Does it work?", base=Config(), train=train, vary=ladder(wide, deep), tune=tune, epochs=2)\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hpsearch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a command in an empty folder; exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    return giving(monkeypatch, capsys)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_from_nothing_to_a_report(hpsearch: Run, tmp_path: Path) -> None:
    Path("mine.py").write_text(GOOD)
    code, said, _ = hpsearch("plan", "mine.py")
    assert code == 0
    assert "27 wanted, 0 done" in said  # 3 searches of 4 points, 3 arms of 5 seeds
    assert "epochs      42 in total" in said
    assert {file for file in files(tmp_path) if not file.startswith("cache")} == {"mine.py"}  # a plan writes nothing else
    code, said, _ = hpsearch("run", "mine.py", "--here")
    assert code == 0
    assert "27 of 27 trials done, 0 running, 0 failed" in said
    assert re.search(r"\+ wide +\+(9|10)\.\d\d +\[\+\d+\.\d\d, \+\d+\.\d\d\] +helps", said)
    assert {"runs/mine.html", "runs/mine.md", "runs/mine.csv", "runs/hpsearch.db"} <= files(tmp_path)
    code, said, _ = hpsearch("run", "mine.py", "--here")
    assert "27 of 27 trials done, 0 running, 0 failed" in said
    assert "; 0 of them ran now" in said
    code, said, _ = hpsearch("status", "mine.py")
    assert "27 complete, 0 running, 0 waiting, 0 failed; 27 wanted in total" in said
    assert "not running now" in said
    code, said, _ = hpsearch("report", "mine.py", "--out", "elsewhere/r.html")
    assert said.split() == ["elsewhere/r.html", "elsewhere/r.md", "elsewhere/r.csv"]
    code, said, _ = hpsearch("plan", "mine.py")
    assert "27 wanted, 27 done" in said
    assert "nothing left to run" in said


def test_the_study_of_ones_own_function_runs(hpsearch: Run) -> None:
    study = Path(__file__).parents[2] / "studies" / "own_function.py"
    assert len(study.read_text().splitlines()) < 40
    code, said, complaint = hpsearch("run", str(study), "--here")
    assert code == 0, complaint
    assert "0 failed" in said
    assert re.search(r"scaled pixels in the full stack +[+-]\d+\.\d+ +\[", said)


@pytest.mark.parametrize("option", [(), ("--own",)])
def test_a_new_study_can_be_planned(hpsearch: Run, option: tuple[str, ...]) -> None:
    assert hpsearch("new", "studies/mine.py", *option)[0] == 0
    code, said, _ = hpsearch("plan", "studies/mine.py")
    assert code == 0
    assert "trials" in said
    code, _, complaint = hpsearch("new", "studies/mine.py")
    assert (code, complaint.strip()) == (2, "hpsearch: studies/mine.py exists: name another file, or remove it")


def test_a_report_before_any_run_says_so(hpsearch: Run) -> None:
    Path("mine.py").write_text(GOOD)
    assert hpsearch("report", "mine.py")[0] == 0
    assert "0 of" in Path("runs/mine.md").read_text()


def test_a_failed_trial_shows_and_can_be_retried(hpsearch: Run) -> None:
    failing = GOOD.replace(
        "for epoch in range(epochs):", "if seed == 3:\n        raise OSError('no space left')\n    for epoch in range(epochs):"
    )
    Path("mine.py").write_text(failing)
    code, said, _ = hpsearch("run", "mine.py", "--here")
    assert code == 1
    assert "3 failed" in said
    _, said, _ = hpsearch("status", "mine.py")
    assert "seed 3: OSError: no space left" in said
    assert "0 of them ran now" in hpsearch("run", "mine.py", "--here")[1]
    assert "3 of them ran now" in hpsearch("run", "mine.py", "--here", "--retry-failed")[1]


def test_planning_imports_neither_torch_nor_ray(tmp_path: Path) -> None:
    quickstart = Path(__file__).parents[2] / "studies" / "quickstart.py"
    code = (
        "import sys; sys.argv = ['hpsearch', 'plan', sys.argv[1]]\n"
        "from hpsearch.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as left: print(left.code, [m for m in ('torch', 'ray', 'optuna') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(quickstart)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env=os.environ | {"PYTHONPATH": str(quickstart.parents[1])},
    )
    assert done.stdout.splitlines()[-1] == "0 []"


STUDIES = {
    "not there": (None, "there is no study file mine.py: write one with `hpsearch new mine.py`"),
    "syntax": ("study = (\n", "mine.py, line 1: '(' was never closed"),
    "exception": ("x = 1\nx.y\n", "mine.py, line 2: AttributeError: 'int' object has no attribute 'y'"),
    "no study": (HEAD, "mine.py defines no study"),
    "two studies": (GOOD + "other = Study(question='b', base=Config(), train=train, tune=tune, epochs=2)\n", "defines 2 studies, study, other"),
    "unknown field": (HEAD + "Study(question='q', base=Config(), train=train, epochs=2, vary=ladder(Trick('x', {'wid': 1})))", "did you mean 'wide'?"),
    "unknown recipe field": (
        HEAD + "Study(question='q', base=Recipe(data=digits()), tune=Tune(Space(learning_rat=Uniform(0, 1)), rounds=Round(points=1, epochs=1)))",
        "did you mean 'learning_rate'?",
    ),
    "low above high": (HEAD + "Uniform(2, 1)", "mine.py, line 19: Uniform needs low < high, got low=2, high=1"),
    "log of zero": (HEAD + "LogUniform(0, 1)", "LogUniform needs 0 < low < high, got low=0, high=1"),
    "two tricks, one field": (HEAD + "ladder(wide, Trick('w2', {'wide': 2}))", "both set 'wide' and cannot share an arm"),
    "trick changes nothing": (
        HEAD + "Study(question='q', base=Config(wide=True), train=train, epochs=2, vary=ladder(wide))",
        "trick 'wide' changes nothing: the base already has wide=True",
    ),
    "tuned and set": (
        HEAD + "Study(question='q', base=Config(), train=train, epochs=2, tune=tune, vary=ladder(Trick('r', {'rate': 1.0})))",
        "'rate' is both tuned and set by trick 'r'",
    ),
    "budget": (GOOD.replace("epochs=2)", "epochs=2, budget=40)"), "the study needs 42 epochs and the budget is 40"),
    "one seed": (GOOD.replace("epochs=2)", "epochs=2, seeds=1)"), "an interval on a difference needs at least 2 seeds, got seeds=1"),
    "data missing": (HEAD + "study = Study(question='q', base=Recipe(data=image_folder('nowhere', size=8)), vary=ladder(Trick('c', {'schedule': 'cosine'})))", "nowhere"),
    "variable unset": (
        HEAD + "study = Study(question='q', base=Recipe(data=image_folder('$HPSEARCH_NOTHING', size=8)), vary=ladder(Trick('c', {'schedule': 'cosine'})))",
        "HPSEARCH_NOTHING is not set",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STUDIES)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_mistake_in_the_study_is_one_sentence(hpsearch: Run, tmp_path: Path, case: str, command: str) -> None:
    text, sentence = STUDIES[case]
    if text is not None:
        Path("mine.py").write_text(text)
    before = files(tmp_path)
    code, said, complaint = hpsearch(command, "mine.py")
    assert code == 2
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert "Traceback" not in said + complaint
    assert files(tmp_path) == before


YIELDS = {
    "return None": "must yield a mapping per epoch",
    "yield from ()": "yielded 0 of the 1 epochs it was asked for",
    "yield 3.0": "gave 3.0 for epoch 1: it must be a mapping of metrics",
    "yield {'loss': 1.0}": "has no metric 'top1', which the study scores: it has loss",
    "yield {'top1': '1'}": "metric 'top1' is '1' in epoch 1: it must be a number",
    "yield {'top1': float('nan')}": "all 4 failed",
}


@pytest.mark.parametrize("body", YIELDS)
def test_a_training_function_that_breaks_its_contract_is_one_sentence(hpsearch: Run, body: str) -> None:
    start = GOOD.index("    for epoch in range(epochs):")
    end = GOOD.index("\nwide, deep")
    Path("mine.py").write_text(GOOD[:start] + f"    {body}\n" + GOOD[end:])
    code, said, complaint = hpsearch("run", "mine.py", "--here")
    assert code == 2
    assert YIELDS[body] in complaint
    assert "Traceback" not in said + complaint
    assert hpsearch("status", "mine.py")[0] == 0  # the record is whole


def image_study(folder: Path) -> None:
    Path("mine.py").write_text(
        HEAD
        + f"study = Study(question='q', base=Recipe(data=image_folder({str(folder)!r}, size=8)), vary=ladder(Trick('c', {{'schedule': 'cosine'}})))"
    )


def make_images(folder: Path, classes: int, images: int = 12) -> None:
    for label in range(classes):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(images):
            pixels = np.full((9, 9, 3), 20 * label + number, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class{label}" / f"{number}.png")


@pytest.mark.parametrize(("classes", "sentence"), [(0, "class"), (1, "class0")])
def test_a_useless_image_folder_is_one_sentence(hpsearch: Run, tmp_path: Path, classes: int, sentence: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    make_images(data, classes)
    image_study(data)
    before = files(tmp_path)
    code, _, complaint = hpsearch("run", "mine.py")
    assert code == 2
    assert sentence in complaint
    assert str(data) in complaint
    assert files(tmp_path) == before


def test_a_file_that_is_no_image_is_named(hpsearch: Run, tmp_path: Path) -> None:
    make_images(tmp_path / "data", 2)
    (tmp_path / "data" / "class1" / "3.png").write_text("no picture")
    image_study(tmp_path / "data")
    code, _, complaint = hpsearch("run", "mine.py")
    assert code == 2
    assert "class1/3.png cannot be read as an image" in complaint
    assert not Path("runs").exists()
    assert not [name for name in files(tmp_path) if name.endswith(".npy")]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--gpus", "2"], "a trial trains on one GPU, got --gpus 2: the built-in loop uses one"),
        (["--cpus", "4096"], "a trial asks for 4096 CPUs and this machine has"),
        (["--cpus", "0"], "a trial needs a positive number of CPUs"),
        (["--data", "nowhere"], "--data nowhere is not a folder"),
        (["--record", "/proc/none/x.db"], "cannot write the record at /proc/none/x.db"),
        (["--record", "mine.py"], "cannot use the record at mine.py: file is not a database"),
        (["--record", "nosuch://x"], "cannot use the record at nosuch://x"),
    ],
)
def test_a_mistake_in_the_options_is_one_sentence(hpsearch: Run, tmp_path: Path, options: list[str], sentence: str) -> None:
    Path("mine.py").write_text(GOOD)
    before = files(tmp_path)
    code, said, complaint = hpsearch("run", "mine.py", "--here", *options)
    assert code == 2
    assert sentence in complaint
    assert "Traceback" not in said + complaint
    assert files(tmp_path) == before


def test_debug_shows_where_a_mistake_was_found(hpsearch: Run) -> None:
    Path("mine.py").write_text(HEAD)
    code, _, complaint = hpsearch("plan", "mine.py", "--debug")
    assert code == 2
    assert "Traceback" in complaint


def test_a_fault_of_ours_shows_its_traceback(hpsearch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(GOOD)
    monkeypatch.setattr("hpsearch.trials.launch.check_data", lambda file: 1 / 0)
    code, _, complaint = hpsearch("plan", "mine.py")
    assert code == 70
    assert "ZeroDivisionError" in complaint
    assert "this is a fault in hpsearch" in complaint


def test_the_record_keeps_where_results_come_from(hpsearch: Run) -> None:
    Path("mine.py").write_text(GOOD)
    hpsearch("run", "mine.py", "--here")
    from hpsearch.results.record import Record

    launch = Record.open("runs/hpsearch.db").launch("mine")
    assert launch is not None
    assert launch["study_text"] == GOOD
    told = json.loads(launch["provenance"])
    assert told["command"] == "hpsearch run mine.py --here"
    assert told["commit"] == "not in a git repository"
    assert "torch 2." in told["packages"]
    assert launch["outcome"] == "done"
