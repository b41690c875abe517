"""Colours against torchvision, the standard library's colorsys, and the closed form of the noise's covariance."""

import colorsys

import numpy as np
import pytest
import torch
from scipy.stats import kstest, uniform
from torchvision.transforms.v2 import functional as tv

from hpsearch.errors import Refused
from hpsearch.training.parts.colour import (
    EIGENVALUES,
    EIGENVECTORS,
    brightened,
    coloured,
    contrasted,
    pca_noise,
    pixel_statistics,
    saturated,
    scaled,
)


def pictures(count=6, size=5, seed=0):
    return 255 * torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(brightened, tv.adjust_brightness), (contrasted, tv.adjust_contrast), (saturated, tv.adjust_saturation)],
)
def test_factors_are_torchvisions(ours, theirs):
    images, factors = pictures(), torch.tensor([0.6, 0.8, 1.0, 1.1, 1.3, 1.4])
    expected = torch.stack([theirs(image / 255, factor.item()) for image, factor in zip(images, factors, strict=True)])
    # torchvision's grey has 0.2989 and 0.114, mxnet's 0.299
    torch.testing.assert_close(ours(images, factors) / 255, expected, rtol=0, atol=2e-4)


def test_hue_saturation_and_brightness_are_scaled_as_colorsys_has_them():
    images = pictures(4, 3)
    hue, saturation, brightness = torch.tensor([[0.6, 1.4, 1.0, 0.9], [1.4, 0.6, 0.7, 1.0], [0.7, 1.3, 1.0, 1.4]])
    out = scaled(images, hue, saturation, brightness)
    for n in range(4):
        for place in np.ndindex(3, 3):
            h, s, v = colorsys.rgb_to_hsv(*(images[n, :, *place] / 255).tolist())
            expected = colorsys.hsv_to_rgb(
                h * hue[n].item() % 1, min(1, s * saturation[n].item()), min(1, v * brightness[n].item())
            )
            assert out[n, :, *place].tolist() == pytest.approx([255 * c for c in expected], abs=0.01)


def test_factors_of_one_leave_every_colour_as_it_is():
    primaries = torch.tensor([[0.0, 0, 0], [255, 255, 255], [90, 90, 90], [255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3]])
    images = primaries[:, :, None, None]
    torch.testing.assert_close(scaled(images, *torch.ones(3, 7)), images, rtol=0, atol=1e-3)


@pytest.mark.parametrize("colour", ["paper", "gluoncv"])
def test_every_image_draws_its_own_factors_and_the_generator_decides(colour):
    images = pictures(1).expand(40, -1, -1, -1)
    one, same = (coloured(images, colour, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, same)
    assert len({image.numpy().tobytes() for image in one}) == 40
    assert one.min() >= 0
    assert one.max() <= 255.001


def test_brightness_factors_are_even_from_06_to_14():
    grey = torch.full((4000, 3, 1, 1), 100.0)  # of a flat grey image only the brightness shows
    for colour in ("paper", "gluoncv"):
        out = coloured(grey, colour, torch.Generator().manual_seed(0))
        assert kstest((out[:, 0, 0, 0] / 100).numpy(), uniform(0.6, 0.8).cdf).pvalue > 0.001


def test_the_codes_changes_come_in_any_order():
    images = pictures(1).expand(300, -1, -1, -1)
    first = images.clone()
    out = coloured(images, "gluoncv", torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    factors = torch.empty(3, 300).uniform_(0.6, 1.4, generator=generator)
    changes = (brightened, contrasted, saturated)
    orders = set()
    for n in range(300):
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
            image = first[n : n + 1]
            for k in order:
                image = changes[k](image, factors[k, n : n + 1])
            if torch.allclose(image[0], out[n], atol=1e-3):
                orders.add(order)
                break
        else:
            pytest.fail("made in no order of the three")
    assert len(orders) == 6


def test_no_colour_draws_nothing():
    generator = torch.Generator().manual_seed(0)
    state, images = generator.get_state(), pictures()
    assert coloured(images, "none", generator) is images
    assert torch.equal(generator.get_state(), state)


def test_noise_has_the_covariance_of_its_definition():
    count, deviation = 200_000, 0.1
    shifts = pca_noise(torch.zeros(count, 3, 1, 1), deviation, torch.Generator().manual_seed(0))[:, :, 0, 0].double().numpy()
    vectors, values = np.array(EIGENVECTORS), np.array(EIGENVALUES)
    expected = vectors @ np.diag((deviation * values) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(shifts.T), expected, rtol=0.02)
    assert np.abs(shifts.mean(0)).max() < 5 * np.sqrt(expected.max() / count)


def test_noise_is_one_colour_per_image():
    images = pictures(50)
    shifts = pca_noise(images, 0.1, torch.Generator().manual_seed(0)) - images
    torch.testing.assert_close(shifts, shifts[:, :, :1, :1].expand_as(shifts), rtol=0, atol=1e-4)
    assert len(torch.unique(shifts[:, 0, 0, 0].round(decimals=3))) > 45


def test_statistics_are_the_published_ones():
    mean, deviation = pixel_statistics("recordio", 3)
    assert mean.flatten().tolist() == pytest.approx([123.68, 116.779, 103.939])
    assert deviation.flatten().tolist() == pytest.approx([58.393, 57.12, 57.375])
    mean, deviation = pixel_statistics("imagenet", 3)
    assert mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    assert deviation.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])


@pytest.mark.parametrize(
    "change",
    [
        lambda images: coloured(images, "paper", torch.Generator()),
        lambda images: pca_noise(images, 0.1, torch.Generator()),
        lambda images: pixel_statistics("imagenet", images.shape[1]),
    ],
)
def test_refuses_grey_images(change):
    with pytest.raises(Refused, match="is about red, green and blue, and these images have 1 channel: take"):
        change(torch.zeros(2, 1, 4, 4))
