"""The worker: runs one trial to its end and seals the result before anybody is told. Both executors call it alone."""

import json
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from hpsearch.errors import Refused, Stopped, TrialEnded, sentence, visible
from hpsearch.protocol import Row
from hpsearch.results.driver import entry
from hpsearch.results.record import Result
from hpsearch.search import Divergence
from hpsearch.study import Train, Trial
from hpsearch.trials import disk
from hpsearch.trials.attempt import Attempt
from hpsearch.trials.contract import FORMS, Read, checked, shown
from hpsearch.trials.fence import Fence, entries
from hpsearch.trials.sealed import digest_of, read_json, write_json
from hpsearch.trials.surplus import SURPLUS, goes_on
from hpsearch.trials.traces import seeded

STOP = "stop.json"  # in a trial's folder: why it is to end early
TRIAL = "trial.json"  # what the trial is, so that a lost record can be made anew from the folders
WEIGHTS = "weights.pt"  # the artefact that a student is given
NODE = "HPSEARCH_NODE"  # in the environment of a trial on Ray: the id of the machine it runs on
ATTEMPTS = 3  # in one life of the driver; a worker that dies so often takes the trial with it
SWALLOWED = "; the training function caught hpsearch.TrialEnded, which ends a trial, and went on: let it pass through"
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
    also: tuple[str, ...] = ()  # other metrics that the study judges
    last: int = 1  # epochs at the end that metrics are read from

    @property
    def home(self) -> Path:
        """The trial's own folder."""
        return home(self.folder, self.trial.key)


def home(folder: Path, key: str) -> Path:
    """Where a trial's files lie; spread over 256 folders."""
    return folder / key[:2] / key


def sealed_result(folder: Path, key: str) -> Result | None:
    """The result a worker sealed, if it is there and whole."""
    told = read_json(home(folder, key) / "result.json")
    try:
        return Result.of(told) if told and told["key"] == key else None
    except (TypeError, KeyError):  # whole, but no result
        return None


def forget(folder: Path, key: str) -> None:
    """Remove the sealed result of a trial, so that it runs again."""
    (home(folder, key) / "result.json").unlink(missing_ok=True)


def _weights(folder: Path, key: str) -> Path:
    """The weights that a trial ended with, known to be whole; refused where it kept none or they are damaged."""
    result = sealed_result(folder, key)
    kept = {name: (folder / path, digest) for name, path, digest, _ in result.artefacts} if result else {}
    if WEIGHTS not in kept:
        raise Refused(f"the trial {key} kept no {WEIGHTS} to learn from: let its training write one with run.keeping({WEIGHTS!r})")
    path, digest = kept[WEIGHTS]
    if not path.is_file() or digest_of(path) != digest:
        raise Refused(f"the weights {path} are missing or damaged: delete their folder, and their trial from the record")
    return path


def ask_to_stop(folder: Path, key: str, epoch: int, reason: str) -> None:
    """Leave word for the worker of a trial, wherever it runs, to end it after an epoch, or as soon after it as the word is read."""
    home(folder, key).mkdir(parents=True, exist_ok=True)
    write_json(home(folder, key) / STOP, {"epoch": epoch, "reason": reason})


def built_in() -> Train:
    """Our own training loop; this is where torch is first imported."""
    train: Train = import_module("hpsearch.training.images.loop").train
    return train


def pin_threads(threads: int) -> None:
    """The threads that a trial is given, by every executor and whatever the environment says: they are part of the arithmetic."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if torch := sys.modules.get("torch"):  # already imported by somebody: too late for the environment
        torch.set_num_threads(threads)


def perform(job: Job, train: Train | None, tell: Tell, stops: tuple[type[BaseException], ...] = (Stopped,)) -> Result:
    """Run a trial to its end, going on where an earlier attempt stopped; the result is sealed in its folder, then returned.

    What goes wrong in the trial is its result, never an exception, whatever the training function raises; only ``stops``, by which
    the user ends the run, what ``tell`` raises and what the disk of its files does pass through.
    """
    try:
        return _performed(job, train, tell, stops)
    except OSError as error:  # in a file of ours: the training function's own errors are its result
        raise disk.own(error, job.folder) from error


def _performed(job: Job, train: Train | None, tell: Tell, stops: tuple[type[BaseException], ...]) -> Result:
    if done := sealed_result(job.folder, job.trial.key):
        return done
    pin_threads(job.threads)
    started = time.monotonic()
    fence = Fence(job.home, job.term)
    given = {name: partial(_weights, job.folder, key) for name, key in job.needs.items()}
    attempt = Attempt(job.home, job.trial.held_out, job.threads, job.device, job.cache, given)
    intake = Intake(job, attempt, tell, fence)
    attempt.receive = intake
    if read_json(job.home / TRIAL) is None:
        write_json(job.home / TRIAL, entry(job.trial))
    _log(job, "start", attempt=fence.attempts, after=len(attempt.rows), host=socket.gethostname(), node=os.environ.get(NODE, ""))
    with seeded(job.trial.seed):
        fault, reason, detail = _outcome(job, train, intake, fence.attempts, stops)
    fence.check()
    result = Result(
        key=job.trial.key,
        state="stopped" if fault == "stopped" else "failed" if fault else "complete",
        rows=tuple(intake.rows),
        seconds=_seconds(intake.rows, time.monotonic() - started),
        attempts=fence.attempts,
        host=socket.gethostname(),
        device=job.device,
        fault=fault,
        reason=reason,
        detail=detail,
        remark=SURPLUS if intake.surplus and not fault else "",
        artefacts=tuple(
            (name, os.path.relpath(path, job.folder), digest, size)
            for name, (path, digest, size) in sorted(attempt.artefacts.items())
        ),
    )
    write_json(job.home / "result.json", asdict(result))
    attempt.tidy()
    _log(job, "done", state=result.state)
    return result


class Intake:
    """Where the rows of an attempt arrive, whether they are yielded, reported or returned; raises ``TrialEnded`` to end it."""

    def __init__(self, job: Job, attempt: Attempt, tell: Tell, fence: Fence) -> None:
        self.job, self.attempt, self._tell, self._fence = job, attempt, tell, fence
        self.rows: list[Row] = []
        self.ended: TrialEnded | None = None  # what it raised
        self.outside: BaseException | None = None  # what telling raised: no fault of the trial's
        self.surplus = False  # whether the training function goes on after the epochs that were asked for

    def end(self, fault: str, reason: str) -> NoReturn:
        """End the trial, if nothing has ended it before."""
        self.ended = self.ended or TrialEnded(fault, reason)
        raise self.ended

    @property
    def full(self) -> bool:
        """Whether all epochs that were asked for are there."""
        return len(self.rows) >= self.job.trial.epochs

    def sealed(self) -> None:
        """Tell the rows sealed with the checkpoint again, so that the record misses none."""
        for row in self.attempt.rows:
            self._guarded(self._told, row)

    def __call__(self, metrics: object) -> None:
        """One epoch's metrics, as the training function gave them."""
        self._guarded(self._take, metrics)

    def _guarded(self, step: Callable[[Any], None], row: Any) -> None:
        if already := self.outside or self.ended:  # it was raised before and not let pass
            raise already
        try:
            step(row)
        except TrialEnded as ended:
            self.ended = ended
            raise
        except OSError as error:  # in sealing a checkpoint, or in the ledger
            self.outside = self.outside or disk.own(error, self.job.folder)
            raise self.outside from error

    def _take(self, metrics: object) -> None:
        if self.full:
            self.surplus = True
            self.end("", "")
        epoch, job, rule = len(self.rows) + 1, self.job, self.job.divergence
        row = checked(metrics, epoch, job.trial.epochs, Read(job.metric, job.also, job.last, rule))
        self._check()
        self.attempt.told(row)
        self._told(row)
        if rule is None:
            return
        first, began = self.attempt.first(rule.metric)
        if reason := rule.judge(first, row, epoch, began):
            self.end("diverged", reason)

    def _check(self) -> None:
        try:
            self._fence.check()
        except BaseException as error:
            self.outside = error
            raise

    def _told(self, row: Row) -> None:
        self.rows.append(row)
        epoch = len(self.rows)
        try:
            self._tell(epoch, row)
        except BaseException as error:
            self.outside = error
            raise
        _log(self.job, "epoch", epoch=epoch)
        if not self.full and (asked := read_json(self.job.home / STOP)) and epoch >= asked["epoch"]:
            self.end("stopped", asked["reason"])


def _outcome(
    job: Job, train: Train | None, intake: Intake, attempts: int, stops: tuple[type[BaseException], ...]
) -> tuple[str, str, str]:
    """Train; fault, reason and traceback of a trial that did not run to its end, else three empty texts."""
    came_out: BaseException | None = None
    try:
        if attempts > ATTEMPTS:
            epoch = len(intake.attempt.rows)
            intake.end("died", f"its worker died {ATTEMPTS} times, the last time after {f'epoch {epoch}' if epoch else 'no epoch'}")
        intake.sealed()
        if not intake.full:
            _drive(job, train or built_in(), intake)
    except stops:
        raise
    except BaseException as error:  # the user's function may raise anything; the search goes on without this trial
        came_out = error
    ended = intake.ended
    if intake.outside is not None:
        raise intake.outside
    trouble = intake.attempt.trouble or disk.of_disk(came_out, job.folder, job.home)
    if trouble is not None and not intake.full:
        intake.attempt.sweep()
        raise trouble
    if ended is not None and ended.fault:
        return ended.fault, visible(ended.reason) + (SWALLOWED if came_out is not ended else ""), ""
    if came_out is not None and ended is None:
        return "error", sentence(came_out), _traceback(came_out)
    return "", "", ""


def _drive(job: Job, train: Train, intake: Intake) -> None:
    """Call the training function and take its rows, in whichever of the three forms of ``hpsearch.protocol`` it gives them."""
    before, epochs = len(intake.rows), job.trial.epochs
    source: object = train(job.trial.config, job.trial.seed, epochs, intake.attempt)
    yields, reports = hasattr(source, "__next__"), len(intake.rows) > before
    if yields:
        _iterate(source, intake)
    elif isinstance(source, Mapping) and not reports and epochs == 1:
        intake(source)
    elif not reports and not intake.ended:
        intake.end("contract", f"the training function returned {shown(source)}: it must {FORMS}")
    if not intake.full and not intake.ended:
        how = "yielded" if yields else "reported"
        intake.end("contract", f"the training function {how} {len(intake.rows)} of the {epochs} epochs it was asked for")


def _iterate(source: Any, intake: Intake) -> None:
    """Take the rows of a generator, and not one more than was asked for."""
    try:
        count = len(intake.rows)
        for row in source:
            if len(intake.rows) > count:
                intake.end("contract", "the training function both yields its rows and reports them: let it do only one")
            intake(row)
            count += 1
            if intake.full:
                intake.surplus = goes_on(source)
                return
    finally:
        _close(source)


def _close(source: Any) -> None:
    """End a generator now: what its clean-up raises changes nothing, for the trial has ended."""
    try:
        getattr(source, "close", lambda: None)()
    except Stopped:
        raise
    except BaseException:
        return


def _traceback(error: BaseException) -> str:
    try:
        return visible("".join(traceback.format_exception(error)), 20_000)
    except Exception:  # it is made of texts of the user's exception
        return ""


def _seconds(rows: list[Row], wall: float) -> float:
    """Seconds of all epochs where the rows say them, whatever attempt ran them; else of this attempt."""
    told = [row.get("seconds") for row in rows]
    known = [float(each) for each in told if isinstance(each, int | float)]
    return sum(known) if known and len(known) == len(told) and all(known) else wall


def attempts_of(job: Job) -> int:
    """How often the trial was started in this life of the driver."""
    return entries(job.home).count(str(job.term).encode())


def _log(job: Job, what: str, **details: Any) -> None:
    """One line in the ledger of the record's folder, for audits; nothing is ever read back from it."""
    line = json.dumps({"time": time.time(), "event": what, "key": job.trial.key, "process": os.getpid(), **details})
    descriptor = os.open(job.folder / "ledger.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
