"""Reading decoded images batch by batch, and the mean and deviation they are normalised by."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from hpsearch.errors import Refused
from hpsearch.training.data import Images, reading
from hpsearch.training.data.reading import reader, statistics
from hpsearch.training.parts.augmentation import boxes, crop_draws

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]


def stored(count=40, size=16, channels=3, seed=0):
    """Noise, with two classes in turn."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    order = np.arange(count)
    return Images(order % 2, order[: count // 2], order[count // 2 :: 2], order[count // 2 + 1 :: 2], 2, pixels)


def planes(images, positions):
    """The stored pixels as (batch, channels, height, width)."""
    return torch.from_numpy(images.pixels[positions]).permute(0, 3, 1, 2).float()


def test_what_a_reader_tells():
    source = reader(stored(channels=1), "cpu", 2)
    assert (source.channels, source.classes, source.size) == (1, 2, 16)
    assert source.labels.tolist() == [0, 1] * 20
    assert source.labels.dtype == torch.int64


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_the_stored_pixels_in_the_order_asked_for(device, channels):
    images = stored(channels=channels)
    parts = torch.tensor([39, 3, 8, 0, 8]).split([2, 3])
    out = list(reader(images, device, 1).views(parts, None, None))
    assert [batch.shape for batch in out] == [(2, channels, 16, 16), (3, channels, 16, 16)]
    assert out[0].device.type == device
    assert torch.equal(torch.cat(out).cpu(), planes(images, [39, 3, 8, 0, 8]))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("resize", "size"), [(16, 16), (16, 12), (20, 16), (9, 9), (32, None), (None, 10)])
def test_centre_squares_are_torchvisions(device, resize, size):
    images = stored()
    (out,) = reader(images, device, 1).views([torch.arange(5)], resize, size)
    expected = tv.center_crop(tv.resize(planes(images, range(5)).double(), [resize or 16], antialias=True), [size or 16])
    torch.testing.assert_close(out.cpu(), expected.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [9, 16, 25])
def test_random_boxes_are_torchvisions(device, size):
    images = stored()
    draws = crop_draws(6, torch.Generator().manual_seed(0))
    (out,) = reader(images, device, 1).crops([(torch.arange(6), draws)], size, 0.3)
    for image, box, ours in zip(planes(images, range(6)), boxes(draws, 16, 16, 0.3).tolist(), out.cpu(), strict=True):
        expected = tv.resized_crop(image.double(), *box, [size, size], antialias=True)
        torch.testing.assert_close(ours, expected.float(), rtol=0, atol=1e-4)


def test_images_are_scored_under_autocast_with_all_their_bits():
    source, draws = reader(stored(), "cpu", 1), crop_draws(5, torch.Generator().manual_seed(0))

    def read():
        return [*source.views([torch.arange(5)], 20, 18), *source.crops([(torch.arange(5), draws)], 12, 0.08)]

    expected = read()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = read()
    for ours, same in zip(seen, expected, strict=True):
        assert torch.equal(ours, same)


def test_a_centre_square_larger_than_the_image_is_refused():
    text = "a centre square of 16 pixels cannot be cut out of images of 12: raise test_resize, or lower test_size"
    with pytest.raises(Refused, match=text):
        next(reader(stored(), "cpu", 1).views([torch.tensor([0])], 12, None))


def test_requests_are_taken_one_at_a_time():
    """Positions and numbers are drawn when a batch is due, not before."""
    asked = []

    def requests():
        for i in range(5):
            asked.append(i)
            yield torch.tensor([i]), crop_draws(1, torch.Generator().manual_seed(i))

    for given, _ in enumerate(reader(stored(), "cpu", 1).crops(requests(), 8, 0.08)):
        assert len(asked) == given + 1


@CUDA
def test_images_that_do_not_fit_on_the_accelerator_are_fetched_from_the_host(monkeypatch):
    parts = torch.randperm(40, generator=torch.Generator().manual_seed(0)).split(7)
    resident = torch.cat(list(reader(stored(), "cuda", 1).views(parts, None, None)))
    monkeypatch.setattr(reading, "RESIDENT", 0)
    source = reader(stored(), "cuda", 1)
    assert source.pixels.device.type == "cpu"
    assert torch.equal(torch.cat(list(source.views(parts, None, None))), resident)


# mean and deviation


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_are_those_of_the_images_learned_from(channels):
    images = stored(60, channels=channels)
    bright = replace(images, pixels=np.concatenate([images.pixels[:30] // 4, images.pixels[30:]]))
    mean, deviation = statistics(reader(bright, "cpu", 1), torch.arange(30))
    levels = bright.pixels[:30].astype(np.float64)
    assert mean.shape == deviation.shape == (channels, 1, 1)
    np.testing.assert_allclose(mean.flatten(), levels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(deviation.flatten(), levels.std((0, 1, 2)), rtol=1e-6)


def test_a_channel_that_hardly_varies_is_not_blown_up():
    pixels = stored().pixels.copy()
    pixels[..., 1] = 7
    _, deviation = statistics(reader(replace(stored(), pixels=pixels), "cpu", 1), torch.arange(40))
    assert deviation[1].item() == 1
    assert deviation[0].item() > 50


def test_statistics_of_many_images_are_taken_from_an_even_sample(monkeypatch):
    images = stored(40, size=2)
    monkeypatch.setattr(reading, "SAMPLE", 10)
    mean, _ = statistics(reader(images, "cpu", 1), torch.arange(40))
    np.testing.assert_allclose(mean.flatten(), images.pixels[::4].astype(np.float64).mean((0, 1, 2)), rtol=1e-6)
    mean, _ = statistics(reader(images, "cpu", 1), torch.arange(39))  # never more than SAMPLE
    np.testing.assert_allclose(mean.flatten(), images.pixels[:39:4].astype(np.float64).mean((0, 1, 2)), rtol=1e-6)


def test_statistics_do_not_depend_on_the_order(monkeypatch):
    source = reader(stored(300, size=4), "cpu", 1)
    one = statistics(source, torch.arange(300))
    other = statistics(source, torch.arange(300).flip(0))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
