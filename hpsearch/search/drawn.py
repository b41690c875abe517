"""Scrambled Sobol points by scipy, kept in the user's cache: importing scipy.stats takes longer than all else that `plan` does.

A file holds the version of scipy that drew the points, and a checksum (zip's own): one that is damaged, or of another version,
is drawn anew. Without a folder to write to, nothing is kept.
"""

import os
import tempfile
import warnings
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from hpsearch.errors import Refused
from hpsearch.folders import cache_folder

MOST = 4096  # points of a file; more are drawn anew each time


@lru_cache(maxsize=1024)  # a search is unfolded anew whenever something is told
def sobol(dimensions: int, count: int, seed: int) -> np.ndarray:
    """The first points (count, dimensions) of a scrambled Sobol sequence, in the unit cube. Source: Owen (1998)."""
    known = _known(dimensions, count, seed) if count <= MOST else None
    points = _draw(dimensions, count, seed) if known is None else known
    if known is None and count <= MOST:
        _keep(points, seed)
    points.flags.writeable = False  # it is handed out again
    return points


def _draw(dimensions: int, count: int, seed: int) -> np.ndarray:
    from scipy.stats import qmc

    with warnings.catch_warnings():  # a count that is no power of two loses balance, not validity
        warnings.simplefilter("ignore", UserWarning)
        points: np.ndarray = qmc.Sobol(dimensions, scramble=True, rng=seed).random(count)
    return points


def _version() -> str:
    import scipy

    return str(scipy.__version__)


def _file(dimensions: int, count: int, seed: int) -> Path:
    return cache_folder() / "points" / f"sobol-{dimensions}x{count}-{seed}.npz"


def _known(dimensions: int, count: int, seed: int) -> np.ndarray | None:
    try:
        with np.load(_file(dimensions, count, seed)) as kept:
            points: np.ndarray = kept["points"]
            whole = str(kept["scipy"]) == _version() and points.shape == (count, dimensions)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, Refused):
        return None
    return points if whole else None


def _keep(points: np.ndarray, seed: int) -> None:
    """Write beside its place and rename, so that no process reads half a file."""
    count, dimensions = points.shape
    try:
        place = _file(dimensions, count, seed)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".npz", delete=False) as file:
            np.savez(file, points=points, scipy=np.array(_version()))
        os.replace(file.name, place)
    except (OSError, Refused):
        return
