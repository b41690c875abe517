"""What every data set loads into: pixels, labels, and which images play which role."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hpsearch.run import HeldOut, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Dataset(Source, Protocol):
    """A source of images that the training loop can load."""

    def load(self, cache: Path) -> "Images":
        """The images; decodes them into ``cache`` first where that has not been done."""
        ...


@dataclass(frozen=True, eq=False)
class Images:
    """Decoded images with three disjoint sets of them: train, tuning and final."""

    pixels: "NDArray[np.uint8]"  # (images, size, size, channels), 0..255, memory-mapped where they come from a file
    labels: "NDArray[np.int64]"  # (images,), 0..classes-1
    train: "NDArray[np.int64]"  # positions of the images that are always learned from
    tuning: "NDArray[np.int64]"  # positions of the tuning slice: held out while tuning, learned from afterwards
    final: "NDArray[np.int64]"  # positions of the final set: never learned from
    classes: int

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.pixels.shape[3])

    def learned(self, held_out: HeldOut) -> "NDArray[np.int64]":
        """Positions of the images a trial learns from: without the tuning slice when that is what it is scored on."""
        import numpy as np

        return self.train if held_out == "tuning" else np.sort(np.concatenate([self.train, self.tuning]))

    def scored(self, held_out: HeldOut) -> "NDArray[np.int64]":
        """Positions of the images a trial is scored on."""
        return self.tuning if held_out == "tuning" else self.final
