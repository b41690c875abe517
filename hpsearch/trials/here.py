"""The executor in this process: one trial after another, for a debugger or a laptop."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from hpsearch.errors import Stale, Stopped
from hpsearch.protocol import Row
from hpsearch.trials.descriptors import Held
from hpsearch.trials.fence import Superseded
from hpsearch.trials.session import Session
from hpsearch.trials.supervisor import Supervisor, packed
from hpsearch.trials.traces import restore, traces
from hpsearch.trials.worker import Job, perform

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_here(session: Session) -> None:
    """Run the session's trials one after another until it is done: in this process, or in one apart where they are isolated."""
    if session.resources.isolate:
        _run_apart(session)
        return
    while (job := session.ask()) is not None:
        with _as_it_was():
            _run(session, job)


def _run_apart(session: Session) -> None:
    supervisor = Supervisor(packed(session.study.train), session.resources.limits, fresh=True)
    try:
        while (job := session.ask()) is not None:
            session.tell(supervisor.run(job, partial(session.row, job.trial.key)))
    finally:
        supervisor.close()


def _run(session: Session, job: Job) -> None:
    with signals_noted() as noted, Held(session.driver.record) as held:

        def tell(epoch: int, row: Row) -> None:
            _raise_first(noted)
            held.check()
            session.row(job.trial.key, epoch, row)

        try:
            result = perform(job, session.study.train, tell)
        except Superseded as over:
            raise Stale(f"{over}: this one stops") from over
        finally:
            _raise_first(noted)
        held.check()
    session.tell(result)


def _raise_first(noted: list[BaseException]) -> None:
    """What a signal raised, where the training function caught it and went on."""
    for error in noted[:1]:
        raise error


@contextmanager
def signals_noted() -> Iterator[list[BaseException]]:
    """What handlers of signals raise while it lasts: raised inside somebody's ``except``, it may be lost.

    A signal raises ``Stopped`` meanwhile, whatever its handler does: a KeyboardInterrupt is then the training function's own.
    """
    noted: list[BaseException] = []

    def noting(handler: Callable[..., Any]) -> Callable[..., None]:
        def handle(*signal_and_frame: Any) -> None:
            try:
                handler(*signal_and_frame)
            except BaseException as raised:
                noted.append(raised)
                raise Stopped(signal_and_frame[0]) from raised

        return handle

    handlers = {each: signal.getsignal(each) for each in SIGNALS} if threading.current_thread() is threading.main_thread() else {}
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, noting(handler))
    try:
        yield noted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Give the driver back what a training function in its process may have changed: the folder it stands in, where it prints.

    A call of ``os._exit`` would end the driver without a word, and with exit code 0 where the caller likes.
    """
    before, streams, leave, ours = traces(), (sys.stdout, sys.stderr), os._exit, os.getpid()
    sys.stdout, sys.stderr = (_Unclosable(stream) for stream in streams)

    def leaving(status: int) -> NoReturn:
        if os.getpid() != ours:  # a process that the training function forked
            leave(status)
        raise RuntimeError(f"os._exit({status}) was called, which would have ended the whole run")

    os._exit = leaving
    try:
        yield
    finally:
        os._exit = leave
        sys.stdout, sys.stderr = streams
        restore(before)


class _Unclosable:
    """A stream that stays open: to close the driver's own is not a training function's to do."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def close(self) -> None:
        """Nothing but what was written is written out."""
        self._stream.flush()
