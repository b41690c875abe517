"""Files of trials that are cut, garbled, emptied or taken away: no result is lost, and the command says nothing of its own faults."""

import os
from pathlib import Path

import pytest

from hpsearch.results.record import Record
from tests.cli.giving import Given

DAMAGE = {
    "not UTF-8": ("attempts", lambda text: b"\xff\xfe\n" + text),
    "garbage": ("attempts", lambda text: os.urandom(2_000)),
    "empty": ("attempts", lambda text: b""),
    "cut result": ("result.json", lambda text: text[: len(text) // 2]),
    "garbled result": ("result.json", lambda text: os.urandom(len(text))),
    "flipped result": ("result.json", lambda text: text.replace(b"top1", b"top2", 1)),
    "nested result": ("result.json", lambda text: b"[" * 100_000),
    "empty result": ("result.json", lambda text: b""),
    "missing result": ("result.json", None),
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("known", [True, False])
def test_damaged_files_of_trials_cost_no_result(tmp_path: Path, give: Given, name: str, known: bool) -> None:
    """Whether the record knows the results or lost them: all trials are there at the end, with their rows."""
    rows = all_rows(tmp_path)
    file, damage = DAMAGE[name]
    for number, path in enumerate(sorted(tmp_path.glob(f"trials/*/*/{file}"))):
        if number % 2 and damage:
            path.write_bytes(damage(path.read_bytes()))
            (path.parent / "result.json").unlink() if file == "attempts" else None  # so that it is tried again
        elif number % 2:
            path.unlink()
    (tmp_path / "trials" / "ledger.jsonl").write_bytes(os.urandom(5_000))
    if not known:
        for path in tmp_path.glob("x.db*"):
            path.unlink()
    code, said, complaint = give("run", "own.py", "--record", "x.db", "--here")
    assert code == 0, said + complaint
    assert complaint == ""
    assert all_rows(tmp_path) == rows


def all_rows(folder: Path) -> dict[str, list[tuple[int, dict[str, float]]]]:
    record = Record.open(str(folder / "x.db"))
    return record.rows(record.keys("complete"))
