"""The driver of the quickstart is killed with SIGKILL or SIGTERM in the middle, and the command is given again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "studies" / "quickstart.py"


def command(study: Path, folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "hpsearch", "run", str(study), "--record", str(folder / "x.db"), "--slots", "2", *options]


def ledger(folder: Path) -> list[dict]:
    path = folder / "trials" / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)  # between looks at the condition


def done(folder: Path) -> list[str]:
    return [line["key"] for line in ledger(folder) if line["event"] == "done"]


def check_nothing_ran_twice(lines: list[dict]) -> None:
    finished: set[str] = set()
    for line in lines:
        assert not (line["event"] == "start" and line["key"] in finished), f"{line['key']} had finished and was started again"
        if line["event"] == "done":
            assert line["key"] not in finished
            finished.add(line["key"])


@pytest.mark.timeout(600)  # two runs of the quickstart on a slow machine
def test_the_quickstart_survives_kill_9(tmp_path: Path) -> None:
    first = subprocess.Popen(command(QUICKSTART, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(done(tmp_path)) >= 34, first)  # in the middle of the ablation
    first.kill()
    first.wait()
    before = done(tmp_path)
    second = subprocess.run(command(QUICKSTART, tmp_path), capture_output=True, text=True, timeout=400, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "90 of 90 trials done, 0 running, 0 failed" in second.stdout
    assert "Last result" not in second.stdout, "Ray speaks up"
    lines = ledger(tmp_path)
    check_nothing_ran_twice(lines)
    assert len(set(done(tmp_path))) == len(done(tmp_path)) == 90
    assert set(before) < set(done(tmp_path))
    interrupted = {line["key"] for line in lines if line["event"] == "start" and line["attempt"] == 1}
    assert len(interrupted) == 90
    assert (tmp_path / "quickstart.html").stat().st_size > 1_000_000


def test_the_check_sees_a_trial_that_runs_twice() -> None:
    lines = [{"event": event, "key": "a"} for event in ("start", "done", "start")]
    with pytest.raises(AssertionError, match="started again"):
        check_nothing_ran_twice(lines)


OWN = """
import time
from dataclasses import dataclass
from hpsearch import Choice, Round, Space, Study, Tune

@dataclass(frozen=True)
class Config:
    number: int = 0

def train(config, seed, epochs, run):
    for epoch in range(len(run.rows), epochs):
        time.sleep(0.05)
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(config.number)}

study = Study(question="?", base=Config(), train=train, epochs=4, seeds=1,
              tune=Tune(Space(number=Choice(*range(40))), rounds=Round(points=40, epochs=4)))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("here", [True, False])
def test_a_signal_stops_it_and_the_same_command_goes_on(tmp_path: Path, number: int, code: int, here: bool) -> None:
    study = tmp_path / "own.py"
    study.write_text(OWN)
    options = ["--here"] if here else []
    first = subprocess.Popen(command(study, tmp_path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(done(tmp_path)) >= 3, first)
    os.kill(first.pid, number)
    _, said = first.communicate(timeout=60)
    assert (first.returncode, said.strip().splitlines()[-1]) == (code, "stopped; run the same command again to go on")
    assert "Traceback" not in said
    before = len(done(tmp_path))
    assert before < 20
    second = subprocess.run(command(study, tmp_path, "--here"), capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    check_nothing_ran_twice(ledger(tmp_path))
