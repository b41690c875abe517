"""The lock of the one driver: it dies with its process, and the driver writes only while it holds it.

Beside an SQLite file it is a lock of the operating system's on a file; in PostgreSQL an advisory lock of a session, and the driver
writes in that session alone. A session that is lost takes the lock with it, so it is taken again before the next write.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import cast

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text

from hpsearch.errors import Damaged, Refused
from hpsearch.results.outage import Passing, repaired

ADVISORY = 0x68707365  # PostgreSQL's advisory lock of the driver: "hpse"
OTHERS = text(
    f"select 1 from pg_locks where locktype = 'advisory' and classid = 0 and objid = {ADVISORY} and granted "
    "and database = (select oid from pg_database where datname = current_database())"
)


class Lock(ABC):
    """What only one process has at a time."""

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine, self.place = engine, place

    @abstractmethod
    def take(self) -> bool:
        """Take it; False where another process has it."""

    @abstractmethod
    def held(self) -> bool:
        """Whether any process has it now."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction of the one who holds it."""

    @abstractmethod
    def release(self) -> None:
        """Give it back."""


def lock_of(engine: Engine, place: str) -> Lock:
    """The lock of a record's database."""
    return OfSession(engine, place) if engine.dialect.name == "postgresql" else OfFile(engine, place)


class OfFile(Lock):
    """A file beside the database that the operating system locks for us."""

    def __init__(self, engine: Engine, place: str) -> None:
        super().__init__(engine, place)
        self._file = str(engine.url.database)
        self._lock = FileLock(f"{self._file}.lock")
        self._known: tuple[int, int] | None = None  # the database's device and inode when the lock was taken

    def take(self) -> bool:
        try:
            self._lock.acquire(timeout=1)  # long enough for a reader that only looks whether somebody holds it
        except Timeout:
            return False
        except OSError as error:
            raise Refused(f"cannot write beside the record at {self.place}: {error.strerror}; give another --record") from error
        self._known = self._identity()
        return True

    def held(self) -> bool:
        try:
            self._lock.acquire(timeout=1)
        except Timeout:
            return True
        except OSError:  # nobody can drive a record whose folder cannot be written
            return False
        self._lock.release()
        return False

    def writing(self) -> AbstractContextManager[Connection]:
        if self._identity() != self._known:  # what we have open has no name any more, and would be lost
            raise Damaged(f"the record at {self.place} was deleted or replaced while it was run; {repaired(self.place)}")
        return self.engine.begin()

    def release(self) -> None:
        self._lock.release()

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._file)
        except OSError:
            return None
        return found.st_dev, found.st_ino


class OfSession(Lock):
    """An advisory lock of the session that the driver writes in."""

    def __init__(self, engine: Engine, place: str) -> None:
        super().__init__(engine, place)
        self._session: Connection | None = None

    def take(self) -> bool:
        session = self.engine.connect()
        try:
            with session.begin():
                taken = bool(session.scalar(text(f"select pg_try_advisory_lock({ADVISORY})")))
        except BaseException:
            _end(session)
            raise
        if taken:
            self._session = session
        else:
            session.close()
        return taken

    def held(self) -> bool:
        with self.engine.connect() as connection:
            return connection.scalar(OTHERS) is not None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        if self._session is None and not self.take():
            raise Passing("another session holds its lock")
        session = cast(Connection, self._session)
        transaction = session.begin()
        try:
            yield session
            transaction.commit()
        except BaseException:
            self.release()  # no roll-back, which may fail and hide what was raised: the next write has another session
            raise

    def release(self) -> None:
        if self._session is not None:
            _end(self._session)
        self._session = None


def _end(session: Connection) -> None:
    """End a session, and the lock with it, whatever state it is in."""
    session.invalidate()
    session.close()
