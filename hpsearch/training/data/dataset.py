"""What every data set loads into: pixels or files, labels, and which images play which role."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hpsearch.protocol import HeldOut, Source, is_tuning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """How many images play which role, and what they are; known without decoding any."""

    train: int
    tuning: int
    final: int
    classes: int
    channels: int
    size: int  # pixels, height and width as stored, or of the scored square


@runtime_checkable
class Dataset(Source, Protocol):
    """A source of images that the training loop can load."""

    def load(self, cache: Path) -> "Images | Streamed":
        """The images; decodes them into ``cache`` first where that has not been done."""
        ...


@dataclass(frozen=True, eq=False)
class Roles:
    """Three disjoint sets of images: train, tuning and final."""

    labels: "NDArray[np.int64]"  # (images,), 0..classes-1
    train: "NDArray[np.int64]"  # positions of the images that are always learned from
    tuning: "NDArray[np.int64]"  # positions of the tuning slice: held out while tuning, learned from afterwards
    final: "NDArray[np.int64]"  # positions of the final set: never learned from
    classes: int

    def learned(self, held_out: HeldOut) -> "NDArray[np.int64]":
        """Positions of the images a trial learns from: without the tuning slice when that is what it is scored on."""
        import numpy as np

        return self.train if is_tuning(held_out) else np.sort(np.concatenate([self.train, self.tuning]))

    def scored(self, held_out: HeldOut) -> "NDArray[np.int64]":
        """Positions of the images a trial is scored on."""
        return self.tuning if is_tuning(held_out) else self.final


@dataclass(frozen=True, eq=False)
class Images(Roles):
    """Decoded images, all of one size."""

    pixels: "NDArray[np.uint8]"  # (images, size, size, channels), 0..255, memory-mapped where they come from a file

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.pixels.shape[3])


@dataclass(frozen=True, eq=False)
class Streamed(Roles):
    """Image files of any size, decoded whenever they are needed, as RGB."""

    files: tuple[Path, ...]
    size: int  # pixels: the centre square that is scored, unless the recipe says otherwise
    resize: int  # pixels: the short side before that square is cut out

    @property
    def channels(self) -> int:
        """Always 3."""
        return 3
