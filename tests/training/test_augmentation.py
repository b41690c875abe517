"""Whole-batch crops and flips against torchvision's, image by image."""

import math

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from hpsearch.training.augmentation import boxes, flipped, padded_crop, resized_crop, stretched


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


def test_stretching_is_torchvisions_resized_crop():
    images = noise(8, 3, 16)
    chosen = boxes(8, 16, torch.Generator().manual_seed(3))
    out = stretched(images, chosen)
    for image, (top, left, height, width), ours in zip(images, chosen.tolist(), out, strict=True):
        expected = tv.resized_crop(image, top, left, height, width, [16, 16], antialias=True)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-3)


def test_stretching_the_whole_image_changes_nothing():
    images = noise()
    torch.testing.assert_close(stretched(images, torch.tensor([[0, 0, 16, 16]] * 6)), images)


@pytest.mark.parametrize("size", [8, 32, 224])
def test_boxes_are_distributed_as_torchvisions(size):
    ours = boxes(3000, size, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    crop, image = v2.RandomResizedCrop(size), torch.empty(1, size, size)
    params = [crop.make_params([image]) for _ in range(3000)]
    theirs = torch.tensor([[param[name] for name in ("top", "left", "height", "width")] for param in params])
    for column in range(4):
        assert ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy()).pvalue > 0.001


@pytest.mark.parametrize("size", [1, 2, 8, 33])
def test_boxes_lie_inside(size):
    top, left, height, width = boxes(2000, size, torch.Generator().manual_seed(0)).T
    assert torch.all((top >= 0) & (left >= 0) & (height >= 1) & (width >= 1))
    assert torch.all((top + height <= size) & (left + width <= size))


def test_boxes_keep_to_area_and_aspect():
    _, _, height, width = boxes(5000, 224, torch.Generator().manual_seed(0)).T.double()
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
