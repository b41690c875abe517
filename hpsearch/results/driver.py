"""The writing side of the record.

Everything a driver writes is a function of what it is told, run in one transaction that begins with a look at the term; told again,
it changes nothing. So a write that an outage cut short, before its commit or after, is run again as a whole.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from hpsearch.errors import Stale
from hpsearch.protocol import Row
from hpsearch.results import schema
from hpsearch.results.health import of_launch, of_trial
from hpsearch.results.lock import Lock
from hpsearch.results.outage import Passing, Patience
from hpsearch.study import Trial
from hpsearch.values import to_json

if TYPE_CHECKING:
    from hpsearch.results.record import Record, Result

T = TypeVar("T")
LEAVING = 2.0  # seconds that a driver waits for the record when it leaves with an error: what it would say is no result


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Driver:
    """Who writes to the record, for as long as its term is the newest."""

    def __init__(self, record: "Record", lock: Lock, task: str) -> None:
        self.record = record
        self._lock = lock
        self.term = record.answered(lambda: self._begin(task))

    def _begin(self, holder: str) -> int:
        """Our term, one more than the last. An update, not a new line: who waits for the line must find the newer term in it."""
        own = schema.driver.c
        with self._lock.writing() as connection:
            schema.metadata.create_all(connection, tables=schema.LATER)
            if not connection.execute(update(schema.driver).values(term=own.term + 1, holder=holder)).rowcount:
                connection.execute(insert(schema.driver).values(id=1, term=1, holder=holder))
            return int(connection.scalar(select(own.term)) or 0)

    def _write(self, work: Callable[[Connection], T], patience: Patience | None = None) -> T:
        """What ``work`` returns, after its transaction; refused under an older term. ``work`` may be run any number of times."""

        def once() -> T:
            try:
                with self._lock.writing() as connection:
                    self._check(connection.scalar(select(schema.driver.c.term).with_for_update()))
                    return work(connection)
            except Passing:  # somebody has the lock that we lost: one who looks, or a driver that took over
                self.record.once(lambda connection: self._check(connection.scalar(select(schema.driver.c.term))))
                raise

        return self.record.answered(once, patience)

    def _check(self, term: int | None) -> None:
        if term != self.term:
            raise Stale(
                f"another driver took over the record (term {term}, ours was {self.term}): this one stops, and the other goes on"
            )

    def want(self, trials: Sequence[Trial]) -> None:
        """Enter trials that are not in the record yet, as waiting; those that wait in it lose the reason of their last attempt."""
        own, blank = schema.trials.c, dict(fault="", reason="", detail="")
        self.enter([entry(trial) for trial in trials])

        def work(connection: Connection) -> None:
            told = connection.scalars(select(own.key).where((own.state == "waiting") & (own.reason != "")))
            for key in {trial.key for trial in trials}.intersection(told):
                connection.execute(update(schema.trials).where(own.key == key).values(**blank))

        self._write(work)

    def add(self, table: Table, lines: Sequence[Mapping[str, Any]]) -> None:
        """Enter lines in one of the tables that say what trials are; one that is there under the same key is replaced."""

        def work(connection: Connection) -> None:
            for line in lines:
                own = [column == line[column.name] for column in table.primary_key.columns]
                connection.execute(delete(table).where(*own))
            if lines:
                connection.execute(insert(table), list(lines))

        self._write(work)

    def set_aside(self, key: str, other: str) -> None:
        """Give a trial another key, with its rows: the record keeps it, and its own key is free for one of another meaning."""

        def work(connection: Connection) -> None:
            kept = connection.execute(select(schema.trials).where(schema.trials.c.key == key)).mappings().one_or_none()
            if kept is None:  # done, and told again
                return
            connection.execute(insert(schema.trials).values(**{**kept, "key": other}))
            for table in (schema.rows, schema.artefacts, schema.contents):
                connection.execute(update(table).where(table.c.key == key).values(key=other))
            connection.execute(update(schema.sums).where(schema.sums.c.name == key).values(name=other))
            place = schema.artefacts.c.path
            moved = func.replace(place, f"{key[:2]}/{key}/", f"{other[:2]}/{other}/")
            connection.execute(update(schema.artefacts).where(schema.artefacts.c.key == other).values(path=moved))
            connection.execute(delete(schema.trials).where(schema.trials.c.key == key))

        self._write(work)

    def reset(self, states: Iterable[str], only: Iterable[str] | None = None) -> int:
        """Put trials of those states back to waiting, without rows, or those among ``only``; how many."""
        asked = schema.trials.c.state.in_(tuple(states))
        chosen = asked if only is None else asked & schema.trials.c.key.in_(tuple(only))
        keys = select(schema.trials.c.key).where(chosen)
        fresh = dict(state="waiting", fault="", reason="", detail="", changed=now())

        def work(connection: Connection) -> int:
            connection.execute(delete(schema.rows).where(schema.rows.c.key.in_(keys)))
            connection.execute(delete(schema.sums).where(schema.sums.c.name.in_(keys)))
            return connection.execute(update(schema.trials).where(chosen).values(**fresh)).rowcount

        return self._write(work)

    def wait_again(self, keys: Iterable[str]) -> None:
        """Put failed trials back to waiting, without rows, but with the reason why they ended: it ended the study with them."""
        asked = list(keys)

        def work(connection: Connection) -> None:
            connection.execute(delete(schema.rows).where(schema.rows.c.key.in_(asked)))
            connection.execute(delete(schema.sums).where(schema.sums.c.name.in_(asked)))
            change = update(schema.trials).where(schema.trials.c.key.in_(asked))
            connection.execute(change.values(state="waiting", changed=now()))

        self._write(work)

    def enter(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Enter trials as lines of their table, as waiting, where they are not in the record yet."""

        def work(connection: Connection) -> None:
            known = set(connection.scalars(select(schema.trials.c.key)))
            new = {line["key"]: {**line, "state": "waiting", "changed": now()} for line in trials if line["key"] not in known}
            if new:
                connection.execute(insert(schema.trials), list(new.values()))

        self._write(work)

    def start(self, key: str) -> None:
        """A trial is handed out."""
        change = update(schema.trials).where(schema.trials.c.key == key).values(state="running", changed=now())
        self._write(lambda connection: connection.execute(change))

    def row(self, key: str, epoch: int, row: Row) -> None:
        """One epoch of a running trial; told again, it replaces what stood there."""
        at = (schema.rows.c.key == key) & (schema.rows.c.epoch == epoch)

        def work(connection: Connection) -> None:
            connection.execute(delete(schema.rows).where(at))
            connection.execute(insert(schema.rows).values(key=key, epoch=epoch, metrics=json.dumps(row)))

        self._write(work)

    def finish(self, result: "Result") -> None:
        """The end of a trial with all its rows at once: a curve never mixes attempts. Told again, it changes nothing."""
        rows = [{"key": result.key, "epoch": n, "metrics": json.dumps(row)} for n, row in enumerate(result.rows, start=1)]
        kept = [dict(key=result.key, name=n, path=p, sha256=s, bytes=b) for n, p, s, b in result.artefacts]
        names = ("state", "fault", "reason", "detail", "attempts", "seconds", "host", "device")
        told = {name: getattr(result, name) for name in names}

        def work(connection: Connection) -> None:
            for table in (schema.rows, schema.artefacts):
                connection.execute(delete(table).where(table.c.key == result.key))
            if rows:
                connection.execute(insert(schema.rows), rows)
            if kept:
                connection.execute(insert(schema.artefacts), kept)
            connection.execute(update(schema.trials).where(schema.trials.c.key == result.key).values(**told, changed=now()))
            trial = connection.execute(select(schema.trials).where(schema.trials.c.key == result.key)).mappings().one_or_none()
            if trial is not None:
                _sum(connection, result.key, of_trial(dict(trial), [str(row["metrics"]) for row in rows]))

        self._write(work)

    def launched(self, **columns: Any) -> int:
        """Enter a launch; its number."""
        own, last = schema.launches.c, max((launch["id"] for launch in self.record.launches()), default=0)

        def work(connection: Connection) -> int:
            entered = connection.scalar(select(own.id).where(own.id > last))  # by us: nobody else writes in our term
            if entered is None:
                line = {**columns, "started": now()}
                key = connection.execute(insert(schema.launches).values(**line)).inserted_primary_key
                entered = key[0] if key else 0
                _sum(connection, f"launch {entered}", of_launch(line))
            return int(entered)

        return self._write(work)

    def ended(self, launch: int, outcome: str) -> None:
        """How a launch ended."""
        self._write(lambda connection: connection.execute(_end(launch, outcome)))

    def left(self, launch: int, outcome: str) -> None:
        """How a launch ended that an error ends: written where the record answers at once, and else not said."""
        self._write(lambda connection: connection.execute(_end(launch, outcome)), Patience(LEAVING))


def _sum(connection: Connection, name: str, digest: str) -> None:
    connection.execute(delete(schema.sums).where(schema.sums.c.name == name))
    connection.execute(insert(schema.sums).values(name=name, sha256=digest))


def _end(launch: int, outcome: str) -> Any:
    return update(schema.launches).where(schema.launches.c.id == launch).values(ended=now(), outcome=outcome)


def entry(trial: Trial) -> dict[str, Any]:
    """What the record says of a trial that nothing is known of yet."""
    names = ("key", "seed", "epochs", "held_out", "code")
    return {**{name: getattr(trial, name) for name in names}, "config": json.dumps(to_json(trial.config))}
