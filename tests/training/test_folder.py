"""Folders of images: what is refused, what is decoded, what counts as the same data."""

import os
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from hpsearch.errors import Refused
from hpsearch.training import image_folder
from hpsearch.training.data import Dataset, ImageFolder, folder, store
from hpsearch.training.data.store import decoded
from hpsearch.values import canonical, from_json, to_json

CLASSES = {"cat": 12, "dog": 20}


def picture(path, seed=0, mode="RGB", size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)


def write_flat(root):
    """CLASS/* alone."""
    for name, count in CLASSES.items():
        for i in range(count):
            picture(root / name / f"{i}.png", seed=i)


def example(folder, monkeypatch) -> ImageFolder:
    write_flat(folder / "data")
    return image_folder(folder / "data", 8)


@pytest.fixture
def flat(tmp_path):
    write_flat(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def split(tmp_path):
    """train/CLASS/* and val/CLASS/*."""
    for name, count in CLASSES.items():
        for i in range(count):
            picture(tmp_path / "data" / "train" / name / f"{i}.png", seed=i)
        for i in range(3):
            picture(tmp_path / "data" / "val" / name / f"{i}.png", seed=100 + i)
    return tmp_path / "data"


def roles(images):
    return [np.bincount(images.labels[part], minlength=2).tolist() for part in (images.train, images.tuning, images.final)]


def test_a_fifth_is_the_final_set_where_there_is_no_val(flat, tmp_path):
    images = image_folder(flat, 8).load(tmp_path / "cache")
    assert roles(images) == [[9, 14], [1, 2], [2, 4]]
    assert (images.pixels.shape, images.classes, images.channels, images.size) == ((32, 8, 8, 3), 2, 3, 8)
    assert sorted(np.concatenate([images.train, images.tuning, images.final]).tolist()) == list(range(32))


def test_val_is_the_final_set_where_there_is_one(split, tmp_path):
    images = image_folder(split, 8).load(tmp_path / "cache")
    assert roles(images) == [[11, 18], [1, 2], [3, 3]]
    expected = {decoded(path, 8).tobytes() for path in (split / "val").glob("*/*.png")}
    assert {images.pixels[i].tobytes() for i in images.final} == expected


def test_limits_are_per_class(split, tmp_path):
    images = image_folder(split, 8, per_class=10, final_per_class=2).load(tmp_path / "cache")
    assert roles(images) == [[9, 9], [1, 1], [2, 2]]
    assert len(images.pixels) == 24


def test_limits_hold_without_val_too(flat, tmp_path):
    images = image_folder(flat, 8, per_class=5, final_per_class=1).load(tmp_path / "cache")
    assert roles(images) == [[4, 4], [1, 1], [1, 1]]


@pytest.mark.parametrize("limits", [{}, {"per_class": 5, "final_per_class": 1}])
@pytest.mark.parametrize("layout", ["flat", "split"])
def test_images_are_counted_without_decoding_any(layout, limits, request, tmp_path):
    data = image_folder(request.getfixturevalue(layout), 8, **limits)
    images = data.load(tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache")
    told = data.counts()
    assert (told.train, told.tuning, told.final) == (len(images.train), len(images.tuning), len(images.final))
    assert (told.classes, told.channels, told.size) == (images.classes, images.channels, images.size)
    assert not (tmp_path / "cache").exists()


def test_labels_and_pixels_stay_together(flat, tmp_path):
    for path in flat.glob("dog/*"):
        Image.new("RGB", (9, 9), (255, 0, 0)).save(path)
    for path in flat.glob("cat/*"):
        Image.new("RGB", (9, 9), (0, 0, 255)).save(path)
    images = image_folder(flat, 4).load(tmp_path / "cache")
    assert np.array_equal(images.pixels[:, 0, 0, 0] == 255, images.labels == 1)


@pytest.mark.parametrize("shape", [(20, 16), (16, 20), (33, 7), (5, 5), (8, 40)])
@pytest.mark.parametrize("size", [5, 8, 16])
def test_decodes_as_torchvision(tmp_path, shape, size):
    picture(tmp_path / "a.png", size=shape)
    reference = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])(default_loader(str(tmp_path / "a.png")))
    assert np.array_equal(decoded(tmp_path / "a.png", size), np.asarray(reference))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture(path, mode=mode)
    image = decoded(path, 16)
    assert image.shape == (16, 16, 3)
    if mode in "L1":
        assert np.array_equal(image[..., 0], image[..., 2])


def test_a_rotation_in_exif_is_not_applied_as_in_torchvision(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to view
    Image.fromarray(noise).save(tmp_path / "a.jpg", exif=exif, quality=95)
    reference = v2.CenterCrop(16)(v2.Resize(16)(default_loader(str(tmp_path / "a.jpg"))))
    assert np.array_equal(decoded(tmp_path / "a.jpg", 16), np.asarray(reference))


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken", "truncated"])
def test_refuses_a_file_that_is_no_image_and_leaves_nothing(flat, tmp_path, content):
    bad = flat / "dog" / "bad.png"
    bad.write_bytes((flat / "dog" / "0.png").read_bytes()[:400] if content == "truncated" else content)
    data, cache = image_folder(flat, 8), tmp_path / "cache"
    data.check()  # names only
    with pytest.raises(Refused, match=r"dog/bad.png cannot be read as an image \(.*\): replace or remove it"):
        data.prepare(cache)
    assert [path.suffix for path in cache.iterdir()] in ([], [".lock"])
    bad.unlink()
    assert len(data.load(cache).pixels) == 32


def test_decodes_once(flat, tmp_path, monkeypatch):
    data = image_folder(flat, 8)
    data.prepare(tmp_path / "cache")
    monkeypatch.setattr(store, "decoded", lambda *args, **kwargs: pytest.fail("decoded twice"))
    first, again = data.load(tmp_path / "cache"), data.load(tmp_path / "cache")
    assert isinstance(first.pixels, np.memmap)
    assert np.array_equal(first.pixels, again.pixels)


def test_no_trial_can_change_what_another_reads(flat, tmp_path):
    data = image_folder(flat, 8)
    mine, before = data.load(tmp_path), data.load(tmp_path).pixels.copy()
    mine.pixels[:] = 0
    assert np.array_equal(data.load(tmp_path).pixels, before)


def test_many_at_once_decode_once(flat, tmp_path, monkeypatch):
    made = []
    write = folder.write_files
    monkeypatch.setattr(folder, "write_files", lambda *args: (made.append(1), write(*args)))
    data = image_folder(flat, 8)
    threads = [threading.Thread(target=data.prepare, args=(tmp_path / "cache",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert len(data.load(tmp_path / "cache").pixels) == 32


def test_goes_on_after_a_kill_half_way(flat, tmp_path):
    data = image_folder(flat, 8)
    data.prepare(tmp_path / "cache")
    (whole,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    half = whole.rename(whole.with_name(f"{whole.name}.part"))
    (half / "pixels.npy").write_bytes(b"half")
    assert len(data.load(tmp_path / "cache").pixels) == 32
    assert not half.exists()


def test_identity_is_content_and_not_place(flat, tmp_path, monkeypatch):
    shutil.copytree(flat, tmp_path / "elsewhere")
    monkeypatch.setenv("PICTURES", str(tmp_path))
    here, there = image_folder(flat, 8), image_folder("$PICTURES/elsewhere", 8)
    assert here.identity() == there.identity() == image_folder("${PICTURES}/data", 8).identity()
    assert str(flat) not in canonical(here)


def added(root):
    picture(root / "cat" / "new.png")


def removed(root):
    (root / "cat" / "0.png").unlink()


def renamed(root):
    (root / "cat" / "0.png").rename(root / "cat" / "zero.png")


def moved(root):
    (root / "cat" / "0.png").rename(root / "dog" / "cat.png")


def longer(root):
    with (root / "cat" / "0.png").open("ab") as file:
        file.write(b"\0")


def class_renamed(root):
    (root / "cat").rename(root / "tiger")


@pytest.mark.parametrize("change", [added, removed, renamed, moved, longer, class_renamed])
def test_identity_follows_every_change(flat, change):
    before = image_folder(flat, 8).identity()
    change(flat)
    assert image_folder(flat, 8).identity() != before


@pytest.mark.parametrize("change", [added, removed, renamed, moved, class_renamed])
def test_identity_follows_changes_of_a_folder_that_was_at_rest(flat, change):
    for each in (flat, flat / "cat", flat / "dog"):
        os.utime(each, (1e9, 1e9))
    before = image_folder(flat, 8).identity()
    assert image_folder(flat, 8).identity() == before
    change(flat)
    assert image_folder(flat, 8).identity() != before


def test_a_folder_at_rest_is_read_once(flat, monkeypatch):
    for each in (flat, flat / "cat", flat / "dog"):
        os.utime(each, (1e9, 1e9))
    before = image_folder(flat, 8).identity()
    monkeypatch.setattr("hpsearch.training.data.folder.listing", lambda root: pytest.fail("read twice"))
    assert image_folder(flat, 8).identity() == before


@pytest.mark.parametrize("change", [{"size": 9}, {"per_class": 5}, {"final_per_class": 1}, {"streamed": True}])
def test_identity_holds_the_settings(flat, change):
    assert replace(image_folder(flat, 8), **change).identity() != image_folder(flat, 8).identity()


def test_hidden_files_are_ignored(flat, tmp_path):
    before = image_folder(flat, 8).identity()
    (flat / "cat" / ".DS_Store").write_bytes(b"x")
    (flat / ".git").mkdir()
    (flat / "README.txt").write_text("not in a class folder")
    assert image_folder(flat, 8).identity() == before
    assert len(image_folder(flat, 8).load(tmp_path / "cache").pixels) == 32


def test_check_accepts_both_layouts(flat, tmp_path):
    image_folder(flat, 8, per_class=10, final_per_class=2).check()
    assert isinstance(image_folder(flat, 8), Dataset)


def test_travels_as_json(flat):
    data = image_folder(flat, 8, per_class=3)
    assert from_json(to_json(data)) == data


# what a folder may look like, and the sentence that refuses it


def refusal(data):
    with pytest.raises(Refused) as caught:
        data.check()
    return str(caught.value)


def test_refuses_a_variable_that_is_not_set(monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    assert refusal(image_folder("$HPSEARCH_DATA", 64)) == "HPSEARCH_DATA is not set: give --data DIR or set it"
    monkeypatch.setenv("HPSEARCH_DATA", "")
    assert refusal(image_folder("${HPSEARCH_DATA}/x", 64)) == "HPSEARCH_DATA is not set: give --data DIR or set it"


def test_refuses_a_missing_folder(tmp_path):
    text = f"{tmp_path}/no is not a folder: give --data DIR with one folder of images per class"
    assert refusal(image_folder(tmp_path / "no", 64)) == text
    (tmp_path / "no").write_text("a file")
    assert refusal(image_folder(tmp_path / "no", 64)) == text


def test_refuses_an_empty_folder(tmp_path):
    expected = f"{tmp_path} has no class folders: put the images of each class into a folder named after it"
    assert refusal(image_folder(tmp_path, 64)) == expected
    picture(tmp_path / "a.png")
    assert refusal(image_folder(tmp_path, 64)) == expected


def test_refuses_one_class(tmp_path):
    picture(tmp_path / "cat" / "a.png")
    expected = f"{tmp_path} has the one class 'cat': a classifier needs at least two class folders"
    assert refusal(image_folder(tmp_path, 64)) == expected


def test_refuses_a_class_without_images(flat):
    (flat / "eel").mkdir()
    (flat / "eel" / ".hidden").touch()
    assert refusal(image_folder(flat, 64)) == f"{flat}/eel has no images: add some or remove the class"


def test_refuses_a_folder_in_a_class_folder(flat):
    picture(flat / "cat" / "kittens" / "a.png")
    expected = f"{flat}/cat/kittens is a folder inside a class folder: move its images into {flat}/cat"
    assert refusal(image_folder(flat, 64)) == expected


def test_refuses_too_few_images(flat, split):
    picture(flat / "eel" / "a.png")
    shutil.rmtree(flat / "train")
    shutil.rmtree(flat / "val")
    expected = f"{flat} has 1 of the 3 images that class 'eel' needs: add some or remove it"
    assert refusal(image_folder(flat, 64)) == expected


def test_refuses_one_training_image_of_a_class(split):
    for path in sorted((split / "train" / "cat").iterdir())[1:]:
        path.unlink()
    expected = f"{split} has 1 of the 2 images that class 'cat' needs: add some or remove it"
    assert refusal(image_folder(split, 64)) == expected


def test_refuses_train_without_val(split):
    shutil.rmtree(split / "val")
    expected = f"{split} has train/ but no val/: add it, or name the folder that holds the class folders"
    assert refusal(image_folder(split, 64)) == expected


def test_refuses_val_without_train(split):
    shutil.rmtree(split / "train")
    assert "has val/ but no train/" in refusal(image_folder(split, 64))


def test_refuses_different_classes(split):
    picture(split / "val" / "eel" / "a.png")
    expected = f"{split} has classes in val/ that train/ lacks ('eel'): give both the same class folders"
    assert refusal(image_folder(split, 64)) == expected
    shutil.rmtree(split / "val" / "eel")
    picture(split / "train" / "fox" / "a.png")
    assert "has classes in train/ that val/ lacks ('fox')" in refusal(image_folder(split, 64))


def test_refuses_limits_above_what_there_is(split):
    expected = f"{split} has 12 training images of class 'cat': lower per_class=13"
    assert refusal(image_folder(split, 64, per_class=13)) == expected
    expected = f"{split}/val has 3 images of class 'cat': lower final_per_class=4"
    assert refusal(image_folder(split, 64, final_per_class=4)) == expected


def test_refuses_limits_above_what_is_left_by_the_final_fifth(flat):
    assert refusal(image_folder(flat, 64, per_class=11)) == f"{flat} has 10 training images of class 'cat': lower per_class=11"
    expected = f"{flat} has 2 final images of class 'cat': lower final_per_class=3"
    assert refusal(image_folder(flat, 64, final_per_class=3)) == expected


@pytest.mark.parametrize(
    ("settings", "law"),
    [
        ({"path": ""}, "the path of a folder as a string, got path=''"),
        ({"size": 0}, "whole size >= 1 in pixels, got size=0"),
        ({"size": 8.0}, "whole size >= 1 in pixels, got size=8.0"),
        ({"size": True}, "whole size >= 1 in pixels, got size=True"),
        ({"per_class": 1}, "whole per_class >= 2, one image to learn from and one to tune on, got 1"),
        ({"final_per_class": 0}, "whole final_per_class >= 1, got 0"),
        ({"streamed": 1}, "streamed to be True or False, got 1"),
    ],
)
def test_refuses_settings_without_meaning(settings, law):
    with pytest.raises(Refused, match=f"image_folder needs {law}"):
        image_folder(**{"path": "data", "size": 8, **settings})
