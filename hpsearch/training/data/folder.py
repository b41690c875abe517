"""Folders of images, one folder per class, decoded once per machine.

Two layouts, both those of torchvision's ``ImageFolder``: ``train/CLASS/*`` with ``val/CLASS/*`` (val is the final set), or
``CLASS/*`` alone (a fixed fifth is the final set). Images lie directly in their class folder; hidden files, and those that
systems leave in folders of images (``Thumbs.db``), are ignored.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.training.data.dataset import Counts, Images, Streamed
from hpsearch.training.data.listing import Listing, expand, folders, listing, refuse_fewer
from hpsearch.training.data.split import share, sizes, split, take
from hpsearch.training.data.store import Parts, look_at_files, opened, sealed, write_files
from hpsearch.values import Value, digest

SETTLED = 2.0  # seconds; a folder changed more recently may change again within one tick of the file system's clock
_hashes: dict[tuple[Any, ...], str] = {}


@dataclass(frozen=True)
class ImageFolder(Value):
    """Images in class folders, resized and cropped to a square when decoded; see the module for the layouts.

    The final set is ``val/``, or a fifth of each class. The tuning slice is a tenth of each class of
    the rest, at least one image.

    >>> ImageFolder("$HPSEARCH_DATA", size=0)
    Traceback (most recent call last):
    hpsearch.errors.Refused: image_folder needs whole size >= 1 in pixels, got size=0
    """

    path: str  # folder; $VARIABLE and ~ are replaced on use
    size: int  # pixels: the short side is resized to it, then the centre square is cut out
    per_class: int | None = None  # training images used of each class, tuning slice included; None: all
    final_per_class: int | None = None  # images of the final set used of each class; None: all
    streamed: bool = False  # decode files on use, and cut random boxes out of all their pixels; for what is too large to keep

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise Refused(f"image_folder needs the path of a folder as a string, got path={self.path!r}")
        if not _whole(self.size, 1):
            raise Refused(f"image_folder needs whole size >= 1 in pixels, got size={self.size!r}")
        if self.per_class is not None and not _whole(self.per_class, 2):
            raise Refused(
                f"image_folder needs whole per_class >= 2, one image to learn from and one to tune on, got {self.per_class!r}"
            )
        if self.final_per_class is not None and not _whole(self.final_per_class, 1):
            raise Refused(f"image_folder needs whole final_per_class >= 1, got {self.final_per_class!r}")
        if not isinstance(self.streamed, bool):
            raise Refused(f"image_folder needs streamed to be True or False, got {self.streamed!r}")

    @property
    def reduced_to(self) -> int | None:
        """Pixels of the squares that images are reduced to when they are decoded; None where whole files are read."""
        return None if self.streamed else self.size

    def identity(self) -> dict[str, Any]:
        """The hash of file names, file sizes and class names, with the settings; where the folder lies is no part of it.

        The hash is kept for the process while the times of the folders stay as they are: a file overwritten in place by
        a running process is not noticed, one added, removed or renamed is.
        """
        settings = {"size": self.size, "per_class": self.per_class, "final_per_class": self.final_per_class}
        settings |= {"streamed": True} if self.streamed else {}
        return {"is": "ImageFolder", "sha256": _hash(expand(self.path)), **settings}

    def check(self) -> None:
        """Refuse a folder that is missing, empty, of one class, or with too few images; reads names, not contents."""
        refuse_fewer(listing(expand(self.path)), self.per_class, self.final_per_class)

    def counts(self) -> Counts:
        """Images by role, from the names of the files."""
        parts = self._parts()
        return Counts(len(parts.train), len(parts.tuning), len(parts.final), parts.classes, channels=3, size=self.size)

    def prepare(self, cache: Path) -> None:
        """Decode the images into ``cache`` once; refuse a file that is no image, naming it. Streamed ones are looked at, once."""
        if self.streamed:
            sealed(cache, f"looked-{digest(self)[:16]}", lambda folder: look_at_files(folder, self._parts().files))
        else:
            self._sealed(cache)

    def load(self, cache: Path) -> Images | Streamed:
        """The decoded images, memory-mapped, decoded first where ``cache`` lacks them; or the files, to be decoded on use."""
        return streamed(self._parts(), self.size, self.size) if self.streamed else opened(self._sealed(cache))

    def _sealed(self, cache: Path) -> Path:
        return sealed(
            cache, f"images-{self.size}-{digest(self)[:16]}", lambda folder: write_files(folder, self.size, self._parts())
        )

    def _parts(self) -> Parts:
        """Which files play which role."""
        found = listing(expand(self.path))
        refuse_fewer(found, self.per_class, self.final_per_class)
        return roles(found, self.per_class, self.final_per_class)


def image_folder(
    path: str | os.PathLike[str],
    size: int,
    per_class: int | None = None,
    final_per_class: int | None = None,
    streamed: bool = False,
) -> ImageFolder:
    """A folder of images with one folder per class; see ``ImageFolder``.

    >>> image_folder("$HPSEARCH_DATA", size=64, per_class=100)
    ImageFolder(path='$HPSEARCH_DATA', size=64, per_class=100, final_per_class=None, streamed=False)
    """
    return ImageFolder(os.fspath(path), size, per_class, final_per_class, streamed)


def streamed(parts: Parts, size: int, resize: int) -> Streamed:
    """Files that are decoded on use."""
    import numpy as np

    labels, train, tuning, final = (np.array(a, dtype=np.int64) for a in (parts.labels, parts.train, parts.tuning, parts.final))
    return Streamed(labels, train, tuning, final, parts.classes, parts.files, size, resize)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def roles(found: Listing, per_class: int | None, final_per_class: int | None) -> Parts:
    """The files that are used with their labels, and the positions of the train, tuning and final ones among them."""
    k = len(found.classes)
    names, labels = list(found.train.names), list(found.train.labels)
    if found.val:
        final = list(range(len(names), len(names) + len(found.val.names)))
        names, labels = names + list(found.val.names), labels + list(found.val.labels)
    else:
        final, _ = take(names, labels, share(sizes(labels, k), 5))
    chosen = split(names, labels, final, k, per_class, final_per_class)
    files, its_labels = tuple(found.root / names[i] for i in chosen.used), tuple(labels[i] for i in chosen.used)
    return Parts(files, its_labels, chosen.train, chosen.tuning, chosen.final, k)


def _hash(root: Path) -> str:
    """SHA-256 of the names and sizes of all files under ``root``; kept while no folder changes."""
    known = [key for key in _hashes if key[0] == str(root)]
    for key in known:
        if _times(Path(path) for path, _ in key[1]) == key[1]:
            return _hashes[key]
        del _hashes[key]
    found = listing(root)
    read = tuple(folders(found))
    times = _times(read)
    parts = [found.train, found.val] if found.val else [found.train]
    content = hashlib.sha256(repr(found.classes).encode())
    for part in parts:
        for name, weight in zip(part.names, part.weights, strict=True):
            content.update(f"{name}\0{weight}\n".encode("utf-8", "surrogateescape"))
    if times and max(changed for _, changed in times) < time.time_ns() - SETTLED * 1e9:
        _hashes[str(root), times] = content.hexdigest()
    return content.hexdigest()


def _times(paths: Iterable[Path]) -> tuple[tuple[str, int], ...]:
    """When each folder last changed, in nanoseconds; empty when one of them is gone."""
    try:
        return tuple((str(path), path.stat().st_mtime_ns) for path in paths)
    except OSError:
        return ()
