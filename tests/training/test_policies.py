"""TrivialAugment, erasing and repetition against torchvision, image by image and in distribution."""

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2

from hpsearch.training.parts.policies import erased, repeated, trivial_augment


def pictures(count, channels=3, size=12):
    return torch.randint(256, (count, channels, size, size), generator=torch.Generator().manual_seed(0)).float()


@pytest.mark.parametrize("channels", [1, 3])
def test_trivial_augment_is_torchvisions(channels):
    images = pictures(1, channels).expand(1500, -1, -1, -1)
    ours = trivial_augment(images, torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    augment = v2.TrivialAugmentWide()
    theirs = torch.stack([augment(image) for image in images.to(torch.uint8)]).float()
    assert ours.dtype == torch.float32
    # each operation and strength leaves its own mean and change: two samples of one distribution
    for of in (lambda x: x.mean((1, 2, 3)), lambda x: (x - images).abs().mean((1, 2, 3)), lambda x: x.std((1, 2, 3))):
        assert ks_2samp(of(ours).numpy(), of(theirs).numpy()).pvalue > 0.001


@pytest.mark.parametrize("change", [trivial_augment, lambda images, generator: erased(images, 0.5, generator)])
def test_the_generator_decides_alone_and_images_differ(change):
    images = pictures(1).expand(60, -1, -1, -1) + 1
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = change(images, torch.Generator().manual_seed(2))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(change(images, torch.Generator().manual_seed(2)), one)
    assert len({image.numpy().tobytes() for image in one}) > 10


def test_erased_boxes_are_distributed_as_torchvisions():
    images = torch.ones(4000, 3, 32, 24)
    ours = (erased(images, 0.4, torch.Generator().manual_seed(0)) == 0)[:, 0]
    torch.manual_seed(1)
    erase = v2.RandomErasing(0.4)
    theirs = torch.stack([erase(image) == 0 for image in images])[:, 0]
    for of in (lambda x: x.double().mean((1, 2)), lambda x: x.any(2).sum(1).double(), lambda x: x.any(1).sum(1).double()):
        assert ks_2samp(of(ours).numpy(), of(theirs).numpy()).pvalue > 0.001
    assert ours.any((1, 2)).double().mean().item() == pytest.approx(0.4, abs=0.03)


def test_erasing_leaves_the_rest_as_it_was():
    images = torch.randn(50, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    out = erased(images, 1.0, torch.Generator().manual_seed(0))
    assert torch.all((out == images) | (out == 0))
    assert (out == 0).any()


@pytest.mark.parametrize("repeats", [1, 2, 4])
def test_an_epoch_sees_each_image_so_often_and_no_more_images_than_before(repeats):
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    again = repeated(order, repeats)
    assert len(again) == 40
    assert again.tolist() == [i for i in order[: 40 // repeats].tolist() for _ in range(repeats)]
