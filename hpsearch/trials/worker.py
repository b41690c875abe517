"""The worker: runs one trial to its end and seals the result before anybody is told. Both executors call it alone."""

import json
import math
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.results.record import Result
from hpsearch.run import Row
from hpsearch.search import Divergence
from hpsearch.study import Train, Trial
from hpsearch.trials.attempt import Attempt
from hpsearch.trials.sealed import digest_of, read_json, write_json

STOP = "stop.json"  # in a trial's folder: why it is to end early
WEIGHTS = "weights.pt"  # the artefact that a student is given
ATTEMPTS = 3  # in one life of the driver; a worker that dies so often takes the trial with it
Tell = Callable[[int, Row], None]  # epoch from 1, row


@dataclass(frozen=True)
class Job:
    """A trial and what its attempt may use."""

    trial: Trial
    metric: str
    folder: Path  # of all trials
    cache: Path
    threads: int
    device: str
    term: int  # of the driver that hands it out
    needs: Mapping[str, str] = field(default_factory=dict)  # field of the config to the key of the trial it names
    divergence: Divergence | None = None

    @property
    def home(self) -> Path:
        """The trial's own folder."""
        return home(self.folder, self.trial.key)


class Broken(Exception):
    """The training function broke its contract or its numbers ceased to be numbers; the message is the reason."""

    def __init__(self, fault: str, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


def home(folder: Path, key: str) -> Path:
    """Where a trial's files lie; spread over 256 folders."""
    return folder / key[:2] / key


def sealed_result(folder: Path, key: str) -> Result | None:
    """The result a worker sealed, if it is there and whole."""
    told = read_json(home(folder, key) / "result.json")
    if not told or told["key"] != key:
        return None
    return Result.of(told)


def _weights(folder: Path, key: str) -> Path:
    """The weights that a trial ended with, known to be whole; refused where it kept none or they are damaged."""
    result = sealed_result(folder, key)
    kept = {name: (folder / path, digest) for name, path, digest, _ in result.artefacts} if result else {}
    if WEIGHTS not in kept:
        raise Refused(f"the trial {key} kept no {WEIGHTS} to learn from: let its training write one with run.keeping({WEIGHTS!r})")
    path, digest = kept[WEIGHTS]
    if not path.is_file() or digest_of(path) != digest:
        raise Refused(f"the weights {path} are gone or damaged: delete the folder they lie in and its trial from the record")
    return path


def ask_to_stop(folder: Path, key: str, epoch: int, reason: str) -> None:
    """Leave word for the worker of a trial, wherever it runs, to end it after an epoch, or as soon after it as the word is read."""
    home(folder, key).mkdir(parents=True, exist_ok=True)
    write_json(home(folder, key) / STOP, {"epoch": epoch, "reason": reason})


def built_in() -> Train:
    """Our own training loop; this is where torch is first imported."""
    train: Train = import_module("hpsearch.training.images.loop").train
    return train


def perform(job: Job, train: Train | None, tell: Tell) -> Result:
    """Run a trial to its end, going on where an earlier attempt stopped; the result is sealed in its folder, then returned.

    What goes wrong in the trial is its result, never an exception. A broken contract is not sealed, for the user will mend it.
    """
    if done := sealed_result(job.folder, job.trial.key):
        return done
    started = time.monotonic()
    attempts = _count_attempt(job)
    given = {name: partial(_weights, job.folder, key) for name, key in job.needs.items()}
    attempt = Attempt(job.home, job.trial.held_out, job.threads, job.device, job.cache, given)
    rows: list[Row] = []
    fault = reason = detail = ""
    _log(job, "start", attempt=attempts, after=len(attempt.rows))
    try:
        if attempts > ATTEMPTS:
            raise Broken("died", f"its worker died {ATTEMPTS} times, the last time after epoch {len(attempt.rows)}")
        for epoch, row in _rows(job, train or built_in(), attempt):
            rows.append(row)
            tell(epoch, row)
            _log(job, "epoch", epoch=epoch)
            if epoch < job.trial.epochs and (asked := read_json(job.home / STOP)) and epoch >= asked["epoch"]:
                raise Broken("stopped", asked["reason"])
    except Broken as error:
        fault, reason = error.fault, str(error)
    except Exception as error:  # the user's function may raise anything; the search goes on without this trial
        fault, reason, detail = "error", f"{type(error).__name__}: {error}", traceback.format_exc()
    result = Result(
        key=job.trial.key,
        state="stopped" if fault == "stopped" else "failed" if fault else "complete",
        rows=tuple(rows),
        seconds=_seconds(rows, time.monotonic() - started),
        attempts=attempts,
        host=socket.gethostname(),
        device=job.device,
        fault=fault,
        reason=reason,
        detail=detail,
        artefacts=tuple(
            (name, os.path.relpath(path, job.folder), digest, size)
            for name, (path, digest, size) in sorted(attempt.artefacts.items())
        ),
    )
    if fault != "contract":
        write_json(job.home / "result.json", asdict(result))
        attempt.tidy()
    _log(job, "done", state=result.state)
    return result


def _rows(job: Job, train: Train, attempt: Attempt) -> Iterator[tuple[int, Row]]:
    """The rows sealed with the checkpoint, told again, then those the training function yields."""
    yield from enumerate(attempt.rows, start=1)
    epochs = job.trial.epochs
    count = len(attempt.rows)
    if count < epochs:
        source = train(job.trial.config, job.trial.seed, epochs, attempt)
        if not hasattr(source, "__next__"):
            raise Broken("contract", f"the training function returned {_short(source)}: it must yield a mapping per epoch")
        for row in islice(source, epochs - count):  # whoever asks may stop asking
            count += 1
            checked = _checked(row, count, job.metric)
            attempt.told(checked)
            yield count, checked
            if job.divergence and (reason := job.divergence.judge(attempt.first, checked, count)):
                raise Broken("diverged", reason)
    if count < epochs:
        raise Broken("contract", f"the training function yielded {count} of the {epochs} epochs it was asked for")


def _checked(row: object, epoch: int, metric: str) -> Row:
    if not isinstance(row, Mapping):
        raise Broken(
            "contract", f"the training function yielded {_short(row)} in epoch {epoch}: it must yield a mapping of metrics"
        )
    if metric not in row:
        names = ", ".join(map(str, row)) or "nothing"
        raise Broken("contract", f"the row of epoch {epoch} has no metric {metric!r}, which the study scores: it has {names}")
    return {str(name): _number(str(name), value, epoch) for name, value in row.items()}


def _number(name: str, value: object, epoch: int) -> float | list[float]:
    if hasattr(value, "tolist"):  # numbers and arrays of numpy and torch
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_scalar(name, item, epoch) for item in value]
    return _scalar(name, value, epoch)


def _scalar(name: str, value: object, epoch: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Broken("contract", f"metric {name!r} is {_short(value)} in epoch {epoch}: it must be a number")
    if not math.isfinite(value):
        raise Broken("diverged", f"metric {name!r} is {value} in epoch {epoch}")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return f"{text[:60]}..." if len(text) > 63 else text


def _seconds(rows: list[Row], wall: float) -> float:
    """Seconds of all epochs where the rows say them, whatever attempt ran them; else of this attempt."""
    told = [row.get("seconds") for row in rows]
    return sum(s for s in told if isinstance(s, int | float)) if told and all(told) else wall


def _count_attempt(job: Job) -> int:
    """How often the trial was started in this life of the driver, this time included."""
    job.home.mkdir(parents=True, exist_ok=True)
    path = job.home / "attempts"
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{job.term}\n")
    return path.read_text(encoding="utf-8").split().count(str(job.term))


def _log(job: Job, what: str, **details: Any) -> None:
    """One line in the ledger of the record's folder, for audits; nothing is ever read back from it."""
    line = json.dumps({"time": time.time(), "event": what, "key": job.trial.key, "process": os.getpid(), **details})
    descriptor = os.open(job.folder / "ledger.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
