"""The files that a driver holds open, which a training function in its process may close: then nothing can be written any more."""

import os
from contextlib import suppress
from pathlib import Path

from hpsearch.errors import Refused
from hpsearch.results.record import Record

STREAMS, HIGH = (0, 1, 2), 512
OPEN = Path("/dev/fd")  # a name for every descriptor of this process
CLOSED = (
    "the training function closed files that the run holds open, as os.closerange does: let it close only what it opened, or run "
    "without --here, where trials have processes of their own; what is finished is kept"
)


class Held:
    """The descriptors of the record's file and of its lock, none of a server's, and of what is printed, as a trial found them."""

    def __init__(self, record: Record) -> None:
        self.record = record
        database = record.engine.url.database if record.engine.dialect.name == "sqlite" else None
        self._groups = [_descriptors(Path(f"{database}{end}")) for end in ("", ".lock")] if database else []
        self._streams = {number: _copy(number) for number in STREAMS if _identity(number)}

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *error: object) -> None:
        for number, copy in self._streams.items():
            if _identity(copy) and _identity(number) != _identity(copy):  # it prints elsewhere since
                os.dup2(copy, number)
            with suppress(OSError):
                os.close(copy)

    def check(self) -> None:
        """Refused where all descriptors of either file are gone, before SQLite writes to a number that another file has now.

        Where what is printed was closed, that is opened again; nowhere, if the copy is closed too.
        """
        for number, copy in self._streams.items():
            if _identity(number) is None:
                os.dup2(copy, number) if _identity(copy) else _fill(number)
        if all(any(_same(*each) for each in group.items()) for group in self._groups if group):
            return
        self.record.engine.dispose()
        for number in {number for group in self._groups for number in group if _identity(number) is None}:
            _fill(number)  # whose owner will close it once more
        raise Refused(CLOSED)


Identity = tuple[int, int]  # device and inode


def _copy(number: int) -> int:
    """A second descriptor, with a number that lies beyond what a careless range ends at, where there are so many."""
    try:
        import fcntl

        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except (OSError, ImportError):  # a lower limit; Windows
        return os.dup(number)


def _descriptors(file: Path) -> dict[int, Identity]:
    """The descriptors of this process that are of a file."""
    with suppress(OSError):
        asked = os.stat(file)
        wanted = (asked.st_dev, asked.st_ino)
        return {number: wanted for number in map(int, os.listdir(OPEN)) if _identity(number) == wanted}
    return {}


def _identity(number: int) -> Identity | None:
    try:
        told = os.fstat(number)
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _same(number: int, identity: Identity) -> bool:
    return _identity(number) == identity


def _fill(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
