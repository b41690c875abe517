"""The disk under a study's files: whether there is room, and what an error says of it. What a disk does is no trial's result."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpsearch.errors import FULL, GONE, Refused, Unwritable

LEAST = "HPSEARCH_FREE_MB"  # megabytes that must be free before a trial begins
FREE_MB = 50.0
NOTHING = 0.1  # megabytes free, with which a library's own error (torch's has no errno) is taken for that of a full disk
AGAIN = "nothing that was finished is lost; run the same command again and it goes on"


def free(folder: Path) -> float:
    """Megabytes free where a folder lies or will lie."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free / 1e6


def least() -> float:
    """Megabytes that must be free before a trial begins: $HPSEARCH_FREE_MB, or 50."""
    given = os.environ.get(LEAST) or str(FREE_MB)
    try:
        return float(given)
    except ValueError as error:
        raise Refused(f"{LEAST} is a number of megabytes, got {given!r}") from error


def lacking(folders: Iterable[Path]) -> str:
    """Where there is too little room to begin a trial, in a sentence; empty where there is enough."""
    for folder in folders:
        if (left := free(folder)) < least():
            return (
                f"only {left:.1f} MB are free at {folder} and a trial begins with at least {least():g} ({LEAST} says how many): "
                f"free some; {AGAIN}"
            )
    return ""


def of_disk(error: BaseException | None, folder: Path, home: Path) -> Unwritable | None:
    """What an error says of the disk of a trial's files; None where it is the training function's own.

    ``home`` is the trial's own folder, in the ``folder`` of all trials.
    """
    for each in _chain(error):
        if isinstance(each, Unwritable):
            return each
        if isinstance(each, OSError) and each.errno in FULL:
            return _full(folder)
        if isinstance(each, OSError) and (each.errno in GONE or not home.is_dir()) and _inside(each, folder):
            return Unwritable(f"a file of a trial cannot be written, {each.filename}: {each.strerror}; mend that, {AGAIN}")
    return _full(folder) if error is not None and free(folder) < NOTHING else None


def own(error: OSError, folder: Path) -> Unwritable:
    """What an error in writing files of our own says of the disk."""
    if error.errno in FULL:
        return _full(folder)
    return Unwritable(f"{error.filename or folder} cannot be written or read: {error.strerror}; mend that, {AGAIN}")


def _full(folder: Path) -> Unwritable:
    return Unwritable(f"a disk is full, with {free(folder):.1f} MB free at {folder}: free some; {AGAIN}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _inside(error: OSError, folder: Path) -> bool:
    return isinstance(error.filename, str) and Path(error.filename).is_relative_to(folder)
