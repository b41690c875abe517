"""Ctrl-C and SIGTERM as an exception of our own, and as an end within seconds whatever the process is in the middle of."""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from hpsearch.errors import Stopped

STOPPED = "stopped; run the same command again to resume"
PATIENCE = 6.0  # seconds that are given to an orderly end; users of a batch system have 10 between SIGTERM and SIGKILL
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_said = threading.Event()
_leave = os._exit  # as it is now: under --here a training must not be able to call it (``trials/here.py``)


def stop_on_signals() -> None:
    """From now on both signals raise ``Stopped``; a second one, or ``PATIENCE`` after the first, ends the process at once.

    An exception that a signal raises can be lost in somebody's ``except``, and is not raised at all while a library computes; a
    thread is woken in both cases. Ending at once is what a ``kill -9`` is: nothing is lost by it, so it needs no care.
    """
    raise_on_signals()
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)  # as set_wakeup_fd asks
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end_in_time, args=(woken, wakes), name="hpsearch-signals", daemon=True).start()


def raise_on_signals() -> None:
    """From now on both signals raise ``Stopped``."""

    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(number)

    for number in SIGNALS:
        signal.signal(number, stop)


def say_stopped() -> None:
    """The closing sentence; nobody says it again."""
    _said.set()
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{STOPPED}\n")
        sys.stderr.flush()


def _end_in_time(woken: socket.socket, wakes: socket.socket) -> NoReturn:
    """Wait for the first of our signals, then for a second one or until patience ends; ``wakes`` is kept from being collected."""
    first = _next(woken)
    woken.settimeout(PATIENCE)
    with suppress(TimeoutError):
        _next(woken)
    if not _said.is_set():  # past whatever lock a thread in the middle of printing may hold
        with suppress(OSError):
            os.write(2, f"{STOPPED}\n".encode())
    _leave(128 + first)


def _next(woken: socket.socket) -> int:
    """The number of the next of our signals; other signals wake us too."""
    while True:
        try:
            byte = woken.recv(1)
        except TimeoutError:
            raise
        except OSError:
            byte = b""
        if not byte:  # closed by a training function that closes every file, under --here
            threading.Event().wait()
        if byte[0] in SIGNALS:
            return byte[0]
