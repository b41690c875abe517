"""Images decoded once per machine: made under a lock, sealed by one rename, memory-mapped by every trial."""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import Refused
from hpsearch.training.data.dataset import Images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CHUNK = 512  # files decoded at once; bounds the memory that waits to be written
CHANNELS = 3  # RGB
SIXTEEN = ("PNG", "PPM")  # formats whose whole numbers Pillow scales to 16 bits, in a mode that has 32


Write = Callable[[Path], None]


@dataclass(frozen=True)
class Parts:
    """Image files, their labels, and the positions that play each role."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]
    train: tuple[int, ...]
    tuning: tuple[int, ...]
    final: tuple[int, ...]
    classes: int


def sealed(cache: Path, key: str, write: Write) -> Path:
    """The folder in ``cache`` that ``write`` fills, made now where it is missing.

    Whoever comes second waits for the first. A process killed half-way leaves a ``.part`` folder, which the next one clears.
    """
    from filelock import FileLock

    whole = cache / key
    if whole.is_dir():
        return whole
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / f"{key}.lock").touch()
    except OSError as error:
        raise Refused(f"cannot keep data in {cache} ({error.strerror}): set HPSEARCH_CACHE to a folder for it") from error
    with FileLock(cache / f"{key}.lock"):
        half = cache / f"{key}.part"
        if not whole.is_dir():
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            try:
                write(half)
                half.rename(whole)
            finally:
                shutil.rmtree(half, ignore_errors=True)
    return whole


def opened(folder: Path) -> Images:
    """The images of a sealed folder. Pages are copied on write: no trial can change what another one reads."""
    import numpy as np

    train, tuning, final = (np.load(folder / f"{role}.npy") for role in ("train", "tuning", "final"))
    labels = np.load(folder / "labels.npy")
    return Images(labels, train, tuning, final, int(labels.max()) + 1, np.load(folder / "pixels.npy", mmap_mode="c"))


def decoded(file: Path, size: int) -> "NDArray[np.uint8]":
    """One image as (size, size, 3) RGB: short side resized to ``size`` (bilinear, antialiased), centre square cut out."""
    return view(picture(file), size, size)


def picture(file: Path) -> "Image":
    """The image of a file as torchvision's default loader has it: RGB, an EXIF rotation not applied, alpha dropped.

    But 16-bit grey is scaled to 8 bits, where that loader makes nearly all of it white. Refuses a file that is broken, is no
    image, or holds 32-bit numbers, of which the file does not say which is white.
    """
    from PIL import Image

    try:
        with file.open("rb") as opened, Image.open(opened) as image:
            refuse_depth(file, image)
            return eight_bits(image).convert("RGB")
    except Refused:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more, by format
        raise Refused(f"{file} cannot be read as an image ({error}): replace or remove it") from error


def look(file: Path) -> None:
    """Refuse a file that is no image, or has a depth that cannot be read, by its first bytes; nothing is decoded."""
    from PIL import Image

    try:
        with file.open("rb") as opened, Image.open(opened) as image:
            refuse_depth(file, image)
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"{file} cannot be read as an image ({error}): replace or remove it") from error


def refuse_depth(file: Path, image: "Image") -> None:
    """Refuse 32-bit numbers; 16-bit formats that Pillow holds in such are none."""
    if image.mode == "F" or (image.mode == "I" and image.format not in SIXTEEN):
        kind = "floating-point" if image.mode == "F" else "32-bit"
        raise Refused(f"{file} holds {kind} numbers without saying which of them is white: save it with 8 or 16 bits")


def eight_bits(image: "Image") -> "Image":
    """A 16-bit grey image with its levels 0..65535 scaled to 0..255; any other as it is."""
    import numpy as np
    from PIL import Image

    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    levels = np.asarray(image.convert("I"), dtype=np.float64)
    return Image.fromarray(np.rint(levels / 257).clip(0, 255).astype(np.uint8))


def view(image: "Image", short: int, size: int) -> "NDArray[np.uint8]":
    """(size, size, 3): torchvision's ``Resize(short)`` and ``CenterCrop(size)``, bilinear, antialiased."""
    import numpy as np
    from torchvision.transforms.v2.functional import center_crop, resize

    return np.asarray(center_crop(resize(image, [short]), [size]), dtype=np.uint8)


def write_files(folder: Path, size: int, parts: Parts) -> None:
    """Decode image files into ``folder``."""
    import numpy as np

    write_roles(folder, parts)
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(parts.files), size, size, CHANNELS)}
    # written front to back, not through a memory map: a full disk is then an error to report and not a SIGBUS
    with (folder / "pixels.npy").open("wb") as out, ThreadPoolExecutor(os.cpu_count()) as pool:
        np.lib.format.write_array_header_1_0(out, header)
        for start in range(0, len(parts.files), CHUNK):
            for image in pool.map(partial(decoded, size=size), parts.files[start : start + CHUNK]):
                out.write(image.tobytes())
        out.flush()
        os.fsync(out.fileno())


def look_at_files(folder: Path, files: Sequence[Path]) -> None:
    """Look at every file once; nothing is kept in ``folder``, which when sealed says that it was done."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(files), CHUNK):
            list(pool.map(look, files[start : start + CHUNK]))


def write_roles(folder: Path, parts: Parts) -> None:
    """Labels and roles, each an array of its own."""
    import numpy as np

    for name in ("labels", "train", "tuning", "final"):
        np.save(folder / f"{name}.npy", np.array(getattr(parts, name), dtype=np.int64))
