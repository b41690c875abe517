"""A disk that is full, read-only or taken away in the middle of a run: a sentence, no trial's failure, and the same command goes on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.results.record import Record

KEYS = 6
STUDY = """
import json, os
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Choice, Round, Space, Study, Tune

@dataclass(frozen=True)
class Config:
    number: int = 0

def train(config, seed, epochs, run):
    for epoch in range(len(run.rows), epochs):
        DOES
        yield {"top1": float(config.number)}

study = Study(question="?", base=Config(), train=train, epochs=2, seeds=1,
              tune=Tune(Space(number=Choice(*range(6))), rounds=Round(points=6, epochs=2)))
"""
LARGE = """with run.saving() as path:
            path.write_bytes(os.urandom(400_000))
        with run.keeping(f"kept-{epoch}") as path:
            path.write_bytes(os.urandom(BYTES))"""
TORCH = """import torch
        with run.saving() as path:
            torch.save(torch.rand(100_000), path)
        with run.keeping(f"kept-{epoch}") as path:
            torch.save(torch.rand(BYTES // 4), path)"""
CAUGHT = """try:
            with run.keeping(f"kept-{epoch}") as path:
                path.write_bytes(os.urandom(BYTES))
        except Exception:
            return"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "hpsearch", folder], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def run(folder: Path, *options: str, free: str = "0", command: str = "run") -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "hpsearch", command, "own.py", *options]
    own = {"HPSEARCH_FREE_MB": free, "HPSEARCH_CACHE": str(folder / "cache"), "COLUMNS": "200"}
    return subprocess.run(words, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=250, check=False)


def study(folder: Path, does: str, size: int = 1_000_000) -> None:
    (folder / "own.py").write_text(STUDY.replace("DOES", does).replace("BYTES", str(size)))


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """The one sentence that a command ended with."""
    assert "Traceback" not in done.stdout + done.stderr
    assert "fault in hpsearch" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def attempts(folder: Path) -> int:
    """The largest number of attempts that any trial of the record was counted."""
    record = Record.open(str(folder / "x.db"))
    states = record.states(record.keys("complete") + record.keys("failed"))
    return max(state["attempts"] for state in states.values())


@pytest.mark.parametrize(
    ("does", "options"),
    [
        (LARGE, ("--here",)),
        pytest.param(TORCH, ("--here",), marks=pytest.mark.full),
        (CAUGHT, ("--here",)),
        pytest.param(LARGE, (), marks=pytest.mark.full),
        pytest.param(CAUGHT, (), marks=pytest.mark.full),
    ],
)
def test_a_disk_full_of_artefacts_is_no_trials_failure(tmp_path: Path, small: Path, does: str, options: tuple[str, ...]) -> None:
    """The record is on another disk. The disk is emptied of what somebody else had on it, and the same command ends the study."""
    study(tmp_path, does, 150_000)
    (small / "somebody's").write_bytes(os.urandom(1_500_000))
    where = ("--record", "x.db", "--folder", str(small), *options)
    first = run(tmp_path, *where)
    assert first.returncode == 74, first.stdout + first.stderr
    assert f"MB free at {small}: free some; nothing that was finished is lost" in complaint(first)
    record = Record.open(str(tmp_path / "x.db"), small)
    assert record.keys("failed") == []
    before = record.states(record.keys("complete"))
    (small / "somebody's").unlink()
    assert [path for path in small.rglob(".*")] == [], "half a file is left"
    second = run(tmp_path, *where)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "7 of 7 trials done, 0 running, 0 failed" in second.stdout
    assert {key: record.states([key])[key] for key in before} == before
    assert attempts(tmp_path) <= 2


@pytest.mark.parametrize("full", [pytest.param(number, marks=pytest.mark.full if number else ()) for number in range(3)])
def test_a_disk_full_of_the_record_loses_no_row(tmp_path: Path, small: Path, full: int) -> None:
    """Record and trials are on the disk that fills up: little by little, so that it is full at another place each time."""
    study(tmp_path, LARGE, 10_000)
    where = ("--record", str(small / "x.db"), "--here", "--out", "r.html")
    left = 1_000_000 + full * 200_000
    (small / "somebody's").write_bytes(os.urandom(shutil.disk_usage(small).free - left))
    first = run(tmp_path, *where)
    assert first.returncode == 74, first.stdout + first.stderr
    assert "full" in complaint(first)
    (small / "somebody's").unlink()
    record = Record.open(str(small / "x.db"))
    assert record.keys("failed") == []
    before = record.rows(record.keys("complete"))
    second = run(tmp_path, *where)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "7 of 7 trials done, 0 running, 0 failed" in second.stdout
    assert record.rows(before) == before


def test_it_is_said_before_a_trial_begins(tmp_path: Path, small: Path) -> None:
    study(tmp_path, "pass")
    refused = run(tmp_path, "--record", str(small / "x.db"), "--here", free="50")
    assert refused.returncode == 74
    assert f"MB are free at {small}" in complaint(refused)
    assert "a trial begins with at least 50 (HPSEARCH_FREE_MB says how many): free some" in complaint(refused)
    assert run(tmp_path, "--record", str(small / "x.db"), "--here", free="many").returncode == 2


def test_no_trial_begins_once_the_disk_is_nearly_full(tmp_path: Path, small: Path) -> None:
    study(tmp_path, LARGE, 300_000)
    where = ("--record", "x.db", "--folder", str(small), "--here")
    stopped = run(tmp_path, *where, free="1.5")
    assert stopped.returncode == 74
    assert "a trial begins with at least 1.5" in complaint(stopped)
    record = Record.open(str(tmp_path / "x.db"), small)
    assert len(record.keys("complete")) > 0
    assert record.keys("failed") == record.keys("running") == []


def test_a_disk_that_can_only_be_read_is_named(tmp_path: Path, small: Path) -> None:
    study(tmp_path, LARGE, 10_000)
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    trials = run(tmp_path, "--record", "x.db", "--folder", str(small), "--here")
    assert trials.returncode == 74
    assert "Read-only file system" in complaint(trials)
    record = run(tmp_path, "--record", str(small / "x.db"), "--here")
    assert record.returncode == 2
    assert str(small) in complaint(record)
    assert "give another" in complaint(record)


@pytest.mark.parametrize("gone", ["trials", ".", "x.db"])
@pytest.mark.parametrize("options", [("--here",), pytest.param((), marks=pytest.mark.full)])
def test_files_that_are_deleted_in_the_middle_of_a_run(tmp_path: Path, gone: str, options: tuple[str, ...]) -> None:
    """The folder of the trials, that of everything, the record alone: a sentence, no failure, and the same command ends the study."""
    store = tmp_path / "store"
    removes = f"""if config.number == 3 and not (Path({str(tmp_path)!r}) / "done").exists():
            (Path({str(tmp_path)!r}) / "done").touch()
            import shutil
            gone = Path({str(store / gone)!r})
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        with run.saving() as path:
            path.write_text("x")"""
    study(tmp_path, removes)
    first = run(tmp_path, "--record", str(store / "x.db"), *options)
    assert first.returncode in (65, 74), first.stdout + first.stderr
    assert str(store) in complaint(first)
    second = run(tmp_path, "--record", str(store / "x.db"), "--here")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "7 of 7 trials done, 0 running, 0 failed" in second.stdout
