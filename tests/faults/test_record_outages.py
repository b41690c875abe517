"""The record does not answer in the middle of a run: the command waits, says so, goes on, and no trial is the worse for it."""

import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from tests.faults.searching import REPORTED, YIELDED, Search, ended
from tests.postgres import Server

HERE, ON_RAY = ("--here",), ()
slow = pytest.mark.full


@pytest.mark.parametrize(
    ("options", "report", "mode"),
    [
        (HERE, REPORTED, "fast"),
        pytest.param(HERE, YIELDED, "immediate", marks=slow),
        pytest.param(ON_RAY, YIELDED, "fast", marks=slow),
        pytest.param(ON_RAY, REPORTED, "immediate", marks=slow),
    ],
)
def test_a_restart_of_the_server_is_ridden_out(
    tmp_path: Path, server: Server, options: tuple[str, ...], report: str, mode: str
) -> None:
    """It is down for longer than 3 s: until the command has said so."""
    search = Search(tmp_path, server.url(), report)
    search.hold(2)
    process = search.start(*options)
    search.arrives(process, 2)
    server.stop(mode)
    try:
        search.let_go(2)
        search.says(process, "the record does not answer (the server")
    finally:
        server.start()
    assert ended(process) == 0, search.said
    assert "the record answers again after" in search.said
    search.check()


@pytest.mark.parametrize("options", [pytest.param(HERE, marks=slow), ON_RAY])
def test_sessions_that_an_administrator_ends_are_opened_again(tmp_path: Path, server: Server, options: tuple[str, ...]) -> None:
    """Three times, the one with the lock among them; the driver stays the only one."""
    search = Search(tmp_path, server.url())
    held = {1, 2, 4}
    for number in held:
        search.hold(number)
    process = search.start(*options)
    while held:
        number = search.first(process, held)
        held.remove(number)
        search.until(process, lambda: server.terminate(search.place) > 0)  # on Ray rows arrive after their epoch began
        search.let_go(number)
    assert ended(process) == 0, search.said
    search.check()


@slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seconds", [3, 40, 66])
@pytest.mark.parametrize("report", [YIELDED, REPORTED])
def test_a_lock_of_another_process_on_the_file_is_ridden_out(tmp_path: Path, seconds: int, report: str) -> None:
    search = Search(tmp_path, str(tmp_path / "x.db"), report)
    search.hold(2)
    process = search.start("--here")
    search.arrives(process, 2)
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    search.let_go(2)
    threading.Timer(seconds, other.rollback).start()
    assert ended(process) == 0, search.said
    if seconds > 10:
        assert "the record does not answer (locked by another process): waiting, tried " in search.said
        assert "the record answers again after" in search.said
    search.check()


@pytest.mark.parametrize("options", [HERE, pytest.param(ON_RAY, marks=slow)])
def test_what_is_waited_for_in_vain_ends_in_a_sentence_and_the_same_command_goes_on(
    tmp_path: Path, server: Server, options: tuple[str, ...]
) -> None:
    search = Search(tmp_path, server.url())
    search.hold(2, epoch=2)
    process = search.start("--patience", "1", *options)
    search.arrives(process, 2, epoch=2)
    server.stop()
    try:
        search.let_go(2, epoch=2)
        assert ended(process) == 69, search.said
    finally:
        server.start()
    assert "nothing is lost, what trials sealed is on disk; run the same command again" in search.said
    assert ended(search.start("--here")) == 0, search.said
    search.check(recomputed=len(options) == 0)


def fenced(search: Search, cut: object) -> None:
    """The first driver is stopped like a laptop's that sleeps and loses its lock, a second one ends the study, the first wakes up."""
    search.hold(2)
    first = search.start("--here")
    search.arrives(first, 2)
    first.send_signal(signal.SIGSTOP)
    try:
        cut()  # type: ignore[operator]
        search.let_go(2)
        assert ended(search.start("--here")) == 0, search.said
        search.check()
    finally:
        first.send_signal(signal.SIGCONT)
    assert ended(first) == 75, search.said
    assert "took over the " in search.said  # the record, or the trial that it was in the middle of
    search.check(recomputed=1)


@pytest.mark.parametrize("number", [0, *(pytest.param(each, marks=slow) for each in range(1, 10))])
def test_a_driver_that_slept_while_another_took_over_stops(tmp_path: Path, server: Server, number: int) -> None:
    search = Search(tmp_path, server.url())
    fenced(search, lambda: server.terminate(search.place))


def test_a_driver_whose_lock_file_was_deleted_stops_once_another_took_over(tmp_path: Path) -> None:
    fenced(Search(tmp_path, str(tmp_path / "x.db")), (tmp_path / "x.db.lock").unlink)
