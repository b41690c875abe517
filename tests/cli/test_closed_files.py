"""A training function that closes files of the process it runs in: the run says so, and loses nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

STUDY = """
import os
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    wide: bool = False

def train(config, seed, epochs, run):
    with open("ledger", "a") as ledger:
        ledger.write(f"{config.wide} {seed}\\n")
    for epoch in range(epochs):
        if seed == 1 and epoch == {epoch} and not os.path.exists("mended"):
            {body}
        yield {"acc": 50.0 + seed + 10 * config.wide + epoch}

study = Study(question="?", train=train, base=Config(), vary=ladder(Trick("wide", {"wide": True})), seeds=3, epochs=2, metric="acc")
"""
CLOSED = "hpsearch: the training function closed files that the run holds open, as os.closerange does: let it close only what it"
TAKES = "os.closerange(3, 256); kept.extend(open(f'other{n}', 'w') for n in range(40))"  # the numbers are other files' now


def run(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-m", "hpsearch", *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def write(body: str, epoch: int = 0, more: str = "") -> None:
    text = STUDY.replace("{body}", body).replace("{epoch}", str(epoch))
    Path("mine.py").write_text(text + more)


def trained() -> list[str]:
    return sorted(Path("ledger").read_text().splitlines())


@pytest.mark.parametrize(
    ("body", "epoch"),
    [("os.closerange(3, 256)", 0), ("os.closerange(3, 256)", 1), ("os.closerange(0, 256)", 0), (TAKES, 0)],
    ids=["at once", "later", "and what is printed", "and opens others"],
)
def test_it_is_blamed_and_what_is_finished_is_kept(tmp_path, monkeypatch, body: str, epoch: int) -> None:
    monkeypatch.chdir(tmp_path)
    write(body, epoch, "kept = []\n")
    code, said, complaint = run("run", "mine.py", "--here")
    assert (code, CLOSED in complaint, "Traceback" in complaint) == (2, True, False), complaint
    assert "2 of 6 trials done, 0 running, 0 failed" in said
    assert all(path.read_text() == "" for path in Path().glob("other*"))  # no page of the record is in another file
    Path("mended").touch()
    code, said, complaint = run("run", "mine.py", "--here")
    assert (code, complaint) == (0, "")
    assert "6 of 6 trials done, 0 running, 0 failed" in said
    places = [f"{wide} {seed}" for wide in (False, True) for seed in range(3)]
    assert trained() == sorted([*places, "False 1"])  # only the one that closed them ran twice


def test_what_is_printed_is_seen_after_a_trial_that_closed_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("os.close(1); os.close(2)")
    code, said, complaint = run("run", "mine.py", "--here")
    assert (code, complaint) == (0, "")
    assert "6 of 6 trials done, 0 running, 0 failed" in said
