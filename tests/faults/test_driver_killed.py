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


# the quickstart with fewer points, epochs and seeds, and a training that costs nothing: the same searches, arms and report
SMALLER = {
    "from hpsearch import OneMinus": "import random\nimport time\nfrom pathlib import Path\nfrom hpsearch import OneMinus",
    "images=450": "images=150",
    "epochs=8, batch_size": "epochs=2, batch_size",
    "points=16, epochs=2, keep=3": "points=4, epochs=1, keep=2",
    "points=8, epochs=4, keep=2": "points=3, epochs=1, keep=2",
    "points=4, epochs=8": "points=2, epochs=2",
    "seeds=5": "seeds=2, train=train",
    "budget=700": "budget=60",
    "study = Study(": """
def train(config, seed, epochs, run):
    here = Path("FOLDER")
    with open(here / "begun", "a") as begun:
        begun.write("one\\n")
    while (here / "begun").read_text().count("one") > BEFORE and not (here / "go").exists():
        time.sleep(0.02)  # those in the middle wait for the driver to be killed
    for epoch in range(len(run.rows), epochs):
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": 100 * random.Random(f"{config} {seed} {epoch}").random()}


study = Study(""",
}


@pytest.fixture
def smaller(tmp_path: Path) -> Path:
    text = QUICKSTART.read_text()
    for whole, part in SMALLER.items():
        assert text.count(whole) == 1, f"the quickstart no longer says {whole!r}"
        text = text.replace(whole, part)
    (tmp_path / "smaller.py").write_text(text.replace("FOLDER", str(tmp_path)).replace("BEFORE", "15"))
    return tmp_path / "smaller.py"


def test_a_small_quickstart_survives_kill_9(tmp_path: Path, smaller: Path) -> None:
    survives(smaller, tmp_path, trials=33, killed_after=14)  # in the ablation: the search has nine trials


@pytest.mark.full
@pytest.mark.timeout(600)  # two runs of the quickstart on a slow machine
def test_the_quickstart_survives_kill_9(tmp_path: Path) -> None:
    survives(QUICKSTART, tmp_path, trials=90, killed_after=34)


def survives(study: Path, folder: Path, trials: int, killed_after: int) -> None:
    """The driver is killed in the middle of the ablation; given again, the command ends the study, and nothing runs twice."""
    first = subprocess.Popen(command(study, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(done(folder)) >= killed_after, first)
    finally:
        first.kill()
        first.wait()
    before = done(folder)
    (folder / "go").touch()
    second = subprocess.run(command(study, folder), capture_output=True, text=True, timeout=400, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"{trials} of {trials} trials done, 0 running, 0 failed" in second.stdout
    assert "Last result" not in second.stdout, "Ray speaks up"
    lines = ledger(folder)
    check_nothing_ran_twice(lines)
    assert len(set(done(folder))) == len(done(folder)) == trials
    assert set(before) < set(done(folder))
    started = {line["key"] for line in lines if line["event"] == "start" and line["attempt"] == 1}
    assert len(started) == trials
    assert (folder / f"{study.stem}.html").stat().st_size > 1_000_000


def test_the_check_sees_a_trial_that_runs_twice() -> None:
    lines = [{"event": event, "key": "a"} for event in ("start", "done", "start")]
    with pytest.raises(AssertionError, match="started again"):
        check_nothing_ran_twice(lines)


OWN = """
import time
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Choice, Round, Space, Study, Tune

@dataclass(frozen=True)
class Config:
    number: int = 0

def train(config, seed, epochs, run):
    here = Path("FOLDER")
    (here / f"begun-{config.number}").touch()
    while len(list(here.glob("begun-*"))) > 5 and not (here / "go").exists():  # the sixth waits for the driver to be killed
        time.sleep(0.02)
    for epoch in range(len(run.rows), epochs):
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(config.number)}

study = Study(question="?", base=Config(), train=train, epochs=2, seeds=1,
              tune=Tune(Space(number=Choice(*range(12))), rounds=Round(points=12, epochs=2)))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("here", [True, False])
def test_a_signal_stops_it_and_the_same_command_goes_on(tmp_path: Path, number: int, code: int, here: bool) -> None:
    study = tmp_path / "own.py"
    study.write_text(OWN.replace("FOLDER", str(tmp_path)))
    options = ["--here"] if here else []
    first = subprocess.Popen(command(study, tmp_path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(done(tmp_path)) >= 3, first)
    os.kill(first.pid, number)
    _, said = first.communicate(timeout=60)
    assert (first.returncode, said.strip().splitlines()[-1]) == (code, "stopped; run the same command again to resume")
    assert "Traceback" not in said
    assert len(done(tmp_path)) < 12
    (tmp_path / "go").touch()
    second = subprocess.run(command(study, tmp_path, "--here"), capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    check_nothing_ran_twice(ledger(tmp_path))


SWALLOWING = OWN.replace(
    "        yield {",
    """        while config.number == 3:
            try:
                time.sleep(0.05)
            except BaseException:  # also what a signal raises
                pass
        yield {""",
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_training_that_catches_everything(tmp_path: Path, number: int, code: int) -> None:
    study = tmp_path / "own.py"
    study.write_text(SWALLOWING.replace("FOLDER", str(tmp_path)))
    first = subprocess.Popen(command(study, tmp_path, "--here"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for((tmp_path / "begun-3").exists, first)
    os.kill(first.pid, number)
    if number == signal.SIGINT:  # pressed again by somebody in a hurry
        os.kill(first.pid, number)
    _, said = first.communicate(timeout=60)
    assert (first.returncode, said.strip().splitlines()[-1]) == (code, "stopped; run the same command again to resume")


@pytest.mark.parametrize("moment", ["before anything was imported", "preparing the data", "starting"])
def test_a_signal_in_the_start_up_is_answered_too(tmp_path: Path, moment: str) -> None:
    study = tmp_path / "own.py"
    study.write_text(OWN.replace("FOLDER", str(tmp_path)))
    first = subprocess.Popen(command(study, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert first.stdout
    if moment == "before anything was imported":
        wait_for(lambda: _listens(first.pid), first)  # Python itself takes some ms before that
    else:
        assert any(moment in line for line in first.stdout)  # reads until it is said
    first.terminate()
    _, said = first.communicate(timeout=60)
    assert (first.returncode, said.strip().splitlines()[-1]) == (143, "stopped; run the same command again to resume")
    assert "Traceback" not in said


def _listens(process: int) -> bool:
    """Whether a process has put a handler of its own for SIGTERM (Linux tells)."""
    caught = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
