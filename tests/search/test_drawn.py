"""Sobol points that are kept on the disk are those that scipy draws, whatever happened to the file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

from hpsearch.search import drawn

pytestmark = pytest.mark.filterwarnings("ignore:The balance properties")  # said of counts that are no power of two


def reference(dimensions: int, count: int, seed: int) -> np.ndarray:
    return qmc.Sobol(dimensions, scramble=True, rng=seed).random(count)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path))
    drawn.sobol.cache_clear()
    yield tmp_path / "kept"
    drawn.sobol.cache_clear()


def again(dimensions: int, count: int, seed: int) -> np.ndarray:
    """As another process draws them."""
    drawn.sobol.cache_clear()
    return drawn.sobol(dimensions, count, seed)


@pytest.mark.parametrize(("dimensions", "count", "seed"), [(1, 1, 0), (3, 8, 7), (20, 33, 1029182123)])
def test_they_are_scipys_drawn_and_kept(folder, dimensions, count, seed):
    for _ in range(2):
        assert np.array_equal(again(dimensions, count, seed), reference(dimensions, count, seed))
    assert len(list(folder.iterdir())) == 1


def test_what_is_kept_needs_no_scipy_stats(folder):
    drawn.sobol(2, 4, 5)
    code = "import sys; from hpsearch.search.drawn import sobol; print(sobol(2, 4, 5).tolist(), 'scipy.stats' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"{reference(2, 4, 5).tolist()} False"


def flipped(file: Path) -> None:
    """One byte of the points themselves is another."""
    content = bytearray(file.read_bytes())
    place = content.index(reference(2, 4, 5)[2].tobytes())
    content[place] ^= 1
    file.write_bytes(content)


def of_another_scipy(file: Path) -> None:
    np.savez(file, array=np.zeros((4, 2)), maker=np.array("0.1"))


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        of_another_scipy,
        lambda file: file.write_bytes(file.read_bytes()[:100]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_text("not an archive"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_version_is_drawn_anew(folder, damage):
    drawn.sobol(2, 4, 5)
    (file,) = folder.iterdir()
    damage(file)
    assert np.array_equal(again(2, 4, 5), reference(2, 4, 5))
    with np.load(file) as kept:
        assert np.array_equal(kept["array"], reference(2, 4, 5))


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "file"))
    assert np.array_equal(again(2, 4, 5), reference(2, 4, 5))


def test_many_points_are_not_kept(folder):
    assert np.array_equal(again(1, drawn.MOST + 1, 5), reference(1, drawn.MOST + 1, 5))
    assert not folder.exists()
