"""The fingerprint of a training function follows the code it reaches, and nothing else."""

import importlib.util
import linecache
import sys
import types
from pathlib import Path

import pytest

from hpsearch.errors import Refused
from hpsearch.study import fingerprint
from hpsearch.study.fingerprint import code_fingerprint, file_fingerprint

FILES = {
    "main.py": '''"""A study."""

import json

import plain
from named import used as renamed
from package import inner
from package.deep import Layer
from starred import *

LIMIT = 3
TABLE = {}
TABLE["key"] = 10
json.encoder.FLOAT = 1


def noted(function):
    return function


class Base:
    depth = 1


class Model(Base):
    """A model."""

    width = 2

    def forward(self, x):
        return x + LIMIT


def unrelated():
    return 1


@noted
def train(config, seed, epochs, run):
    """Train."""
    from lazy import late

    model = Model()  # the model
    total = plain.add(1, 2) + renamed() + inner.value() + Layer().size + late() + from_star() + TABLE["key"]
    yield {"top1": model.forward(total), "text": json.dumps(1)}
''',
    "plain.py": "def add(a, b):\n    return a + b\n",
    "named.py": "def used():\n    return helper()\n\n\ndef helper():\n    return 5\n\n\ndef unused():\n    return 6\n",
    "lazy.py": "def late():\n    return 7\n",
    "starred.py": "def from_star():\n    return 8\n",
    "package/__init__.py": "SCALE = 1\nOTHER = 2\n",
    "package/inner.py": "from . import SCALE\nfrom .deep import Layer\n\n\ndef value():\n    return SCALE * Layer().size\n",
    "package/deep.py": "from ..nothing import gone\n\n\nclass Layer:\n    size = 4\n".replace(
        "from ..nothing import gone\n\n\n", ""
    ),
}


def planted(folder: Path, name: str = "main.py", old: str = "", new: str = "") -> str:
    """The fingerprint of ``train`` with one text replaced in one file."""
    for path, text in FILES.items():
        if path == name:
            assert old in text
            text = text.replace(old, new) if old else text
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return file_fingerprint(folder / "main.py", "train")


SAME = {
    "a comment": ("main.py", "  # the model", "  # its model, at last"),
    "a docstring of the function": ("main.py", '"""Train."""', '"""Train it well."""'),
    "a docstring of a class": ("main.py", '"""A model."""', '"""Another."""'),
    "a docstring of the module": ("main.py", '"""A study."""', ""),
    "layout": ("main.py", "plain.add(1, 2) +", "plain.add(\n        1,\n        2,\n    ) +"),
    "an unrelated function": ("main.py", "return 1", "return 2"),
    "an unrelated function beside": ("named.py", "return 6", "return 7"),
    "an unrelated constant of a package": ("package/__init__.py", "OTHER = 2", "OTHER = 3"),
}
CHANGED = {
    "the function": ("main.py", 'yield {"top1"', 'yield {"top5"'),
    "a constant": ("main.py", "LIMIT = 3", "LIMIT = 4"),
    "an item of a constant": ("main.py", 'TABLE["key"] = 10', 'TABLE["key"] = 11'),
    "a library changed at import": ("main.py", "json.encoder.FLOAT = 1", "json.encoder.FLOAT = 2"),
    "a decorator": ("main.py", "    return function", "    return print or function"),
    "a decorator taken away": ("main.py", "@noted\n", ""),
    "a base class": ("main.py", "depth = 1", "depth = 2"),
    "a class": ("main.py", "width = 2", "width = 3"),
    "a module beside": ("plain.py", "a + b", "a - b"),
    "a helper of a name taken from beside": ("named.py", "return 5", "return 50"),
    "a module imported inside": ("lazy.py", "return 7", "return 70"),
    "a name of a star import": ("starred.py", "return 8", "return 80"),
    "a module of a package": ("package/inner.py", "SCALE *", "SCALE +"),
    "a relative import": ("package/deep.py", "size = 4", "size = 5"),
    "a constant of the package itself": ("package/__init__.py", "SCALE = 1", "SCALE = 2"),
}


@pytest.mark.parametrize("change", SAME)
def test_what_trains_the_same_has_the_same_fingerprint(change, tmp_path):
    assert planted(tmp_path, *SAME[change]) == planted(tmp_path)


@pytest.mark.parametrize("change", CHANGED)
def test_what_is_reached_is_in_the_fingerprint(change, tmp_path):
    assert planted(tmp_path, *CHANGED[change]) != planted(tmp_path)


def test_a_reader_that_follows_no_imports_would_be_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "_imports", lambda statement, path, root: iter(()))
    blind = [change for change in CHANGED if planted(tmp_path, *CHANGED[change]) == planted(tmp_path)]
    assert {"a module beside", "a relative import", "a module imported inside"} <= set(blind)


def test_the_folder_is_not_part_of_it(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert planted(tmp_path / "one") == planted(tmp_path / "two")


def loaded(folder, monkeypatch, text):
    (folder / "tools.py").write_text(
        "from functools import wraps\n\n\ndef traced(function):\n    @wraps(function)\n"
        "    def inner(*given):\n        return function(*given)\n\n    return inner\n"
    )
    (folder / "wrapped_study.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("wrapped_study", folder / "wrapped_study.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop("tools", None)
    return module


def test_a_wrapped_function_is_told_apart_by_its_own_code(tmp_path, monkeypatch):
    text = "from tools import traced\n\n\n@traced\ndef train(config, seed, epochs, run):\n    yield {'top1': %d}\n"
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    prints = [
        code_fingerprint(loaded(folder, monkeypatch, text % number).train) for number, folder in zip((1, 2), folders, strict=True)
    ]
    assert prints[0] != prints[1]
    assert prints[1] == file_fingerprint(folders[1] / "wrapped_study.py", "train")


def test_a_function_without_a_place_of_its_own_is_refused(tmp_path):
    def nested(config, seed, epochs, run):
        yield {}

    for function in (nested, lambda config, seed, epochs, run: ()):
        with pytest.raises(Refused, match="must be a function at the top level of a file, so that its code can be identified"):
            code_fingerprint(function)
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(Refused, match="defines no 'train' at its top level"):
        file_fingerprint(tmp_path / "empty.py", "train")


CELL = """
from dataclasses import dataclass
from hpsearch import Study, Trick, leave_one_out
@dataclass(frozen=True)
class Config:
    a: bool = False
    b: bool = False
def train(config, seed, epochs, run):
    yield {"top1": 50.0}
tricks = Trick("a", {"a": True}), Trick("b", {"b": True})
study = Study(question="?", train=train, base=Config(), vary=leave_one_out(*tricks), seeds=3, epochs=1)
"""


@pytest.mark.parametrize("filename", ["<string>", "<stdin>", "<ipython-input-1-abc>", "/tmp/ipykernel_1/0123.py"])
def test_a_function_of_a_notebook_cell_is_refused_with_what_to_do(filename, monkeypatch):
    lines = CELL.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, filename, (len(CELL), None, lines, filename))  # as IPython keeps its cells
    cell = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", cell)
    with pytest.raises(
        Refused, match=r"^'train' was not defined in a file, .* write the study to a file, in a notebook with %%write"
    ):
        exec(compile(CELL, filename, "exec"), vars(cell))
    with pytest.raises(Refused, match="'Config' was not defined in a file"):
        code_fingerprint(vars(cell)["Config"])
