"""Public data sets by name: tiny copies in the exact formats on disk, read by torchvision's own classes.

Only what ties torchvision to the published bytes is replaced: its md5 check (``check_integrity`` asks whether the file is there),
the opening of URLs, and our table of published counts.
"""

import gzip
import io
import os
import pickle
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from hpsearch.errors import Refused
from hpsearch.training import cifar10, cifar100, digits, fashion_mnist, image_folder, imagenet, imagenette
from hpsearch.training.data import Counts, Dataset, ImageNet, Imagenette, TorchvisionSet, named
from hpsearch.values import canonical, digest, from_json, to_json

TINY = {
    "CIFAR10": Counts(90, 10, 20, 10, 3, 32),
    "CIFAR100": Counts(200, 100, 100, 100, 3, 32),
    "FashionMNIST": Counts(90, 10, 30, 10, 1, 28),
}
MAKE = {"CIFAR10": cifar10, "CIFAR100": cifar100, "FashionMNIST": fashion_mnist}
WNIDS = (
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)


def drawn(images, classes, shape, seed):
    """Random pixels, and labels in a shuffled order with every class equally often."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(images) % classes)
    return generator.integers(0, 256, (images, *shape), dtype=np.uint8), [int(label) for label in labels]


def pickled(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))


def write_cifar10(root):
    folder = root / "cifar-10-batches-py"
    for i in range(1, 6):
        pixels, labels = drawn(20, 10, (3072,), i)
        pickled(folder / f"data_batch_{i}", {"data": pixels, "labels": labels})
    pixels, labels = drawn(20, 10, (3072,), 6)
    pickled(folder / "test_batch", {"data": pixels, "labels": labels})
    pickled(folder / "batches.meta", {"label_names": [f"class {i}" for i in range(10)]})


def write_cifar100(root):
    folder = root / "cifar-100-python"
    for name, images in (("train", 300), ("test", 100)):
        pixels, labels = drawn(images, 100, (3072,), images)
        pickled(folder / name, {"data": pixels, "fine_labels": labels, "coarse_labels": [0] * images})
    pickled(folder / "meta", {"fine_label_names": [f"class {i}" for i in range(100)]})


def idx(array):
    """The bytes of an IDX file: two zeros, 8 for unsigned bytes, the number of axes, their lengths, the values."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def write_fashion(root):
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, images in (("train", 100), ("t10k", 30)):
        pixels, labels = drawn(images, 10, (28, 28), images)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.array(labels, dtype=np.uint8)))


WRITE = {"CIFAR10": write_cifar10, "CIFAR100": write_cifar100, "FashionMNIST": write_fashion}


def jpeg(path, seed, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, format="JPEG")


def write_by_wnid(root, wnids, train, val):
    """``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, of different sizes."""
    for label, wnid in enumerate(wnids):
        for i in range(train):
            jpeg(root / "train" / wnid / f"{wnid}_{i}.JPEG", 100 * label + i, (20 + i, 24))
        for i in range(val):
            jpeg(root / "val" / wnid / f"ILSVRC2012_val_{10 * label + i:08}.JPEG", 5000 + 10 * label + i, (30, 20 + i))


def expect_tiny(monkeypatch):
    """Published counts as of the copies below, and files taken for whole when they are there."""
    monkeypatch.setattr(named, "SETS", TINY)
    monkeypatch.setattr(named, "IMAGENETTE", (12,) * 10)
    monkeypatch.setattr(named, "IMAGENETTE_FINAL", 30)
    for name, value in (("TRAIN", 48), ("FINAL", 12), ("CLASSES", 4), ("TUNING", 2)):
        monkeypatch.setattr(named, f"IMAGENET_{name}", value)
    for module in ("cifar", "mnist", "imagenet", "utils"):
        there = lambda path, md5=None: os.path.isfile(path)  # noqa: E731
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", there)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    expect_tiny(monkeypatch)


def example_of_small_images(folder, monkeypatch) -> TorchvisionSet:
    expect_tiny(monkeypatch)
    write_cifar10(folder / "files")
    return cifar10(str(folder / "files"))


def example_of_imagenette(folder, monkeypatch) -> Imagenette:
    expect_tiny(monkeypatch)
    write_by_wnid(folder / "files" / "imagenette2-160", WNIDS, 12, 3)
    return imagenette(str(folder / "files"), size=16)


def example_of_imagenet(folder, monkeypatch) -> ImageNet:
    expect_tiny(monkeypatch)
    write_by_wnid(folder / "files", WNIDS[:4], 12, 3)
    return imagenet(str(folder / "files"), size=16, resize=20)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(request, *args, **kwargs):
        raise URLError("[Errno -3] Temporary failure in name resolution")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture(params=list(TINY))
def small(request, tmp_path):
    """One of the sets of small images, with its files in place."""
    WRITE[request.param](tmp_path / "files")
    return MAKE[request.param](str(tmp_path / "files"))


@pytest.fixture
def nette(tmp_path, monkeypatch):
    return example_of_imagenette(tmp_path, monkeypatch)


@pytest.fixture
def ilsvrc(tmp_path, monkeypatch):
    return example_of_imagenet(tmp_path, monkeypatch)


def theirs(data, train):
    """The set as torchvision reads it."""
    return getattr(torchvision.datasets, data.name)(data.path, train=train)


def counted(images):
    counts = (len(images.train), len(images.tuning), len(images.final))
    return Counts(*counts, images.classes, images.channels, images.size)


# what is read


def test_pixels_and_labels_are_torchvisions(small, tmp_path):
    images = small.load(tmp_path / "cache")
    both = [*theirs(small, True), *theirs(small, False)]
    assert len(images.pixels) == len(both)
    for pixels, label, (picture, its_label) in zip(images.pixels, images.labels, both, strict=True):
        assert np.array_equal(pixels.squeeze(), np.asarray(picture))
        assert label == its_label


def test_the_final_set_is_the_official_test_set_and_the_tuning_slice_is_cut_from_train(small, tmp_path):
    images = small.load(tmp_path / "cache")
    train, test = len(theirs(small, True)), len(theirs(small, False))
    assert images.final.tolist() == list(range(train, train + test))
    assert sorted([*images.train, *images.tuning]) == list(range(train))
    each = np.bincount(images.labels[images.tuning], minlength=images.classes)
    assert each.min() == each.max() == len(images.tuning) // images.classes


@pytest.mark.parametrize("limits", [{}, {"per_class": 2}, {"per_class": 3, "final_per_class": 1}])
def test_images_are_counted_without_files(small, limits, tmp_path):
    data = replace(small, **limits)
    assert replace(data, path=None).counts() == counted(data.load(tmp_path / "cache"))


def test_limits_are_per_class(small, tmp_path):
    images = replace(small, per_class=2, final_per_class=1).load(tmp_path / "cache")
    for role in (images.train, images.tuning, images.final):
        assert np.bincount(images.labels[role]).tolist() == [1] * images.classes
    whole = {pixels.tobytes() for pixels in small.load(tmp_path / "cache").pixels}
    assert {pixels.tobytes() for pixels in images.pixels} < whole


def test_decoded_once_and_shared(small, tmp_path, monkeypatch):
    small.prepare(tmp_path / "cache")
    monkeypatch.setattr(torchvision.datasets, small.name, lambda *args, **kwargs: pytest.fail("read twice"))
    images = small.load(tmp_path / "cache")
    assert isinstance(images.pixels, np.memmap)
    assert images.pixels.shape[1:] == (images.size, images.size, images.channels)


def test_imagenette_is_torchvisions(nette, tmp_path):
    images = nette.load(tmp_path / "cache")
    assert nette.counts() == counted(images) == Counts(110, 10, 30, 10, 3, 16)
    square = torchvision.transforms.v2.Compose([torchvision.transforms.v2.Resize(16), torchvision.transforms.v2.CenterCrop(16)])
    for split, part in (("train", images.learned("final")), ("val", images.final)):
        reference = torchvision.datasets.Imagenette(nette.path, split, "160px", transform=square)
        expected = sorted((label, np.asarray(picture).tobytes()) for picture, label in reference)
        assert sorted((int(images.labels[i]), images.pixels[i].tobytes()) for i in part) == expected


def test_imagenette_limits(nette, tmp_path):
    data = replace(nette, per_class=4, final_per_class=2)
    assert data.counts() == counted(data.load(tmp_path / "cache")) == Counts(30, 10, 20, 10, 3, 16)


@pytest.mark.parametrize(("size", "version"), [(64, "160px"), (160, "160px"), (161, "320px"), (320, "320px")])
def test_imagenette_takes_the_version_that_has_enough_pixels(size, version):
    assert imagenette(size=size).version == version
    assert imagenette(size=size).identity()["version"] == f"imagenette2-{version.removesuffix('px')}"


def test_imagenet_is_torchvisions(ilsvrc, tmp_path):
    images = ilsvrc.load(tmp_path / "cache")
    assert ilsvrc.counts() == counted(images) == Counts(40, 8, 12, 4, 3, 16)
    assert (images.size, images.resize) == (16, 20)
    root = Path(ilsvrc.path)
    torch.save(({wnid: (wnid,) for wnid in WNIDS}, []), root / "meta.bin")  # what torchvision makes of the development kit
    for split, part in (("train", images.learned("final")), ("val", images.final)):
        reference = torchvision.datasets.ImageNet(ilsvrc.path, split)
        assert [(str(images.files[i]), images.labels[i]) for i in part] == reference.samples


def test_imagenets_validation_images_are_never_tuned_on(ilsvrc, tmp_path):
    images = ilsvrc.load(tmp_path / "cache")
    assert {images.files[i].parts[-3] for i in images.final} == {"val"}
    assert {images.files[i].parts[-3] for i in [*images.train, *images.tuning]} == {"train"}
    assert np.bincount(images.labels[images.tuning]).tolist() == [2] * 4
    assert not set(images.train) & set(images.tuning)


def test_imagenet_is_listed_once(ilsvrc, tmp_path, monkeypatch):
    before = ilsvrc.load(tmp_path / "cache")
    monkeypatch.setattr("os.listdir", lambda path: pytest.fail("listed twice"))
    again = ilsvrc.load(tmp_path / "cache")
    assert again.files == before.files
    assert np.array_equal(again.tuning, before.tuning)


# what they are, without their files


def every():
    folder = "/data/there/is/none"
    return [cifar10(folder), cifar100(folder), fashion_mnist(folder), imagenette(folder), imagenet(folder)]


@pytest.mark.parametrize("data", every(), ids=lambda data: type(data).__name__ + getattr(data, "name", ""))
def test_a_named_set_is_known_by_name_and_not_by_place(data):
    moved = replace(data, path="/elsewhere")
    assert data.identity() == moved.identity()
    assert canonical(data) == canonical(moved)
    assert "data/there" not in canonical(data)
    assert isinstance(data, Dataset)
    assert from_json(to_json(data)) == data
    assert data.counts().train > data.counts().tuning > 0
    with pytest.raises(Refused, match="data/there/is/none"):
        data.check()


def test_naming_and_counting_them_imports_nothing_heavy():
    code = """
import sys
from hpsearch.training import cifar10, imagenet, imagenette
for data in (cifar10(), imagenet("/there/is/none"), imagenette()):
    data.identity(), data.counts()
print([name for name in ("torch", "torchvision", "PIL", "sklearn") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_identities_are_all_different():
    sets = [*every(), digits()]
    sets += [replace(each, per_class=2) for each in every()[:4]] + [replace(each, final_per_class=1) for each in every()[:4]]
    sets += [imagenette(size=128), imagenet("x", 192), imagenet("x", 224, 224)]
    assert len({digest(each) for each in sets}) == len(sets)


def test_identities_are_the_same_for_ever():
    assert cifar10().identity() == {"is": "TorchvisionSet", "name": "CIFAR10", "per_class": None, "final_per_class": None}
    assert imagenet("x").identity() == {"is": "ImageNet", "version": "ILSVRC2012", "size": 224, "resize": 256}
    settings = {"size": 160, "per_class": None, "final_per_class": None}
    assert imagenette().identity() == {"is": "Imagenette", "version": "imagenette2-160", **settings}


def test_counts_are_the_published_ones(monkeypatch):
    monkeypatch.undo()
    assert cifar10().counts() == Counts(45_000, 5_000, 10_000, 10, 3, 32)
    assert cifar100().counts() == Counts(45_000, 5_000, 10_000, 100, 3, 32)
    assert fashion_mnist().counts() == Counts(54_000, 6_000, 10_000, 10, 1, 28)
    assert imagenet("x").counts() == Counts(1_231_167, 50_000, 50_000, 1000, 3, 224)
    seen = imagenette().counts()
    assert (seen.train + seen.tuning, seen.final) == (9_469, 3_925)
    assert cifar10(per_class=100, final_per_class=50).counts() == Counts(900, 100, 500, 10, 3, 32)


# fetching


def archive(root, suffix):
    """The folder's content as a compressed archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        file.add(root, arcname=suffix)
    return content.getvalue()


class Answer(io.BytesIO):
    """What ``urllib.request.urlopen`` gives."""

    def __init__(self, url, content):
        super().__init__(content)
        self.url, self.length, self.headers = url, len(content), {}


def serve(monkeypatch, answers):
    """URLs are answered by the first entry that their ends match; what was asked for comes back, and grows."""
    asked = set()

    def urlopen(request, *args, **kwargs):
        url = getattr(request, "full_url", request)
        asked.add(url)
        return Answer(url, next(content for end, content in answers.items() if url.endswith(end)))

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


@pytest.mark.parametrize(("name", "folder"), [("CIFAR10", "cifar-10-batches-py"), ("CIFAR100", "cifar-100-python")])
def test_cifar_is_fetched_where_there_is_a_network(name, folder, tmp_path, monkeypatch):
    WRITE[name](tmp_path / "server")
    asked = serve(monkeypatch, {".tar.gz": archive(tmp_path / "server" / folder, folder)})
    here, there = MAKE[name]().load(tmp_path / "cache"), MAKE[name](str(tmp_path / "server")).load(tmp_path / "other")
    assert np.array_equal(here.pixels, there.pixels)
    assert len(asked) == 1
    asked.clear()
    MAKE[name](per_class=2).prepare(tmp_path / "cache")
    assert not asked  # another study finds the files


def test_two_studies_that_start_at_once_do_not_fetch_into_each_other(tmp_path, monkeypatch):
    write_cifar10(tmp_path / "cache" / "torchvision")
    kind, inside, most = torchvision.datasets.CIFAR10, [], []

    def slow(*args, **kwargs):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return kind(*args, **kwargs)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", slow)
    studies = [threading.Thread(target=cifar10(per_class=count).prepare, args=(tmp_path / "cache",)) for count in (2, 3, 4)]
    for study in studies:
        study.start()
    for study in studies:
        study.join()
    assert most == [1] * 6  # three times train and test


def test_fashion_mnist_is_fetched_where_there_is_a_network(tmp_path, monkeypatch):
    write_fashion(tmp_path / "server")
    raw = tmp_path / "server" / "FashionMNIST" / "raw"
    asked = serve(monkeypatch, {f"{path.name}.gz": gzip.compress(path.read_bytes()) for path in raw.iterdir()})
    here, there = fashion_mnist().load(tmp_path / "cache"), fashion_mnist(str(tmp_path / "server")).load(tmp_path / "other")
    assert np.array_equal(here.pixels, there.pixels)
    assert len(asked) == 4


def test_imagenette_is_fetched_where_there_is_a_network(nette, tmp_path, monkeypatch):
    asked = serve(monkeypatch, {"imagenette2-160.tgz": archive(Path(nette.path) / "imagenette2-160", "imagenette2-160")})
    here, there = replace(nette, path=None).load(tmp_path / "cache"), nette.load(tmp_path / "other")
    assert np.array_equal(here.pixels, there.pixels)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "data", [cifar10(), cifar100(), fashion_mnist(), imagenette(size=16)], ids=lambda data: data.identity()["is"]
)
def test_no_network_is_one_clear_refusal(data, tmp_path):
    data.check()
    with pytest.raises(Refused) as caught:
        data.prepare(tmp_path / "cache")
    name, root = getattr(data, "name", "Imagenette"), tmp_path / "cache" / "torchvision"
    text = str(caught.value)
    assert text.startswith(f"{name} is not in {root} and could not be fetched (")
    assert "Temporary failure in name resolution" in text
    assert text.endswith(f"): put its files there as torchvision.datasets.{name} keeps them")
    assert "\n" not in text
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [root]  # nothing half made


def test_files_put_where_the_refusal_says_are_found(tmp_path):
    with pytest.raises(Refused, match=str(tmp_path / "cache" / "torchvision")):
        cifar10().prepare(tmp_path / "cache")
    write_cifar10(tmp_path / "cache" / "torchvision")
    assert len(cifar10().load(tmp_path / "cache").pixels) == 120


# what is refused


def refusal(act, *arguments):
    with pytest.raises(Refused) as caught:
        act(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("name", list(TINY))
def test_check_names_the_folder_that_is_missing(name, tmp_path):
    folder = tmp_path / named.FOLDERS[name]
    assert refusal(MAKE[name](str(tmp_path)).check) == (
        f"{name} is missing, because there is no folder {folder}: "
        f"put its files there as torchvision.datasets.{name} keeps them, or leave path out and they are fetched"
    )
    WRITE[name](tmp_path)
    MAKE[name](str(tmp_path)).check()


def test_nothing_is_fetched_or_made_in_a_folder_that_was_given(tmp_path):
    text = refusal(cifar10(str(tmp_path / "given")).prepare, tmp_path / "cache")
    assert text.startswith(f"CIFAR10 cannot be read from {tmp_path}/given (Dataset not found or corrupted.")
    assert not (tmp_path / "given").exists()


@pytest.mark.parametrize("name", ["CIFAR10", "FashionMNIST"])
def test_a_broken_file_is_refused(name, tmp_path):
    WRITE[name](tmp_path)
    broken = next(path for path in (tmp_path / named.FOLDERS[name]).iterdir() if "train" in path.name or "batch_1" in path.name)
    broken.write_bytes(broken.read_bytes()[:50])
    text = refusal(MAKE[name](str(tmp_path)).prepare, tmp_path / "cache")
    assert text.startswith(f"{name} cannot be read from {tmp_path} (")


def test_another_number_of_images_is_refused(tmp_path):
    write_fashion(tmp_path)
    (tmp_path / "FashionMNIST/raw/t10k-images-idx3-ubyte").write_bytes(idx(drawn(29, 10, (28, 28), 1)[0]))
    assert refusal(fashion_mnist(str(tmp_path)).prepare, tmp_path / "cache") == (
        f"{tmp_path}/FashionMNIST/raw has 29 of FashionMNIST's 30 test images: remove it and unpack it again"
    )


def test_imagenette_half_unpacked_is_refused(nette, tmp_path):
    (Path(nette.path) / "imagenette2-160/train/n03888257/n03888257_3.JPEG").unlink()
    nette.check()
    assert refusal(nette.prepare, tmp_path / "cache") == (
        f"{nette.path}/imagenette2-160 has 119 of Imagenette's 120 training images: remove it and unpack it again"
    )


def test_imagenette_names_the_version_that_is_missing(nette):
    assert f"because there is no folder {nette.path}/imagenette2-320" in refusal(replace(nette, size=200).check)


def test_imagenet_without_its_folders_is_refused(ilsvrc, tmp_path):
    assert refusal(imagenet(str(tmp_path / "no")).check) == (
        f"{tmp_path}/no/train has 0 of ImageNet's 4 class folders: unpack ILSVRC2012 there as "
        "torchvision.datasets.ImageNet does, or take image_folder(path, size, streamed=True) for another set"
    )
    ilsvrc.check()
    (Path(ilsvrc.path) / "val").rename(tmp_path / "aside")
    assert f"{ilsvrc.path}/val has 0 of ImageNet's 4 class folders" in refusal(ilsvrc.check)


def test_imagenet_with_images_missing_is_refused(ilsvrc, tmp_path):
    next(Path(ilsvrc.path).glob("val/*/*")).unlink()
    text = f"{ilsvrc.path}/val has 11 of ImageNet's 12 validation images: remove it and unpack it again"
    assert refusal(ilsvrc.prepare, tmp_path / "cache") == text


def test_imagenet_with_other_classes_in_val_is_refused(ilsvrc, tmp_path):
    (Path(ilsvrc.path) / "val" / WNIDS[0]).rename(Path(ilsvrc.path) / "val" / "n99999999")
    text = f"{ilsvrc.path}/train and {ilsvrc.path}/val have different class folders: unpack ILSVRC2012 there again"
    assert refusal(ilsvrc.prepare, tmp_path / "cache") == text


def test_a_variable_that_is_not_set_is_refused(monkeypatch):
    monkeypatch.delenv("IMAGENET", raising=False)
    assert refusal(imagenet("$IMAGENET").check) == "IMAGENET is not set: give --data DIR or set it"
    assert imagenet("$IMAGENET").counts().classes == 4  # a study is planned without the files


@pytest.mark.parametrize(
    ("make", "settings", "law"),
    [
        (cifar10, {"path": ""}, "CIFAR10 needs the path of a folder as a string, or None, got path=''"),
        (cifar10, {"per_class": 1}, "CIFAR10 needs 2 <= per_class <= 10, or None for all, got per_class=1"),
        (cifar100, {"per_class": 4}, "CIFAR100 needs 2 <= per_class <= 3, or None for all, got per_class=4"),
        (fashion_mnist, {"final_per_class": 0}, "FashionMNIST needs 1 <= final_per_class <= 3, or None for all, got final_per_class=0"),
        (fashion_mnist, {"final_per_class": True}, "got final_per_class=True"),
        (imagenette, {"path": 3}, "imagenette needs the path of a folder as a string, or None, got path=3"),
        (imagenette, {"size": 321}, "imagenette needs a whole size of 1 to 320 pixels, got size=321"),
        (imagenette, {"size": 64.0}, "imagenette needs a whole size of 1 to 320 pixels, got size=64.0"),
        (imagenette, {"per_class": 13}, "imagenette needs 2 <= per_class <= 12, or None for all, got per_class=13"),
        (imagenet, {"path": None}, "imagenet needs the path of a folder as a string, got path=None"),
        (imagenet, {"path": "x", "size": 257}, "imagenet needs whole pixels 1 <= size <= resize, got size=257 and resize=256"),
        (imagenet, {"path": "x", "size": True}, "got size=True"),
    ],
)  # fmt: skip
def test_settings_without_meaning_are_refused(make, settings, law):
    assert law in refusal(lambda: make(**settings))


def test_an_unknown_set_is_refused():
    assert refusal(named.TorchvisionSet, "MNIST") == "torchvision's data sets here are CIFAR10, CIFAR100, FashionMNIST, got 'MNIST'"


def test_a_folder_of_ones_own_is_no_named_set(tmp_path):
    write_by_wnid(tmp_path / "own", WNIDS[:2], 4, 2)
    assert image_folder(tmp_path / "own", 16).identity()["is"] == "ImageFolder"
