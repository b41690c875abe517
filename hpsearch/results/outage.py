"""Outages of the record: what an error of its database means, and waiting for what passes.

What a database is asked for is one function that may be run any number of times, so what was cut short is run again as a whole.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from hpsearch.errors import Damaged, Unanswered, Unwritable
from hpsearch.results.urls import record_option, scrubbed

T = TypeVar("T")
LOOKING, DRIVING = 10.0, 600.0  # seconds that a command waits which only reads, and one that trains
SPOKEN = (3.0, 30.0)  # seconds of an outage before it is spoken of, and between two sentences
NO_DATABASE = 26  # SQLite's code for a file that is none: one of the user's own, or a record whose first page is damaged
PAUSES = (0.1, 5.0)  # seconds between two tries: the first, the longest; each is twice the one before
LOCKED, FAULTY, FULL, HARMED = (5, 6), (10,), (13,), (11,)  # SQLite's primary result codes
GRANTED = ("42501", "42P01")  # rights and tables, which whoever runs the server gives and takes
PASSING = ("08", "40", "53", "57P0", "55P03", "25006")  # PostgreSQL's SQLSTATEs, by how they begin; 25006: a standby, for now


class Passing(Exception):
    """What keeps the record from answering now and will pass; raised where the database itself raised nothing."""


@dataclass
class Patience:
    """For how long a record that does not answer is waited for, and who is told."""

    limit: float = LOOKING  # seconds
    say: Callable[[str], None] = lambda sentence: None

    def through(self, work: Callable[[], T], place: str) -> T:
        """What ``work`` returns once the record answers, tried again and again; raises an error of ours where it will not."""
        began, tries, spoke, pause = time.monotonic(), 0, 0.0, PAUSES[0]
        while True:
            try:
                found = work()
            except (DBAPIError, Passing) as error:
                tries, waited, cause = tries + 1, time.monotonic() - began, passing(error, place)
                if cause is None:
                    raise
                if waited >= self.limit:
                    raise Unanswered(_given_up(place, cause, waited)) from error
            else:
                if spoke:
                    self.say(f"the record answers again after {time.monotonic() - began:.0f} s")
                return found
            if waited >= SPOKEN[0] and (not spoke or waited - spoke >= SPOKEN[1]):
                spoke = waited
                self.say(f"the record does not answer ({cause}): waiting, tried {_times(tries)} in {waited:.0f} s")
            time.sleep(min(pause, max(0.0, self.limit - waited)))
            pause = min(2 * pause, PAUSES[1])


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _given_up(place: str, cause: str, waited: float) -> str:
    return (
        f"the record at {place} has not answered for {waited:.0f} s ({cause}): nothing is lost, what trials sealed is on disk; "
        "run the same command again once it answers, with a longer --patience where it often takes that long"
    )


def passing(error: Exception, place: str) -> str | None:
    """Why the record does not answer, in a few words; None where it is of no use to wait for another answer.

    Raises what it means where that is known: a full disk, a damaged database.
    """
    if not isinstance(error, DBAPIError):
        return str(error)
    if type(error.orig).__module__ == "sqlite3":
        return _of_sqlite(error, place)
    return _of_server(error, place)


def _of_sqlite(error: DBAPIError, place: str) -> str | None:
    code, cause = getattr(error.orig, "sqlite_errorcode", None) or 0, first_line(error)
    primary = code & 0xFF
    if primary in LOCKED:
        return "locked by another process"
    if primary in FULL:
        raise Unwritable(f"the disk of the record at {place} is full: free some of it and run the same command again") from error
    if primary in HARMED or "no such table" in cause or "decode to UTF-8" in cause:
        raise Damaged(damage(place, cause)) from error
    return f"its disk answers with {cause!r}" if primary in FAULTY else None


def _of_server(error: DBAPIError, place: str) -> str | None:
    state, cause = getattr(error.orig, "sqlstate", None) or "", first_line(error)
    if state.startswith("XX00"):
        raise Damaged(
            f"the server has lost a part of the record at {place} ({cause}): restore the database from a backup"
        ) from error
    if state.startswith("57P0"):
        return "the server restarts"
    lost = error.connection_invalidated or (not state and isinstance(error, OperationalError | InterfaceError))
    return f"the server says {cause!r}" if lost or state.startswith(PASSING) else None


def unusable(error: DBAPIError, place: str) -> Exception:
    """What to raise for an error that will not pass: a sentence, but the error itself where our own SQL is wrong."""
    state, code = getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorcode", None)
    if is_no_database(error):
        return Damaged(damage(place, first_line(error)))
    ours = isinstance(error, DataError | IntegrityError | NotSupportedError | ProgrammingError) and state not in GRANTED
    if ours or (code is not None and code & 0xFF == 1):
        return error
    return Unanswered(f"the record at {place} cannot be used now ({first_line(error)}): run the same command again once it can")


def is_no_database(error: BaseException | None) -> bool:
    """Whether SQLite says of a file that it is no database."""
    return getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == NO_DATABASE


def damage(place: str, what: str) -> str:
    """The sentence about a damaged record, with the way out."""
    return f"the record at {place} is damaged ({what}): {repaired(place)}"


def repaired(place: str) -> str:
    """What to do about a record that is lost, as a part of a sentence."""
    return (
        f"`hpsearch repair STUDY.py{record_option(place)}` makes a new one from the results that trials sealed on disk, and keeps "
        "what is left of the old one beside it"
    )


def first_line(error: Exception) -> str:
    """The first line of what a database says, without a password."""
    return scrubbed(str(getattr(error, "orig", None) or error).strip().splitlines()[0].strip())
