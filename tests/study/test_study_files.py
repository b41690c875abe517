"""Reading a study file: its one study, or one sentence with the line that is wrong."""

import pytest

from hpsearch.errors import Refused
from hpsearch.study.file import read

GOOD = '''"""A question."""
from dataclasses import dataclass

from hpsearch import Study, Trick, ladder


@dataclass(frozen=True)
class Config:
    rate: float = 0.1


def train(config, seed, epochs, run):
    yield {"top1": config.rate}


study = Study(question="?", train=train, base=Config(), vary=ladder(Trick("fast", {"rate": 1.0})), epochs=1, seeds=2)
'''


def file(folder, text, name="mine.py"):
    path = folder / name
    path.write_text(text)
    return path


def refusal(path):
    with pytest.raises(Refused) as refused:
        read(path)
    return str(refused.value)


def test_the_study_of_a_file_is_read_with_its_text_and_name(tmp_path):
    found = read(file(tmp_path, GOOD))
    assert (found.name, found.text, found.study.question, found.sources) == ("mine", GOOD, "?", ())
    assert [arm.name for arm in found.study.plan.arms] == ["base", "fast"]


def test_one_study_under_two_names_is_one(tmp_path):
    assert read(file(tmp_path, GOOD + "\nalias = study\n")).study.seeds == 2


def test_two_studies_are_refused_even_where_they_are_equal(tmp_path):
    path = file(tmp_path, GOOD + "from dataclasses import replace\nsecond = replace(study)\n")
    assert refusal(path) == f"{path} defines 2 studies, study, second: keep one to a file"


def test_no_study_is_refused(tmp_path):
    path = file(tmp_path, "x = 1\n")
    assert refusal(path) == f"{path} defines no study: write study = Study(question=..., base=..., ...) in it"


@pytest.mark.parametrize("name", ["gone.py", "."])
def test_a_missing_file_is_refused(tmp_path, name):
    path = tmp_path / name
    assert refusal(path) == f"there is no study file {path}: write one with `hpsearch new {path}`"


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    path = file(tmp_path, "x = 1\n\ny = = 2\n")
    assert refusal(path) == f"{path}, line 3: invalid syntax"


def test_an_exception_is_told_with_the_line_of_the_study_file(tmp_path):
    file(tmp_path, "def broken():\n    return 1 / 0\n", "beside_the_study.py")
    path = file(tmp_path, "import beside_the_study\n\nx = 1\nbeside_the_study.broken()\n")
    assert refusal(path) == f"{path}, line 4: ZeroDivisionError: division by zero"


def test_an_exception_in_a_function_of_the_file_is_told_with_the_line_that_raised(tmp_path):
    path = file(tmp_path, "def rate():\n    return 1 / 0\n\n\nrate()\n")
    assert refusal(path) == f"{path}, line 2: ZeroDivisionError: division by zero"


def test_a_refusal_is_told_with_its_line(tmp_path):
    path = file(tmp_path, "from hpsearch import Uniform\n\n\nUniform(2, 1)\n")
    assert refusal(path) == f"{path}, line 4: Uniform needs low < high, got low=2, high=1"


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    assert refusal(path).startswith(f"{path} cannot be read as a Python file: ")


def test_a_name_that_does_not_end_in_py_is_refused(tmp_path):
    path = file(tmp_path, GOOD, "study.txt")
    assert refusal(path) == f"{path} is not a Python file: its name must end in .py"


def test_a_file_changed_within_the_same_second_is_read_anew(tmp_path):
    for seeds in (2, 3, 4):
        path = file(tmp_path, GOOD.replace("seeds=2", f"seeds={seeds}"))
        assert read(path).study.seeds == seeds


def test_equal_code_in_two_folders_gives_equal_keys(tmp_path):
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        study = read(file(tmp_path / name, GOOD)).study
        keys.add(study.trial(study.base, 0, 1, "final").key)
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("raw", "question"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "?"),
        (b"# -*- coding: latin-1 -*-\n" + GOOD.replace('"?"', '"gr\xf6\xdfer?"').encode("latin-1"), "größer?"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + GOOD.replace('"?"', '"\u20ac?"').encode("cp1252"), "€?"),
        (GOOD.replace('"?"', '"größer – α?"').encode(), "größer – α?"),
        (GOOD.replace("\n", "\r\n").encode(), "?"),
        (GOOD.replace("\n", "\r").encode(), "?"),
    ],
)
def test_a_file_is_read_as_python_reads_it(tmp_path, raw, question):
    path = tmp_path / "mine.py"
    path.write_bytes(raw)
    found = read(path)
    assert found.study.question == question
    assert f'"{question}"' in found.text
    path.write_bytes(GOOD.encode())
    assert read(path).study.code == found.study.code  # how a file is encoded is no part of its code


def test_a_file_that_python_cannot_read_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    for raw in (b"# coding: nonsense\n", b"x = '\xff'\n", b"x = 1\0\n"):
        path.write_bytes(raw)
        assert str(path) in refusal(path)
        assert "None" not in refusal(path)


@pytest.mark.parametrize("name", ["torch", "numpy", "random", "hpsearch", "ray", "types", "pandas", "pytest", "yaml"])
def test_a_study_called_like_a_module_is_refused(tmp_path, name):
    said = refusal(file(tmp_path, GOOD, f"{name}.py"))
    assert f"has the name of the module {name!r}, and trials would import the study in its place: rename the study" in said


@pytest.mark.parametrize("neighbour", ["torch.py", "random.py", "numpy/__init__.py"])
def test_a_neighbour_called_like_a_module_is_refused(tmp_path, neighbour):
    (tmp_path / neighbour).parent.mkdir(exist_ok=True)
    (tmp_path / neighbour).touch()
    assert f"{neighbour} beside the study has the name of the module" in refusal(file(tmp_path, GOOD))


@pytest.mark.parametrize("name", ["test.py", "mine.py", "digits.py", "studies.py", "my study.py"])
def test_other_names_are_anybodys(tmp_path, name):
    (tmp_path / "test.py").touch()
    (tmp_path / "numpy").mkdir()  # a folder of data
    assert read(file(tmp_path, GOOD, name)).name == name.removesuffix(".py")
