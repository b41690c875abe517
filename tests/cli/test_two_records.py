"""Records that lie in one folder, and what a driver that was killed leaves behind."""

import sqlite3
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
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    Path("mine.py").write_text(STUDY)

    def give(*words):
        return giving(monkeypatch, capsys)(*words)[:2]

    return give


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


def test_status_calls_trials_interrupted_that_nobody_runs(hpsearch):
    hpsearch("run", "mine.py", "--here")
    with sqlite3.connect("runs/hpsearch.db") as record:
        record.execute("update trials set state = 'running' where rowid = 1")
    assert "3 complete, 1 interrupted, 0 waiting" in hpsearch("status", "mine.py")[1]
