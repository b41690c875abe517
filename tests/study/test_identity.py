"""What a trial is known by: content and code, never place, comments or layout."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.ablation import Trick, ladder
from hpsearch.study import Study, Trial
from hpsearch.study.fingerprint import file_fingerprint
from hpsearch.training import Recipe, digits, image_folder
from hpsearch.values import canonical, digest

CODE = '''
"""A module."""
import math
from beside import helper
from . import unrelated_package

FACTOR = 2

class Base:
    x = 1

class Model(Base):
    """A model."""
    y = 2

def decorate(f):
    return f

def unrelated():
    return 0

@decorate
def train(config, seed, epochs, run):
    """Doc."""
    model = Model()
    yield {"top1": helper(FACTOR) * math.pi}
'''
BESIDE = "def helper(x):\n    return inner(x)\n\ndef inner(x):\n    return x + 1\n\ndef other():\n    return 1\n"


def fingerprint(folder: Path, code: str = CODE, beside: str = BESIDE) -> str:
    (folder / "mine.py").write_text(code)
    (folder / "beside.py").write_text(beside)
    return file_fingerprint(folder / "mine.py", "train")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    model = Model()", "    # a comment\n\n    model  =  Model( )"),
        ('"""Doc."""', '"""Another text."""'),
        ('"""A model."""', '"""Something else."""'),
        ("return 0", "return 1"),
        ("import math\n", "import math  # numbers\n"),
    ],
)
def test_what_does_not_change_the_training_does_not_change_its_fingerprint(tmp_path: Path, old: str, new: str) -> None:
    assert old in CODE
    assert fingerprint(tmp_path) == fingerprint(tmp_path, CODE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [("FACTOR = 2", "FACTOR = 3"), ("x = 1", "x = 2"), ("y = 2", "y = 3"), ("return f", "return f or f"), ("math.pi", "math.e")],
)
def test_what_the_training_reaches_changes_its_fingerprint(tmp_path: Path, old: str, new: str) -> None:
    assert old in CODE
    assert fingerprint(tmp_path) != fingerprint(tmp_path, CODE.replace(old, new))


def test_a_module_beside_it_counts_as_far_as_it_is_reached(tmp_path: Path) -> None:
    assert fingerprint(tmp_path) != fingerprint(tmp_path, beside=BESIDE.replace("x + 1", "x + 2"))
    assert fingerprint(tmp_path) == fingerprint(tmp_path, beside=BESIDE.replace("return 1", "return 2"))


def test_our_own_loop_reaches_what_it_trains_with() -> None:
    import hpsearch.study.fingerprint as module
    from hpsearch.study import BUILT_IN

    reached = set(module.read_file(BUILT_IN, "train", BUILT_IN.parents[1]).files)
    assert {
        "images/loop.py",
        "parts/losses.py",
        "parts/mixing.py",
        "parts/schedules.py",
        "networks/resnet.py",
        "images/recipe.py",
        "parts/optimisers.py",
    } <= reached


def test_the_code_that_reads_the_data_is_part_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    tricks = ladder(Trick("cosine", {"schedule": "cosine"}))
    before = Study(question="?", base=Recipe(data=digits()), vary=tricks).code
    assert before == Study(question="another", base=Recipe(data=digits(images=99)), vary=tricks).code
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path).replace(b"FINAL = 597", b"FINAL = 596"))
    assert Study(question="?", base=Recipe(data=digits()), vary=tricks).code != before


def images(folder: Path, shade: int = 0) -> Path:
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(np.full((9, 9 + (shade and number == 0), 3), number, np.uint8)).save(folder / label / f"{number}.png")
    return folder


def key(recipe: Recipe, seed: int = 0, epochs: int = 2, code: str = "c") -> str:
    return Trial(recipe, seed, epochs, "final", code).key


def test_the_key_follows_the_content_and_not_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, changed = images(tmp_path / "here"), images(tmp_path / "there"), images(tmp_path / "changed", shade=1)
    recipe = Recipe(data=image_folder(str(here), size=8))
    assert key(recipe) == key(replace(recipe, data=image_folder(str(there), size=8)))
    monkeypatch.setenv("HPSEARCH_DATA", str(there))
    assert key(recipe) == key(replace(recipe, data=image_folder("$HPSEARCH_DATA", size=8)))
    assert key(recipe) != key(replace(recipe, data=image_folder(str(changed), size=8)))
    assert key(recipe) != key(replace(recipe, data=image_folder(str(here), size=7)))


def test_every_part_of_a_trial_is_in_its_key() -> None:
    recipe = Recipe(data=digits())
    keys = {
        key(recipe),
        key(recipe, seed=1),
        key(recipe, epochs=3),
        key(recipe, code="d"),
        key(replace(recipe, smoothing=0.1)),
        key(replace(recipe, data=digits(images=300))),
        Trial(recipe, 0, 2, "tuning", "c").key,
    }
    assert len(keys) == 7


def test_numbers_are_equal_by_value_but_a_truth_is_no_number() -> None:
    assert canonical([1, 1.0, True]) == "[1,1,true]"
    assert digest(0.1) != digest(0.1000001)


def test_the_digest_is_the_same_in_every_process() -> None:
    code = "from hpsearch.training import Recipe, digits; from hpsearch.values import digest; print(digest(Recipe(data=digits())))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": s, "PYTHONPATH": "."}, capture_output=True, text=True, check=True
        ).stdout
        for s in ("0", "1")
    }
    assert told == {digest(Recipe(data=digits())) + "\n"}
