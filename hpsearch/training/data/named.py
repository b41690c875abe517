"""Public data sets by name, read by torchvision: their identity is their name, so a study can be planned without the files.

CIFAR-10, CIFAR-100, Fashion-MNIST and Imagenette are fetched by torchvision where there is a network; ImageNet has to be there.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from hpsearch.errors import Refused
from hpsearch.training.data.dataset import Counts, Images, Streamed
from hpsearch.training.data.folder import roles
from hpsearch.training.data.listing import expand, listing, refuse_fewer
from hpsearch.training.data.split import share, split, take
from hpsearch.training.data.store import Parts, opened, sealed, write_files, write_roles
from hpsearch.values import Value, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Name = Literal["CIFAR10", "CIFAR100", "FashionMNIST"]
SETS: dict[Name, Counts] = {  # as published; a tenth of train is the tuning slice
    "CIFAR10": Counts(45_000, 5_000, 10_000, 10, 3, 32),
    "CIFAR100": Counts(45_000, 5_000, 10_000, 100, 3, 32),
    "FashionMNIST": Counts(54_000, 6_000, 10_000, 10, 1, 28),
}
FOLDERS: dict[Name, str] = {"CIFAR10": "cifar-10-batches-py", "CIFAR100": "cifar-100-python", "FashionMNIST": "FashionMNIST/raw"}
IMAGENETTE = (963, 955, 993, 858, 941, 956, 961, 931, 951, 960)  # training images by class; 3,925 to be scored on
IMAGENETTE_FINAL, IMAGENETTE_FINAL_PER_CLASS = 3_925, 350  # every class has at least so many
IMAGENET_TRAIN, IMAGENET_FINAL, IMAGENET_CLASSES = 1_281_167, 50_000, 1000
IMAGENET_TUNING = 50  # images of each class, as many as the final set has


@dataclass(frozen=True)
class TorchvisionSet(Value):
    """One of torchvision's data sets of small images.

    >>> cifar10().counts().final
    10000
    """

    name: Name
    path: str | None = None  # folder as torchvision's class keeps it; None: in the cache, fetched where there is a network
    per_class: int | None = None  # training images used of each class, tuning slice included; None: all
    final_per_class: int | None = None  # images of the final set used of each class; None: all

    def __post_init__(self) -> None:
        if self.name not in get_args(Name):
            raise Refused(f"torchvision's data sets here are {', '.join(get_args(Name))}, got {self.name!r}")
        _refuse_path(self.name, self.path)
        known = SETS[self.name]
        each = (known.train + known.tuning) // known.classes
        _refuse_amounts(self.name, self.per_class, self.final_per_class, each, known.final // known.classes)

    def identity(self) -> dict[str, Any]:
        """The name and how many images are used; where they lie is no part of it."""
        return {"is": "TorchvisionSet", "name": self.name, "per_class": self.per_class, "final_per_class": self.final_per_class}

    def counts(self) -> Counts:
        """Images by role, as published."""
        known = SETS[self.name]
        each = self.per_class or (known.train + known.tuning) // known.classes
        return _counts([each] * known.classes, self.final_per_class, known)

    def check(self) -> None:
        """Refuse a folder that was given and lacks the images; without one, ``prepare`` fetches them where they are missing."""
        if self.path is not None:
            _refuse_missing(self.name, expand(self.path) / FOLDERS[self.name])

    def prepare(self, cache: Path) -> None:
        """Fetch the images where they are missing, and decode them into ``cache`` once."""
        self._sealed(cache)

    def load(self, cache: Path) -> Images:
        """The decoded images, memory-mapped."""
        return opened(self._sealed(cache))

    def _sealed(self, cache: Path) -> Path:
        return sealed(cache, f"{self.name.lower()}-{digest(self)[:16]}", lambda folder: self._write(folder, cache))

    def _write(self, folder: Path, cache: Path) -> None:
        import numpy as np

        known = SETS[self.name]
        first = known.train + known.tuning
        parts = [self._read(cache, True, first), self._read(cache, False, known.final)]
        labels = [label for _, its_labels in parts for label in its_labels]
        names = [f"{self.name}/{i}" for i in range(len(labels))]
        chosen = split(names, labels, range(first, len(labels)), known.classes, self.per_class, self.final_per_class)
        used = tuple(labels[i] for i in chosen.used)
        write_roles(folder, Parts((), used, chosen.train, chosen.tuning, chosen.final, known.classes))
        np.save(folder / "pixels.npy", np.concatenate([pixels for pixels, _ in parts])[list(chosen.used)])

    def _read(self, cache: Path, train: bool, expected: int) -> "tuple[NDArray[np.uint8], Sequence[int]]":
        """Pixels (images, size, size, channels) and labels of one of the two official parts."""
        import numpy as np
        from torchvision import datasets

        root, fetch = _place(self.path, cache)
        kind = getattr(datasets, self.name)
        found = _read(self.name, root, fetch, lambda: kind(str(root), train=train, download=fetch))
        _refuse_other_amount(self.name, root / FOLDERS[self.name], "training" if train else "test", len(found.data), expected)
        pixels = np.asarray(found.data, dtype=np.uint8)
        return pixels if pixels.ndim == 4 else pixels[..., None], [int(label) for label in found.targets]


def cifar10(path: str | None = None, per_class: int | None = None, final_per_class: int | None = None) -> TorchvisionSet:
    """CIFAR-10: 50,000 and 10,000 colour images of 32 x 32 pixels (Krizhevsky 2009)."""
    return TorchvisionSet("CIFAR10", path, per_class, final_per_class)


def cifar100(path: str | None = None, per_class: int | None = None, final_per_class: int | None = None) -> TorchvisionSet:
    """CIFAR-100: as CIFAR-10, of 100 classes."""
    return TorchvisionSet("CIFAR100", path, per_class, final_per_class)


def fashion_mnist(path: str | None = None, per_class: int | None = None, final_per_class: int | None = None) -> TorchvisionSet:
    """Fashion-MNIST: 60,000 and 10,000 grey images of garments, 28 x 28 pixels (Xiao et al. 2017)."""
    return TorchvisionSet("FashionMNIST", path, per_class, final_per_class)


@dataclass(frozen=True)
class Imagenette(Value):
    """Ten classes of ImageNet that are easy to distinguish (Howard 2019), stored as squares of ``size`` pixels.

    The version whose short side is 160 pixels serves sizes up to 160, the one of 320 larger ones.

    >>> imagenette(size=128).counts().train
    8522
    """

    path: str | None = None  # folder that holds imagenette2-160 or imagenette2-320; None: in the cache, fetched
    size: int = 160
    per_class: int | None = None
    final_per_class: int | None = None

    def __post_init__(self) -> None:
        _refuse_path("imagenette", self.path)
        if isinstance(self.size, bool) or not isinstance(self.size, int) or not 1 <= self.size <= 320:
            raise Refused(f"imagenette needs a whole size of 1 to 320 pixels, got size={self.size!r}")
        _refuse_amounts("imagenette", self.per_class, self.final_per_class, min(IMAGENETTE), IMAGENETTE_FINAL_PER_CLASS)

    @property
    def reduced_to(self) -> int:
        """Pixels of the squares that images are reduced to when they are decoded."""
        return self.size

    @property
    def version(self) -> str:
        """Which of the published versions is read: ``160px`` or ``320px``."""
        return "160px" if self.size <= 160 else "320px"

    def identity(self) -> dict[str, Any]:
        """The version and how many images are used at which size."""
        settings = {"size": self.size, "per_class": self.per_class, "final_per_class": self.final_per_class}
        return {"is": "Imagenette", "version": self._folder(Path()).name, **settings}

    def counts(self) -> Counts:
        """Images by role, as published."""
        each = [self.per_class] * 10 if self.per_class else IMAGENETTE
        return _counts(each, self.final_per_class, Counts(0, 0, IMAGENETTE_FINAL, 10, 3, self.size))

    def check(self) -> None:
        """Refuse a folder that was given and lacks the images; without one, ``prepare`` fetches them where they are missing."""
        if self.path is not None:
            _refuse_missing("Imagenette", self._folder(expand(self.path)))

    def prepare(self, cache: Path) -> None:
        """Fetch the images where they are missing, and decode them into ``cache`` once."""
        self._sealed(cache)

    def load(self, cache: Path) -> Images:
        """The decoded images, memory-mapped."""
        return opened(self._sealed(cache))

    def _folder(self, root: Path) -> Path:
        return root / f"imagenette2-{self.version.removesuffix('px')}"

    def _sealed(self, cache: Path) -> Path:
        def write(folder: Path) -> None:
            from torchvision import datasets

            root, fetch = _place(self.path, cache)
            _read("Imagenette", root, fetch, lambda: datasets.Imagenette(str(root), size=self.version, download=fetch))
            found = listing(self._folder(root))
            final = len(found.val.names) if found.val else 0
            _refuse_other_amount("Imagenette", found.root, "training", len(found.train.names), sum(IMAGENETTE))
            _refuse_other_amount("Imagenette", found.root, "test", final, IMAGENETTE_FINAL)
            refuse_fewer(found, self.per_class, self.final_per_class)
            write_files(folder, self.size, roles(found, self.per_class, self.final_per_class))

        return sealed(cache, f"imagenette-{digest(self)[:16]}", write)


def imagenette(
    path: str | None = None, size: int = 160, per_class: int | None = None, final_per_class: int | None = None
) -> Imagenette:
    """Imagenette; see ``Imagenette``."""
    return Imagenette(path, size, per_class, final_per_class)


@dataclass(frozen=True)
class ImageNet(Value):
    """ImageNet's 1,281,167 training and 50,000 validation images of 1,000 classes (ILSVRC 2012), decoded on use.

    ``path`` holds ``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, as torchvision's ``ImageNet`` unpacks them. Validation is the
    final set; 50 training images of each class are the tuning slice.

    >>> imagenet("$IMAGENET").counts().final
    50000
    """

    path: str
    size: int = 224  # pixels, the centre square that is scored
    resize: int = 256  # pixels, the short side before it is cut out

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise Refused(f"imagenet needs the path of a folder as a string, got path={self.path!r}")
        whole = all(isinstance(pixels, int) and not isinstance(pixels, bool) for pixels in (self.size, self.resize))
        if not (whole and 1 <= self.size <= self.resize):
            raise Refused(f"imagenet needs whole pixels 1 <= size <= resize, got size={self.size!r} and resize={self.resize!r}")

    def identity(self) -> dict[str, Any]:
        """The name, and how validation images are cut."""
        return {"is": "ImageNet", "version": "ILSVRC2012", "size": self.size, "resize": self.resize}

    def counts(self) -> Counts:
        """Images by role, as published."""
        tuning = IMAGENET_TUNING * IMAGENET_CLASSES
        return Counts(IMAGENET_TRAIN - tuning, tuning, IMAGENET_FINAL, IMAGENET_CLASSES, 3, self.size)

    def check(self) -> None:
        """Refuse a folder without ``train`` and ``val`` of 1,000 classes each; files are counted by ``prepare``."""
        for part in ("train", "val"):
            folder = expand(self.path) / part
            classes = sum(entry.is_dir() for entry in os.scandir(folder)) if folder.is_dir() else 0
            if classes != IMAGENET_CLASSES:
                raise Refused(
                    f"{folder} has {classes} of ImageNet's {IMAGENET_CLASSES} class folders: unpack ILSVRC2012 there as "
                    "torchvision.datasets.ImageNet does, or take image_folder(path, size, streamed=True) for another set"
                )

    def prepare(self, cache: Path) -> None:
        """List the files once and keep the list in ``cache``."""
        self._sealed(cache)

    def load(self, cache: Path) -> Streamed:
        """The files, to be decoded on use."""
        import numpy as np

        folder = self._sealed(cache)
        root = expand(self.path)
        files = tuple(root / line for line in (folder / "files.txt").read_text(encoding="utf-8").splitlines())
        labels, train, tuning, final = (np.load(folder / f"{name}.npy") for name in ("labels", "train", "tuning", "final"))
        return Streamed(labels, train, tuning, final, IMAGENET_CLASSES, files, self.size, self.resize)

    def _sealed(self, cache: Path) -> Path:
        root = expand(self.path)

        def write(folder: Path) -> None:
            names, parts = _imagenet_parts(root)
            (folder / "files.txt").write_text("\n".join(names), encoding="utf-8")
            write_roles(folder, parts)

        return sealed(cache, f"imagenet-{digest([str(root.resolve())])[:16]}", write)


def imagenet(path: str, size: int = 224, resize: int = 256) -> ImageNet:
    """ImageNet; see ``ImageNet``."""
    return ImageNet(path, size, resize)


def _imagenet_parts(root: Path) -> tuple[list[str], Parts]:
    """Names of ImageNet's files below ``root``, their labels, and the roles they play."""
    train, val = _jpegs(root / "train"), _jpegs(root / "val")
    _refuse_other_amount("ImageNet", root / "train", "training", len(train), IMAGENET_TRAIN)
    _refuse_other_amount("ImageNet", root / "val", "validation", len(val), IMAGENET_FINAL)
    classes = sorted({name for name, _ in train})
    if classes != sorted({name for name, _ in val}):
        raise Refused(f"{root}/train and {root}/val have different class folders: unpack ILSVRC2012 there again")
    label_of = {name: label for label, name in enumerate(classes)}
    names = [f"train/{name}/{file}" for name, file in train] + [f"val/{name}/{file}" for name, file in val]
    labels = [label_of[name] for name, _ in (*train, *val)]
    tuning, rest = take(names[: len(train)], labels[: len(train)], [IMAGENET_TUNING] * IMAGENET_CLASSES)
    final = range(len(train), len(names))
    return names, Parts((), tuple(labels), tuple(rest), tuple(tuning), tuple(final), IMAGENET_CLASSES)


def _jpegs(folder: Path) -> list[tuple[str, str]]:
    """Class folder and file name of every image, sorted."""
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    return [
        (name, file) for name in classes for file in sorted(os.listdir(folder / name)) if file.upper().endswith((".JPEG", ".JPG"))
    ]


def _counts(each: Sequence[int], final_per_class: int | None, known: Counts) -> Counts:
    tuning = sum(share(each, 10))
    final = final_per_class * known.classes if final_per_class else known.final
    return Counts(sum(each) - tuning, tuning, final, known.classes, known.channels, known.size)


def _place(path: str | None, cache: Path) -> tuple[Path, bool]:
    """The folder that torchvision reads, and whether it may fetch what is missing there."""
    return (cache / "torchvision", True) if path is None else (expand(path), False)


def _read(name: str, root: Path, fetch: bool, read: Callable[[], Any]) -> Any:
    """What torchvision reads, fetched by it where it is missing; refused in one sentence where that fails."""
    from filelock import FileLock

    try:
        if not fetch:
            return read()
        root.mkdir(parents=True, exist_ok=True)
        # two studies of one data set with different settings may start at once
        with FileLock(root / f"{name}.lock"):
            return read()
    except Exception as error:  # torchvision raises OSError, RuntimeError, ValueError, KeyError and more, by what is broken
        reason = " ".join(str(error).split())
        wrong = f"is not in {root} and could not be fetched" if fetch else f"cannot be read from {root}"
        raise Refused(f"{name} {wrong} ({reason}): put its files there as torchvision.datasets.{name} keeps them") from error


def _refuse_missing(name: str, folder: Path) -> None:
    if not folder.is_dir():
        raise Refused(
            f"{name} is missing, because there is no folder {folder}: "
            f"put its files there as torchvision.datasets.{name} keeps them, or leave path out and they are fetched"
        )


def _refuse_other_amount(name: str, folder: Path, part: str, found: int, expected: int) -> None:
    if found != expected:
        raise Refused(f"{folder} has {found:,} of {name}'s {expected:,} {part} images: remove it and unpack it again")


def _refuse_path(name: str, path: object) -> None:
    if path is not None and (not isinstance(path, str) or not path):
        raise Refused(f"{name} needs the path of a folder as a string, or None, got path={path!r}")


def _refuse_amounts(name: str, per_class: object, final_per_class: object, most: int, most_final: int) -> None:
    for field, value, least, largest in (("per_class", per_class, 2, most), ("final_per_class", final_per_class, 1, most_final)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value <= largest):  # type: ignore[operator]
            raise Refused(f"{name} needs {least} <= {field} <= {largest}, or None for all, got {field}={value!r}")
