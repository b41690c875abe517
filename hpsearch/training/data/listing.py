"""What a folder of images holds, read from names alone, with every reason to refuse it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import Refused
from hpsearch.training.data.split import sizes

LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"}


@dataclass(frozen=True)
class Part:
    """Image files of one role, in the order of their names."""

    names: tuple[str, ...]  # relative to the root, parts joined by "/"
    labels: tuple[int, ...]  # position of the class in the sorted class names
    weights: tuple[int, ...]  # size of each file in bytes


@dataclass(frozen=True)
class Listing:
    """The classes of a folder and its image files."""

    root: Path
    classes: tuple[str, ...]
    train: Part
    val: Part | None  # None: the final set has to be cut from train


def expand(path: str) -> Path:
    """The folder behind ``path``, with ``$VARIABLE`` and ``~`` replaced.

    >>> expand("$HPSEARCH_NO_SUCH/cats")
    Traceback (most recent call last):
    hpsearch.errors.Refused: HPSEARCH_NO_SUCH is not set: give --data DIR or set it
    """
    for braced, bare in re.findall(r"\$(?:\{(\w+)\}|(\w+))", path):
        if not os.environ.get(braced or bare):
            raise Refused(f"{braced or bare} is not set: give --data DIR or set it")
    return Path(os.path.expandvars(path)).expanduser()


def listing(root: Path) -> Listing:
    """The image files under ``root``, sorted; refuses a folder that cannot be trained on."""
    if not root.is_dir():
        raise Refused(f"{root} is not a folder: give --data DIR with one folder of images per class")
    folders = {entry.name for entry in _visible(root) if os.path.isdir(entry.path)}
    if not folders & {"train", "val"}:
        classes = _classes(root)
        return Listing(root, classes, _part(root, "", classes), None)
    if not {"train", "val"} <= folders:
        present, missing = ("train", "val") if "train" in folders else ("val", "train")
        raise Refused(f"{root} has {present}/ but no {missing}/: add it, or name the folder that holds the class folders")
    classes = _classes(root / "train")
    _refuse_different_classes(root, set(classes), set(_classes(root / "val")))
    return Listing(root, classes, _part(root, "train/", classes), _part(root, "val/", classes))


def folders(found: Listing) -> Iterator[Path]:
    """The folders that were read; a file added, removed or renamed changes the time of one of them."""
    yield found.root
    for part in ("train", "val") if found.val else ("",):
        yield found.root / part
        yield from (found.root / part / name for name in found.classes)


def refuse_fewer(found: Listing, per_class: int | None, final_per_class: int | None) -> None:
    """Refuse a class with too few images to learn from, to tune on and to be scored on."""
    least = 2 if found.val else 3  # one in each role that is cut from the folder
    for name, count in zip(found.classes, sizes(found.train.labels, len(found.classes)), strict=True):
        if count < least:
            raise Refused(f"{found.root} has {count} of the {least} images that class {name!r} needs: add some or remove it")
        final = max(1, round(count / 5))
        available = count if found.val else count - final
        if per_class is not None and available < per_class:
            raise Refused(f"{found.root} has {available} training images of class {name!r}: lower per_class={per_class}")
        if found.val is None and final_per_class is not None and final < final_per_class:
            raise Refused(f"{found.root} has {final} final images of class {name!r}: lower final_per_class={final_per_class}")
    if found.val and final_per_class is not None:
        for name, count in zip(found.classes, sizes(found.val.labels, len(found.classes)), strict=True):
            if count < final_per_class:
                raise Refused(f"{found.root}/val has {count} images of class {name!r}: lower final_per_class={final_per_class}")


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not _litter(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise Refused(f"the folder {folder} cannot be read ({error.strerror}): make it readable") from error


def _litter(name: str) -> bool:
    """Whether a name is hidden, or one that systems put into folders of images.

    >>> [_litter(name) for name in (".DS_Store", "Thumbs.db", "desktop.ini", "thumb.png")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in LITTER


def _classes(folder: Path) -> tuple[str, ...]:
    classes = tuple(entry.name for entry in _visible(folder) if os.path.isdir(entry.path))
    if not classes:
        raise Refused(f"{folder} has no class folders: put the images of each class into a folder named after it")
    if len(classes) == 1:
        raise Refused(f"{folder} has the one class {classes[0]!r}: a classifier needs at least two class folders")
    return classes


def _part(root: Path, prefix: str, classes: tuple[str, ...]) -> Part:
    rows: list[tuple[str, int, int]] = []
    for label, name in enumerate(classes):
        folder = root / prefix / name
        entries = _visible(folder)
        if not entries:
            raise Refused(f"{folder} has no images: add some or remove the class")
        for entry in entries:
            if os.path.isdir(entry.path):  # and not entry.is_dir(), which raises for a link to itself
                raise Refused(f"{entry.path} is a folder inside a class folder: move its images into {folder}")
            if not os.path.isfile(entry.path):
                what = "a broken link" if entry.is_symlink() else "not a file that holds an image"
                raise Refused(f"{entry.path} is {what}: repair or remove it")
            rows.append((f"{prefix}{name}/{entry.name}", label, entry.stat().st_size))
    names, labels, weights = zip(*rows, strict=True)
    return Part(names, labels, weights)


def _refuse_different_classes(root: Path, train: set[str], val: set[str]) -> None:
    for here, there, missing in (("train", "val", train - val), ("val", "train", val - train)):
        if missing:
            some = ", ".join(repr(name) for name in sorted(missing)[:3])
            raise Refused(f"{root} has classes in {here}/ that {there}/ lacks ({some}): give both the same class folders")
