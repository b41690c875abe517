"""Storms: faults injected at random instants, many times each, into runs whose truth is the ledger that trials write themselves.

``python -m tests.faults.storms`` runs them all (about an hour on two cores) and writes ``reports/faults.md``; names and ``--seed``
choose. Of every storm it counts faults injected, runs that ended the study, trials lost (done in the ledger, not complete in the record),
trials repeated (started again after they were done), zombies (processes or trials that still run when nobody should).
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
STUDY = """
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Integers, Round, Space, Study, Tune

@dataclass(frozen=True)
class Config:
    number: int = 0

def fault(config, epoch, run):
    FAULT

def train(config, seed, epochs, run):
    told = json.loads(run.latest.read_text()) if run.latest else 0
    assert told == len(run.rows), (told, len(run.rows))
    for epoch in range(len(run.rows), epochs):
        fault(config, epoch, run)
        time.sleep(0.3)
        with run.saving() as path:
            path.write_text(json.dumps(epoch + 1))
        yield {"top1": float(config.number) + epoch / 10}

study = Study(question="?", base=Config(), train=train, epochs=6, seeds=1,
              tune=Tune(Space(number=Integers(0, 1_000_000)), rounds=Round(points=TRIALS, epochs=6)))
"""


@dataclass
class Run:
    """A study in a folder of its own, its command given as often as it takes."""

    trials: int = 12
    fault: str = "pass"
    options: tuple[str, ...] = ("--slots", "2")
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="storm-")))

    def __post_init__(self) -> None:
        (self.folder / "own.py").write_text(STUDY.replace("FAULT", self.fault).replace("TRIALS", str(self.trials)))

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Give the command; its processes carry the folder's name in their environment."""
        command = [sys.executable, "-m", "hpsearch", "run", str(self.folder / "own.py"), "--record", str(self.folder / "x.db")]
        return subprocess.Popen(
            [*command, *self.options, *options],
            env={**os.environ, "STORM": self.folder.name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )

    def ledger(self) -> list[dict]:
        """What trials wrote; a line that a kill tore in two is left out."""
        found = []
        for path in self.folder.glob("*/ledger.jsonl"):
            for line in path.read_text().splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found

    def keys(self, event: str) -> list[str]:
        """Keys of the trials of an event, in order."""
        return [line["key"] for line in self.ledger() if line["event"] == event]

    def states(self) -> dict[str, str]:
        """The state of every trial of the record."""
        engine = create_engine(f"sqlite:///{self.folder / 'x.db'}")
        with engine.connect() as connection:
            return {key: state for key, state in connection.execute(text("select key, state from trials"))}

    def numbers(self) -> dict[str, int]:
        """What each trial of the record was given."""
        engine = create_engine(f"sqlite:///{self.folder / 'x.db'}")
        with engine.connect() as connection:
            configs = connection.execute(text("select key, config from trials"))
            return {key: int(re.search(r'"number": (\d+)', config)[1]) for key, config in configs}  # type: ignore[index]

    def processes(self) -> list[psutil.Process]:
        """Those of this run that train: Python processes with its mark."""
        return [each for each in marked(self.folder.name) if "hpsearch.trials.child" in " ".join(_line(each))]

    def check(self) -> dict[str, int]:
        """Lost, repeated and zombies once nobody runs it any more."""
        deadline = time.monotonic() + 20
        while (left := marked(self.folder.name)) and time.monotonic() < deadline:
            time.sleep(0.1)
        finished, repeated = set(), 0
        for line in self.ledger():
            repeated += line["event"] in ("start", "done") and line["key"] in finished
            if line["event"] == "done":
                finished.add(line["key"])
        states = self.states()
        ended = {key for key, state in states.items() if state in ("complete", "failed", "stopped")}
        return {
            "lost": len(finished - ended) + sum(state == "waiting" for state in states.values()),
            "repeated": repeated,
            "zombies": len(left) + sum(state == "running" for state in states.values()),
        }


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def marked(name: str) -> list[psutil.Process]:
    """Processes whose environment holds the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STORM") == name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@dataclass
class Storm:
    """What came of a fault."""

    name: str
    injected: int = 0
    survived: int = 0
    lost: int = 0
    repeated: int = 0
    zombies: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def count(self, found: dict[str, int]) -> None:
        """Add what a run's check found."""
        self.lost += found["lost"]
        self.repeated += found["repeated"]
        self.zombies += found["zombies"]


def _active(run: Run, process: subprocess.Popen[str], before: int) -> None:
    while process.poll() is None and len(run.ledger()) <= before:
        time.sleep(0.02)


def _finish(run: Run, storm: Storm, codes: tuple[int, ...] = (0,)) -> None:
    out, _ = run.start().communicate(timeout=600)
    again = run.start()
    told, _ = again.communicate(timeout=600)
    if again.returncode not in codes or "Traceback" in out + told:
        storm.remarks.append(f"exit {again.returncode}: {told.strip().splitlines()[-1:]}")
        storm.survived -= 1


def driver_killed(rng: random.Random, times: int) -> Storm:
    """kill -9 of the driver, from the start of its process to 5 s after the first activity, until the study is done."""
    storm = Storm("driver killed with kill -9")
    while storm.injected < times:
        run = Run()
        while storm.injected < times:
            before = len(run.ledger())
            process = run.start()
            if rng.random() < 0.8:
                _active(run, process, before)
            time.sleep(rng.uniform(0, 5))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            storm.injected += 1
            storm.survived += 1
        _finish(run, storm)
        storm.count(run.check())
    return storm


def signalled(number: int, twice: bool) -> Callable[[random.Random, int], Storm]:
    """A signal at a random instant; the run must end within 10 s with its code, and go on from there."""

    def storm_of(rng: random.Random, times: int) -> Storm:
        storm = Storm(f"driver sent {signal.Signals(number).name}{' twice' if twice else ''}")
        longest = 0.0
        while storm.injected < times:
            run = Run()
            while storm.injected < times:
                before = len(run.ledger())
                process = run.start()
                if rng.random() < 0.7:
                    _active(run, process, before)
                time.sleep(rng.uniform(0.2, 5))
                if process.poll() is not None:
                    break
                began = time.monotonic()
                process.send_signal(number)
                if twice:
                    time.sleep(rng.uniform(0, 0.5))
                    process.send_signal(number)
                told, _ = process.communicate(timeout=60)
                took = time.monotonic() - began
                longest = max(longest, took)
                storm.injected += 1
                good = process.returncode == 128 + number and took < 10 and "Traceback" not in told and "stopped; run" in told
                storm.survived += good
                if not good:
                    storm.remarks.append(f"exit {process.returncode} after {took:.1f} s: {told.strip().splitlines()[-1:]}")
            _finish(run, storm)
            storm.count(run.check())
        storm.remarks.append(f"longest {longest:.1f} s")
        return storm

    return storm_of


def worker_killed(rng: random.Random, times: int) -> Storm:
    """kill -9 of a process that trains: at most the epoch it was in is trained again."""
    storm = Storm("process that trains killed with kill -9")
    while storm.injected < times:
        run = Run()
        process = run.start()
        victims: Counter[str] = Counter()
        while process.poll() is None:
            time.sleep(rng.uniform(0.5, 2))
            training = run.processes()
            starts = {line["process"]: line["key"] for line in run.ledger() if line["event"] == "start"}
            training = [each for each in training if victims[starts.get(each.pid, "")] < 2]  # the third death is the trial's own
            if training and storm.injected < times:
                victim = rng.choice(training)
                victims[starts.get(victim.pid, "")] += 1
                victim.kill()
                storm.injected += 1
                storm.survived += 1
        told, _ = process.communicate()
        if process.returncode or "Traceback" in told:
            storm.remarks.append(f"exit {process.returncode}: {told.strip().splitlines()[-1:]}")
        found = run.check()
        epochs = Counter((line["key"], line["epoch"]) for line in run.ledger() if line["event"] == "epoch")
        storm.remarks.append(f"{sum(epochs.values()) - len(epochs)} epochs told again")
        storm.count(found)
    return storm


FAULTS = {
    "hang: sleep": "if config.number % 4 == 0 and epoch == 2 and _once(config): time.sleep(1000)",
    "hang: the interpreter's lock held": "if config.number % 4 == 0 and epoch == 2 and _once(config): import re; re.match('(a|a)*b', 'a' * 40)",
    "hang: deadlock": "if config.number % 4 == 0 and epoch == 2 and _once(config): import threading; l = threading.Lock(); l.acquire(); l.acquire()",
    "os._exit(0)": "if config.number % 4 == 0 and epoch == 2: os._exit(0)",
    "sys.exit(0)": "if config.number % 4 == 0 and epoch == 2: raise SystemExit(0)",
    "segfault": "if config.number % 4 == 0 and epoch == 2: os.kill(os.getpid(), 11)",
    "abort": "if config.number % 4 == 0 and epoch == 2: os.abort()",
    "out of memory": "if config.number % 4 == 0 and epoch == 2: held = [bytearray(10_000_000) for _ in range(100)]; time.sleep(2)",
    "raises": "if config.number % 4 == 0 and epoch == 2: raise RuntimeError('no')",
}
ONCE = """
def _once(config):
    marker = Path("FOLDER") / f"once-{config.number}"
    if marker.exists():
        return False
    marker.touch()
    return True

def fault("""


def misbehaving(name: str) -> Callable[[random.Random, int], Storm]:
    """Every fourth trial does it: those that can go on do, the others fail with a reason, nobody else is touched."""

    def storm_of(rng: random.Random, times: int) -> Storm:
        storm = Storm(f"training: {name}")
        hangs = name.startswith("hang")
        while storm.injected < times:
            run = Run(fault=FAULTS[name], options=("--slots", "2", "--limit-silence", "3s", "--limit-memory", "900MB"))
            path = run.folder / "own.py"
            path.write_text(path.read_text().replace("def fault(", ONCE.lstrip("\n").replace("FOLDER", str(run.folder)), 1))
            process = run.start()
            told, _ = process.communicate(timeout=600)
            states = run.states()
            victims = {key for key, number in run.numbers().items() if number % 4 == 0}
            wrong = {
                key: state for key, state in states.items() if state != ("failed" if key in victims and not hangs else "complete")
            }
            storm.injected += len(victims)
            storm.survived += len(victims - set(wrong)) if "Traceback" not in told else 0
            storm.remarks += [f"exit {process.returncode}", *([f"{wrong}"] if wrong else [])]
            storm.count(run.check())
        return storm

    return storm_of


def second_driver(rng: random.Random, times: int) -> Storm:
    """The same command again while it runs: refused within 5 s with exit 75."""
    storm = Storm("second driver")
    while storm.injected < times:
        run = Run(trials=24)
        first = run.start()
        _active(run, first, 0)
        while first.poll() is None and storm.injected < times:
            time.sleep(rng.uniform(0, 2))
            if first.poll() is not None:
                break
            second = run.start()
            told, _ = second.communicate(timeout=60)
            if first.poll() is not None:
                break
            storm.injected += 1
            storm.survived += second.returncode == 75 and "in use" in told
        first.communicate()
        storm.count(run.check())
    return storm


STORMS: dict[str, tuple[Callable[[random.Random, int], Storm], int]] = {
    "driver": (driver_killed, 30),
    "term": (signalled(signal.SIGTERM, False), 10),
    "int": (signalled(signal.SIGINT, False), 5),
    "int-twice": (signalled(signal.SIGINT, True), 5),
    "worker": (worker_killed, 20),
    "second": (second_driver, 20),
    **{name: (misbehaving(name), 3) for name in FAULTS},
}


def main() -> None:
    """Run the storms that are named, or all, and print the table."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*STORMS, []], help="which storms [default: all]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, help="faults of each storm [default: those of the acceptance figures]")
    parser.add_argument("--out", type=Path, help="append each storm's line to this file as JSON")
    given = parser.parse_args()
    for name in given.names or STORMS:
        storm_of, times = STORMS[name]
        began = time.monotonic()
        storm = storm_of(random.Random(given.seed), given.times or times)
        storm.seconds = round(time.monotonic() - began, 1)
        line = json.dumps({"storm": name, "seed": given.seed, **vars(storm)})
        print(line, flush=True)
        if given.out:
            with open(given.out, "a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
