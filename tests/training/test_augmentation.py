"""Whole-batch crops and flips against torchvision's, image by image."""

import math

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from hpsearch.training.parts.augmentation import boxes, centred, crop_draws, flipped, padded_crop, stretched


def noise(count=6, channels=3, size=16):
    return torch.randint(256, (count, channels, size, size), generator=torch.Generator().manual_seed(0)).float()


def test_half_of_the_images_are_flipped():
    images = noise(4000, 1, 2)
    out = flipped(images, torch.Generator().manual_seed(1))
    same, mirrored = (out == images).all((1, 2, 3)), (out == images.flip(3)).all((1, 2, 3))
    assert torch.all(same | mirrored)
    assert (~same).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_a_padded_crop_is_a_window_of_the_padded_image():
    images, pad = noise(400, 2, 6), 2
    out = padded_crop(images, pad, torch.Generator().manual_seed(1))
    assert out.shape == images.shape
    seen = set()
    for before, after in zip(images, out, strict=True):
        padded = v2.Pad(pad)(before)
        places = [(top, left) for top in range(5) for left in range(5) if torch.equal(tv.crop(padded, top, left, 6, 6), after)]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 25  # every window is drawn


def drawn(count, height, width, seed=0, least_area=0.08):
    return boxes(crop_draws(count, torch.Generator().manual_seed(seed)), height, width, least_area)


def resized_crop(images, generator):
    return stretched(images, boxes(crop_draws(len(images), generator), *images.shape[2:], 0.08), 8)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 24), (9, 50), (224, 300)])
@pytest.mark.parametrize("size", [5, 16, 33])
def test_stretching_is_torchvisions_resized_crop(height, width, size):
    images = torch.randint(256, (12, 3, height, width), generator=torch.Generator().manual_seed(0)).float()
    chosen = drawn(12, height, width, seed=3)
    out = stretched(images, chosen, size)
    for image, (top, left, tall, wide), ours in zip(images, chosen.tolist(), out, strict=True):
        expected = tv.resized_crop(image.double(), top, left, tall, wide, [size, size], antialias=True)
        torch.testing.assert_close(ours, expected.float(), rtol=0, atol=1e-4)


def test_stretching_the_whole_image_changes_nothing():
    images = noise()
    torch.testing.assert_close(stretched(images, torch.tensor([[0, 0, 16, 16]] * 6), 16), images)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 31), (30, 47), (300, 225)])
@pytest.mark.parametrize(("resize", "size"), [(32, 28), (20, 20), (37, 16), (64, 61)])
def test_centre_squares_are_torchvisions(height, width, resize, size):
    images = torch.randint(256, (3, 3, height, width), generator=torch.Generator().manual_seed(0)).float()
    expected = tv.center_crop(tv.resize(images.double(), [resize], antialias=True), [size])
    torch.testing.assert_close(centred(images, resize, size), expected.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (32, 32), (224, 224), (100, 375), (500, 90)])
@pytest.mark.parametrize("least_area", [0.08, 0.5])
def test_boxes_are_distributed_as_torchvisions(height, width, least_area):
    ours = drawn(3000, height, width, least_area=least_area).double()
    torch.manual_seed(0)
    crop, image = v2.RandomResizedCrop(8, scale=(least_area, 1.0)), torch.empty(1, height, width)
    params = [crop.make_params([image]) for _ in range(3000)]
    theirs = torch.tensor([[param[name] for name in ("top", "left", "height", "width")] for param in params]).double()
    for column in range(4):
        assert ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy()).pvalue > 0.001
    for of in (lambda b: b[:, 2] * b[:, 3], lambda b: b[:, 3] / b[:, 2]):  # areas, aspects
        assert ks_2samp(of(ours).numpy(), of(theirs).numpy()).pvalue > 0.001


def test_each_image_has_a_box_of_its_own_size():
    draws = crop_draws(200, torch.Generator().manual_seed(0))
    heights, widths = torch.randint(1, 80, (2, 200), generator=torch.Generator().manual_seed(1))
    together = boxes(draws, heights, widths, 0.08)
    alone = [boxes(draws[i : i + 1], int(heights[i]), int(widths[i]), 0.08)[0] for i in range(200)]
    assert torch.equal(together, torch.stack(alone))
    top, left, height, width = together.T
    assert torch.all((top >= 0) & (left >= 0) & (height >= 1) & (width >= 1))
    assert torch.all((top + height <= heights) & (left + width <= widths))


@pytest.mark.parametrize("size", [1, 2, 8, 33])
def test_boxes_lie_inside(size):
    top, left, height, width = drawn(2000, size, size).T
    assert torch.all((top >= 0) & (left >= 0) & (height >= 1) & (width >= 1))
    assert torch.all((top + height <= size) & (left + width <= size))


@pytest.mark.parametrize(("height", "width"), [(40, 1), (1, 40), (3, 50), (90, 20), (1, 1), (30, 40), (40, 30)])
def test_where_no_box_fits_it_is_torchvisions_central_one(height, width):
    """Draws of the whole area: only the widest and the narrowest image have no box of an allowed aspect that fits."""
    draws = torch.full((1, 11, 2), 1 - 1e-9, dtype=torch.float64)
    draws[:, :10, 1] = 0.0 if width >= height else 1 - 1e-9  # aspects that are wrong for the image
    torch.manual_seed(0)
    box = v2.RandomResizedCrop(8, scale=(1.0, 1.0), ratio=(3 / 4, 4 / 3)).make_params([torch.empty(1, height, width)])
    expected = [box[name] for name in ("top", "left", "height", "width")]
    assert boxes(draws, height, width, 0.08).tolist() == [expected]


def test_images_are_stretched_with_all_their_bits_under_autocast():
    images, chosen = noise(), drawn(6, 16, 16)
    expected = stretched(images, chosen, 9), centred(images, 20, 18)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = stretched(images, chosen, 9), centred(images, 20, 18)
    assert all(torch.equal(ours, same) for ours, same in zip(seen, expected, strict=True))


def test_boxes_keep_to_area_and_aspect():
    _, _, height, width = drawn(5000, 224, 224).T.double()
    area, aspect = height * width / 224**2, (width / height).log()
    assert 0.079 < area.min() < 0.09
    assert area.max() > 0.95
    assert aspect.abs().max() < math.log(4 / 3) + 0.02


@pytest.mark.parametrize("crop", [resized_crop, flipped, lambda images, g: padded_crop(images, 2, g)])
def test_the_generator_decides_and_images_differ(crop):
    images = noise(1, 3, 8).expand(64, 3, 8, 8)
    one, same = (crop(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, same)
    assert len({image.numpy().tobytes() for image in one}) > 1
    assert one.min() >= 0
    assert one.max() <= 255.001
