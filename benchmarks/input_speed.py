"""Images per second of one core's CPU time that the input makes: JPEGs decoded and cut, TrivialAugment.

nice python -m benchmarks.input_speed

The figures in ``hpsearch/cli/estimates.py`` are of images of 224 pixels on an AMD EPYC (Zen 5), 2026-11: decoding 251, and
TrivialAugment 368 on a quiet machine; 217 and 284 to 336 on one that others used too, 337 to 376 and 514 to 575 on another day's
machine of that name. Time goes with the pixels: TrivialAugment takes 1.5 to 1.7 times as many images of 176 as of 224 (1.62 by
pixels). Files are 500 x 375 pixels with a spectrum that falls as photographs' does, 80 to 100 kB large; the best of three runs.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hpsearch.training.data.reading import _cut, _square
from hpsearch.training.parts.augmentation import crop_draws
from hpsearch.training.parts.policies import trivial_augment

FILES, IMAGES = 12, 100


def photograph(generator: np.random.Generator, height: int = 375, width: int = 500) -> Image.Image:
    """Three channels of noise whose amplitude falls with its frequency."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]) + 0.003
    parts = generator.normal(size=(2, 3, *frequency.shape)) / frequency
    channels = np.fft.irfft2(parts[0] + 1j * parts[1], s=(height, width))
    low, high = (f(channels, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    return Image.fromarray((255 * (channels - low) / (high - low)).astype(np.uint8).transpose(1, 2, 0))


def speed(work: Callable[[], object], images: int) -> float:
    """Images per second of this process's CPU time, the best of three."""
    best = 0.0
    for _ in range(3):
        started = time.process_time()
        work()
        best = max(best, images / (time.process_time() - started))
    return best


def main() -> None:
    """Print a line per size."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    draws = crop_draws(FILES, torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.jpg" for i in range(FILES)]
        for file in files:
            photograph(generator).save(file, quality=87)
        for size, resize in ((224, 256), (176, 201), (128, 146)):
            cut = speed(lambda size=size: [_cut(file, draws[i], size, 0.08) for i, file in enumerate(files)], FILES)
            whole = speed(lambda size=size, resize=resize: [_square(file, None, resize, size) for file in files], FILES)
            images = torch.randint(256, (IMAGES, 3, size, size)).float()
            ways = {
                way: speed(lambda way=way, images=images: trivial_augment(images, torch.Generator().manual_seed(0), way), IMAGES)
                for way in ("nearest", "bilinear")
            }
            augment = ", ".join(f"TrivialAugment {way} {found:.0f}" for way, found in ways.items())
            print(f"{size} pixels: a random box of a file {cut:.0f}, its centre {whole:.0f}, {augment} images/s")


if __name__ == "__main__":
    main()
