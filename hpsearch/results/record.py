"""The record: the one place where trials and rows are kept, and the one truth after a crash.

Anyone may read it at any time. Only a driver writes, one at a time: it holds a lock that dies with its process, and a term that
grows, so that a driver which lost the lock while it slept cannot write over its successor.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from hpsearch.errors import Damaged, InUse, Refused, did_you_mean
from hpsearch.protocol import Row
from hpsearch.results import schema
from hpsearch.results.connecting import check_file, check_stamp, engine_of, trials_folder
from hpsearch.results.driver import Driver, now
from hpsearch.results.lock import lock_of
from hpsearch.results.mounts import refuse_network
from hpsearch.results.neighbours import SERVER, TRIALS, file_of, is_file
from hpsearch.results.outage import Patience, damage, first_line, is_no_database, repaired, unusable
from hpsearch.results.urls import ESCAPES, database, hidden

T = TypeVar("T")
MANY = 500  # keys of one query: databases take only so many


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


class Record:
    """A record by its file (SQLite) or URL (any SQLAlchemy database; PostgreSQL is tested)."""

    def __init__(self, engine: Engine, folder: Path, place: str, patience: Patience, trials: str = TRIALS) -> None:
        self.engine = engine
        self.folder = folder  # of the trials' files
        self.place = place  # as the user named it, without a password
        self.patience = patience
        self.trials = trials  # what the folder is called where the user names none

    @classmethod
    def open(cls, place: str, folder: Path | None = None, create: bool = False, patience: Patience | None = None) -> "Record":
        """The record at a file name or URL; refused where it is not a record of hpsearch, or is missing and ``create`` is off."""
        url, shown, waits = database(place), hidden(place), patience or Patience()
        home = Path(url.database or "").parent if is_file(url) else SERVER
        if file := file_of(place):
            refuse_network(file)
            check_file(file, create)
        try:
            engine = engine_of(url)

            def look() -> str:
                with engine.connect().execution_options(reading=not create) as connection, connection.begin():
                    if create:
                        schema.metadata.create_all(connection)
                    check_stamp(connection, shown, create)
                    return trials_folder(connection, url, create)

            trials = waits.through(look, shown) if file else look()  # a server that does not answer may be one that is not there
        except (DBAPIError, ArgumentError, NoSuchModuleError, ImportError) as error:
            why = f"cannot use the record at {shown}: {first_line(error)}; give another place with --record"
            login = f"; {ESCAPES}" if "password" in first_line(error) else ""
            lost = f"; if it was a record, {repaired(shown)}" if file and is_no_database(error) else ""
            raise Refused(why + login + lost) from error
        return cls(engine, (folder or home / trials).absolute(), shown, waits, trials)  # workers may stand in another folder

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where files of this machine's grow while a study runs."""
        url = self.engine.url
        return (self.folder, Path(str(url.database)).absolute().parent) if is_file(url) else (self.folder,)

    @contextmanager
    def driver(self, task: str) -> Iterator[Driver]:
        """The one driver of the record; InUse where another process is it."""
        me = f"{task}, process {os.getpid()} on {socket.gethostname()}, since {now()}"
        lock = lock_of(self.engine, self.place)
        if not self.answered(lock.take):
            raise InUse(self._holder())
        try:
            yield Driver(self, lock, me)
        finally:
            lock.release()

    def answered(self, work: Callable[[], T], patience: Patience | None = None) -> T:
        """What ``work`` returns, waiting out what keeps the database from answering; else an error with a sentence."""
        try:
            return (patience or self.patience).through(work, self.place)
        except DBAPIError as error:
            raise unusable(error, self.place) from error

    def once(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` reads, in a transaction that never waits for a writer."""
        with self.engine.connect().execution_options(reading=True) as connection:
            return work(connection)

    def read(self, work: Callable[[Connection], T]) -> T:
        """The same, waiting out what keeps the database from answering; ``work`` may be run any number of times."""
        return self.answered(lambda: self.once(work))

    def lines(self, query: Select[Any]) -> list[RowMapping]:
        """What a query finds."""
        return self.read(lambda connection: list(connection.execute(query).mappings()))

    def parsed(self, text: Any) -> Any:
        """What a JSON text of the record says; refused where it is none, for that was not what was written."""
        try:
            return json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise Damaged(damage(self.place, "a text in it is not as it was written")) from error

    def _holder(self) -> str:
        holder = self.read(lambda connection: connection.scalar(select(schema.driver.c.holder)))
        return f"the record is in use by {holder or 'another process'}: wait for it to end, or stop it"

    def holder(self) -> str | None:
        """The process that drives the record now; None where there is none."""
        return self._holder() if self.answered(lock_of(self.engine, self.place).held) else None

    def states(self, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Everything the table of trials says of those keys that it knows."""
        return {row["key"]: dict(row) for row in self._of(keys, schema.trials.c.key, select(schema.trials))}

    def rows(self, keys: Iterable[str]) -> dict[str, list[tuple[int, Row]]]:
        """Epoch and metrics of every row of those keys, in order of epochs."""
        own, found = schema.rows.c, {}  # type: Any, dict[str, list[tuple[int, Row]]]
        for row in self._of(keys, own.key, select(schema.rows).order_by(own.key, own.epoch)):
            found.setdefault(row["key"], []).append((row["epoch"], self.parsed(row["metrics"])))
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
                values.append(number(row["key"], self.parsed(row["metrics"]), metric))
        return {key: median(values) if values else None for key, values in found.items()}

    def _of(self, keys: Iterable[str], column: ColumnElement[str], query: Select[Any]) -> Iterator[RowMapping]:
        """The lines of a query whose column is one of the keys: the database looks them up, and reads no other trial's."""
        asked = list(dict.fromkeys(keys))
        for start in range(0, len(asked), MANY):
            yield from self.lines(query.where(column.in_(asked[start : start + MANY])))

    def stamped(self, name: str) -> str:
        """What the record's stamp says under a name; empty where it says nothing."""
        return "".join(line["value"] for line in self.lines(select(schema.stamp.c.value).where(schema.stamp.c.name == name)))

    @property
    def known(self) -> set[str]:
        """Keys of all trials."""
        return {line["key"] for line in self.lines(select(schema.trials.c.key))}

    def keys(self, state: str) -> list[str]:
        """Keys of all trials in a state."""
        return [line["key"] for line in self.lines(select(schema.trials.c.key).where(schema.trials.c.state == state))]

    def launches(self) -> list[Mapping[str, Any]]:
        """All launches of all studies, the first one first."""
        return [dict(line) for line in self.lines(select(schema.launches).order_by(schema.launches.c.id))]

    def launch(self, study: str) -> Mapping[str, Any] | None:
        """The last launch of a study by name."""
        query = select(schema.launches).where(schema.launches.c.study == study).order_by(schema.launches.c.id.desc()).limit(1)
        return next((dict(line) for line in self.lines(query)), None)


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
