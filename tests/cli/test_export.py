"""``hpsearch export``: Optuna studies of a search on the command line, once or for as long as it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hpsearch.errors import Refused
from hpsearch.results.record import Record
from tests.cli.giving import giving

STUDY = """
from dataclasses import dataclass
import sqlite3
import time
from hpsearch import *

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False

def exported():
    try:
        return sqlite3.connect("file:runs/optuna.db?mode=ro", uri=True).execute("select count(*) from studies").fetchone()[0] > 0
    except sqlite3.Error:
        return False

def train(config, seed, epochs, run):
    while WAITS and not exported():
        time.sleep(0.02)
    for epoch in range(epochs):
        yield {"top1": 50.0 + config.rate + config.wide + epoch}

tune = Tune(Space(rate=10 ** Uniform(-3, 0)), rounds=(Round(points=4, epochs=1, keep=1), Round(points=3, epochs=2)), arms="base", confirm=None)
study = Study(question="Q?", base=Config(), train=train, vary=ladder(Trick("wide", {"wide": True})), tune=tune, epochs=1, seeds=2)
"""
NAMES = ["mine · base · round 1", "mine · base · round 2"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hpsearch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a command in an empty folder; exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)

    return giving(monkeypatch, capsys)


def states(name: str) -> set[TrialState]:
    return {trial.state for trial in optuna.load_study(study_name=name, storage="sqlite:///runs/optuna.db").trials}


def driven() -> bool:
    try:
        return Record.open("runs/hpsearch.db").holder() is not None
    except Refused:  # not there yet, or just being made
        return False


def test_a_finished_search_is_exported_and_named(hpsearch: Run) -> None:
    Path("mine.py").write_text(STUDY.replace("WAITS", "False"))
    assert hpsearch("run", "mine.py", "--here")[0] == 0
    code, said, complaint = hpsearch("export", "mine.py", "--optuna", "sqlite:///runs/optuna.db")
    assert (code, complaint) == (0, "")
    assert said.splitlines() == [*NAMES, "view them with: optuna-dashboard sqlite:///runs/optuna.db"]
    assert [states(name) for name in NAMES] == [{TrialState.COMPLETE}] * 2
    best = optuna.load_study(study_name=NAMES[1], storage="sqlite:///runs/optuna.db").best_trial
    assert best.value == pytest.approx(51.0 + best.params["rate"])


def test_following_goes_on_until_the_run_ends(hpsearch: Run) -> None:
    Path("mine.py").write_text(STUDY.replace("WAITS", "True"))
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "hpsearch", "run", "mine.py", "--here"]
    with subprocess.Popen(command, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while not driven():
            assert run.poll() is None
            time.sleep(0.05)
        code, said, complaint = hpsearch("export", "mine.py", "--optuna", "sqlite:///runs/optuna.db", "--follow", "0.2")
        assert run.wait() == 0
    assert (code, complaint) == (0, "")
    assert said.splitlines() == [NAMES[0], "view them with: optuna-dashboard sqlite:///runs/optuna.db", NAMES[1]]
    assert [states(name) for name in NAMES] == [{TrialState.COMPLETE}] * 2


def test_the_record_stays_as_it_was(hpsearch: Run) -> None:
    Path("mine.py").write_text(STUDY.replace("WAITS", "False"))
    hpsearch("run", "mine.py", "--here")
    before = hpsearch("status", "mine.py")
    for url in (
        "sqlite:///runs/hpsearch.db",
        "sqlite:///runs/../runs/hpsearch.db",
        f"sqlite:///{Path('runs/hpsearch.db').absolute()}",
    ):
        code, _, complaint = hpsearch("export", "mine.py", "--optuna", url)
        assert code == 2
        assert "is a record of hpsearch, and Optuna's view must not be written into it" in complaint
    assert hpsearch("status", "mine.py") == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--optuna", "runs/optuna.db"], "--optuna takes a URL such as sqlite:///runs/optuna.db"),
        (["--optuna", "sqlite:////proc/none/x.db"], "unable to open database file"),
        (["--optuna", "sqlite:///x.db", "--follow", "0"], "--follow takes the seconds between two exports, more than 0, got 0"),
        (["--optuna", "sqlite:///x.db", "--record", "nowhere.db"], "there is no record at nowhere.db"),
    ],
)
def test_a_mistake_is_one_sentence(hpsearch: Run, options: list[str], sentence: str) -> None:
    Path("mine.py").write_text(STUDY.replace("WAITS", "False"))
    Record.open("runs/hpsearch.db", create=True)
    code, said, complaint = hpsearch("export", "mine.py", *options)
    assert code == 2
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert "Traceback" not in said + complaint
    assert not Path("x.db").exists()


def test_a_study_without_a_search_has_nothing_to_export(hpsearch: Run) -> None:
    Path("mine.py").write_text(STUDY.replace("WAITS", "False").replace(", tune=tune", ""))
    Record.open("runs/hpsearch.db", create=True)
    code, _, complaint = hpsearch("export", "mine.py", "--optuna", "sqlite:///x.db")
    assert (code, "the study has no search to show" in complaint) == (2, True)
