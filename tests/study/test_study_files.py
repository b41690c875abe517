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
    assert refusal(path) == f"{path} is no Python file: its name must end in .py"


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
