"""Attempts at a trial, in a file of its folder: how many there were, and which is the newest.

A machine that was taken for dead may wake up while another one goes on with its trial. What it wakes up to is that it is no longer
the newest attempt, and then it writes nothing more.
"""

from pathlib import Path


class Superseded(BaseException):
    """Another attempt at this trial has begun: this one is over. No ``Exception``, so that fewer handlers catch it."""


class Fence:
    """One attempt at a trial; entered in the file when it is made. ``term`` is that of the driver that asked for it."""

    def __init__(self, home: Path, term: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        with open(home / "attempts", "ab") as file:
            file.write(f"\n{term}\n".encode())  # a line of its own, whatever stands before it
        entered = entries(home)
        self.attempts = entered.count(str(term).encode())  # in this life of the driver, this one included
        self._entered = len(entered)

    def check(self) -> None:
        """Raise where a later attempt has begun."""
        if len(entries(self.home)) > self._entered:
            raise Superseded(f"another process took over the trial in {self.home}")


def entries(home: Path) -> list[bytes]:
    """The terms of the drivers that asked for the attempts so far, the first one first."""
    try:
        return (home / "attempts").read_bytes().split()
    except FileNotFoundError:
        return []
