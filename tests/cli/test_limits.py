"""Limits and processes of their own, from the command line: what crashes or hangs is a failed trial with its reason."""

from pathlib import Path

import pytest

from tests.cli.giving import Given, giving

STUDY = """
import os
import signal
import time
from dataclasses import dataclass
from hpsearch import Limits, Study, Trick, one_at_a_time

@dataclass(frozen=True)
class Config:
    how: str = "well"

def _stand_still():
    time.sleep(3600)

def train(config, seed, epochs, run):
    for epoch in range(epochs):
        if epoch == 1 and config.how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if epoch == 1 and config.how == "hang":
            _stand_still()
        yield {"top1": epoch + seed / 7}

study = Study(
    question="?", base=Config(), train=train, epochs=3, seeds=2, vary=one_at_a_time(Trick("bad", {"how": "WORSE"})), LIMITS
)
"""
STOOD = "its worker died 3 times; the last time, nothing was heard of it for 2 s, its limit, after epoch 1"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Given:
    return giving(monkeypatch, capsys)


def study(folder: Path, how: str, limits: str = "") -> str:
    (folder / "own.py").write_text(STUDY.replace("WORSE", how).replace("LIMITS", limits))
    return str(folder / "own.py")


@pytest.mark.parametrize("limits", ["the study's", "the command's"])
def test_a_training_that_hangs_fails_alone_and_its_place_is_shown(limits: str, given: Given, tmp_path: Path) -> None:
    own = limits == "the study's"
    path = study(tmp_path, "hang", 'limits=Limits(silence="2s")' if own else "")
    code, said, _ = given("run", path, "--record", str(tmp_path / "x.db"), "--here", *(() if own else ("--limit-silence", "2s")))
    assert code == 1
    assert f"2 trials failed: {STOOD}" in said
    assert "4 of 4 trials done, 0 running, 2 failed" in said
    key = said.partition("as in ")[2][:12]
    _, shown, _ = given("show", path, key, "--record", str(tmp_path / "x.db"))
    assert "_stand_still" in shown


def test_under_isolate_a_crash_costs_its_trial(given: Given, tmp_path: Path) -> None:
    code, said, _ = given("run", study(tmp_path, "crash"), "--record", str(tmp_path / "x.db"), "--here", "--isolate")
    assert code == 1
    ended = "its process was ended by signal 11 (SIGSEGV) after epoch 1"
    assert f"2 trials failed: its worker died 3 times; the last time, {ended}" in said
    assert (tmp_path / "own.html").is_file()


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--limit-time", "soon", "a time such as '90s', '30m', '12h' or '2d' and above 0"),
        ("--limit-silence", "-5m", "a time such as '90s', '30m', '12h' or '2d' and above 0"),
        ("--limit-memory", "8 elephants", "a size such as '900MB', '8GB' or '8GiB' and above 0"),
        ("--limit-memory", "0", "a size such as '900MB', '8GB' or '8GiB' and above 0"),
        ("--limit-time", "1.2.3h", "a time such as '90s', '30m', '12h' or '2d' and above 0"),
    ],
)
def test_a_limit_that_is_none_is_refused(option: str, value: str, wanted: str, given: Given, tmp_path: Path) -> None:
    code, _, said = given("run", study(tmp_path, "crash"), "--record", str(tmp_path / "x.db"), option, value)
    assert (code, said.strip()) == (2, f"hpsearch: {option} is {wanted}, got {value!r}")
    assert not (tmp_path / "x.db").exists()
