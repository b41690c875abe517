"""The supervisor: runs trials in a process apart, watches what they take, and says why one died.

It is what a Ray actor runs, and the driver itself under ``--here --isolate``. The process is kept for the next trial as long as a
trial leaves nothing behind in it. A training that hangs, even with the interpreter's lock held, takes too much memory or crashes
costs its own process only, and its reason is known here at first hand.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import psutil

from hpsearch.errors import Refused, Unwritable, sentence
from hpsearch.protocol import Row
from hpsearch.results.record import Result
from hpsearch.study import Limits, Train
from hpsearch.trials.child import JOB, STACK, TELL_STACK, TRAIN
from hpsearch.trials.disk import own
from hpsearch.trials.fence import Superseded, entries
from hpsearch.trials.sealed import write_json
from hpsearch.trials.worker import ATTEMPTS, Job, Tell, attempts_of, sealed_result

START = 600.0  # seconds that a process may take to start and to import what its training needs, on whatever machine
LOOK = 0.2  # seconds between two looks at a process that says nothing
FINAL = ("time", "memory", "error")  # faults that another attempt would only repeat


@dataclass(frozen=True)
class Death:
    """How a process ended that gave no result."""

    fault: str
    reason: str


class _Gone(Exception):
    """The process at the other end has closed its connection or sends what nobody can read."""


@dataclass
class Watch:
    """What one attempt has shown so far."""

    limits: Limits
    job: Job
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)  # when it last told a row
    started: bool = False  # its process is up and has begun to train
    looked: float = 0.0
    rows: list[Row] = field(default_factory=list)

    def exceeded(self, process: int) -> Death | None:
        """The limit that the attempt has passed, if it has."""
        now, limits = time.monotonic(), self.limits
        if now - self.looked < LOOK:
            return None
        self.looked = now
        if not self.started:
            late = now - self.began > START
            return Death("died", f"its process did not start within {START:g} s") if late else None
        if limits.time is not None and now - self.began > float(limits.time):
            return Death("time", f"it took longer than its limit of {limits.time:g} s and had told {self.epochs}")
        if limits.silence is not None and now - self.heard > float(limits.silence) and not self._wrote(float(limits.silence)):
            quiet = f"nothing was heard of it for {limits.silence:g} s, its limit, after {self.epochs}"
            return Death("silence", f"{quiet}; the record has its stack, to show where it stood")
        if limits.memory is not None and (taken := memory(process)) > float(limits.memory):
            most = f"{float(limits.memory) / 1e9:.3g} GB"
            return Death("memory", f"out of memory: it took {taken / 1e9:.3g} GB after {self.epochs}, and its limit is {most}")
        return None

    def begin(self) -> None:
        """Its training begins now."""
        self.began = self.heard = time.monotonic()
        self.started = True

    @property
    def epochs(self) -> str:
        """How far it came, in words."""
        return "no epoch" if not self.rows else f"epoch {len(self.rows)}"

    def _wrote(self, within: float) -> bool:
        """Whether files were made in its folder, which is a sign of life too."""
        with suppress(OSError):
            return time.time() - self.job.home.stat().st_mtime < within
        return False


class Supervisor:
    """Runs one trial after another, each in a process apart; ``train`` is the pickled training function."""

    def __init__(self, train: bytes, limits: Limits, fresh: bool = False) -> None:
        self.train, self.limits, self.fresh = train, limits, fresh
        self._child: _Child | None = None
        self._preload: set[str] = set()

    def run(self, job: Job, tell: Tell) -> Result:
        """A trial's result, whatever becomes of its process: tried up to ``ATTEMPTS`` times in a life of the driver."""
        tries = 0
        while True:
            tries += 1
            watch, before = Watch(self.limits, job), len(entries(job.home))
            ended = self._attempt(job, tell, watch)
            if isinstance(ended, Result):
                return ended
            if sealed := sealed_result(job.folder, job.trial.key):  # it died after its end
                return sealed
            if len(entries(job.home)) > before + 1:
                raise Superseded(f"another process took over the trial in {job.home}")
            if ended.fault in FINAL or max(tries, attempts_of(job)) >= ATTEMPTS:
                return _failed(job, ended, watch, max(tries, attempts_of(job)))

    def close(self) -> None:
        """End the process that is kept."""
        if self._child:
            self._child.end()
            self._child = None

    def _attempt(self, job: Job, tell: Tell, watch: Watch) -> Result | Death:
        if self._child is None:
            self._child = _Child(self.train, sorted(self._preload))
        child = self._child
        try:
            ended = child.perform(job, tell, watch)
        except BaseException:
            self.close()
            raise
        if isinstance(ended, Death):
            self.close()
            return ended
        self._preload |= set(ended["loaded"])
        if self.fresh or ended["left"]:
            self.close()
        return Result.of(ended["result"])


_of_this_process: list[Supervisor] = []


def kept(train: bytes, limits: Limits, fresh: bool) -> Supervisor:
    """The supervisor of a process that runs trials of one study as long as it lives: a Ray actor's."""
    if not _of_this_process:
        _of_this_process.append(Supervisor(train, limits, fresh))
    return _of_this_process[0]


def packed(train: Train | None) -> bytes:
    """The function with the user's modules: the machines that run it may not have the study file."""
    if train is None:
        return bytes(cloudpickle.dumps(None))
    cloudpickle.register_pickle_by_value(sys.modules[train.__module__])
    try:
        return bytes(cloudpickle.dumps(train))
    except Exception as error:
        raise Refused(
            f"the training function cannot be sent to the processes that train ({sentence(error)}): "
            "create what it names at the top of its file inside the function instead, or run with --here"
        ) from error


class _Child:
    """One process that trains."""

    def __init__(self, train: bytes, preload: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            code = f"import sys; sys.path[:] = {sys.path!r}; from hpsearch.trials.child import main; main({number}, {preload!r})"
            command = [sys.executable, "-c", code]
            start = partial(subprocess.Popen[bytes], command, pass_fds=(number,), start_new_session=True)
            self.process = _starter.submit(start).result()
        self._connection = Connection(ours.detach())
        self._train = train

    def perform(self, job: Job, tell: Tell, watch: Watch) -> Mapping[str, Any] | Death:
        """Its last message about a job, or how it died."""
        try:
            self._send(*(each for each in (TRAIN, self._train) if self._train), JOB, cloudpickle.dumps(job))
            self._train = b""  # it has it
            while True:
                told = self._receive()
                if told is None and (death := watch.exceeded(self.process.pid)):
                    self._keep_stack(job)
                    return death
                if told is None:
                    continue
                if "broken" in told:
                    return Death("error", f"the training function cannot be read in a process of its own: {told['broken']}")
                if "trouble" in told:
                    raise Unwritable(told["trouble"])
                if "superseded" in told:
                    raise Superseded(told["superseded"])
                if "result" in told:
                    return told
                if "began" in told:
                    watch.begin()
                    continue
                watch.rows.append(told["row"])
                tell(told["epoch"], told["row"])
                watch.heard = time.monotonic()
                if death := watch.exceeded(self.process.pid):
                    return death
                self._send(b"told")
        except _Gone:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
            return Death("died", f"its process {_ending(self.process.returncode)} after {watch.epochs}")

    def end(self) -> None:
        """Kill it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._connection.close()

    def _send(self, *messages: bytes) -> None:
        try:
            for message in messages:
                self._connection.send_bytes(message)
        except OSError as error:
            raise _Gone from error

    def _receive(self) -> dict[str, Any] | None:
        """The next message; None where there is none for a while."""
        try:
            if self._connection.poll(LOOK):
                return dict(json.loads(self._connection.recv_bytes()))
        except (EOFError, OSError, ValueError) as error:
            raise _Gone from error
        if self.process.poll() is not None and not self._connection.poll(0):  # a process that it forked holds its end open
            raise _Gone
        return None

    def _keep_stack(self, job: Job) -> None:
        """Have it write its stack, which it does in C, whatever Python is doing."""
        path = job.home / STACK
        with suppress(OSError):
            os.kill(self.process.pid, TELL_STACK)
            deadline = time.monotonic() + 1
            while not path.stat().st_size and time.monotonic() < deadline:
                time.sleep(0.01)


_starter = ThreadPoolExecutor(1, "hpsearch-starter")  # children are told of the death of the thread that started them: it stays


def memory(pid: int) -> float:
    """Bytes that a process and those it started occupy, shared pages counted once where the system tells (Linux)."""
    total = 0.0
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                told = process.memory_full_info()
                total += getattr(told, "pss", 0) or told.rss
    return total


def _ending(code: int | None) -> str:
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"ended with exit code {code}"
    name = f" ({signal.Signals(-code).name})" if -code in set(signal.Signals) else ""
    more = ", which the system sends when memory runs out," if -code == signal.SIGKILL else ""
    return f"was ended by signal {-code}{name}{more}"


def _failed(job: Job, death: Death, watch: Watch, attempts: int) -> Result:
    """Seal the failure of a trial whose process could not."""
    reason = death.reason if death.fault in FINAL else f"its worker died {attempts} times; the last time, {death.reason}"
    stack = job.home / STACK
    detail = stack.read_text(encoding="utf-8", errors="replace")[:20_000] if death.fault == "silence" and stack.is_file() else ""
    result = Result(
        key=job.trial.key,
        state="failed",
        rows=tuple(watch.rows),
        seconds=time.monotonic() - watch.began,
        attempts=attempts,
        host=socket.gethostname(),
        device=job.device,
        fault=death.fault,
        reason=reason,
        detail=detail,
    )
    try:
        job.home.mkdir(parents=True, exist_ok=True)
        write_json(job.home / "result.json", asdict(result))
    except OSError as error:
        raise own(error, job.folder) from error
    return result
