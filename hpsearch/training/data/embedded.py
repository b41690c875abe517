"""The digits that come with scikit-learn: 1,797 handwritten digits of 8x8 pixels, available without a download."""

import functools
import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.training.data.dataset import Counts, Images
from hpsearch.training.data.split import apportion, sizes, take
from hpsearch.values import Value

CLASSES = 10
FINAL = 597  # images of the final set
POOL = 1200  # all others: learned from, a quarter of them the tuning slice
FEWEST = 40  # four of each class: one to tune on, three to learn from


@dataclass(frozen=True)
class Digits(Value):
    """Handwritten digits: 900 to learn from, 300 to tune on, 597 held back for the final score; all stratified.

    ``images`` makes the task harder: only so many of the 1,200 images that are not in the final set are used, a quarter
    of them as the tuning slice. Source: scikit-learn's ``load_digits``, the test part of UCI's optdigits.

    >>> Digits(images=7)
    Traceback (most recent call last):
    hpsearch.errors.Refused: digits needs 40 <= images <= 1200, or None for all 1200, got images=7
    """

    images: int | None = None  # images that may be learned from, tuning slice included; None: all 1,200

    def __post_init__(self) -> None:
        whole = isinstance(self.images, int) and not isinstance(self.images, bool)
        if self.images is not None and not (whole and FEWEST <= self.images <= POOL):
            raise Refused(f"digits needs {FEWEST} <= images <= {POOL}, or None for all {POOL}, got images={self.images!r}")

    def identity(self) -> dict[str, Any]:
        """The hash of scikit-learn's file, and how many of its images are used."""
        return {"is": "Digits", "sha256": hashlib.sha256(_text(_file())).hexdigest(), "images": self.images or POOL}

    def counts(self) -> Counts:
        """Images by role."""
        used = self.images or POOL
        return Counts(used - used // 4, used // 4, FINAL, CLASSES, channels=1, size=8)

    def check(self) -> None:
        """Refuse when scikit-learn, which carries the images, is not installed."""
        _file()

    def prepare(self, cache: Path) -> None:
        """Nothing to decode; reads the file once so that a broken installation shows here."""
        self.load(cache)

    def load(self, cache: Path) -> Images:
        """The digits as grey images of 8x8 pixels; nothing is written to ``cache``."""
        import numpy as np

        table = np.loadtxt(_text(_file()).decode().splitlines(), delimiter=",", dtype=np.int64)
        labels = table[:, 64]
        pixels = np.rint(table[:, :64] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
        train, tuning, final = (np.array(part, dtype=np.int64) for part in _split(labels.tolist(), self.images or POOL))
        return Images(labels, train, tuning, final, CLASSES, pixels)


def digits(images: int | None = None) -> Digits:
    """The digits embedded in scikit-learn; see ``Digits``.

    >>> digits(images=300)
    Digits(images=300)
    """
    return Digits(images)


def _split(labels: list[int], images: int) -> tuple[list[int], list[int], list[int]]:
    """Positions of the train, tuning and final images."""

    def part(positions: list[int], count: int) -> tuple[list[int], list[int]]:
        own = [labels[i] for i in positions]
        inside, outside = take([f"digits/{i}" for i in positions], own, apportion(count, sizes(own, CLASSES)))
        return [positions[i] for i in inside], [positions[i] for i in outside]

    final, pool = part(list(range(len(labels))), FINAL)
    used, _ = part(pool, images)
    tuning, train = part(used, images // 4)
    return train, tuning, final


def _file() -> Path:
    """Where scikit-learn keeps the digits; finding it does not import scikit-learn."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise Refused("digits are read from scikit-learn, which is not installed: pip install scikit-learn")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not path.is_file():
        raise Refused(f"digits are read from {path}, which is missing: reinstall scikit-learn")
    return path


@functools.cache
def _text(path: Path) -> bytes:
    """The table: one line per image, 64 values 0..16 and the label."""
    return gzip.decompress(path.read_bytes())
