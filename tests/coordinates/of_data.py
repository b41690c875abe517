"""Checks of what is read, cut, mirrored and scored: ``data``, ``crop``, ``pad``, ``least_area``, ``flip`` and the sizes."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torch import Tensor
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from hpsearch.training import Recipe, digits, image_folder
from hpsearch.training.data import Images
from hpsearch.training.data.reading import Reader, reader
from hpsearch.training.images.inputs import augmented, plain
from hpsearch.training.images.streams import streams
from tests.coordinates.registry import check

SIDE = 64  # pixels of the stored image below
OUT = 8  # pixels of its random boxes
MANY, THEIRS = 4_000, 20_000  # boxes drawn by us, and by torchvision
TWO_SAMPLES = 0.034  # 1.95 (1/MANY + 1/THEIRS)^0.5, which two-sample Kolmogorov-Smirnov distances exceed once in 1,000
ONE_SAMPLE = 0.031  # 1.95 / MANY^0.5, the same for one sample
RANDOM = f"Kolmogorov-Smirnov distance, {MANY:,} draws of ours and {THEIRS:,} of torchvision's"


# one image: three times the column, three times the row, noise; so that a box can be read off the pixels
PIXELS = np.stack(
    [*np.meshgrid(3 * np.arange(SIDE), 3 * np.arange(SIDE)), np.random.default_rng(0).integers(0, 256, (SIDE, SIDE))], 2
).astype(np.uint8)[None]


def stored() -> Reader:
    """The image alone."""
    only = np.zeros(1, dtype=np.int64)
    return reader(Images(only, only, only, only, 1, PIXELS), "cpu", 1)


def seen(recipe: Recipe, count: int) -> Tensor:
    """The image, augmented so many times."""
    return torch.cat(list(augmented(recipe, stored(), torch.zeros(count, dtype=torch.int64).split(500), streams(0))))


def whole() -> Tensor:
    """The image as it is stored."""
    return seen(Recipe(data=digits()), 1)[0]


def boxes_of(out: Tensor) -> Tensor:
    """(images, 4): top, left, height, width, read off the slopes between the second and the last but one pixel.

    There interpolation keeps straight lines, up to a few hundredths of a pixel.
    """
    apart = OUT - 3
    starts, lengths = [], []
    for first, last in ((out[:, 1, 1, 1], out[:, 1, -2, 1]), (out[:, 0, 1, 1], out[:, 0, 1, -2])):
        length = (OUT * (last - first) / 3 / apart).round()
        starts.append((first / 3 + 0.5 - 1.5 * length / OUT).round())
        lengths.append(length)
    return torch.stack([*starts, *lengths], 1)


def distance(least_area: float) -> float:
    """The largest distance between our boxes and torchvision's, in tops, lefts, heights, widths, areas and aspects."""
    ours = boxes_of(seen(Recipe(data=digits(), crop="resized", least_area=least_area, train_size=OUT), MANY))
    torch.manual_seed(0)
    crop, image = v2.RandomResizedCrop(OUT, scale=(least_area, 1.0)), whole()
    drawn = [crop.make_params([image]) for _ in range(THEIRS)]
    theirs = torch.tensor([[each[name] for name in ("top", "left", "height", "width")] for each in drawn]).float()
    measures = [lambda b, i=i: b[:, i] for i in range(4)] + [lambda b: b[:, 2] * b[:, 3], lambda b: b[:, 3] / b[:, 2]]
    return max(float(ks_2samp(of(ours).numpy(), of(theirs).numpy()).statistic) for of in measures)


@check("crop", against="torchvision v2.RandomResizedCrop", measure=f"areas, aspects, places; {RANDOM}", bound=TWO_SAMPLES)
def boxes_are_drawn_as_by_torchvision() -> float:
    return distance(0.08)


@check(
    "least_area", against="torchvision v2.RandomResizedCrop", measure=f"at 0.5: areas, aspects, places; {RANDOM}", bound=TWO_SAMPLES
)
def larger_boxes_are_drawn_as_by_torchvision() -> float:
    return distance(0.5)


@check(
    "crop",
    "train_size",
    against="torchvision resized_crop, antialiased, float64",
    measure="grey levels of 255",
    bound=1e-4,
    crop=["resized"],
)
def boxes_are_resized_as_by_torchvision() -> float:
    out = seen(Recipe(data=digits(), crop="resized", train_size=OUT), 300)
    boxes = boxes_of(out).int().tolist()
    expected = torch.stack([tv.resized_crop(whole().double(), *box, [OUT, OUT], antialias=True) for box in boxes])
    return (out - expected).abs().max().item()


def offsets_of(out: Tensor, pad: int) -> Tensor:
    """(images, 2): top and left of each window in the padded image, from the pixel in the middle, which is never black."""
    return (out[:, [1, 0], SIDE // 2, SIDE // 2] / 3 - SIDE // 2 + pad).round().long()


@check("crop", "pad", against="torchvision pad and crop", measure="grey levels of 255; exact", bound=0.0, crop=["pad"])
def windows_are_torchvisions() -> float:
    out = seen(Recipe(data=digits(), crop="pad", pad=5), 500)
    padded = tv.pad(whole(), [5])
    expected = torch.stack([tv.crop(padded, top, left, SIDE, SIDE) for top, left in offsets_of(out, 5).tolist()])
    return (out - expected).abs().max().item()


@check("pad", against="uniform distribution", measure=f"places; Kolmogorov-Smirnov distance, {MANY:,} draws", bound=ONE_SAMPLE)
def windows_are_placed_evenly() -> float:
    offsets = offsets_of(seen(Recipe(data=digits(), crop="pad", pad=3), MANY), 3)
    places = torch.arange(7)
    shares = (offsets[:, :, None] <= places).float().mean(0)
    return (shares - (places + 1) / 7).abs().max().item()


@check("flip", against="torchvision horizontal_flip", measure="grey levels of 255; exact", bound=0.0)
def mirrored_images_are_torchvisions() -> float:
    out = seen(Recipe(data=digits(), flip=True), 500)
    both = torch.stack([whole(), tv.horizontal_flip(whole())])
    return (out[:, None] - both).abs().amax((2, 3, 4)).amin(1).max().item()


@check("flip", against="probability 1/2", measure=f"share of mirrored images, {MANY:,} draws", bound=0.026)
def half_of_the_images_are_mirrored() -> float:
    out = seen(Recipe(data=digits(), flip=True), MANY)
    return abs((out[:, 0, 0, 0] > out[:, 0, 0, -1]).float().mean().item() - 0.5)


@check(
    "crop",
    "train_size",
    against="torchvision resize, antialiased, float64",
    measure="grey levels of 255",
    bound=1e-4,
    crop=["none"],
)
def training_images_are_resized_as_by_torchvision() -> float:
    sizes = (20, 63, 64, 100)
    pairs = [
        (seen(Recipe(data=digits(), train_size=size), 1)[0], tv.resize(whole().double(), [size], antialias=True)) for size in sizes
    ]
    # uncropped and at its own size an image is what is stored
    pairs.append((whole(), torch.from_numpy(PIXELS[0]).permute(2, 0, 1).double()))
    return max((ours - theirs).abs().max().item() for ours, theirs in pairs)


@check(
    "test_size",
    "test_resize",
    against="torchvision resize, antialiased, and center_crop, float64",
    measure="grey levels of 255",
    bound=1e-4,
)
def scored_images_are_torchvisions() -> float:
    differences = []
    for resize, size in ((None, 33), (None, 80), (48, 31), (80, 80), (70, None)):
        recipe = Recipe(data=digits(), test_resize=resize, test_size=size)
        ((ours,),) = plain(recipe, stored(), [torch.tensor([0])])
        theirs = tv.center_crop(tv.resize(whole().double(), [resize or size or SIDE], antialias=True), [size or SIDE])
        differences.append((ours - theirs).abs().max().item())
    return max(differences)


def files(root: Path) -> Path:
    """Two classes of JPEG photographs, as it were, of many shapes."""
    generator = np.random.default_rng(0)
    for name in ("one", "two"):
        (root / name).mkdir()
        for i in range(8):
            coarse = Image.fromarray(generator.integers(0, 256, (6, 5, 3), dtype=np.uint8))
            shape = tuple(int(side) for side in generator.integers(20, 90, 2))
            coarse.resize(shape, Image.Resampling.BICUBIC).save(root / name / f"{i}.jpg")
    return root


def read(root: Path, streamed: bool, recipe: Recipe) -> Tensor:
    """All images of a folder as they are scored."""
    images = image_folder(root, 24, streamed=streamed).load(root.parent / "cache")
    (out,) = plain(recipe, reader(images, "cpu", 2), [torch.arange(len(images.labels))])
    return out


@check(
    "data",
    against="torchvision ImageFolder, Resize, CenterCrop",
    measure="grey levels of 255, stored and streamed; exact",
    bound=0.0,
)
def files_have_torchvisions_pixels() -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        root = files(Path(folder) / "data")
        transform = v2.Compose([v2.Resize(24), v2.CenterCrop(24), v2.PILToTensor()])
        theirs = torch.stack([image for image, _ in ImageFolder(str(root), transform)]).float()
        return max((read(root, streamed, Recipe(data=digits())) - theirs).abs().max().item() for streamed in (False, True))


@check("data", against="sklearn.datasets.load_digits", measure="ink of 16 and labels; exact", bound=0.0)
def digits_are_those_of_scikit_learn() -> float:
    from sklearn.datasets import load_digits

    images, reference = digits().load(Path("unused")), load_digits()
    ink = np.abs(np.rint(images.pixels[..., 0] * (16 / 255)) - reference.images).max()
    return float(max(ink, np.abs(images.labels - reference.target).max()))


@check(
    "test_size",
    "test_resize",
    against="torchvision Resize and CenterCrop on PIL images",
    measure="grey levels of 255, streamed; exact",
    bound=0.0,
)
def scored_files_have_torchvisions_pixels() -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        root = files(Path(folder) / "data")
        transform = v2.Compose([v2.Resize(40), v2.CenterCrop(33), v2.PILToTensor()])
        theirs = torch.stack([image for image, _ in ImageFolder(str(root), transform)]).float()
        return (read(root, True, Recipe(data=digits(), test_resize=40, test_size=33)) - theirs).abs().max().item()
