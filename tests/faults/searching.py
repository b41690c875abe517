"""A study that can be held up anywhere and keeps a ledger of its own, the command that runs it, and what must be true afterwards.

The ledger is the truth: the training itself appends a line for every start and epoch, in one write each. The last number is chosen, and
trained once more for the final score.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from hpsearch.results.record import Record

TRIALS, EPOCHS = 6, 3
STUDY = """
import json, os, time
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Choice, Round, Space, Study, Tune

HERE = Path("FOLDER")

@dataclass(frozen=True)
class Config:
    number: int = 0

def log(**line):
    descriptor = os.open(HERE / "truth", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(descriptor, (json.dumps(line) + "\\n").encode())
    os.close(descriptor)

def train(config, seed, epochs, run):
    number, who = config.number, f"{config.number} {run.held_out}"
    log(event="start", who=who, epoch=len(run.rows))
    for epoch in range(len(run.rows), epochs):
        hold = HERE / f"hold-{number}-{epoch}"
        (HERE / f"at-{number}-{epoch}").touch()
        while hold.exists():
            time.sleep(0.02)
        with run.saving() as path:
            path.write_text(str(epoch))
        log(event="epoch", who=who, epoch=epoch)
        REPORT

study = Study(question="?", base=Config(), train=train, epochs=EPOCHS, seeds=1,
              tune=Tune(Space(number=Choice(*range(TRIALS))), rounds=Round(points=TRIALS, epochs=EPOCHS)))
"""
YIELDED = 'yield {"top1": float(number)}'
REPORTED = """try:
            run.report({"top1": float(number)})
        except Exception:  # as a careless loop has it
            pass"""


class Search:
    """A study in a folder, with its record at a place."""

    def __init__(self, folder: Path, place: str, report: str = YIELDED) -> None:
        self.folder, self.place = folder, place
        text = STUDY.replace("FOLDER", str(folder)).replace("REPORT", report)
        text = text.replace("TRIALS", str(TRIALS)).replace("EPOCHS", str(EPOCHS))
        (folder / "own.py").write_text(text)

    def hold(self, number: int, epoch: int = 1) -> None:
        """Whoever trains this trial waits before this epoch until it is let go."""
        (self.folder / f"hold-{number}-{epoch}").touch()

    def let_go(self, number: int, epoch: int = 1) -> None:
        (self.folder / f"hold-{number}-{epoch}").unlink()

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """The command that runs it."""
        words = [sys.executable, "-m", "hpsearch", "run", "own.py", "--record", self.place, "--slots", "2", *options]
        return subprocess.Popen(words, cwd=self.folder, stdout=open(self.folder / "said", "a"), stderr=subprocess.STDOUT, text=True)

    def arrives(self, process: "subprocess.Popen[str]", number: int, epoch: int = 1) -> None:
        """Wait until that trial stands before that epoch."""
        self.until(process, (self.folder / f"at-{number}-{epoch}").exists)

    def first(self, process: "subprocess.Popen[str]", numbers: Iterable[int], epoch: int = 1) -> int:
        """Wait until one of those trials stands before that epoch; which: in what order they run is the search's."""
        asked = list(numbers)
        self.until(process, lambda: any((self.folder / f"at-{number}-{epoch}").exists() for number in asked))
        return next(number for number in asked if (self.folder / f"at-{number}-{epoch}").exists())

    def says(self, process: "subprocess.Popen[str]", what: str) -> None:
        """Wait until the command has printed something."""
        self.until(process, lambda: what in self.said)

    def until(self, process: "subprocess.Popen[str]", condition: Callable[[], bool], seconds: float = 200) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, self.said
            assert time.monotonic() < deadline, f"what was waited for did not happen: {self.said}"
            time.sleep(0.02)  # between looks at the condition

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    def truth(self, event: str) -> Counter[tuple[str, int]]:
        """How often that happened to each trial, by epoch."""
        lines = [json.loads(line) for line in (self.folder / "truth").read_text().splitlines()]
        return Counter((line["who"], line["epoch"]) for line in lines if line["event"] == event)

    def check(self, recomputed: int = 0) -> None:
        """Every trial is recorded once with all its rows, no more epochs were run than that, none is left running, no outage is a result."""
        record = Record.open(self.place)
        keys = record.keys("complete")
        others = {state: record.keys(state) for state in ("failed", "running", "waiting", "stopped")}
        assert not any(others.values()), others
        rows = record.rows(keys).values()
        expected = [*range(TRIALS), TRIALS - 1]
        assert sorted([row["top1"] for _, row in each] for each in rows) == [[float(n)] * EPOCHS for n in expected]
        epochs, starts = self.truth("epoch"), self.truth("start")
        assert len(epochs) == len(keys) * EPOCHS
        assert epochs.total() <= len(epochs) + recomputed
        assert not any(epoch == EPOCHS for _, epoch in starts), "a trial that had ended was started again"
        assert "Traceback" not in self.said
        assert "fault in hpsearch" not in self.said


def ended(process: "subprocess.Popen[str]", seconds: float = 200) -> int:
    """The exit code of a command."""
    return process.wait(timeout=seconds)
