"""Records that lie in one folder, and what a driver that was killed leaves behind."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.giving import giving

STUDY = """
import os
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    wide: bool = False

def train(config, seed, epochs, run):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(f"{config.wide} {seed}\\n")
    for epoch in range(epochs):
        yield {"acc": 50.0 + seed + 10 * config.wide}

study = Study(question="?", train=train, base=Config(), vary=ladder(Trick("wide", {"wide": True})), seeds=2, epochs=1, metric="acc")
"""


@pytest.fixture
def hpsearch(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    Path("mine.py").write_text(STUDY)

    def give(*words):
        code, out, err = giving(monkeypatch, capsys)(*words)
        return code, out + err

    return give


def content():
    """All that the record says; its bytes change when the write-ahead log is taken in."""
    with closing(sqlite3.connect("runs/hpsearch.db")) as record:
        return list(record.iterdump())


def trained():
    return len(Path("ledger").read_text().splitlines())


def test_a_new_record_beside_another_takes_none_of_its_results_for_its_own(hpsearch):
    assert hpsearch("run", "mine.py", "--here", "--record", "all/a.db")[0] == 0
    assert trained() == 4
    code, said = hpsearch("run", "mine.py", "--here", "--record", "all/b.db")
    assert code == 0
    assert "4 of them ran now" in said
    assert trained() == 8
    for record in ("all/a.db", "all/b.db"):
        assert "0 of them ran now" in hpsearch("run", "mine.py", "--here", "--record", record)[1]
    assert trained() == 8


RECORDS = ("trials", "h-trials", "h.db", "h", "h.sqlite", "o?d", "hpsearch.db")
WORDS = ("run", "mine.py", "--here", "--record")


def reported(said):
    return re.search(r"report: (.+)", said).group(1)


def test_records_of_one_folder_share_no_file_of_trials_and_no_report(hpsearch):
    places = [*(f"all/{name}" for name in RECORDS), f"sqlite:///{Path('all/of-a-url').resolve()}"]
    said = [hpsearch(*WORDS, place) for place in places]
    assert [code for code, _ in said] == [0] * len(places)
    assert trained() == 4 * len(places)
    reports = [reported(each) for _, each in said]
    assert reports[2:6] == ["all/mine@h.db.html", "all/mine@h.html", "all/mine@h.sqlite.html", "all/mine@o?d.html"]
    assert len({Path(each).resolve() for each in reports}) == len(places)
    assert all(Path(each).is_file() for each in reports)
    folders = [ledger.parent for ledger in Path().rglob("ledger.jsonl")]
    assert len(folders) == len(places)
    assert {"all/h-own-trials", "all/h.db-trials"} <= {each.as_posix() for each in folders}
    for place, where in zip(places, reports, strict=True):  # and it stays so
        again = hpsearch(*WORDS, place)[1]
        assert ("0 of them ran now" in again, reported(again)) == (True, where)
    assert hpsearch("report", "mine.py", "--record", places[3])[1].splitlines()[0] == reports[3]
    assert trained() == 4 * len(places)


def test_the_first_record_of_a_folder_has_the_plain_names_and_keeps_them(hpsearch):
    assert reported(hpsearch(*WORDS, "all/k")[1]) == "all/mine.html"
    assert reported(hpsearch(*WORDS, "all/a.db")[1]) == "all/mine@a.db.html"
    assert reported(hpsearch(*WORDS, "all/k")[1]) == "all/mine.html"
    assert {path.parent.name for path in Path("all").rglob("ledger.jsonl")} == {"trials", "a.db-trials"}


def test_two_studies_of_one_record_share_what_is_the_same_and_have_a_report_each(hpsearch):
    Path("yours.py").write_text(STUDY.replace("seeds=2", "seeds=3"))
    assert reported(hpsearch(*WORDS, "all/a")[1]) == "all/mine.html"
    said = hpsearch("run", "yours.py", *WORDS[2:], "all/a")[1]
    assert (reported(said), "2 of them ran now" in said) == ("all/yours.html", True)


def test_a_report_before_the_first_run_takes_no_other_records_place(hpsearch):
    hpsearch(*WORDS, "all/a.db")
    assert hpsearch("report", "mine.py", "--record", "all/b")[1].splitlines()[0] == "all/mine@b.html"
    assert hpsearch("report", "mine.py", "--record", "none/b")[1].splitlines()[0] == "none/mine.html"


def test_records_that_an_earlier_version_made_in_one_folder_keep_their_files_and_have_a_report_each(hpsearch):
    """It gave them all the folder ``trials`` and wrote nothing of it into the record."""
    for name in ("b.db", "hpsearch.db", "z"):
        hpsearch(*WORDS, f"all/{name}")
        with sqlite3.connect(f"all/{name}") as record:
            record.execute("delete from stamp where name in ('trials', 'id')")
    done = trained()
    said = [hpsearch(*WORDS, f"all/{name}")[1] for name in ("b.db", "hpsearch.db", "z")]
    assert ["0 of them ran now" in each for each in said] == [True] * 3
    assert trained() == done
    assert [reported(each) for each in said] == ["all/mine@b.db.html", "all/mine.html", "all/mine@z.html"]
    for name in ("b.db", "hpsearch.db", "z"):
        with sqlite3.connect(f"all/{name}") as record:
            assert record.execute("select value from stamp where name = 'trials'").fetchall() == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("run", "mine.py", "--here", "--record", "all/mine.html"), "all/mine.html"),
        (("run", "mine.py", "--here", "--record", "all/mine.csv"), "all/mine.csv"),
        (("run", "mine.py", "--here", "--out", "runs/hpsearch.db"), "runs/hpsearch.db"),
        (("report", "mine.py", "--out", "runs/hpsearch.db"), "runs/hpsearch.db"),
        (("report", "mine.py", "--out", "mine.py"), "mine.py"),
    ],
)
def test_a_report_is_written_over_nothing_that_it_is_made_from(hpsearch, words, what):
    hpsearch("run", "mine.py", "--here")
    before = Path("mine.py").read_bytes(), content()
    code, said = hpsearch(*words)
    assert (code, f"over {what}, which it is made from: give another name with --out" in said) == (2, True)
    assert not Path("all").exists()
    assert (Path("mine.py").read_bytes(), content()) == before


@pytest.mark.parametrize(
    ("out", "what"), [(".", "is a folder"), ("..", "is a folder"), ("r.md", "in .html"), ("r.csv", "in .html")]
)
@pytest.mark.parametrize("command", [("run", "mine.py", "--here"), ("report", "mine.py")])
def test_a_report_is_a_file_whose_companions_have_other_names(hpsearch, command, out, what):
    code, said = hpsearch(*command, "--out", out)
    assert (code, said.count("\n"), what in said) == (2, 1, True), said
    assert {path.name for path in Path().iterdir()} <= {"mine.py", "__pycache__"}


def test_status_calls_trials_interrupted_that_nobody_runs(hpsearch):
    hpsearch("run", "mine.py", "--here")
    with sqlite3.connect("runs/hpsearch.db") as record:
        record.execute("update trials set state = 'running' where rowid = 1")
    assert "3 complete, 1 interrupted, 0 waiting" in hpsearch("status", "mine.py")[1]
