"""Opening a record's database: whether it is one, whether it is whole, how connections to it behave."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL

from hpsearch.errors import Damaged, HpsearchError, Refused
from hpsearch.results import schema
from hpsearch.results.neighbours import TRIALS, new_trials
from hpsearch.results.outage import repaired

NEW = 5.0  # seconds after which an empty file is no longer taken for one that is being made
BUSY = 2.0  # seconds that SQLite waits for another process's transaction before it says so
SERVER = {  # of libpq: a connection that nobody answers any more is given up after seconds, not hours
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,  # milliseconds
}


def check_file(file: Path, create: bool) -> None:
    """Refuse an SQLite file that is empty, or missing where none is to be made."""
    if not create:
        _await_first_page(file)
    if file.is_file() and file.stat().st_size == 0:
        raise Damaged(f"the record at {file} is empty, its contents are lost: {repaired(str(file))}")
    if not create and not file.is_file():
        raise Refused(f"there is no record at {file}: run the study first, or name its record with --record")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write the record at {file}: {error.strerror}; give another place with --record") from error


def _await_first_page(file: Path) -> None:
    """Give a run that has just made the file the time to write to it."""
    while file.is_file() and file.stat().st_size == 0 and time.time() - file.stat().st_mtime < NEW:
        time.sleep(0.05)


def engine_of(url: URL) -> Engine:
    """Connections to a record's database."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url)
        _set_up(engine)
        return engine
    theirs = url.get_backend_name() == "postgresql" and url.get_driver_name() in ("psycopg", "psycopg2")
    given = {name: value for name, value in SERVER.items() if name not in url.query} if theirs else {}
    return create_engine(url, pool_pre_ping=True, connect_args=given)


def _set_up(engine: Engine) -> None:
    """SQLite: write-ahead log, transactions that take the write lock at once, patience with other processes."""

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


def trials_folder(connection: Connection, url: URL, create: bool) -> str:
    """Name of the folder for the trials' files: what the record says, decided before its first trial; else ``trials``."""
    named = connection.scalar(select(schema.stamp.c.value).where(schema.stamp.c.name == TRIALS))
    if named is not None or not create or connection.scalar(select(schema.trials.c.key).limit(1)) is not None:
        return str(named or TRIALS)
    if (own := new_trials(url)) != TRIALS:
        connection.execute(insert(schema.stamp).values(name=TRIALS, value=own))
    return own


def check_stamp(connection: Connection, shown: str, create: bool) -> None:
    """Refuse a database that is no record, or one of another version; stamp a new one."""
    if not connection.dialect.has_table(connection, "stamp"):
        raise Refused(f"{shown} is not a record of hpsearch: it has no version stamp; give another place with --record")
    version = connection.scalar(select(schema.stamp.c.value).where(schema.stamp.c.name == "schema"))
    if version is None and create and connection.scalar(select(schema.trials.c.key).limit(1)) is None:
        connection.execute(insert(schema.stamp).values(name="schema", value=str(schema.SCHEMA)))
    elif version != str(schema.SCHEMA):
        raise HpsearchError(f"the record at {shown} has schema {version}, not {schema.SCHEMA}: use the version that made it")
