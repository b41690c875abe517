"""Odd image files have the pixels that torchvision's ``ImageFolder`` gives them, stored and streamed; broken ones are named."""

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from hpsearch.errors import Refused
from hpsearch.training import image_folder
from hpsearch.training.data.reading import reader
from hpsearch.training.parts.augmentation import crop_draws

SIZE = 12
CLOTHING = Path(__file__).parents[3] / "shared" / "data" / "clothing_small" / "clothing_small_144px.tar.gz"


def noise(seed, width=20, height=16, channels=3):
    shape = (height, width, channels)[: 2 if channels == 1 else 3]
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def rgb(path):
    Image.fromarray(noise(1)).save(path)


def grey(path):
    Image.fromarray(noise(1, channels=1)).save(path)


def grey_with_alpha(path):
    Image.fromarray(noise(1, channels=2), "LA").save(path)


def rgba(path):
    Image.fromarray(noise(1, channels=4)).save(path)


def cmyk(path):
    Image.fromarray(noise(1, channels=4), "CMYK").save(path, quality=95)


def palette(path):
    Image.fromarray(noise(1)).quantize(16).save(path)


def palette_with_transparency(path):
    Image.fromarray(noise(1)).quantize(16).save(path, transparency=3)


def one_bit(path):
    Image.fromarray(noise(1, channels=1)).convert("1").save(path)


def sixteen_bit(path):
    levels = np.random.default_rng(1).integers(0, 65536, (16, 20), dtype=np.uint16)
    Image.fromarray(levels).save(path)


def sixteen_bit_big_endian(path):
    levels = np.random.default_rng(1).integers(0, 65536, (16, 20), dtype=np.uint16).astype(">u2")
    path.write_bytes(b"P5 20 16 65535\n" + levels.tobytes())  # PGM


def floats(path):
    Image.fromarray(np.linspace(0, 1, 320, dtype=np.float32).reshape(16, 20)).save(path)


def whole_32_bit(path):
    Image.fromarray(np.arange(320, dtype=np.int32).reshape(16, 20)).save(path)


def narrow(path):
    Image.fromarray(noise(1, width=1, height=40)).save(path)


def flat(path):
    Image.fromarray(noise(1, width=40, height=1)).save(path)


def one_pixel(path):
    Image.fromarray(noise(1, width=1, height=1)).save(path)


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright: turn by 90 degrees to view
    Image.fromarray(noise(1)).save(path, exif=exif, quality=95)


def progressive(path):
    Image.fromarray(noise(1)).save(path, progressive=True)


def animated(path):
    first, second = Image.fromarray(noise(1)), Image.fromarray(noise(2))
    first.save(path, save_all=True, append_images=[second])


ODD = {
    rgb: "png", grey: "jpg", grey_with_alpha: "png", rgba: "png", cmyk: "jpg", palette: "png", palette_with_transparency: "png",
    one_bit: "png", narrow: "png", flat: "png", one_pixel: "png", turned: "jpg", progressive: "jpeg",
    animated: "webp",
}  # fmt: skip
DEEP = {sixteen_bit: "png", sixteen_bit_big_endian: "pgm"}  # torchvision's loader makes them white
SUFFIX = ODD | DEEP | {floats: "tiff", whole_32_bit: "tiff"}


def folder(root, odd):
    """Two classes of three plain images; one of those in class ``odd`` is what its name says."""
    for name in ("odd", "plain"):
        (root / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(noise(10 + i)).save(root / name / f"{i}.png")
    (root / "odd" / "1.png").unlink()
    odd(root / "odd" / f"1.{SUFFIX[odd]}")
    return root


def read(root, tmp_path, streamed):
    """Every image of the folder as ImageFolder orders them."""
    images = image_folder(root, SIZE, streamed=streamed).load(tmp_path / "cache")
    (out,) = reader(images, "cpu", 2).views([torch.arange(len(images.labels))], None, None)
    return out


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_pixels_are_torchvisions(odd, streamed, tmp_path):
    root = folder(tmp_path / "data", odd)
    transform = v2.Compose([v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.PILToTensor()])
    expected = torch.stack([image for image, _ in ImageFolder(str(root), transform)]).float()
    assert torch.equal(read(root, tmp_path, streamed), expected)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("odd", "suffix"), [*DEEP.items(), (sixteen_bit, "tiff")])
def test_sixteen_bits_are_scaled_to_eight(odd, suffix, streamed, tmp_path):
    root = folder(tmp_path / "data", odd)
    if suffix == "tiff":
        (root / "odd" / f"1.{SUFFIX[odd]}").unlink()
        odd(root / "odd" / "1.tiff")
    levels = np.random.default_rng(1).integers(0, 65536, (16, 20), dtype=np.uint16)
    eight = torch.from_numpy(np.rint(levels / 65535 * 255).astype(np.uint8)).expand(3, 16, 20)
    expected = v2.Compose([v2.ToPILImage(), v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.PILToTensor()])(eight).float()
    assert torch.equal(read(root, tmp_path, streamed)[1], expected)
    assert expected.std() > 30


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("odd", "kind"), [(floats, "floating-point"), (whole_32_bit, "32-bit")])
def test_what_no_file_says_the_white_of_is_refused_once(odd, kind, streamed, tmp_path):
    root = folder(tmp_path / "data", odd)
    with pytest.raises(Refused, match=rf"odd/1.tiff holds {kind} numbers without .* save it with 8 or 16 bits"):
        image_folder(root, SIZE, streamed=streamed).prepare(tmp_path / "cache")


LITTER = ("Thumbs.db", "thumbs.db", "desktop.ini", ".DS_Store", "._0.png", ".hidden.png", "Icon\r")


@pytest.mark.parametrize("streamed", [False, True])
def test_what_systems_leave_in_folders_is_no_image(streamed, tmp_path):
    root = folder(tmp_path / "data", rgb)
    before = image_folder(root, SIZE, streamed=streamed)
    clean, pixels = before.identity(), read(root, tmp_path, streamed)
    for name in LITTER:
        (root / name).write_text("litter")
        (root / "odd" / name).write_text("litter")
    (root / "__MACOSX" / "odd").mkdir(parents=True)
    before.prepare(tmp_path / "cache")
    assert image_folder(root, SIZE, streamed=streamed).identity() == clean
    assert torch.equal(read(root, tmp_path, streamed), pixels)


def a_text(path):
    path.write_text("no picture")


def nothing(path):
    path.touch()


def a_broken_link(path):
    path.symlink_to("gone.png")


def a_link_to_itself(path):
    path.symlink_to(path.name)


def a_pipe(path):
    os.mkfifo(path)


def a_class_that_is_a_file(path):
    shutil.rmtree(path.parent)
    path.parent.touch()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (a_text, "odd/1.png cannot be read as an image"),
        (nothing, "odd/1.png cannot be read as an image"),
        (a_broken_link, "odd/1.png is a broken link: repair or remove it"),
        (a_link_to_itself, "odd/1.png is a broken link: repair or remove it"),
        (a_pipe, "odd/1.png is not a file that holds an image: repair or remove it"),
        (a_class_that_is_a_file, "has the one class 'plain'"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_no_image_is_named_before_anything_is_trained(odd, said, streamed, tmp_path, monkeypatch):
    monkeypatch.setitem(SUFFIX, odd, "png")
    root = folder(tmp_path / "data", odd)
    data = image_folder(root, SIZE, streamed=streamed)
    for _ in range(2):  # a refusal is not kept for the second time
        with pytest.raises(Refused, match=said):
            data.prepare(tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    data = image_folder(folder(tmp_path / "data", rgb), SIZE)
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match=r"cannot keep data in .*file/cache .*: set HPSEARCH_CACHE to a folder for it"):
        data.prepare(tmp_path / "file" / "cache")


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_random_boxes_can_be_cut_from_all_of_them(odd, tmp_path):
    root = folder(tmp_path / "data", odd)
    images = image_folder(root, SIZE, streamed=True).load(tmp_path / "cache")
    draws = crop_draws(50, torch.Generator().manual_seed(0))
    (out,) = reader(images, "cpu", 2).crops([(torch.full((50,), 1), draws)], SIZE, 0.08)
    assert out.shape == (50, 3, SIZE, SIZE)
    whole = torch.tensor(np.asarray(ImageFolder(str(root))[1][0])).flatten(0, 1)
    assert torch.all((out.amin((0, 2, 3)) >= whole.amin(0)) & (out.amax((0, 2, 3)) <= whole.amax(0)))


@pytest.mark.parametrize(("odd", "middle"), [(narrow, (slice(19, 20), 0)), (flat, (0, slice(19, 20)))])
def test_where_no_box_fits_it_is_torchvisions_central_one(odd, middle, tmp_path):
    """One pixel of 1 x 40, blown up."""
    root = folder(tmp_path / "data", odd)
    images = image_folder(root, SIZE, streamed=True).load(tmp_path / "cache")
    draws = crop_draws(30, torch.Generator().manual_seed(0))
    draws[:, :, 0] = draws[:, :, 0] * 0.5 + 0.5  # large areas, which are wider than the one pixel at every aspect
    (out,) = reader(images, "cpu", 1).crops([(torch.full((30,), 1), draws)], SIZE, 0.08)
    picture = ImageFolder(str(root))[1][0]
    torch.manual_seed(0)
    box = v2.RandomResizedCrop(SIZE, scale=(0.9, 1.0)).make_params([v2.functional.to_image(picture)])
    assert (box["height"], box["width"]) == (1, 1)
    pixel = np.asarray(picture)[box["top"], box["left"]]
    assert np.array_equal(pixel, np.asarray(picture)[middle].squeeze())
    assert torch.equal(out, torch.tensor(pixel).float()[None, :, None, None].expand(out.shape))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("odd", [rgb, grey, cmyk, palette, sixteen_bit], ids=lambda odd: odd.__name__)
def test_a_truncated_file_is_named(odd, streamed, tmp_path):
    root = folder(tmp_path / "data", odd)
    bad = root / "odd" / f"1.{SUFFIX[odd]}"
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    with pytest.raises(Refused, match=rf"{bad} cannot be read as an image \(.*\): replace or remove it"):
        read(root, tmp_path, streamed)


# photographs of garments: ten classes of very different sizes, 187 shapes of images


@pytest.fixture(scope="module")
def clothing(tmp_path_factory):
    if not CLOTHING.is_file():
        pytest.skip(f"needs the clothing pack, {CLOTHING.name} in {CLOTHING.parent}")
    root = tmp_path_factory.mktemp("clothing")
    with tarfile.open(CLOTHING) as pack:
        pack.extractall(root, filter="data")
    return root


def test_uneven_classes_are_listed_and_split_in_proportion(clothing):
    data = image_folder(clothing, 64)
    data.check()
    counts = data.counts()
    folders = sorted((clothing / "train").iterdir())
    each = [len(list(path.iterdir())) for path in folders]
    assert (min(each), max(each)) == (112, 795)
    assert counts.train + counts.tuning == sum(each) == 3068
    assert (counts.final, counts.classes) == (341, 10)
    images = image_folder(clothing, 64, streamed=True).load(Path("unused"))
    assert np.bincount(images.labels[images.learned("final")]).tolist() == each
    assert np.bincount(images.labels[images.tuning]).tolist() == [round(count / 10) for count in each]


def test_odd_sizes_are_torchvisions_stored_and_streamed(clothing, tmp_path):
    limits = {"per_class": 4, "final_per_class": 2}
    files = image_folder(clothing, 48, **limits, streamed=True).load(tmp_path / "cache")
    images = image_folder(clothing, 48, **limits).load(tmp_path / "cache")
    assert np.bincount(images.labels).tolist() == [6] * 10
    assert len({Image.open(file).size for file in files.files}) > 5
    transform = v2.Compose([v2.Resize(48), v2.CenterCrop(48), v2.PILToTensor()])
    reference = {path: i for part in ("train", "val") for i, (path, _) in enumerate(ImageFolder(str(clothing / part)).samples)}
    sets = {part: ImageFolder(str(clothing / part), transform) for part in ("train", "val")}
    everything = torch.arange(60).split(16)
    stored, streamed = (torch.cat(list(reader(each, "cpu", 2).views(everything, None, None))) for each in (images, files))
    for file, label, one, other in zip(files.files, images.labels, stored, streamed, strict=True):
        expected, its_label = sets[file.parts[-3]][reference[str(file)]]
        assert torch.equal(one, expected.float())
        assert torch.equal(other, expected.float())
        assert label == its_label
