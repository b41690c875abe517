"""Laws of data sets, which are found by scanning: each has a small example in a test file, and what holds of all holds of it."""

import ast
import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from hpsearch.training import data
from hpsearch.training.data import Counts, Dataset
from hpsearch.values import canonical, from_json, to_json

HERE = Path(__file__).parent


def sets():
    """Every class of ``hpsearch.training.data`` that is a data set, by name."""
    files = [importlib.import_module(f"{data.__name__}.{file.name}") for file in pkgutil.iter_modules(data.__path__)]
    classes = [each for file in files for _, each in inspect.getmembers(file, inspect.isclass) if each.__module__ == file.__name__]
    return {each.__name__: each for each in classes if issubclass(each, Dataset) and each is not Dataset}


def examples(tree):
    """Functions ``example...(folder, monkeypatch) -> DataSet`` of a test file, by what they return."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("example")]
    return {ast.unparse(function.returns): function.name for function in functions if function.returns}


FOUND = {
    name: (path.stem, function)
    for path in sorted(HERE.glob("test_*.py"))
    for name, function in examples(ast.parse(path.read_text(encoding="utf-8"))).items()
}
over_all = pytest.mark.parametrize("name", FOUND)


def test_every_data_set_has_an_example():
    missing = sorted(sets().keys() - FOUND.keys())
    assert missing == [], (
        f"write tests/training/test_{missing[0].lower()}.py, with `def example(folder, monkeypatch) -> {missing[0]}:`, which writes "
        "a small copy of its files into the folder and returns the data set, and with a test that its images are the right ones"
    )


def test_an_example_is_known_by_what_it_returns():
    planted = ast.parse("def example_a(folder, monkeypatch) -> A: ...\ndef example_b(folder, monkeypatch): ...")
    assert examples(planted) == {"A": "example_a"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The example of a data set, its images, and where they were decoded; each is made once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        kept = {}

        def of(name):
            if name not in kept:
                file, function = FOUND[name]
                folder = tmp_path_factory.mktemp(name)
                example = getattr(importlib.import_module(f"tests.training.{file}"), function)(folder, monkeypatch)
                kept[name] = (example, example.load(folder / "cache"), folder)
            return kept[name]

        yield of


@over_all
def test_it_is_a_value_that_travels(name, made):
    example, *_ = made(name)
    assert type(example) is sets()[name]
    assert from_json(to_json(example)) == example
    assert canonical(example) == json.dumps(json.loads(canonical(example)), sort_keys=True, separators=(",", ":"))


@over_all
def test_where_it_lies_is_no_part_of_what_it_is(name, made):
    example, _, folder = made(name)
    assert str(folder) not in canonical(example)


@over_all
def test_it_is_checked_and_prepared_without_complaint(name, made, tmp_path):
    example, *_ = made(name)
    example.check()
    example.prepare(tmp_path)


@over_all
def test_its_images_are_counted_before_they_are_decoded(name, made):
    example, images, _ = made(name)
    roles = (len(images.train), len(images.tuning), len(images.final))
    assert example.counts() == Counts(*roles, images.classes, images.channels, images.size)
    assert min(roles) > 0


@over_all
def test_no_image_plays_two_roles(name, made):
    _, images, _ = made(name)
    together = np.concatenate([images.train, images.tuning, images.final])
    assert len(np.unique(together)) == len(together)
    assert 0 <= together.min() <= together.max() < len(images.labels)
    for held_out in ("tuning", "final"):
        assert not set(images.learned(held_out)) & set(images.scored(held_out))


@over_all
def test_every_class_is_learned(name, made):
    _, images, _ = made(name)
    assert set(images.labels[images.train].tolist()) == set(range(images.classes))


@over_all
def test_the_same_images_come_again(name, made):
    example, images, folder = made(name)
    for place in (folder / "cache", folder / "elsewhere"):
        again = example.load(place)
        for role in ("labels", "train", "tuning", "final"):
            assert np.array_equal(getattr(again, role), getattr(images, role))
        if hasattr(images, "pixels"):
            assert np.array_equal(again.pixels, images.pixels)
