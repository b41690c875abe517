"""What a user sees of a mistake that nobody catches, in ``python -c``, at a prompt, in a notebook: a sentence, its line, no traceback."""

import subprocess
import sys

import pytest

import hpsearch
from hpsearch.errors import HpsearchError

CELL = """
import hpsearch
print(hasattr(hpsearch, "run"))
def train(config, seed, epochs, run):
    yield {}
"""
STUDY = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Config:
    a: bool = False
hpsearch.Study(question="?", train=train, base=Config(), vary=hpsearch.ladder(hpsearch.Trick("a", {"a": True})), epochs=1)
"""
ENDS = {
    "a study": (STUDY, "hpsearch: line 11: 'train' was not defined in a file, and trials run in their own processes"),
    "run": (
        "hpsearch.run(1)",
        "hpsearch: line 6: studies are run from a terminal: write the study to a file and give `hpsearch run",
    ),
    "a name": ("hpsearch.laddr", "hpsearch: line 6: hpsearch has no name 'laddr': did you mean 'ladder'?"),
    "a value": (
        "hpsearch.Round(points=0, epochs=1)",
        "hpsearch: line 6: Round needs points to be a whole number of at least 1, got 0",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_mistake_ends_a_program_with_its_sentence_and_no_traceback(name: str) -> None:
    body, sentence = ENDS[name]
    told = subprocess.run([sys.executable, "-c", CELL + body], capture_output=True, text=True, timeout=60)
    assert told.stdout == "False\n"
    assert told.stderr.startswith(sentence)
    assert "Traceback" not in told.stderr
    assert told.stderr.count("\n") == 1
    assert told.returncode == 1


def test_other_errors_keep_their_traceback() -> None:
    told = subprocess.run([sys.executable, "-c", CELL + "1 / 0"], capture_output=True, text=True, timeout=60)
    assert "Traceback" in told.stderr
    assert "ZeroDivisionError" in told.stderr
    assert told.returncode == 1


def test_in_a_notebook_the_sentence_stands_in_the_place_of_the_traceback() -> None:
    """IPython asks an exception for the lines to show; where it was raised is named by its file, which is this one."""
    with pytest.raises(HpsearchError) as raised:
        hpsearch.Round(points=0, epochs=1)
    [shown] = raised.value._render_traceback_()
    assert shown.startswith(f"hpsearch: {__file__}, line ")
    assert shown.endswith(": Round needs points to be a whole number of at least 1, got 0")
