"""A record that does not answer for a while: every write is done once and whole, and the one driver stays the only one."""

import inspect
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from hpsearch.errors import InUse, Stale, Stopped, Unanswered
from hpsearch.results import outage, schema
from hpsearch.results.connecting import BUSY
from hpsearch.results.driver import Driver, entry
from hpsearch.results.outage import Patience
from hpsearch.results.record import Record
from tests.postgres import Server
from tests.results.test_record import result, trial

HOLDS = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("begin immediate")
print("held", flush=True)
sys.stdin.read()
"""


def opened(place: str, said: list[str], limit: float = 120) -> Record:
    return Record.open(place, create=True, patience=Patience(limit, said.append))


def contents(record: Record) -> dict[str, list[Any]]:
    """Every line of every table, but for times."""
    times = {"changed", "started", "ended", "taken", "sha256"}  # digests hold times
    found = {}
    for table in schema.metadata.sorted_tables:
        columns = [column.name for column in table.columns if column.name not in times]
        found[table.name] = sorted(repr([line[name] for name in columns]) for line in record.lines(table.select()))
    return found


def told(driver: Driver) -> None:
    """Everything that a driver can be told, by the name of its method."""
    a, b, c = trial(1), trial(2), trial(3)
    kept = replace(result(a.key, 1.0, 2.0), artefacts=(("w", "aa/w", "ab", 3),))
    launch: list[int] = []
    said: dict[str, Callable[[], object]] = {
        "want": lambda: driver.want([a, b, c]),
        "add": lambda: driver.add(schema.contents, [dict(key=a.key, content="c", rest="r", data="d")]),
        "enter": lambda: driver.enter([entry(trial(9))]),
        "start": lambda: driver.start(a.key),
        "row": lambda: driver.row(a.key, 1, {"top1": 1.0}),
        "finish": lambda: (driver.finish(kept), driver.finish(result(b.key, 5.0, state="failed"))),
        "wait_again": lambda: driver.wait_again([b.key]),
        "reset": lambda: (driver.start(c.key), driver.reset(["running"])),
        "set_aside": lambda: driver.set_aside(a.key, "other"),
        "launched": lambda: launch.append(
            driver.launched(study="s", study_hash="h", study_text="t", study_json="{}", code="c", provenance="{}")
        ),
        "ended": lambda: driver.ended(launch[0], "done"),
        "left": lambda: driver.left(launch[0], "interrupted"),
    }
    methods = {name for name, _ in inspect.getmembers(Driver, inspect.isfunction) if not name.startswith("_")}
    assert said.keys() == methods, "a method of the driver's that nobody tells twice"
    for each in said.values():
        each()


def test_whatever_is_told_may_be_told_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage may hide that a commit was done: what was told is then told again, and the record is as if it had been told once."""
    once, twice = (Record.open(str(tmp_path / name / "x.db"), create=True) for name in ("once", "twice"))
    with once.driver("test") as driver:
        told(driver)
    through = Patience.through

    def both(self: Patience, work: Callable[[], Any], place: str) -> Any:
        through(self, work, place)
        return through(self, work, place)

    with twice.driver("test") as driver:
        monkeypatch.setattr(Patience, "through", both)
        told(driver)
    monkeypatch.undo()
    assert len(contents(once)["launches"]) == 1
    assert contents(twice) == {**contents(once), "driver": contents(twice)["driver"]}


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_restarts_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    said: list[str] = []
    monkeypatch.setattr(outage, "SPOKEN", (0.5, 30.0))
    url = server.url()
    record = opened(url, said)
    with record.driver("first") as driver:
        driver.want([trial()])
        server.stop(mode)
        again = threading.Timer(2.0, server.start)
        again.start()
        driver.finish(result(trial().key, 0.0, 7.0))
        again.join()
        with pytest.raises(InUse, match="in use by first"), Record.open(url).driver("second"):
            pass
    assert record.scores([trial().key], "top1") == {trial().key: 7.0}
    assert said[0].startswith("the record does not answer (the server")
    assert "waiting, tried " in said[0]
    assert said[-1].startswith("the record answers again after ")


def test_sessions_that_are_ended_take_nothing_with_them(server: Server) -> None:
    url = server.url()
    record = opened(url, [])
    with record.driver("first") as driver:
        driver.want([trial(seed) for seed in range(4)])
        for seed in range(4):
            assert server.terminate(url) > 0
            driver.finish(result(trial(seed).key, 0.0, float(seed)))  # in a session of its own, under the lock again
            with pytest.raises(InUse, match="in use by first"), Record.open(url).driver("second"):
                pass
    assert record.scores([trial(seed).key for seed in range(4)], "top1") == {trial(s).key: float(s) for s in range(4)}
    with Record.open(url).driver("second"):
        pass


@pytest.mark.parametrize("ended", [False, True])
def test_a_driver_that_lost_its_session_stops_where_another_took_over(server: Server, ended: bool) -> None:
    """Whether the other one still runs, or has ended and left the lock free."""
    url = server.url()
    first, second = opened(url, []), opened(url, [])
    with first.driver("first") as driver:
        driver.want([trial()])
        server.terminate(url)
        taken = second.driver("second")
        successor = taken.__enter__()
        successor.finish(result(trial().key, 0.0, 2.0))
        if ended:
            taken.__exit__(None, None, None)
        for write in (lambda: driver.finish(result(trial().key, 0.0, 1.0)), lambda: driver.row(trial().key, 1, {"top1": 1.0})):
            with pytest.raises(Stale, match="another driver took over the record"):
                write()
        if not ended:
            successor.start(trial().key)
            taken.__exit__(None, None, None)
    assert second.scores([trial().key], "top1") == ({trial().key: 2.0} if ended else {})


def test_a_driver_that_is_written_over_in_the_middle_of_a_write_is_refused(server: Server) -> None:
    """The successor's term waits for the write, or the write sees the term: never a write after the newer term began."""
    url = server.url()
    other = create_engine(url)

    def takes_over(_: Connection) -> None:
        with other.connect() as successor:
            successor.execute(text("set lock_timeout = '200ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                successor.execute(text("update driver set term = term + 1"))

    with opened(url, []).driver("first") as driver:
        driver._write(takes_over)
    other.dispose()


def test_sqlite_that_another_process_locks_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked_for(tmp_path, monkeypatch, BUSY + 1)


@pytest.mark.full
@pytest.mark.parametrize("seconds", [40.0, 66.0])
def test_sqlite_that_another_process_locks_for_long_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    locked_for(tmp_path, monkeypatch, seconds)


def locked_for(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    said: list[str] = []
    monkeypatch.setattr(outage, "SPOKEN", (0.5, 30.0))
    record = opened(str(folder / "x.db"), said, limit=300)
    with record.driver("test") as driver:
        driver.want([trial()])
        with subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(folder / "x.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            assert other.stdin is not None
            assert other.stdout.readline() == "held\n"
            threading.Timer(seconds, other.stdin.close).start()
            driver.finish(result(trial().key, 0.0, 7.0))
    assert record.scores([trial().key], "top1") == {trial().key: 7.0}
    assert said[0].startswith("the record does not answer (locked by another process): waiting, tried ")
    assert said[-1].startswith("the record answers again after ")


def test_a_record_that_never_answers_is_given_up_in_a_sentence(tmp_path: Path, server: Server) -> None:
    url = server.url()
    record = opened(url, [], limit=0.5)
    with suppress(Unanswered), record.driver("test") as driver:
        driver.want([trial()])
        server.stop("fast")
        try:
            with pytest.raises(Unanswered, match=r"has not answered for \d+ s .*run the same command again") as given_up:
                driver.finish(result(trial().key, 0.0, 7.0))
            with pytest.raises(Unanswered):
                record.states([trial().key])
        finally:
            server.start()
    assert given_up.value.exit_code == 69
    assert "\n" not in str(given_up.value)
    assert record.states([trial().key])[trial().key]["state"] == "waiting"


def test_a_signal_ends_the_waiting(tmp_path: Path) -> None:
    record = opened(str(tmp_path / "x.db"), [])

    def stop(number: int, frame: object) -> None:
        raise Stopped(number)

    former = signal.signal(signal.SIGALRM, stop)
    try:
        with record.driver("test") as driver, sqlite3.connect(tmp_path / "x.db", isolation_level=None) as other:
            driver.want([trial()])
            other.execute("begin immediate")
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Stopped):
                driver.start(trial().key)
    finally:
        signal.signal(signal.SIGALRM, former)
    assert record.states([trial().key])[trial().key]["state"] == "waiting"


def test_wrong_sql_of_our_own_is_not_taken_for_an_outage(tmp_path: Path) -> None:
    record = opened(str(tmp_path / "x.db"), [])
    with pytest.raises(Exception, match="no such column"):
        record.read(lambda connection: connection.execute(text("select nothing_like_it from trials")))
