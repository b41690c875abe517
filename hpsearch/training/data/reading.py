"""Reading batches of images: from decoded ones, on the accelerator where they fit, or from files, decoded ahead by threads."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from hpsearch.errors import Refused
from hpsearch.training.data.dataset import Images, Streamed
from hpsearch.training.data.store import picture, view
from hpsearch.training.parts.augmentation import boxes, centred, stretched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE = 4096  # training images that the mean and deviation are taken from, at most
RESIDENT = 0.5  # share of an accelerator's free memory that the images may take; more stay in the host's memory
AHEAD = 3  # batches that are decoded before they are asked for


class Reader(Protocol):
    """Images by their positions, batch by batch, as floats 0..255 (batch, channels, height, width) on the device."""

    channels: int
    classes: int
    size: int  # pixels, of an image as stored, or of a file's scored square
    labels: Tensor  # (images,), whole numbers, on the CPU

    def crops(self, requests: Iterable[tuple[Tensor, Tensor]], size: int, least_area: float) -> Iterator[Tensor]:
        """Random boxes as squares of ``size``; a request is positions (batch,) and their ``crop_draws``."""
        ...

    def views(self, parts: Iterable[Tensor], resize: int | None, size: int | None) -> Iterator[Tensor]:
        """Centre squares of ``size`` after the short side went to ``resize``; None: the data set's own.

        Refuses a ``size`` above ``resize``.
        """
        ...


def reader(images: Images | Streamed, device: str, threads: int) -> Reader:
    """The reader of a data set; ``threads`` decode files, and have no say in what comes out."""
    return Resident(images, device) if isinstance(images, Images) else FromFiles(images, device, threads)


class Resident:
    """Reads decoded images of one size."""

    def __init__(self, images: Images, device: str) -> None:
        self.channels, self.classes, self.size, self.device = images.channels, images.classes, images.size, device
        self.labels = torch.from_numpy(images.labels)
        self.pixels = _placed(torch.from_numpy(images.pixels), device)

    def crops(self, requests: Iterable[tuple[Tensor, Tensor]], size: int, least_area: float) -> Iterator[Tensor]:
        """See ``Reader``."""
        for positions, draws in requests:
            yield stretched(self._whole(positions), boxes(draws, self.size, self.size, least_area), size)

    def views(self, parts: Iterable[Tensor], resize: int | None, size: int | None) -> Iterator[Tensor]:
        """See ``Reader``."""
        short, side = _cuttable(resize or self.size, size or self.size)
        for positions in parts:
            whole = self._whole(positions)
            yield whole if short == side == self.size else centred(whole, short, side)

    def _whole(self, positions: Tensor) -> Tensor:
        return _floats(self.pixels[positions.to(self.pixels.device)], self.device)


class FromFiles:
    """Reads image files; a random box is cut out of the file's own pixels, as torchvision's transforms do on PIL images."""

    def __init__(self, images: Streamed, device: str, threads: int) -> None:
        self.channels, self.classes, self.size, self.device = images.channels, images.classes, images.size, device
        self.labels = torch.from_numpy(images.labels)
        self.files, self.resize, self.threads = images.files, images.resize, threads

    def crops(self, requests: Iterable[tuple[Tensor, Tensor]], size: int, least_area: float) -> Iterator[Tensor]:
        """See ``Reader``."""
        cut = partial(_cut, size=size, least_area=least_area)
        return self._decoded(
            ([(p, d) for p, d in zip(positions.tolist(), draws, strict=True)] for positions, draws in requests), cut
        )

    def views(self, parts: Iterable[Tensor], resize: int | None, size: int | None) -> Iterator[Tensor]:
        """See ``Reader``."""
        short, side = _cuttable(resize or self.resize, size or self.size)
        square = partial(_square, short=short, size=side)
        return self._decoded(([(p, None) for p in positions.tolist()] for positions in parts), square)

    def _decoded(self, batches: Iterable[list[tuple[int, Tensor | None]]], decode: "Decode") -> Iterator[Tensor]:
        """Batches in their order; some are under way while the caller works on the one before."""
        import numpy as np

        waiting: deque[list[Future[NDArray[np.uint8]]]] = deque()
        rest = iter(batches)
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                while True:
                    for batch in islice(rest, AHEAD - len(waiting)):
                        waiting.append([pool.submit(decode, self.files[p], draws) for p, draws in batch])
                    if not waiting:
                        return
                    whole = np.stack([each.result() for each in waiting.popleft()])
                    yield _floats(torch.from_numpy(whole), self.device)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


Decode = Callable[[Path, Tensor | None], "NDArray[np.uint8]"]


def _cut(file: Path, draws: Tensor, size: int, least_area: float) -> "NDArray[np.uint8]":
    """A random box of a file as (size, size, 3)."""
    import numpy as np
    from torchvision.transforms.v2.functional import resized_crop

    image = picture(file)
    top, left, height, width = boxes(draws[None], image.height, image.width, least_area)[0].tolist()
    return np.asarray(resized_crop(image, top, left, height, width, [size, size]), dtype=np.uint8)


def _square(file: Path, _: Tensor | None, short: int, size: int) -> "NDArray[np.uint8]":
    return view(picture(file), short, size)


def _cuttable(resize: int, size: int) -> tuple[int, int]:
    if size > resize:
        raise Refused(
            f"a centre square of {size} pixels cannot be cut out of images of {resize}: raise test_resize, or lower test_size"
        )
    return resize, size


def _floats(raw: Tensor, device: str) -> Tensor:
    """(batch, height, width, channels) bytes as (batch, channels, height, width) floats on the device."""
    if raw.device.type != torch.device(device).type:
        raw = raw.pin_memory().to(device, non_blocking=True)  # the host goes on while the accelerator fetches it
    return raw.permute(0, 3, 1, 2).float()


def _placed(pixels: Tensor, device: str) -> Tensor:
    """The images on the accelerator when they fit there, else where they are."""
    if device == "cpu" or pixels.nbytes > RESIDENT * torch.cuda.mem_get_info()[0]:
        return pixels
    return pixels.to(device)


def statistics(source: Reader, learned: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, (channels, 1, 1), over an even sample of the training images.

    A channel that hardly varies is divided by 1 of 255 levels instead of by next to nothing.
    """
    count = 0
    total, squares = torch.zeros(2, source.channels, dtype=torch.float64)
    for images in source.views(learned[:: math.ceil(len(learned) / SAMPLE)].split(256), None, None):
        # pixels are whole numbers, so these sums are exact and do not depend on the order in which they are added up
        levels = images.double().cpu()
        count += levels[:, 0].numel()
        total += levels.sum((0, 2, 3))
        squares += levels.square().sum((0, 2, 3))
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=1)
    return mean.float()[:, None, None], deviation.float()[:, None, None]
