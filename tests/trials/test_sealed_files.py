"""A sealed file is written whole or not at all: whoever dies before the rename leaves the file that was there."""

import os
from pathlib import Path

import pytest

from hpsearch.trials.sealed import place, read_json, write_json


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


def test_a_text_whose_writer_dies_before_the_rename_is_the_one_before(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"epoch": 1})

    def dying(*_):
        raise Killed

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(Killed):
        write_json(path, {"epoch": 2})
    assert read_json(path) == {"epoch": 1}


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path: Path, monkeypatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append("flushed"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("renamed"), replace(*paths)))
    (tmp_path / "temporary").write_bytes(b"weights")
    place(tmp_path / "temporary", tmp_path / "weights.pt")
    assert done == ["flushed", "renamed", "flushed"]
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]
