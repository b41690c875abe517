"""The process that trains: it takes jobs from its supervisor, one after another, and sends rows and results back.

It ends with its supervisor, whatever it is in the middle of, so that no trial goes on unseen.
"""

import ctypes
import faulthandler
import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle

from hpsearch.errors import Unwritable, sentence
from hpsearch.protocol import Row
from hpsearch.study import Train
from hpsearch.trials.disk import own
from hpsearch.trials.fence import Superseded
from hpsearch.trials.traces import SEEDED, restore, traces
from hpsearch.trials.worker import Job, built_in, perform

STACK = "stack.txt"  # in a trial's folder: where its training stood when it was ended for its silence
TELL_STACK = signal.SIGRTMIN + 9 if hasattr(signal, "SIGRTMIN") else signal.SIGUSR2  # none that anybody's training uses
TRAIN, JOB = b"train", b"job"  # what the message after this one holds
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def main(descriptor: int, preload: Sequence[str]) -> None:
    """Serve jobs until the supervisor closes its end of the pair of sockets."""
    _die_with_parent()
    connection = Connection(descriptor)
    os.set_inheritable(descriptor, False)  # processes that a training starts do not keep it open
    for name in preload:  # what a trial imported in a process before this one
        with suppress(Exception):
            importlib.import_module(name)
    train: Train | None = None
    with suppress(EOFError):
        while True:
            what, content = connection.recv_bytes(), connection.recv_bytes()
            try:
                read = cloudpickle.loads(content)
            except BaseException as error:  # its module may do anything when it is imported
                _send(connection, broken=sentence(error))
                return
            if what == TRAIN:
                train = read or built_in()  # imported before anybody looks at what a trial changes
            else:
                _serve(connection, read, train)


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the supervisor's process ends, and end now if it has ended already."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    if parent != os.getppid():
        os._exit(1)


def _serve(connection: Connection, job: Job, train: Train | None) -> None:
    def tell(epoch: int, row: Row) -> None:
        _send(connection, row=row, epoch=epoch)
        connection.recv_bytes()  # the driver has it: training does not run ahead of its record

    before = traces()
    loaded = [name for name in SEEDED if name in sys.modules]
    try:
        job.home.mkdir(parents=True, exist_ok=True)
        with open(job.home / STACK, "w", encoding="utf-8") as stack:
            faulthandler.register(TELL_STACK, stack, all_threads=True)
            _send(connection, began=True)
            result = perform(job, train, tell, stops=())  # Ctrl-C reaches the driver, not us
            faulthandler.unregister(TELL_STACK)
        (job.home / STACK).unlink(missing_ok=True)
    except Superseded as over:
        _send(connection, superseded=str(over))
        return
    except (OSError, Unwritable) as error:  # no death of the trial's: another attempt would end the same way
        _send(connection, trouble=str(error if isinstance(error, Unwritable) else own(error, job.folder)))
        return
    new = [name for name in SEEDED if name in sys.modules and name not in loaded]
    _send(connection, result=asdict(result), left=restore(before), loaded=new)


def _send(connection: Connection, **message: Any) -> None:
    connection.send_bytes(json.dumps(message).encode())
