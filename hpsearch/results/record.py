"""The record: the one place where trials and rows are kept, and the one truth after a crash.

Anyone may read it at any time. Only a driver writes, one at a time: it holds a lock that dies with its process, and a term that
grows, so that a driver which lost the lock while it slept cannot write over its successor.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from hpsearch.errors import HpsearchError, InUse, Refused, Stale, did_you_mean
from hpsearch.protocol import Row
from hpsearch.results import schema
from hpsearch.results.mounts import refuse_network
from hpsearch.results.neighbours import SERVER, TRIALS, file_of, is_file, new_trials
from hpsearch.results.urls import database, hidden
from hpsearch.study import Trial
from hpsearch.values import to_json

MANY = 500  # keys of one query: databases take only so many
BUSY = 60.0  # seconds a write waits for another process's transaction
ADVISORY = 0x68707365  # PostgreSQL's advisory lock of the driver: "hpse"


@dataclass(frozen=True)
class Result:
    """What came of a trial, as its worker sealed it."""

    key: str
    state: str  # complete, failed or stopped
    rows: tuple[Row, ...]
    seconds: float
    attempts: int
    host: str
    device: str
    fault: str = ""
    reason: str = ""
    detail: str = ""
    artefacts: tuple[tuple[str, str, str, int], ...] = ()  # name, path, sha256, bytes
    remark: str = ""  # what its user should know although nothing is wrong with the trial; said, not recorded

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Result":
        """The result whose ``dataclasses.asdict`` went through JSON."""
        return cls(**{**told, "rows": tuple(told["rows"]), "artefacts": tuple(tuple(each) for each in told["artefacts"])})


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Record:
    """A record by its file (SQLite) or URL (any SQLAlchemy database; PostgreSQL is tested)."""

    def __init__(self, engine: Engine, folder: Path, place: str = "", trials: str = TRIALS) -> None:
        self.engine = engine
        self.folder = folder  # of the trials' files
        self.place = place  # as the user named it, without a password
        self.trials = trials  # what the folder is called where the user names none

    @classmethod
    def open(cls, place: str, folder: Path | None = None, create: bool = False) -> "Record":
        """The record at a file name or URL; refused where it is not a record of hpsearch, or is missing and ``create`` is off."""
        try:
            url = database(place)
        except ArgumentError as error:
            raise Refused("the record's URL cannot be read: write it as postgresql+psycopg://user@host/database") from error
        home, shown = Path(url.database or "").parent if is_file(url) else SERVER, hidden(place)
        if file := file_of(place):
            refuse_network(file)
            _check_file(file, create)
        try:
            engine = create_engine(url, pool_pre_ping=True)
            _set_up(engine)
            with engine.connect().execution_options(reading=not create) as connection, connection.begin():
                if create:
                    schema.metadata.create_all(connection)
                _check_stamp(connection, shown, create)
                trials = _trials_folder(connection, url, create)
        except (DBAPIError, ArgumentError, NoSuchModuleError, ImportError) as error:
            cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise Refused(f"cannot use the record at {shown}: {cause}; give another place with --record") from error
        return cls(engine, (folder or home / trials).absolute(), shown, trials)  # workers may stand in another folder

    @contextmanager
    def driver(self, task: str) -> Iterator["Driver"]:
        """The one driver of the record; InUse where another process is it."""
        me = f"{task}, process {os.getpid()} on {socket.gethostname()}, since {now()}"
        with self._lock(), self.engine.connect() as connection:
            with connection.begin():
                schema.metadata.create_all(connection, tables=schema.LATER)
                term = (connection.scalar(select(schema.driver.c.term)) or 0) + 1
                connection.execute(delete(schema.driver))
                connection.execute(insert(schema.driver).values(id=1, term=term, holder=me))
            connection.close()
            yield Driver(self, term)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect() as connection:  # the lock lives as long as this connection
                if not connection.scalar(text(f"select pg_try_advisory_lock({ADVISORY})")):
                    raise InUse(self._holder())
                connection.commit()
                try:
                    yield
                finally:
                    connection.invalidate()  # ends the session, and the lock with it, whatever state it is in
            return
        lock = FileLock(f"{self.engine.url.database}.lock")
        try:
            lock.acquire(timeout=1)  # long enough for a reader that only looks whether somebody holds it
        except Timeout as error:
            raise InUse(self._holder()) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection that never waits for a writer."""
        with self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    def _holder(self) -> str:
        with self._reading() as connection:
            holder = connection.scalar(select(schema.driver.c.holder))
        return f"the record is in use by {holder or 'another process'}: wait for it to end, or stop it"

    def holder(self) -> str | None:
        """The process that drives the record now; None where there is none."""
        try:
            with self._lock():
                return None
        except InUse as error:
            return str(error)

    def states(self, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Everything the table of trials says of those keys that it knows."""
        return {row["key"]: dict(row) for row in self._of(keys, schema.trials.c.key, select(schema.trials))}

    def rows(self, keys: Iterable[str]) -> dict[str, list[tuple[int, Row]]]:
        """Epoch and metrics of every row of those keys, in order of epochs."""
        own, found = schema.rows.c, {}  # type: Any, dict[str, list[tuple[int, Row]]]
        for row in self._of(keys, own.key, select(schema.rows).order_by(own.key, own.epoch)):
            found.setdefault(row["key"], []).append((row["epoch"], json.loads(row["metrics"])))
        return found

    def scores(self, keys: Iterable[str], metric: str, last: int = 1) -> dict[str, float | None]:
        """The score of every finished trial, the median of its last epochs; None for one that failed or was stopped."""
        found: dict[str, list[float]] = {}
        own = (schema.rows.c.key == schema.trials.c.key) & (schema.rows.c.epoch > schema.trials.c.epochs - last)
        query = select(schema.trials.c.key, schema.trials.c.state, schema.rows.c.metrics).join(schema.rows, own, isouter=True)
        finished = query.where(schema.trials.c.state.in_(("complete", "failed", "stopped")))
        for row in self._of(keys, schema.trials.c.key, finished):
            values = found.setdefault(row["key"], [])
            if row["state"] == "complete":
                values.append(number(row["key"], json.loads(row["metrics"]), metric))
        return {key: median(values) if values else None for key, values in found.items()}

    def _of(self, keys: Iterable[str], column: ColumnElement[str], query: Select[Any]) -> Iterator[RowMapping]:
        """The lines of a query whose column is one of the keys: the database looks them up, and reads no other trial's."""
        asked = list(dict.fromkeys(keys))
        with self._reading() as connection:
            for start in range(0, len(asked), MANY):
                yield from connection.execute(query.where(column.in_(asked[start : start + MANY]))).mappings()

    def keys(self, state: str) -> list[str]:
        """Keys of all trials in a state."""
        with self._reading() as connection:
            return list(connection.scalars(select(schema.trials.c.key).where(schema.trials.c.state == state)))

    def launches(self) -> list[Mapping[str, Any]]:
        """All launches of all studies, the first one first."""
        query = select(schema.launches).order_by(schema.launches.c.id)
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def launch(self, study: str) -> Mapping[str, Any] | None:
        """The last launch of a study by name."""
        query = select(schema.launches).where(schema.launches.c.study == study).order_by(schema.launches.c.id.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
            return dict(row) if row else None


class Driver:
    """The writing side of the record, for as long as its term is the newest."""

    def __init__(self, record: Record, term: int) -> None:
        self.record = record
        self.term = term

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.record.engine.begin() as connection:
            term = connection.scalar(select(schema.driver.c.term))
            if term != self.term:
                raise Stale(f"another driver took over the record (term {term}, ours was {self.term}): this one stops")
            yield connection

    def want(self, trials: Sequence[Trial]) -> None:
        """Enter trials that are not in the record yet, as waiting; those that wait in it lose the reason of their last attempt."""
        own, blank = schema.trials.c, dict(fault="", reason="", detail="")
        with self._writing() as connection:
            known = set(connection.scalars(select(own.key)))
            new = {trial.key: trial for trial in trials if trial.key not in known}
            if new:
                connection.execute(insert(schema.trials), [_entry(trial) for trial in new.values()])
            told = connection.scalars(select(own.key).where((own.state == "waiting") & (own.reason != "")))
            for key in {trial.key for trial in trials}.intersection(told):
                connection.execute(update(schema.trials).where(own.key == key).values(**blank))

    def add(self, table: Table, lines: Sequence[Mapping[str, Any]]) -> None:
        """Enter lines in one of the tables that say what trials are; one that is there under the same key is replaced."""
        with self._writing() as connection:
            for line in lines:
                own = [column == line[column.name] for column in table.primary_key.columns]
                connection.execute(delete(table).where(*own))
            if lines:
                connection.execute(insert(table), list(lines))

    def set_aside(self, key: str, other: str) -> None:
        """Give a trial another key, with its rows: the record keeps it, and its own key is free for one of another meaning."""
        with self._writing() as connection:
            kept = dict(connection.execute(select(schema.trials).where(schema.trials.c.key == key)).mappings().one())
            connection.execute(insert(schema.trials).values(**{**kept, "key": other}))
            for table in (schema.rows, schema.artefacts, schema.contents):
                connection.execute(update(table).where(table.c.key == key).values(key=other))
            place = schema.artefacts.c.path
            moved = func.replace(place, f"{key[:2]}/{key}/", f"{other[:2]}/{other}/")
            connection.execute(update(schema.artefacts).where(schema.artefacts.c.key == other).values(path=moved))
            connection.execute(delete(schema.trials).where(schema.trials.c.key == key))

    def reset(self, states: Iterable[str], only: Iterable[str] | None = None) -> int:
        """Put trials of those states back to waiting, without rows, or those among ``only``; how many."""
        asked = schema.trials.c.state.in_(tuple(states))
        chosen = asked if only is None else asked & schema.trials.c.key.in_(tuple(only))
        keys = select(schema.trials.c.key).where(chosen)
        fresh = dict(state="waiting", fault="", reason="", detail="", changed=now())
        with self._writing() as connection:
            connection.execute(delete(schema.rows).where(schema.rows.c.key.in_(keys)))
            return connection.execute(update(schema.trials).where(chosen).values(**fresh)).rowcount

    def wait_again(self, keys: Iterable[str]) -> None:
        """Put failed trials back to waiting, without rows, but with the reason why they ended: it ended the study with them."""
        asked = list(keys)
        with self._writing() as connection:
            connection.execute(delete(schema.rows).where(schema.rows.c.key.in_(asked)))
            change = update(schema.trials).where(schema.trials.c.key.in_(asked))
            connection.execute(change.values(state="waiting", changed=now()))

    def start(self, key: str) -> None:
        """A trial is handed out."""
        with self._writing() as connection:
            change = update(schema.trials).where(schema.trials.c.key == key)
            connection.execute(change.values(state="running", changed=now()))

    def row(self, key: str, epoch: int, row: Row) -> None:
        """One epoch of a running trial; told again, it replaces what stood there."""
        with self._writing() as connection:
            at = (schema.rows.c.key == key) & (schema.rows.c.epoch == epoch)
            connection.execute(delete(schema.rows).where(at))
            connection.execute(insert(schema.rows).values(key=key, epoch=epoch, metrics=json.dumps(row)))

    def finish(self, result: Result) -> None:
        """The end of a trial with all its rows at once: a curve never mixes attempts. Told again, it changes nothing."""
        with self._writing() as connection:
            for table in (schema.rows, schema.artefacts):
                connection.execute(delete(table).where(table.c.key == result.key))
            rows = [{"key": result.key, "epoch": n, "metrics": json.dumps(row)} for n, row in enumerate(result.rows, start=1)]
            kept = [dict(key=result.key, name=n, path=p, sha256=s, bytes=b) for n, p, s, b in result.artefacts]
            if rows:
                connection.execute(insert(schema.rows), rows)
            if kept:
                connection.execute(insert(schema.artefacts), kept)
            names = ("state", "fault", "reason", "detail", "attempts", "seconds", "host", "device")
            told = {name: getattr(result, name) for name in names}
            connection.execute(update(schema.trials).where(schema.trials.c.key == result.key).values(**told, changed=now()))

    def launched(self, **columns: Any) -> int:
        """Enter a launch; its number."""
        with self._writing() as connection:
            entered = connection.execute(insert(schema.launches).values(**columns, started=now()))
            return int(entered.inserted_primary_key[0]) if entered.inserted_primary_key else 0

    def ended(self, launch: int, outcome: str) -> None:
        """How a launch ended."""
        with self._writing() as connection:
            change = update(schema.launches).where(schema.launches.c.id == launch)
            connection.execute(change.values(ended=now(), outcome=outcome))


def _entry(trial: Trial) -> dict[str, Any]:
    names = ("key", "seed", "epochs", "held_out", "code")
    own = {name: getattr(trial, name) for name in names}
    return {**own, "config": json.dumps(to_json(trial.config)), "state": "waiting", "changed": now()}


def number(key: str, row: Row, metric: str) -> float:
    """A metric of a row that a score is read from; refused where it is missing or no number."""
    value = row.get(metric)
    if value is None:
        raise Refused(
            f"the trial {key[:12]} finished without the metric {metric!r} ({did_you_mean(metric, row)}): score one that it has, or "
            "train into another --record"
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"trial {key} has {value!r} for the metric {metric!r}, which is not a number: score another metric")
    return float(value)


def _check_file(file: Path, create: bool) -> None:
    if file.is_file() and file.stat().st_size == 0:
        raise Refused(f"the record at {file} is empty, its contents are lost: restore it, or delete it to start afresh")
    if not create and not file.is_file():
        raise Refused(f"there is no record at {file}: run the study first, or name its record with --record")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write the record at {file}: {error.strerror}; give another place with --record") from error


def _set_up(engine: Engine) -> None:
    """SQLite: write-ahead log, transactions that take the write lock at once, patience with other processes."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        connection.execute(f"pragma busy_timeout = {int(BUSY * 1000)}")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("begin" if reading else "begin immediate")


def _trials_folder(connection: Connection, url: URL, create: bool) -> str:
    """Name of the folder for the trials' files: what the record says, decided before its first trial; else ``trials``."""
    named = connection.scalar(select(schema.stamp.c.value).where(schema.stamp.c.name == TRIALS))
    if named is not None or not create or connection.scalar(select(schema.trials.c.key).limit(1)) is not None:
        return str(named or TRIALS)
    if (own := new_trials(url)) != TRIALS:
        connection.execute(insert(schema.stamp).values(name=TRIALS, value=own))
    return own


def _check_stamp(connection: Connection, shown: str, create: bool) -> None:
    if not connection.dialect.has_table(connection, "stamp"):
        raise Refused(f"{shown} is not a record of hpsearch: it has no version stamp; give another place with --record")
    version = connection.scalar(select(schema.stamp.c.value).where(schema.stamp.c.name == "schema"))
    if version is None and create and connection.scalar(select(schema.trials.c.key).limit(1)) is None:
        connection.execute(insert(schema.stamp).values(name="schema", value=str(schema.SCHEMA)))
    elif version != str(schema.SCHEMA):
        raise HpsearchError(f"the record at {shown} has schema {version}, not {schema.SCHEMA}: use the version that made it")
