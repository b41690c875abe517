"""What lies beside a study file: its modules come before others of the same name."""

import sys

import pytest

from hpsearch.study.file import read
from tests.study.test_study_files import GOOD, file


@pytest.fixture
def forgotten(monkeypatch):
    """Paths and modules are as they were afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("measures_beside", None)


def test_a_module_beside_the_study_comes_before_one_of_that_name_elsewhere(tmp_path, forgotten):
    for folder, seeds in (("elsewhere", 7), ("here", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "measures_beside.py").write_text(f"SEEDS = {seeds}\n")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    text = GOOD.replace("seeds=2)", "seeds=SEEDS)")
    found = read(
        file(tmp_path / "here", text.replace("from hpsearch import", "from measures_beside import SEEDS\nfrom hpsearch import"))
    )
    assert found.study.seeds == 3
