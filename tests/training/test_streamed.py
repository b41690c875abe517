"""Image files decoded on use: the same pixels as torchvision's transforms on PIL images, whatever the number of threads."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from hpsearch.errors import Refused
from hpsearch.training import Recipe, image_folder
from hpsearch.training.data import Streamed, reading
from hpsearch.training.data.reading import reader
from hpsearch.training.images.loop import train
from hpsearch.training.parts.augmentation import boxes, crop_draws
from tests.training.fake_run import FakeRun, measured

SIZES = ((40, 31), (31, 40), (64, 17), (20, 20), (90, 77))  # width, height


def smooth(seed, width, height):
    """An image with slopes and edges, as photographs have, that survives JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """Three classes of twelve JPEG files of five shapes, and a validation set of four each."""
    for label, name in enumerate(("cat", "dog", "eel")):
        for i in range(16):
            path = tmp_path / "data" / ("train" if i < 12 else "val") / name / f"{i:02}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            smooth(100 * label + i, *SIZES[i % 5]).save(path, quality=90)
    return tmp_path / "data"


@pytest.fixture
def images(folder, tmp_path):
    return image_folder(folder, 16, streamed=True).load(tmp_path / "cache")


def everything(source, size=12, parts=((5, 0, 7), (30, 2), (9,), (44, 45, 46, 47))):
    """Random boxes of some images, batch by batch, from one generator."""
    generator = torch.Generator().manual_seed(0)
    requests = ((torch.tensor(part), crop_draws(len(part), generator)) for part in parts)
    return list(source.crops(requests, size, 0.08))


def test_nothing_is_decoded_or_written_before_it_is_used(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *args: pytest.fail("decoded"))
    data = image_folder(folder, 16, streamed=True)
    data.prepare(tmp_path / "cache")
    images = data.load(tmp_path / "cache")
    assert isinstance(images, Streamed)
    assert [path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [0]  # that it was looked at
    monkeypatch.setattr(Image, "open", lambda *args: pytest.fail("looked at again"))
    data.prepare(tmp_path / "cache")
    assert (len(images.files), images.classes, images.channels, images.size) == (48, 3, 3, 16)
    assert data.counts().train == len(images.train) == 33


def test_roles_and_labels_are_those_of_the_stored_images(folder, tmp_path, images):
    stored = image_folder(folder, 16).load(tmp_path / "cache")
    for name in ("labels", "train", "tuning", "final"):
        assert np.array_equal(getattr(stored, name), getattr(images, name))
    for held_out in ("tuning", "final"):
        assert np.array_equal(stored.learned(held_out), images.learned(held_out))
        assert np.array_equal(stored.scored(held_out), images.scored(held_out))


@pytest.mark.parametrize(("resize", "size"), [(None, None), (24, 16), (20, 20), (33, 12), (64, 61)])
def test_views_are_torchvisions_transforms_of_the_same_files(folder, images, resize, size):
    transform = v2.Compose([v2.Resize(resize or 16), v2.CenterCrop(size or 16), v2.PILToTensor()])
    order = [7, 3, 0, 40, 25]
    found = {path: (picture, label) for part in ("train", "val") for (picture, label), (path, _) in both(folder / part, transform)}
    out = torch.cat(list(reader(images, "cpu", 2).views(torch.tensor(order).split(2), resize, size)))
    assert out.dtype == torch.float32
    for position, ours in zip(order, out, strict=True):
        picture, label = found[str(images.files[position])]
        assert torch.equal(ours, picture.float())
        assert images.labels[position] == label


def both(root, transform):
    reference = ImageFolder(str(root), transform)
    return zip(reference, reference.samples, strict=True)


def test_stored_squares_are_the_streamed_views(folder, tmp_path, images):
    stored = image_folder(folder, 16).load(tmp_path / "cache")
    order = torch.arange(48).split(10)
    one = torch.cat(list(reader(stored, "cpu", 1).views(order, None, None)))
    other = torch.cat(list(reader(images, "cpu", 1).views(order, None, None)))
    assert torch.equal(one, other)


@pytest.mark.parametrize("size", [8, 30])
def test_a_random_box_is_cut_from_the_files_own_pixels(images, size):
    positions = torch.arange(15)
    draws = crop_draws(15, torch.Generator().manual_seed(3))
    (out,) = reader(images, "cpu", 2).crops([(positions, draws)], size, 0.08)
    for position, ours in zip(positions.tolist(), out, strict=True):
        picture = Image.open(images.files[position])
        ((top, left, height, width),) = boxes(draws[position][None], picture.height, picture.width, 0.08).tolist()
        cut = picture.crop((left, top, left + width, top + height))
        expected = np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR))
        assert np.array_equal(ours.permute(1, 2, 0).numpy(), expected)


def test_random_boxes_are_those_of_torchvisions_random_resized_crop(images):
    """The same box, found among all of the image's, gives torchvision's whole transform."""
    picture = Image.open(images.files[0])
    torch.manual_seed(0)
    crop = v2.RandomResizedCrop(12)
    image = v2.functional.to_image(picture)
    for _ in range(20):
        box = crop.make_params([image])
        expected = v2.functional.pil_to_tensor(crop.transform(picture, box))
        (ours,) = reading._cut(images.files[0], _draws_of(box, picture), 12, 0.08)[None]
        assert np.array_equal(ours, expected.permute(1, 2, 0).numpy())


def _draws_of(box, picture):
    """Numbers in [0, 1) that lead to a box which torchvision drew: some of those that are rounded to it."""
    area = picture.width * picture.height
    draws = torch.zeros(11, 2, dtype=torch.float64)
    around = np.random.default_rng(0).uniform(-0.5, 0.5, (500, 2))
    for tall, wide in around + np.array([box["height"], box["width"]]):
        draws[:10, 0] = (tall * wide / area - 0.08) / 0.92
        draws[:10, 1] = np.log(wide / tall * 4 / 3) / np.log(16 / 9)
        draws[10, 0] = (box["top"] + 0.5) / (picture.height - box["height"] + 1)
        draws[10, 1] = (box["left"] + 0.5) / (picture.width - box["width"] + 1)
        if draws.min() >= 0 and draws.max() < 1:
            return draws
    raise LookupError(f"{box} does not come from numbers in [0, 1)")


def test_the_number_of_threads_has_no_say(images):
    one = everything(reader(images, "cpu", 1))
    for threads in (2, 5):
        for expected, ours in zip(one, everything(reader(images, "cpu", threads)), strict=True):
            assert torch.equal(expected, ours)
    views = [torch.cat(list(reader(images, "cpu", threads).views(torch.arange(48).split(7), 20, 16))) for threads in (1, 3)]
    assert torch.equal(*views)


def test_batches_keep_their_order_and_sizes(images, monkeypatch):
    """Even where the first files take longest."""
    square, last = reading._square, threading.Event()

    def slow(file, draws, short, size):
        """The first file is read only after another one."""
        if file == images.files[0]:
            assert last.wait(60)
        found = square(file, draws, short, size)
        if file != images.files[0]:
            last.set()
        return found

    monkeypatch.setattr(reading, "_square", slow)
    parts = torch.arange(24).split([1, 5, 2, 9, 7])
    out = list(reader(images, "cpu", 4).views(parts, None, None))
    assert [len(batch) for batch in out] == [1, 5, 2, 9, 7]
    monkeypatch.undo()
    (whole,) = reader(images, "cpu", 1).views([torch.arange(24)], None, None)
    assert torch.equal(torch.cat(out), whole)


def test_going_on_in_the_middle_gives_the_same(images):
    parts = ((1, 2), (3, 4), (5, 6), (7, 8))
    whole = everything(reader(images, "cpu", 2), parts=parts)
    generator = torch.Generator().manual_seed(0)
    crop_draws(4, generator)  # the two batches that were seen before
    rest = [(torch.tensor(part), crop_draws(2, generator)) for part in parts[2:]]
    again = list(reader(images, "cpu", 2).crops(rest, 12, 0.08))
    assert torch.equal(torch.cat(again), torch.cat(whole[2:]))


def test_only_a_few_batches_are_read_ahead(images):
    asked = []

    def parts():
        for i in range(20):
            asked.append(i)
            yield torch.tensor([i])

    for given, _ in enumerate(reader(images, "cpu", 2).views(parts(), None, None)):
        assert len(asked) <= given + 1 + reading.AHEAD
    assert len(asked) == 20


def test_no_batches_are_none(images):
    assert list(reader(images, "cpu", 2).views([], None, None)) == []


def test_a_reader_that_is_left_leaves_no_threads(images):
    before = threading.active_count()
    batches = reader(images, "cpu", 3).views(torch.arange(48).split(4), None, None)
    next(batches)
    assert threading.active_count() > before
    del batches
    gc.collect()
    assert threading.active_count() == before


def test_a_reader_that_is_left_decodes_no_further(images, monkeypatch):
    square, decoded, closed = reading._square, [], threading.Event()

    def held(file, draws, short, size):
        """The first file is read at once, the next only when the reader is being closed."""
        decoded.append(file)
        assert len(decoded) == 1 or closed.wait(60)
        return square(file, draws, short, size)

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            closed.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(reading, "_square", held)
    monkeypatch.setattr(reading, "ThreadPoolExecutor", Pool)
    batches = reader(images, "cpu", 1).views(torch.arange(48).split([1, 40, 7]), None, None)
    next(batches)
    batches.close()
    assert len(decoded) <= 2


def test_an_error_of_the_caller_leaves_no_threads(images):
    before = threading.active_count()

    def fail():
        for _ in reader(images, "cpu", 3).views(torch.arange(48).split(4), None, None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.parametrize("how", ["truncated", "text", "gone"])
def test_a_file_that_cannot_be_read_is_named(images, how):
    bad = images.files[6]
    if how == "truncated":
        bad.write_bytes(bad.read_bytes()[:-200])
    elif how == "text":
        bad.write_text("no image")
    else:
        bad.unlink()
    before = threading.active_count()
    for read in (
        lambda: list(reader(images, "cpu", 3).views(torch.arange(48).split(4), None, None)),
        lambda: everything(reader(images, "cpu", 3), parts=((1, 6), (2, 3))),
    ):
        with pytest.raises(Refused, match=rf"{bad} cannot be read as an image \(.*\): replace or remove it"):
            read()
    assert threading.active_count() == before


def test_a_centre_square_larger_than_the_image_is_refused(images):
    text = "a centre square of 24 pixels cannot be cut out of images of 20: raise test_resize, or lower test_size"
    with pytest.raises(Refused, match=text):
        list(reader(images, "cpu", 1).views([torch.tensor([0])], 20, 24))


def test_training_on_files_goes_on_to_the_bit(folder, tmp_path):
    recipe = Recipe(
        data=image_folder(folder, 16, streamed=True), epochs=2, batch_size=12, depth=14, width=4, stem="small",
        crop="resized", flip=True, learning_rate=0.5, train_size=12, test_size=16, test_resize=18,
    )  # fmt: skip

    def run_in(name):
        (tmp_path / name).mkdir()
        return FakeRun(tmp_path / name, held_out="final")

    whole, cut = run_in("whole"), run_in("cut")
    whole.take(train(recipe, 3, 2, whole), 2)
    cut.take(train(recipe, 3, 2, cut), 1)
    cut.take(train(recipe, 3, 2, cut), 1)
    assert [measured(row) for row in cut.rows] == [measured(row) for row in whole.rows]


def test_files_are_found_from_wherever_they_lie(folder, tmp_path, images):
    moved = Path(folder).rename(tmp_path / "moved")
    again = image_folder(moved, 16, streamed=True).load(tmp_path / "cache")
    assert [file.relative_to(moved) for file in again.files] == [file.relative_to(folder) for file in images.files]
