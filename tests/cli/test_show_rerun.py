"""One trial by its key: shown as the record has it, and trained again beside it."""

import hashlib
import re
import sqlite3
from pathlib import Path

import pytest

from hpsearch import Refused
from hpsearch.results.lookup import checked, one_of
from hpsearch.trials.again import compare, timed
from tests.cli.giving import giving

OWN = """
from dataclasses import dataclass
import random
from hpsearch import *

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False

def train(config, seed, epochs, run):
    noise = random.Random(seed)
    for epoch in range(epochs):
        if config.wide and seed == 1:
            raise OSError("no <b>space</b> left")
        yield {"top1": 50.0 + 10 * config.wide + noise.random() + NOISE, "loss": 1 / (epoch + 1), "pair": [1.0, 2.0], "seconds": 0.5}

study = Study(question="Q?", base=Config(), train=train, vary=ladder(Trick("wide", {"wide": True})), seeds=2, epochs=3,
              tune=Tune(Space(rate=10 ** Uniform(-3, 0)), Round(points=2, epochs=1), arms="base", confirm=None))
"""
PLAIN = OWN.replace(" + NOISE", "")
RECIPE = """
from hpsearch import *
from hpsearch.training import Recipe, digits
from hpsearch.tricks.he2019 import distilled
study = Study(question="Q?", base=Recipe(data=digits(images=80), epochs=2, batch_size=20, depth=14, width=4, stem="small"),
              vary=ladder(distilled(width=4, depth=14)), seeds=2)
"""


@pytest.fixture
def hpsearch(tmp_path, monkeypatch, capsys):
    """Give a command in an empty folder; exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    return giving(monkeypatch, capsys)


def keys(**where):
    """Keys of the trials in the record, by columns."""
    condition = " and ".join(f"{name} = ?" for name in where) or "1"
    with sqlite3.connect("runs/hpsearch.db") as connection:
        return [
            key for (key,) in connection.execute(f"select key from trials where {condition} order by key", list(where.values()))
        ]


def content():
    """The record's tables, as text."""
    with sqlite3.connect("runs/hpsearch.db") as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def files():
    return {str(p): p.stat().st_mtime_ns for p in Path("runs/trials").rglob("*") if p.is_file()}


def test_a_trial_is_shown_by_the_first_digits_of_its_key(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key, *_] = keys(state="complete", held_out="final", seed=0)
    code, said, _ = hpsearch("show", "mine.py", key[:8])
    assert code == 0
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in said.splitlines() if re.match(r"\S", line) and "  " in line)
    assert lines["key"] == key
    assert lines["state"] == "complete"
    assert lines["in this study"] in ("arm 'base', seed 0", "arm 'wide', seed 0")
    assert lines["epochs"] == "3, of which 3 have rows"
    assert "top1=" in lines["last row"]
    assert "rate=" in lines["differs from the base"]
    assert Path(lines["files"]).is_dir()
    assert "1 attempt in total" in lines["ran"]


def test_the_key_alone_is_enough_where_the_study_lies_where_it_was_run_from(hpsearch):
    Path("ours").mkdir()
    Path("ours/mine.py").write_text(PLAIN)
    Path("other.py").write_text(PLAIN.replace("epochs=3", "epochs=2"))  # the same code, so it might want the trial
    hpsearch("run", "ours/mine.py", "--here")
    hpsearch("run", "other.py", "--here")
    [key, *_] = keys(state="complete", held_out="final", seed=0, epochs=3)
    assert hpsearch("show", key[:8])[:2] == hpsearch("show", "ours/mine.py", key[:8])[:2]
    assert "arm '" in hpsearch("show", key[:8])[1]
    code, said, _ = hpsearch("rerun", key[:8])
    assert code == 0
    assert "bitwise identical over 3 epochs" in said


def test_a_key_alone_whose_study_is_gone_is_refused_by_the_name_of_the_study(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key, *_] = keys(state="complete", held_out="final", seed=0)
    Path("mine.py").rename("elsewhere.py")
    for command in ("show", "rerun"):
        code, said, complaint = hpsearch(command, key)
        assert (code, said) == (2, "")
        assert complaint.strip() == (
            f"hpsearch: {key[:12]} was trained for mine.py, which is not here: give the study file before the key"
        )
        for words in (["elsewhere.py"], ["a.py", "b", "c"]):
            code, _, complaint = hpsearch(command, *words)
            assert code == 2
            assert complaint.startswith("hpsearch: give a trial's key, optionally with its study file before it, got ")


def test_places_in_a_search_are_named(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    places = {
        hpsearch("show", "mine.py", key)[1].split("in this study")[1].split("\n")[0].strip() for key in keys(held_out="tuning")
    }
    assert places == {"search of 'base', round 1, point 1", "search of 'base', round 1, point 2"}


def test_a_failed_trial_shows_its_reason_and_traceback(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key] = keys(state="failed")
    _, said, _ = hpsearch("show", "mine.py", key[:12])
    assert "failed, OSError: no <b>space</b> left" in said
    assert "Traceback" in said


def test_keys_that_are_too_short_or_name_none_are_refused(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    for command in ("show", "rerun"):
        code, _, complaint = hpsearch(command, "mine.py", "abc12")
        assert (code, complaint.strip()) == (
            2,
            "hpsearch: a key is 32 hexadecimal digits: give at least the first 6, got 'abc12'",
        )
        absent = next(f"{n:06x}" for n in range(1000) if not any(key.startswith(f"{n:06x}") for key in keys()))
        code, _, complaint = hpsearch(command, "mine.py", absent)
        assert code == 2
        assert f"no trial in the record has a key that begins with {absent}" in complaint
    assert hpsearch("show", "mine.py", "zzzzzz")[0] == 2
    assert hpsearch("show", "mine.py", "a" * 33)[0] == 2


def test_a_beginning_that_several_share_is_refused_and_they_are_named():
    several = [f"abcdef{n:026d}" for n in range(6)]
    with pytest.raises(Refused, match=r"6 trials have keys that begin with abcdef: abcdef0+, .*, \.\.\.; give more digits"):
        one_of(several, "abcdef")
    assert one_of(several[:1], "abcdef") == several[0]
    assert checked(" ABCDEF12 ") == "abcdef12"


def test_no_record_is_refused(hpsearch):
    Path("mine.py").write_text(PLAIN)
    code, _, complaint = hpsearch("show", "mine.py", "abcdef")
    assert code == 2
    assert "there is no record at runs/hpsearch.db" in complaint


def test_a_trial_trained_again_has_the_same_rows_and_leaves_the_record_as_it_was(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    before, lying = content(), files()
    for key in keys(state="complete"):
        code, said, _ = hpsearch("rerun", "mine.py", key[:10])
        assert code == 0
        assert re.search(r"bitwise identical over [13] epochs: top1, loss, pair \(times left out\)", said)
        assert "epoch 1\n" in said  # it was trained, and not read from the record
    assert (content(), files()) == (before, lying)


def test_a_training_that_changed_is_told_with_the_largest_difference(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key, *_] = keys(state="complete", held_out="final", seed=0)
    Path("mine.py").write_text(OWN.replace("NOISE", "(0.25 if epoch == 1 else 0)"))
    code, said, _ = hpsearch("rerun", "mine.py", key)
    assert code == 1
    assert "the training code has changed since this trial ran" in said
    assert re.search(r"top1: 0\.25 in epoch 2, \d+\.\d+ then and \d+\.\d+ now", said)
    assert "bitwise identical: loss, pair" in said
    assert hpsearch("show", "mine.py", key)[1].count("no longer part of it") == 1


def test_a_trial_that_failed_fails_again(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key] = keys(state="failed")
    code, said, _ = hpsearch("rerun", "mine.py", key)
    assert code == 1
    assert "nothing to compare: one of the two has no rows" in said
    assert "no <b>space</b> left" in said


def test_a_trial_that_fails_now_says_why(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key, *_] = keys(state="complete", held_out="final", seed=0)
    Path("mine.py").write_text(PLAIN.replace("config.wide and seed == 1", "epoch == 1"))
    code, _, complaint = hpsearch("rerun", "mine.py", key)
    assert code == 2
    assert f"the trial {key[:12]} was complete and fails now: OSError: no <b>space</b> left" in complaint


def test_our_own_recipes_and_students_of_teachers_are_repeated_to_the_bit(hpsearch):
    Path("ours.py").write_text(RECIPE)
    assert hpsearch("run", "ours.py", "--here")[0] == 0
    found = keys(state="complete")
    assert len(found) == 5  # two arms of two seeds, and a teacher
    for key in found:
        code, said, _ = hpsearch("rerun", "ours.py", key)
        assert code == 0, said
        assert "train_loss, loss, top1, top5" in said
    assert any("from which others learn" in hpsearch("show", "ours.py", key)[1] for key in found)


def test_a_config_of_another_class_is_refused(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    [key, *_] = keys(state="complete")
    Path("mine.py").write_text(PLAIN.replace("Config", "Settings"))
    code, _, complaint = hpsearch("rerun", "mine.py", key)
    assert code == 2
    assert "no value class or function is named 'study_mine:Config'" in complaint
    Path("mine.py").write_text(PLAIN.replace("    rate: float = 0.1\n", "    speed: float = 0.1\n").replace("rate=10", "speed=10"))
    code, _, complaint = hpsearch("rerun", "mine.py", key)
    assert code == 2
    assert "no longer fits the study’s classes" in complaint


def test_tables_are_written_beside_the_report(hpsearch):
    Path("mine.py").write_text(PLAIN)
    hpsearch("run", "mine.py", "--here")
    code, said, _ = hpsearch("report", "mine.py", "--tables", "out/tables")
    assert code == 0
    assert "files in out/tables; all tables at once: cd out/tables && pdflatex all.tex" in said
    assert {"all.tex", "effects.csv", "effects.parquet", "effects.tex", "effects.md"} <= {
        p.name for p in Path("out/tables").iterdir()
    }
    Path("taken").write_text("x")
    assert hpsearch("report", "mine.py", "--tables", "taken")[0] == 2


def test_rows_are_compared_number_by_number():
    same = [{"a": 1.0, "b": [1.0, 2.0], "seconds": 1.0, "images_per_second": 5.0}]
    assert compare(same, [{**same[0], "seconds": 2.0, "images_per_second": 6.0}]).equal
    found = compare([{"a": 1.0}, {"a": 1.0}], [{"a": 1.0 + 2**-52}, {"a": 1.5}])
    assert not found.equal
    assert (found.differs[0].epoch, found.differs[0].difference) == (2, 0.5)
    assert compare([{"a": 1.0}], [{"b": 1.0}]).only_once == ("a", "b")
    assert compare([], []).epochs == 0
    assert compare([{"b": [1.0]}], [{"b": [1.0, 2.0]}]).differs[0].difference == float("inf")
    assert [timed(name) for name in ("seconds", "images_per_second", "eval_seconds", "second")] == [True, True, True, False]


def test_only_shared_epochs_are_compared():
    found = compare([{"a": 1.0}], [{"a": 1.0}, {"a": 2.0}])
    assert (found.epochs, found.equal) == (1, True)
