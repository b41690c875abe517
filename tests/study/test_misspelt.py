"""A keyword that a value does not have is refused in one sentence with a hint, by every value class there is."""

import copy
import inspect
import pickle
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import hpsearch
from hpsearch import Round, Study, values
from hpsearch.errors import Refused
from hpsearch.study.file import read

PACKAGES = ("ablation", "search", "space", "study", "statistics", "training", "tricks", "results.imports")
for package in PACKAGES:
    found = import_module(f"hpsearch.{package}")
    for each in walk_packages(found.__path__, f"hpsearch.{package}."):
        import_module(each.name)
CLASSES = [
    cls for cls in values._classes.values() if cls.__module__.startswith("hpsearch.") and "__dataclass_fields__" in vars(cls)
]
OPEN = {"Choice", "Space"}  # any keyword names a parameter or an option


def test_the_law_is_over_all_that_a_study_names():
    names = {cls.__name__ for cls in CLASSES}
    assert {"Study", "Tune", "Round", "Recipe", "Trick", "Plan", "Seeds", "Confirm", "Uniform", "ImageFolder", "Claim"} <= names
    assert {name for name in hpsearch.__all__ if name in values._classes} <= names


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.__name__ not in OPEN], ids=lambda cls: cls.__name__)
def test_a_misspelt_keyword_is_refused_with_a_hint(cls):
    for field in fields(cls):
        if field.init:
            with pytest.raises(Refused) as refused:
                cls(**{f"{field.name}_": 1})
            assert str(refused.value).startswith(f"{cls.__name__} has no field '{field.name}_': did you mean '")
    with pytest.raises(Refused, match=f"^{cls.__name__} has no field 'zzzzzzz': known are "):
        cls(zzzzzzz=1)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.__name__ not in OPEN], ids=lambda cls: cls.__name__)
def test_the_signature_that_an_editor_shows_is_still_the_fields(cls):
    assert [*inspect.signature(cls).parameters] == [*inspect.signature(cls.__init__).parameters][1:]


def test_values_are_still_copied_and_pickled():
    value = Round(4, epochs=2)
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value  # noqa: S301


def test_seed_for_seeds_is_one_sentence_with_file_and_line(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text("from hpsearch import Study\n\nstudy = Study(question='?', base=1, seed=3)\n")
    with pytest.raises(Refused) as refused:
        read(path)
    assert str(refused.value) == f"{path}, line 3: Study has no field 'seed': did you mean 'seeds'?"
    with pytest.raises(Refused, match="did you mean 'rounds'"):
        hpsearch.Tune.within(hpsearch.Space(x=hpsearch.Uniform(0, 1)), budget=10, full=1, round=3)
    assert issubclass(Study, values.Value)


@pytest.mark.parametrize("command", ["plan", "run", "status"])
def test_who_calls_a_command_from_python_is_told_where_it_is_given(command: str) -> None:
    with pytest.raises(AttributeError, match=f"give `hpsearch {command} FILE.py`"):
        getattr(hpsearch, command)
