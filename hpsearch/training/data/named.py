"""Public data sets by name, read by torchvision: their identity is their name, so a study can be planned without the files.

CIFAR-10, CIFAR-100, Fashion-MNIST and Imagenette are fetched by torchvision where there is a network; ImageNet has to be there.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from hpsearch.errors import Refused
from hpsearch.training.data.folder import roles, streamed
from hpsearch.training.data.images import Counts, Images, Streamed
from hpsearch.training.data.listing import expand, listing, refuse_fewer
from hpsearch.training.data.sealed import Parts, opened, sealed, write_files, write_roles
from hpsearch.training.data.split import share, split
from hpsearch.values import Value, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Name = Literal["CIFAR10", "CIFAR100", "FashionMNIST"]
SETS: dict[str, Counts] = {  # as published; a tenth of train is the tuning slice
    "CIFAR10": Counts(45_000, 5_000, 10_000, 10, 3, 32),
    "CIFAR100": Counts(45_000, 5_000, 10_000, 100, 3, 32),
    "FashionMNIST": Counts(54_000, 6_000, 10_000, 10, 1, 28),
}
IMAGENETTE = (963, 955, 993, 858, 941, 956, 961, 931, 951, 960)  # training images by class; 3,925 to be scored on
IMAGENETTE_FINAL = 3_925
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
        """Refuse a folder that was given and is not there."""
        if self.path is not None and not expand(self.path).is_dir():
            raise Refused(f"there is no folder {expand(self.path)} to read {self.name} from: leave path out and it is fetched")

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

        parts = [self._read(cache, train) for train in (True, False)]
        labels = [label for _, its_labels in parts for label in its_labels]
        known, first = SETS[self.name], len(parts[0][1])
        names = [f"{self.name}/{i}" for i in range(len(labels))]
        chosen = split(names, labels, range(first, len(labels)), known.classes, self.per_class, self.final_per_class)
        used = tuple(labels[i] for i in chosen.used)
        write_roles(folder, Parts((), used, chosen.train, chosen.tuning, chosen.final, known.classes))
        np.save(folder / "pixels.npy", np.concatenate([pixels for pixels, _ in parts])[list(chosen.used)])

    def _read(self, cache: Path, train: bool) -> "tuple[NDArray[np.uint8], Sequence[int]]":
        """Pixels (images, size, size, channels) and labels of one of the two official parts."""
        import numpy as np
        from torchvision import datasets

        root = _root(self.path, cache)
        found = _fetched(self.name, root, lambda: getattr(datasets, self.name)(str(root), train=train, download=self.path is None))
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
    """Ten classes of ImageNet that are easy to tell apart (Howard 2019), stored as squares of ``size`` pixels.

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
        _refuse_amounts("imagenette", self.per_class, self.final_per_class, min(IMAGENETTE), 350)

    @property
    def version(self) -> str:
        """Which of the published versions is read: ``160px`` or ``320px``."""
        return "160px" if self.size <= 160 else "320px"

    def identity(self) -> dict[str, Any]:
        """The version and how many images are used at which size."""
        settings = {"size": self.size, "per_class": self.per_class, "final_per_class": self.final_per_class}
        return {"is": "Imagenette", "version": f"imagenette2-{self.version}", **settings}

    def counts(self) -> Counts:
        """Images by role, as published."""
        each = [self.per_class] * 10 if self.per_class else IMAGENETTE
        return _counts(each, self.final_per_class, Counts(0, 0, IMAGENETTE_FINAL, 10, 3, self.size))

    def check(self) -> None:
        """Refuse a folder that was given and lacks the images."""
        if self.path is not None and not self._folder(expand(self.path)).is_dir():
            raise Refused(f"there is no folder {self._folder(expand(self.path))}: leave path out and it is fetched")

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

            root = _root(self.path, cache)
            if not self._folder(root).is_dir():
                _fetched("Imagenette", root, lambda: datasets.Imagenette(str(root), size=self.version, download=True))
            found = listing(self._folder(root))
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
            raise Refused(f"imagenet needs the path of a folder as text, got path={self.path!r}")
        if not (isinstance(self.size, int) and isinstance(self.resize, int) and 1 <= self.size <= self.resize):
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
        labels, train, tuning, final = (
            tuple(np.load(folder / f"{n}.npy").tolist()) for n in ("labels", "train", "tuning", "final")
        )
        return streamed(Parts(files, labels, train, tuning, final, IMAGENET_CLASSES), self.size, self.resize)

    def _sealed(self, cache: Path) -> Path:
        root = expand(self.path)

        def write(folder: Path) -> None:
            found = {part: _jpegs(root / part) for part in ("train", "val")}
            for part, expected in (("train", IMAGENET_TRAIN), ("val", IMAGENET_FINAL)):
                if len(found[part]) != expected:
                    raise Refused(
                        f"{root / part} has {len(found[part]):,} of ImageNet's {expected:,} images: unpack ILSVRC2012 there again"
                    )
            names = [name for part in found.values() for name, _ in part]
            labels = [label for part in found.values() for _, label in part]
            chosen = _imagenet_roles(names, labels, len(found["train"]))
            (folder / "files.txt").write_text("\n".join(names), encoding="utf-8")
            write_roles(folder, Parts((), tuple(labels), *chosen, IMAGENET_CLASSES))

        return sealed(cache, f"imagenet-{digest([str(root.resolve())])[:16]}", write)


def imagenet(path: str, size: int = 224, resize: int = 256) -> ImageNet:
    """ImageNet; see ``ImageNet``."""
    return ImageNet(path, size, resize)


def _jpegs(folder: Path) -> list[tuple[str, int]]:
    """Names relative to the parent's parent, with labels by the order of class folders."""
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    return [
        (f"{folder.name}/{name}/{file}", label)
        for label, name in enumerate(classes)
        for file in sorted(os.listdir(folder / name))
        if file.upper().endswith(".JPEG")
    ]


def _imagenet_roles(names: list[str], labels: list[int], train: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    from hpsearch.training.data.split import take

    inside, outside = take(names[:train], labels[:train], [IMAGENET_TUNING] * IMAGENET_CLASSES)
    return tuple(outside), tuple(inside), tuple(range(train, len(names)))


def _counts(each: Sequence[int], final_per_class: int | None, known: Counts) -> Counts:
    tuning = sum(share(each, 10))
    final = final_per_class * known.classes if final_per_class else known.final
    return Counts(sum(each) - tuning, tuning, final, known.classes, known.channels, known.size)


def _root(path: str | None, cache: Path) -> Path:
    return cache / "torchvision" if path is None else expand(path)


def _fetched(name: str, root: Path, read: Any) -> Any:
    """What torchvision reads, fetched by it where it is missing; refused in one sentence where that fails."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        return read()
    except (OSError, RuntimeError, EOFError) as error:  # no network, a broken archive, a missing file
        raise Refused(
            f"{name} is not in {root} and could not be fetched ({error}): "
            f"put its files there as torchvision.datasets.{name} keeps them"
        ) from error


def _refuse_path(name: str, path: object) -> None:
    if path is not None and (not isinstance(path, str) or not path):
        raise Refused(f"{name} needs the path of a folder as text, or None, got path={path!r}")


def _refuse_amounts(name: str, per_class: object, final_per_class: object, most: int, most_final: int) -> None:
    for field, value, least, largest in (("per_class", per_class, 2, most), ("final_per_class", final_per_class, 1, most_final)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value <= largest):  # type: ignore[operator]
            raise Refused(f"{name} needs {least} <= {field} <= {largest}, or None for all, got {field}={value!r}")
