"""Exit codes are what ``hpsearch --help`` says: a table of situations, each really brought about."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from hpsearch.cli.main import EXIT_CODES
from hpsearch.cli.signals import raise_on_signals
from tests.cli.giving import giving

STUDY = """
import os, signal, sys
from dataclasses import dataclass
from hpsearch import *

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False

def train(config, seed, epochs, run):
    for epoch in range(epochs):
        {body}
        yield {{"top1": 50.0 + config.wide + seed}}

study = Study(question="?", base=Config(), train=train, vary=ladder(Trick("wide", {{"wide": True}})), epochs=2, seeds=2{more})
"""
SEARCH = ", tune=Tune(Space(rate=Uniform(0, 1)), Round(points=4, epochs=1))"
SPLIT = "def __post_init__(self):\n        if 0.2 < self.rate < 0.9: raise {error}('no')\n\ndef train"

TWICE = SEARCH.replace("Round(points=4, epochs=1)", "(Round(points=4, epochs=1), Round(points=2, epochs=2))")
LATE = "def __post_init__(self):\n        if os.path.exists('late') and self.rate != 0.1: raise ValueError('no')\n\ndef train"


def study(body: str = "pass", more: str = "", between: str | None = None) -> str:
    text = STUDY.format(body=body, more=more)
    return text.replace("def train", f"    {between}", 1) if between else text


RUN = ("run", "mine.py", "--here")
Case = tuple[tuple[str, ...], str, int, str]  # words of the command, the study file, exit code, what is said

CASES: dict[str, Case] = {
    "done": (RUN, study(), 0, "4 of 4 trials done, 0 running, 0 failed"),
    "help": (("run", "--help"), study(), 0, "or resume it"),
    "plan": (("plan", "mine.py"), study(), 0, "4 wanted, 0 done"),
    "some failed": (RUN, study("if config.wide: raise OSError('disk')"), 1, "2 trials failed: OSError: disk (arm wide"),
    "all failed": (RUN, study("raise OSError('disk')"), 1, "4 trials failed: OSError: disk"),
    "sys.exit in a trial": (RUN, study("sys.exit(0)"), 1, "4 trials failed: SystemExit: sys.exit(0) was called"),
    "os._exit in a trial": (RUN, study("os._exit(0)"), 1, "4 trials failed: RuntimeError: os._exit(0) was called"),
    "a breach in one arm": (RUN, study("if config.wide: return"), 1, "2 trials failed: the training function yielded 0 of the 2"),
    "a breach in all": (RUN, study("yield 3"), 2, "gave 3 for epoch 1: it must be a mapping of metrics"),
    "all points fail": (RUN, study("raise OSError('disk')", SEARCH), 2, "all 4 failed"),
    "no study": (("run", "other.py"), study(), 2, "there is no study file other.py"),
    "no command": (("walk", "mine.py"), study(), 2, "No such command"),
    "no option": (("run", "mine.py", "--fast"), study(), 2, "No such option"),
    "no number": (("run", "mine.py", "--cpus", "x"), study(), 2, "--cpus"),
    "sys.exit in the file": (RUN, study() + "\nsys.exit(0)", 2, "mine.py, line 18: SystemExit: sys.exit(0) was called"),
    "an odd error in the file": (RUN, study() + "\nraise ValueError('\\udcff')", 2, r"line 18: ValueError: \udcff"),
    "a point that is refused": (RUN, study("pass", SEARCH, SPLIT.format(error="ValueError")), 2, "a point of the search: ValueError: no"),
    "a point, otherwise": (RUN, study("pass", SEARCH, SPLIT.format(error="KeyError")), 2, "a point of the search: KeyError: 'no'"),
    "a point of a later round": (RUN, study("open('late', 'w').close()", TWICE, LATE), 2, "a point of the search: ValueError: no"),
    "a fault of ours": (RUN, study(), 70, "this is a fault in hpsearch"),
    "in use": (RUN, study(), 75, "the record is in use"),
    "Ctrl-C": (RUN, study("os.kill(os.getpid(), signal.SIGINT)"), 130, "stopped; run the same command again"),
    "KeyboardInterrupt": (RUN, study("raise KeyboardInterrupt"), 1, "4 trials failed: KeyboardInterrupt (arms base and wide"),
    "SIGTERM": (RUN, study("os.kill(os.getpid(), signal.SIGTERM)"), 143, "stopped; run the same command again"),
}  # fmt: skip


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    raise_on_signals()  # as the command does first of all

    def given(*words: str) -> tuple[int, str]:
        code, out, err = giving(monkeypatch, capsys)(*words)
        return code, out + err

    yield given
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", CASES)
def test_exit_codes_are_those_of_the_table(give: Callable, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    words, text, code, sentence = CASES[name]
    Path("mine.py").write_text(text, encoding="utf-8")
    if name == "a fault of ours":
        monkeypatch.setattr("hpsearch.trials.launch.check_data", lambda file: 1 / 0)
    if name == "in use":
        Path("runs").mkdir()
        with FileLock("runs/hpsearch.db.lock"):
            left, said = give(*words)
    else:
        left, said = give(*words)
    assert left == code, said
    assert sentence in said
    assert ("Traceback" in said) == (code == 70)
    if words == RUN:
        begun = Path("runs/trials/ledger.jsonl").exists()  # a trial was
        assert ("report: runs/mine.html" in said) + ("no report was written" in said) == begun, said
        assert Path("runs/mine.html").exists() == ("report: runs/mine.html" in said)


def test_a_study_that_was_ended_early_says_so_in_its_report_and_goes_on_once_mended(give: Callable) -> None:
    """Three breaches alike end it; the metric was misspelt, so the training function, and with it every key, stays as it was."""
    Path("mine.py").write_text(study(more=", metric='top'"))
    code, said = give(*RUN)
    assert code == 2
    broke = "3 trials broke the contract of a training function in the same way"
    assert "0 of 4 trials done, 0 running, 0 failed, 3 to be run again, " in said
    assert (
        f"{broke}, ended the study and wait to be run again: the row of epoch 2 has no metric 'top', which the study scores" in said
    )
    assert not re.search(r"[1-9]\d* trials? failed", said)
    reason = "the row of epoch 2 has no metric 'top', which the study scores: it has top1; did you mean 'top1'?"
    page = Path("runs/mine.md").read_text().replace("\\", "")
    assert f"This study ended early, with 0 of 4 trials done: {broke}. The first: {reason}." in page
    assert f"{broke}, which ended the study. Once the cause is fixed, `hpsearch run` alone tries them again" in page
    assert page.count("| waiting | measurement | ") == page.count(f"| {reason} |") == 3
    assert "* failed: 0\n* to be run again: 3\n" in page
    assert "**Trials that ended the study, with the reason given.**" in page
    assert "Nothing has run yet" not in page
    assert "No trial failed" not in page
    code, said = give("status", "mine.py")
    assert "4 waiting, 0 failed" in said
    assert f"{broke}, ended the study and wait to be run again: the row of epoch 2" in said
    assert "--retry-failed" not in said
    shown = give("show", said.split("hpsearch show ")[1].split("`")[0])[1]
    assert "waiting to be run again, it ended the study: the row of epoch 2 has no metric" in shown
    Path("mine.py").write_text(study())
    code, said = give(*RUN)
    assert (code, "4 of 4 trials done, 0 running, 0 failed" in said, "ended the study" in said) == (0, True, False)
    assert "No trial failed." in Path("runs/mine.md").read_text()


def test_a_loop_that_is_too_long_is_said_once_and_is_no_failure(give: Callable) -> None:
    Path("mine.py").write_text(study().replace("range(epochs)", "range(epochs + 2)"))
    code, said = give(*RUN)
    assert (code, said.count("the loop of the training function is longer than the epochs it is asked for: rows beyond")) == (0, 1)
    assert "4 of 4 trials done, 0 running, 0 failed" in said
    assert "longer" not in give(*RUN)[1]  # nothing ran


def test_the_help_names_those_of_the_table_that_are_no_success(give: Callable) -> None:
    named = {int(code) for code in re.findall(r"(?:^|[;:] |or )(\d+)\b", " ".join(EXIT_CODES.split()))}
    assert {code for _, _, code, _ in CASES.values()} <= named
    assert "Exit codes: 0 done" in " ".join(give("--help")[1].split())


def test_a_study_that_was_stopped_goes_on(give: Callable) -> None:
    text = study("if seed and not os.path.exists('once'): open('once', 'w').close(); os.kill(os.getpid(), signal.SIGTERM)")
    Path("mine.py").write_text(text)
    assert give(*RUN)[0] == 143
    code, said = give(*RUN)
    assert code == 0
    assert "4 of 4 trials done" in said
    assert os.path.exists("once")
