"""The record's database is damaged, lost or another's: it is said in a sentence, and no result that a trial sealed is lost."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from hpsearch.results.record import Record
from tests.cli.giving import Given
from tests.faults.test_damaged_files import all_rows
from tests.faults.test_full_disk import study

RUN = ("run", "own.py", "--record", "x.db", "--here", "--out", "r.html")
REPAIR = ("repair", "own.py", "--record", "x.db")
REMEDY = "`hpsearch repair STUDY.py --record x.db`"


def settled(folder: Path) -> Path:
    """The database with all it holds in one file."""
    with sqlite3.connect(folder / "x.db") as record:
        record.execute("pragma wal_checkpoint(truncate)")
    return folder / "x.db"


def overwritten(file: Path, seed: int, many: int = 2_000) -> None:
    """That many bytes somewhere in the file are others now."""
    numbers = random.Random(seed)
    content = bytearray(file.read_bytes())
    start = numbers.randrange(len(content) - many)
    content[start : start + many] = numbers.randbytes(many)
    file.write_bytes(content)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(4, 60))])
def test_pages_that_flip_are_noticed_and_repaired_or_matter_to_nothing(tmp_path: Path, give: Given, seed: int) -> None:
    rows = all_rows(tmp_path)
    overwritten(settled(tmp_path), seed)
    damaged = (tmp_path / "x.db").read_bytes()
    code, said, complaint = give(*RUN)
    assert "Traceback" not in complaint
    assert code in (0, 2, 65), said + complaint
    if code:
        assert REMEDY in complaint
        code, said, complaint = give(*REPAIR)
        assert code == 0, said + complaint
        assert "7 whole results lie on disk; 7 of them were missing" in said
        assert [each.read_bytes() for each in tmp_path.glob("x.db.damaged-1")] == [damaged]
        code, said, complaint = give(*RUN)
    assert (code, complaint) == (0, ""), said + complaint
    assert "0 of them ran now" in said, "a finished trial was trained again"
    assert all_rows(tmp_path) == rows


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("command", [("status", "own.py"), ("report", "own.py", "--out", "r.html"), ("plan", "own.py")])
def test_commands_that_read_a_damaged_record_end_in_a_sentence(
    tmp_path: Path, give: Given, seed: int, command: tuple[str, ...]
) -> None:
    file = settled(tmp_path)
    for each in range(8):
        overwritten(file, 100 * seed + each, 500)
    code, said, complaint = give(*command, "--record", "x.db")
    assert code in (0, 2, 65), said + complaint
    assert "Traceback" not in complaint
    assert code == 0 or REMEDY in complaint


def test_a_digit_that_flips_is_noticed(tmp_path: Path, give: Given) -> None:
    """SQLite itself sees nothing wrong with it."""
    file = settled(tmp_path)
    content = file.read_bytes()
    assert b'"top1": 5.0' in content
    file.write_bytes(content.replace(b'"top1": 5.0', b'"top1": 6.0'))
    for command in (RUN, ("report", "own.py", "--record", "x.db", "--out", "r.html")):
        code, _, complaint = give(*command)
        assert code == 65
        assert "is not as it was written): `hpsearch repair" in complaint


@pytest.mark.parametrize(
    "harm",
    [
        "update rows set metrics = '{\"top1\": '",
        "update trials set config = substr(config, 3)",
        "update launches set study_json = 'nothing', provenance = x'00'",
        "update launches set provenance = '[['",
        "drop table rows",
    ],
)
def test_texts_that_are_no_longer_what_was_written_are_called_damage(tmp_path: Path, give: Given, harm: str) -> None:
    """In a record of an earlier version, of which there are no digests."""
    with sqlite3.connect(tmp_path / "x.db") as record:
        record.execute("drop table sums")
        record.execute(harm)
    codes = set()
    for command in (("status", "own.py"), ("plan", "own.py"), ("report", "own.py", "--out", "r.html"), RUN[:2] + RUN[4:]):
        code, said, complaint = give(*command, "--record", "x.db")
        assert code in (0, 65), said + complaint
        assert code == 0 or REMEDY in complaint
        codes.add(code)
    assert 65 in codes


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 // 4096 * 4096])


def without_header(file: Path) -> None:
    file.write_bytes(os.urandom(100) + file.read_bytes()[100:])


LOST: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "truncated": (truncated, 65, "is damaged"),
    "cut in a page": (lambda file: file.write_bytes(file.read_bytes()[:5_000]), 65, "is damaged"),
    "empty": (lambda file: file.write_bytes(b""), 65, "is empty, its contents are lost"),
    "garbage": (lambda file: file.write_bytes(os.urandom(9_000)), 2, "file is not a database; give another place with --record"),
    "without a header": (without_header, 2, "file is not a database"),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("older", [False, True])
def test_a_lost_database_is_made_anew_from_what_trials_sealed(tmp_path: Path, give: Given, name: str, older: bool) -> None:
    """``older``: by a version that sealed no more than results."""
    rows, file = all_rows(tmp_path), settled(tmp_path)
    if older:
        for each in [*tmp_path.glob("trials/*/*/trial.json"), tmp_path / "trials" / "record.json"]:
            each.unlink()
    damage, code, sentence = LOST[name]
    damage(file)
    told = give(*RUN)
    assert (told[0], told[2].count("\n")) == (code, 1), told
    assert sentence in told[2]
    assert REMEDY in told[2]
    assert give(*REPAIR)[0] == 0
    assert all_rows(tmp_path) == rows
    code, said, _ = give(*RUN)
    assert code == 0
    assert "0 of them ran now" in said


def test_a_record_that_was_put_in_anothers_place_is_refused(tmp_path: Path, give: Given) -> None:
    """The other one is a whole record of another study; put back, the right one goes on."""
    other = tmp_path / "other"
    other.mkdir()
    study(other, "pass")
    assert give("run", "other/own.py", "--record", "other/x.db", "--here", "--out", "r.html")[0] == 0
    settled(tmp_path).rename(tmp_path / "right")
    shutil.copy(settled(other), tmp_path / "x.db")
    code, _, complaint = give(*RUN)
    assert code == 65
    assert f"is not the one that the trials in {tmp_path / 'trials'} belong to" in complaint
    (tmp_path / "right").replace(tmp_path / "x.db")
    code, said, _ = give(*RUN)
    assert (code, "0 of them ran now" in said) == (0, True)


def test_a_deleted_record_and_one_beside_it_are_told_apart(tmp_path: Path, give: Given) -> None:
    """A second record beside the lost one does not keep it from finding its own trials again."""
    rows = all_rows(tmp_path)
    assert give("run", "own.py", "--record", "y.db", "--here", "--out", "r.html")[0] == 0
    settled(tmp_path).write_bytes(b"")
    code, said, complaint = give(*REPAIR)
    assert code == 0, complaint
    assert "7 whole results lie on disk; 7 of them were missing" in said
    assert all_rows(tmp_path) == rows


def test_what_a_repair_keeps_of_the_launches_and_what_it_says(tmp_path: Path, give: Given) -> None:
    """The end of the file is gone: what stands before it is read, and nothing of it is written over."""
    record = Record.open("x.db")
    launches = [launch["study_json"] for launch in record.launches()]
    record.engine.dispose()
    file = settled(tmp_path)
    with sqlite3.connect(file) as harmed:
        harmed.execute("update rows set metrics = replace(metrics, '5.0', '6.0')")
    lost = sorted(tmp_path.glob("trials/*/*/result.json"))[0]
    lost.unlink()
    code, said, _ = give(*REPAIR)
    assert code == 0
    assert f"the damaged database is now {tmp_path / 'x.db.damaged-1'}" in said
    assert "6 whole results lie on disk; 6 of them were missing" in said
    assert "1 trials were finished according to the damaged database and left no whole result: they run again" in said
    assert [launch["study_json"] for launch in Record.open("x.db").launches()] == launches
    assert "1 of them ran now" in give(*RUN)[1]


def test_a_whole_record_is_only_told_what_it_lacks(tmp_path: Path, give: Given) -> None:
    with sqlite3.connect(tmp_path / "x.db") as record:
        record.execute("delete from rows where key in (select key from trials limit 2)")
        record.execute("delete from sums where name in (select key from trials limit 2)")
        record.execute("update trials set state = 'waiting' where key in (select key from trials limit 2)")
    code, said, _ = give(*REPAIR)
    assert code == 0
    assert "7 whole results lie on disk; 2 of them were missing in the record and are in it now" in said
    assert list(tmp_path.glob("x.db.damaged*")) == []
    assert "0 of them ran now" in give(*RUN)[1]


def test_a_repair_leaves_alone_what_is_none_of_its_own(tmp_path: Path, give: Given) -> None:
    text = (tmp_path / "own.py").read_bytes()
    shutil.rmtree(tmp_path / "trials")
    code, _, complaint = give("repair", "own.py", "--record", "own.py")
    assert code == 2
    assert "there is nothing to make a record from" in complaint
    with sqlite3.connect(tmp_path / "theirs.db") as theirs:
        theirs.execute("create table theirs (a)")
    assert give("repair", "own.py", "--record", "theirs.db")[0] == 2
    assert (tmp_path / "own.py").read_bytes() == text
    with FileLock(tmp_path / "x.db.lock"):
        assert give(*REPAIR)[0] == 75
