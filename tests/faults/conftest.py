"""A study that has run, once for all tests of a file, and commands given in a copy of its folder."""

import shutil
from pathlib import Path

import pytest

from hpsearch.cli.main import main
from tests.cli.giving import Given, giving
from tests.faults.test_full_disk import study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that has run, with its record x.db."""
    folder = tmp_path_factory.mktemp("finished")
    study(folder, "pass")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HPSEARCH_CACHE", str(folder / "cache"))
        patch.setattr("sys.argv", ["hpsearch", "run", "own.py", "--record", "x.db", "--here"])
        with pytest.raises(SystemExit) as left:
            main()
    assert not left.value.code
    return folder


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path) -> Given:
    """A command given in a copy of that folder."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    return giving(monkeypatch, capsys)
