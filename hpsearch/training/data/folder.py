"""Folders of images, one folder per class, decoded once per machine.

Two layouts, both those of torchvision's ``ImageFolder``: ``train/CLASS/*`` with ``val/CLASS/*`` (val is the final set), or
``CLASS/*`` alone (a fixed fifth is the final set). Images lie directly in their class folder; hidden files are ignored.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.training.data.images import Images
from hpsearch.training.data.listing import Listing, expand, folders, listing, refuse_fewer
from hpsearch.training.data.sealed import Parts, opened, sealed
from hpsearch.training.data.split import sizes, take
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

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise Refused(f"image_folder needs the path of a folder as text, got path={self.path!r}")
        if not _whole(self.size, 1):
            raise Refused(f"image_folder needs whole size >= 1 in pixels, got size={self.size!r}")
        if self.per_class is not None and not _whole(self.per_class, 2):
            raise Refused(
                f"image_folder needs whole per_class >= 2, one image to learn from and one to tune on, got {self.per_class!r}"
            )
        if self.final_per_class is not None and not _whole(self.final_per_class, 1):
            raise Refused(f"image_folder needs whole final_per_class >= 1, got {self.final_per_class!r}")

    def identity(self) -> dict[str, Any]:
        """The hash of file names, file sizes and class names, with the settings; where the folder lies is no part of it.

        The hash is kept for the process while the times of the folders stay as they are: a file overwritten in place by
        a running process is not noticed, one added, removed or renamed is.
        """
        settings = {"size": self.size, "per_class": self.per_class, "final_per_class": self.final_per_class}
        return {"is": "ImageFolder", "sha256": _hash(expand(self.path)), **settings}

    def check(self) -> None:
        """Refuse a folder that is missing, empty, of one class, or with too few images; reads names, not contents."""
        refuse_fewer(listing(expand(self.path)), self.per_class, self.final_per_class)

    def prepare(self, cache: Path) -> None:
        """Decode the images into ``cache`` once; refuse a file that is no image, naming it."""
        sealed(cache, self._key(), self.size, self._parts)

    def load(self, cache: Path) -> Images:
        """The decoded images, memory-mapped; decodes them first where ``cache`` lacks them."""
        return opened(sealed(cache, self._key(), self.size, self._parts))

    def _key(self) -> str:
        return f"folder-{self.size}-{digest(self)[:16]}"

    def _parts(self) -> Parts:
        """Which files play which role."""
        found = listing(expand(self.path))
        refuse_fewer(found, self.per_class, self.final_per_class)
        return _roles(found, self.per_class, self.final_per_class)


def image_folder(
    path: str | os.PathLike[str], size: int, per_class: int | None = None, final_per_class: int | None = None
) -> ImageFolder:
    """A folder of images with one folder per class; see ``ImageFolder``.

    >>> image_folder("$HPSEARCH_DATA", size=64)
    ImageFolder(path='$HPSEARCH_DATA', size=64, per_class=None, final_per_class=None)
    """
    return ImageFolder(os.fspath(path), size, per_class, final_per_class)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _share(counts: Iterable[int], share: int) -> list[int]:
    """One ``share``-th of each class, at least one image.

    >>> _share([100, 7, 1], 10)
    [10, 1, 1]
    """
    return [max(1, round(count / share)) for count in counts]


def _roles(found: Listing, per_class: int | None, final_per_class: int | None) -> Parts:
    """The files to decode with their labels, and the positions of the train, tuning and final ones among them."""
    k = len(found.classes)
    names, labels = list(found.train.names), list(found.train.labels)
    if found.val:
        pool, final = list(range(len(names))), list(range(len(names), len(names) + len(found.val.names)))
        names, labels = names + list(found.val.names), labels + list(found.val.labels)
    else:
        final, pool = take(names, labels, _share(sizes(labels, k), 5))

    def part(positions: list[int], counts: list[int]) -> tuple[list[int], list[int]]:
        inside, outside = take([names[i] for i in positions], [labels[i] for i in positions], counts)
        return [positions[i] for i in inside], [positions[i] for i in outside]

    if per_class is not None:
        pool, _ = part(pool, [per_class] * k)
    if final_per_class is not None:
        final, _ = part(final, [final_per_class] * k)
    tuning, train = part(pool, _share(sizes([labels[i] for i in pool], k), 10))
    used = sorted((*train, *tuning, *final))
    at = {position: i for i, position in enumerate(used)}
    return Parts(
        files=tuple(found.root / names[i] for i in used),
        labels=tuple(labels[i] for i in used),
        train=tuple(at[i] for i in train),
        tuning=tuple(at[i] for i in tuning),
        final=tuple(at[i] for i in final),
        classes=k,
    )


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
