"""The record: one driver at a time, nothing written by a stale one, nothing lost, never silently empty."""

import multiprocessing
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from hpsearch.errors import Damaged, HpsearchError, InUse, Refused, Stale
from hpsearch.results.neighbours import report_of
from hpsearch.results.provenance import provenance
from hpsearch.results.record import Record, Result
from hpsearch.study import Trial
from tests.postgres import Server
from tests.trials.helpers import Config


def trial(seed: int = 0) -> Trial:
    return Trial(Config(), seed, 2, "final", "code")


def result(key: str, *scores: float, state: str = "complete") -> Result:
    return Result(key, state, tuple({"top1": s} for s in scores), 1.0, 1, "host", "cpu")


def test_what_a_driver_writes_is_read_back(place: str) -> None:
    record = Record.open(place, create=True)
    a, b, c = trial(1), trial(2), trial(3)
    with record.driver("test") as driver:
        driver.want([a, b, c, a])
        driver.start(a.key)
        driver.row(a.key, 1, {"top1": 10.0, "curve": [1.0, 2.0]})
        driver.row(a.key, 1, {"top1": 11.0})  # told again
        assert record.rows([a.key]) == {a.key: [(1, {"top1": 11.0})]}
        driver.finish(result(a.key, 20.0, 30.0))
        driver.finish(result(a.key, 20.0, 30.0))
        driver.finish(result(b.key, 5.0, state="failed"))
    again = Record.open(place)
    assert again.scores([a.key, b.key, c.key], "top1") == {a.key: 30.0, b.key: None}
    assert {key: state["state"] for key, state in again.states([a.key, b.key, c.key]).items()} == {
        a.key: "complete",
        b.key: "failed",
        c.key: "waiting",
    }
    assert again.rows([a.key]) == {a.key: [(1, {"top1": 20.0}), (2, {"top1": 30.0})]}
    with pytest.raises(Refused, match=r"finished without the metric 'top5' \(did you mean 'top1'\?\)"):
        again.scores([a.key], "top5")


def test_databases_of_one_server_have_folders_and_reports_of_their_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Record.open("runs/hpsearch.db", create=True).engine.dispose()
    urls = [server.url(), server.url()]
    names = [str(make_url(url).database) for url in urls]
    records = [Record.open(url, create=True) for url in urls]
    assert [record.folder for record in records] == [tmp_path / "runs" / f"{name}-trials" for name in names]
    said = [report_of(url, record.trials, "mine") for url, record in zip(urls, records, strict=True)]
    assert said == [Path(f"runs/mine@{name}.html") for name in names]
    assert [Record.open(url).folder for url in urls] == [record.folder for record in records]
    with records[0].driver("an earlier version, which wrote nothing of the folder") as driver:
        driver.want([trial()])
    with records[0].engine.begin() as connection:
        connection.exec_driver_sql("delete from stamp where name = 'trials'")
    assert Record.open(urls[0], create=True).folder == tmp_path / "runs" / "trials"


def test_a_second_driver_is_told_who_holds_the_record(place: str) -> None:
    record = Record.open(place, create=True)
    with record.driver("hpsearch run a.py"):
        holder = rf"in use by hpsearch run a.py, process {os.getpid()} on .*: wait for it"
        with pytest.raises(InUse, match=holder), Record.open(place).driver("hpsearch run b.py"):
            pass
        assert "a.py" in (Record.open(place).holder() or "")
    assert Record.open(place).holder() is None
    with Record.open(place).driver("hpsearch run b.py"):
        pass


def test_a_driver_that_lost_its_term_cannot_write(place: str) -> None:
    record = Record.open(place, create=True)
    with record.driver("the sleeper") as sleeper:
        pass
    with record.driver("its successor") as successor:
        with pytest.raises(Stale, match="another driver took over the record"):
            sleeper.want([trial()])
        successor.want([trial()])
    assert len(record.states([trial().key])) == 1


def _hold(place: str, ready: "multiprocessing.synchronize.Event") -> None:
    with Record.open(place, create=True).driver("the victim"):
        ready.set()
        time.sleep(600)


def test_the_lock_dies_with_its_process(place: str) -> None:
    Record.open(place, create=True)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    victim = context.Process(target=_hold, args=(place, ready))
    victim.start()
    assert ready.wait(60)
    with pytest.raises(InUse, match="the victim"), Record.open(place).driver("early"):
        pass
    os.kill(victim.pid or 0, signal.SIGKILL)
    victim.join()
    for _ in range(50):  # a server notices a lost connection in its own time
        try:
            with Record.open(place).driver("late"):
                return
        except InUse:
            continue
    pytest.fail("the lock outlived its process")


def test_an_empty_file_is_not_taken_for_a_new_record(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    with pytest.raises(Damaged, match=r"x\.db is empty, its contents are lost: `hpsearch repair"):
        Record.open(str(tmp_path / "x.db"), create=True)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as other:
        other.execute("create table theirs (a)")
    with pytest.raises(Refused, match="is not a record of hpsearch"):
        Record.open(str(tmp_path / "x.db"))


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    Record.open(str(tmp_path / "x.db"), create=True)
    with sqlite3.connect(tmp_path / "x.db") as newer:
        newer.execute("update stamp set value = '9' where name = 'schema'")
    with pytest.raises(HpsearchError, match="has schema 9, not 1"):
        Record.open(str(tmp_path / "x.db"), create=True)


@pytest.mark.parametrize("damage", [b"not a database at all, just text" * 50, None])
def test_a_damaged_or_missing_record_is_named(tmp_path: Path, damage: bytes | None) -> None:
    if damage:
        (tmp_path / "x.db").write_bytes(damage)
    with pytest.raises(Refused, match=r"x\.db"):
        Record.open(str(tmp_path / "x.db"))


def test_a_password_never_shows(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        Record.open("postgresql+psycopg://me:Geheim99@127.0.0.1:1/none", create=True)
    assert "Geheim99" not in str(refused.value)


def test_no_password_is_kept_with_a_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+psycopg://me:Geheim99@127.0.0.1/runs"
    monkeypatch.setattr(sys, "argv", ["hpsearch", "run", "my study.py", "--record", url, f"--record={url}"])
    command = provenance(tmp_path)["command"]
    assert "Geheim99" not in command
    safe = url.replace("Geheim99", "***")
    assert shlex.split(command) == ["hpsearch", "run", "my study.py", "--record", safe, f"--record={safe}"]


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test"), record.engine.begin():
        code = f"from hpsearch.results.record import Record; print(Record.open({str(tmp_path / 'x.db')!r}).scores(['a'], 'top1'))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "{}\n", done.stderr


def test_what_is_asked_of_some_trials_reads_no_other_ones(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "hpsearch.db"), create=True)
    trials = [trial(seed) for seed in range(1_200)]
    with record.driver("test") as driver:
        driver.want(trials)
        driver.finish(result(trials[0].key, 1.0, 2.0))
        driver.finish(result(trials[1].key, 3.0, 4.0))
    asked = [each.key for each in (trials[0], *trials[2:])]  # more than one query takes
    said: list[tuple[str, tuple[str, ...]]] = []
    event.listen(record.engine, "before_cursor_execute", lambda c, cursor, statement, values, *_: said.append((statement, values)))
    assert record.scores(asked, "top1") == {trials[0].key: 2.0}
    assert record.rows(asked) == {trials[0].key: [(1, {"top1": 1.0}), (2, {"top1": 2.0})]}
    assert record.states(asked).keys() == set(asked)
    assert record.states([]) == record.rows([]) == record.scores([], "top1") == {}
    selects = [(statement, values) for statement, values in said if statement.startswith("SELECT")]
    assert len(selects) == 9
    with sqlite3.connect(tmp_path / "hpsearch.db") as database:
        for statement, values in selects:
            read = [line for line in database.execute(statement, values) if trials[1].key in line]
            plan = [line[3] for line in database.execute(f"explain query plan {statement}", values)]
            assert read == [], statement
            assert not any(step.startswith("SCAN") for step in plan), (statement, plan)
