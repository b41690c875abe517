"""Ctrl-C and SIGTERM as an exception of our own."""

import signal
from typing import NoReturn

from hpsearch.errors import Stopped


def stop_on_signals() -> None:
    """From now on both signals raise ``Stopped``."""

    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
