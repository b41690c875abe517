"""What takes long to make and is always the same, kept in the user's cache: arrays of numbers, and decoded data.

A file holds what made it (versions, code) and a checksum (zip's own): one that is damaged, or was made by others, is made anew.
Without a folder to write to, nothing is kept.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hpsearch.errors import Refused


def cache_folder() -> Path:
    """What can be made again is kept here, decoded data above all: $HPSEARCH_CACHE, or the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(os.environ.get("HPSEARCH_CACHE") or f"{base}/hpsearch").expanduser().absolute()
    except RuntimeError as error:  # nobody's home
        raise Refused("there is no home directory to keep decoded data in: set HPSEARCH_CACHE to a folder for it") from error


def kept(name: str, maker: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array that ``make`` gives, read where it was made before. ``name`` says what for, ``maker`` by which version."""
    try:
        place = cache_folder() / "kept" / f"{name}.npz"
    except Refused:
        return make()
    known = _read(place, maker)
    if known is None:
        known = make()
        _write(place, maker, known)
    return known


def scipy_version() -> str:
    """Of the scipy that is installed; its parts, which take long to import, are not."""
    import scipy

    return str(scipy.__version__)


def _read(place: Path, maker: str) -> np.ndarray | None:
    try:
        with np.load(place) as file:
            found: np.ndarray = file["array"]
            return found if str(file["maker"]) == maker else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(place: Path, maker: str, array: np.ndarray) -> None:
    """Write beside its place and rename, so that no process reads half a file."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:  # gone again where the disk is full
            new = Path(folder) / place.name
            np.savez(new, array=array, maker=np.array(maker))
            os.replace(new, place)
    except OSError:
        return
