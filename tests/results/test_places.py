"""A record or storage is the very file that is named, whatever letters its name has."""

from pathlib import Path

import optuna
import pytest
from sqlalchemy.engine import URL

from hpsearch.errors import Refused
from hpsearch.results.imports.sources import read
from hpsearch.results.optuna_view import _place
from hpsearch.results.record import Record
from hpsearch.results.urls import database

NAMES = (
    "odd/a?b/h.db", "a%41b", "a%2Fb", "h?mode=memory.db", "h.db?mode=ro", "a#b", "a b'c\"d", "grüße-α.db", "file:x.db", ":memory:",
    "file::memory:?cache=shared", "a{b}.db", "a@b:c.db", "a&b=c;d.db", "~/h.db", "$HOME.db", "-h.db", "*.db", "a\\b.db",
)  # fmt: skip


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_the_file_that_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = Record.open(name, create=True)
    with record.driver("a test"):
        record.engine.dispose()
    assert {each for each in files(tmp_path) if not each.endswith(("-wal", "-shm", ".lock"))} == {name}
    assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3\x00")
    again = Record.open(name)
    assert again.folder == (tmp_path / name).parent / "trials"
    again.engine.dispose()


def test_two_names_are_two_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Record.open("a%41b", create=True)
    for other in ("aAb", "a%41b?x=1"):
        with pytest.raises(Refused, match="there is no record at"):
            Record.open(other)


@pytest.mark.parametrize("name", NAMES)
def test_an_optuna_storage_is_the_file_that_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    place = URL.create("sqlite", database=str(path)).render_as_string()
    optuna.create_study(storage=_place(place)).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert files(tmp_path) == {name}
    for written in (name, str(path), place):
        if written != "file::memory:?cache=shared":
            assert list(read(written, "optuna").frame["state"]) == ["complete"], written
    assert files(tmp_path) == {name}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("sqlite:///odd/a?b/h.db", "write %3F where the question mark belongs to the file's name"),
        ("sqlite:///h?mode=memory.db", "'mode' is none of SQLite's"),
        ("sqlite:///file:h.db?mode=memory&uri=true", "'mode' is none of SQLite's"),
        ("sqlite://", "would exist only in this process: name a file"),
        ("sqlite:///:memory:", "would exist only in this process: name a file"),
    ],
)
def test_a_url_that_names_another_file_than_it_seems_is_refused(place, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for reach in (database, lambda text: Record.open(text, create=True), _place, lambda text: read(text, "optuna")):
        with pytest.raises(Refused, match=said):
            reach(place)
    assert files(tmp_path) == set()


def test_options_of_sqlite_stay_options(tmp_path):
    assert Record.open(f"sqlite:///{tmp_path}/h.db?timeout=3", create=True).engine.url.query == {"timeout": "3"}
    assert (tmp_path / "h.db").is_file()
