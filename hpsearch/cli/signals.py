"""Ctrl-C and SIGTERM as an exception of our own."""

import signal
from typing import NoReturn


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. No KeyboardInterrupt: typer and Ray Tune have their own ideas about those."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.exit_code = 128 + number


def stop_on_signals() -> None:
    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
