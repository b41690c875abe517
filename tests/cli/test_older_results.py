"""A record of the previous version, and edits of a study, at the command line: what is said, decided, proved and marked."""

import re
import sqlite3
from pathlib import Path

import pytest

from tests.cli.giving import giving

BESIDE = Path(__file__).parents[1] / "results"


@pytest.fixture
def hpsearch(tmp_path, monkeypatch, capsys):
    """Give a command in a folder with a study and its record as version 0.1.0 left it; exit code, output, complaint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("older.py").write_text((BESIDE / "study_0_1_0.py").read_text())
    Path("runs").mkdir()
    with sqlite3.connect("runs/hpsearch.db") as record:
        record.executescript((BESIDE / "record_0_1_0.sql").read_text())

    return giving(monkeypatch, capsys)


def select(query):
    with sqlite3.connect("runs/hpsearch.db") as record:
        return record.execute(query).fetchall()


ASKED = (
    r"4 finished trials of older were made by older training code \(which functions changed is not on record\) and would be "
    r"repeated: `--again` trains them anew, `--keep` uses the old results; `hpsearch rerun \S+ \w{12} --adopt( --record \S+)?`"
)


def test_a_record_of_the_previous_version_is_read_and_its_trials_are_asked_about(hpsearch):
    before = select("select * from rows")
    for command in ("plan", "status"):
        code, said, _ = hpsearch(command, "older.py")
        assert code == 0
        assert re.search(ASKED, said)
    assert hpsearch("report", "older.py")[0] == 0
    code, _, complaint = hpsearch("run", "older.py", "--here")
    assert code == 78
    assert re.search(ASKED, complaint)
    assert select("select * from rows") == before
    assert len(select("select * from launches")) == 1  # a run that was refused is none
    assert "78 finished trials would be repeated" in re.sub(r"\s+", " ", hpsearch("run", "--help")[1] + hpsearch("--help")[1])


def test_kept_results_are_used_and_marked(hpsearch):
    code, said, _ = hpsearch("run", "older.py", "--here", "--keep")
    assert code == 0
    assert "4 of 4 trials done, 0 running, 0 failed" in said
    assert "; 0 of them ran now" in said
    written = Path("runs/older.md").read_text()
    sentence = "4 finished trials made by older training code (which functions changed is not on record): used as they are, as --keep asked"
    assert f"{sentence}." in written  # in the methods
    assert f"| older results | {sentence} |" in written  # and where it comes from
    assert re.search(r"\| \+ wide .*\| older, kept \|", written)
    assert "(older, kept)" in written  # beside the key
    assert "as --keep asked" in hpsearch("status", "older.py")[1]
    code, said, _ = hpsearch("run", "older.py", "--here")
    assert "; 0 of them ran now" in said


def test_training_anew_leaves_what_was_there(hpsearch):
    before = select("select key, epoch, metrics from rows")
    code, said, _ = hpsearch("run", "older.py", "--here", "--again")
    assert code == 0
    assert "; 4 of them ran now" in said
    assert set(before) < set(select("select key, epoch, metrics from rows"))
    assert "older" not in Path("runs/older.md").read_text().replace("older.py", "").replace("older KEY", "").replace(
        "Study: older", ""
    )
    assert hpsearch("run", "older.py", "--here", "--again", "--keep")[::2] == (
        2,
        "hpsearch: --again trains again what --keep would use: give only one of them\n",
    )


def test_a_few_equal_trials_take_the_others_over(hpsearch):
    [(key,), *_] = select("select key from trials order by key")
    before = select("select * from trials"), select("select * from rows")
    code, said, _ = hpsearch("rerun", "older.py", key, "--adopt")
    assert code == 0
    assert said.count("bitwise identical over 2 epochs") == 3
    assert "3 trained again with equal rows: 4 trials of this study are adopted" in said
    assert (select("select * from trials"), select("select * from rows")) == before
    assert [kind for (kind,) in select("select verdict from decisions")] == ["adopted"]
    code, said, _ = hpsearch("run", "older.py", "--here")
    assert code == 0
    assert "; 0 of them ran now" in said
    assert "older, adopted" in Path("runs/older.md").read_text()
    Path("older.py").write_text(Path("older.py").read_text().replace("seeds=2", "seeds=3"))
    code, said, _ = hpsearch("run", "older.py", "--here")
    assert "6 of 6 trials done" in said
    assert "; 2 of them ran now" in said
    [key] = [key for (key,) in select("select key from trials where seed = 2 limit 1")]
    code, _, complaint = hpsearch("rerun", "older.py", key, "--adopt")
    assert code == 2
    assert "was made by the present training code, so there is nothing to adopt" in complaint


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ('"loss": 1 / (epoch + 1)', '"loss": 1 / (epoch + 1), "more": 1.0', 0, "in only one of the two: more"),
        ('"loss": 1 / (epoch + 1)', '"other": 1.0', 1, "nothing was adopted"),
        ("10 + noise", "10 + (epoch == 1) / 4 + noise", 1, r"accuracy: 0\.25 in epoch 2, .*\n(.*\n)*.*nothing was adopted"),
    ],
)
def test_trials_are_taken_over_only_where_every_older_row_comes_out_again(hpsearch, old, new, code, said):
    text = Path("older.py").read_text()
    assert old in text
    Path("older.py").write_text(text.replace(old, new))
    [(key,)] = select("""select key from trials where seed = 0 and config like '%"wide": true%'""")
    left, told, _ = hpsearch("rerun", "older.py", key, "--adopt", "--trials", "2")
    assert left == code
    assert re.search(said, told)
    assert hpsearch("run", "older.py", "--here")[0] == (0 if code == 0 else 78)
