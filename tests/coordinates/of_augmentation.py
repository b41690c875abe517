"""Colours, policies and mixing: torchvision's transforms and closed forms."""

import colorsys
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from scipy.stats import beta, ks_2samp, kstest
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from hpsearch.training import Recipe, digits
from hpsearch.training.data import Images
from hpsearch.training.data.reading import reader, statistics
from hpsearch.training.images.inputs import augmented
from hpsearch.training.images.streams import streams
from hpsearch.training.parts.averaging import Average
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
from hpsearch.training.parts.mixing import cut_and_pasted, mix, mixed, partners, weight
from hpsearch.training.parts.policies import erased, repeated, trivial_augment
from tests.coordinates.of_optimisation import worst
from tests.coordinates.registry import check


def pictures(count, size=16, seed=0):
    return torch.randint(256, (count, 3, size, size), generator=torch.Generator().manual_seed(seed)).float()


@check("trivial_augment", against="torchvision v2.TrivialAugmentWide, image by image",
       measure="Kolmogorov-Smirnov distance of the mean change of an image (n = 2 x 3,000)", bound=0.05)  # fmt: skip
def trivially():
    images = pictures(1).expand(3000, -1, -1, -1)
    torch.manual_seed(1)
    augment = v2.TrivialAugmentWide()
    theirs = torch.stack([augment(image) for image in images.to(torch.uint8)]).float()
    ours = trivial_augment(images, torch.Generator().manual_seed(0))
    return max(
        ks_2samp((a - images).abs().mean((1, 2, 3)), (b - images).abs().mean((1, 2, 3))).statistic for a, b in [(ours, theirs)]
    )


@check("trivial_augment", "trivial_interpolation", against="torchvision v2.TrivialAugmentWide of the same interpolation and draws",
       measure="grey levels of 255, nearest and bilinear, 200 images; exact", bound=0,
       trivial_interpolation=["nearest", "bilinear"])  # fmt: skip
def trivially_and_between_the_pixels():
    differences = []
    for name, mode in (("nearest", v2.InterpolationMode.NEAREST), ("bilinear", v2.InterpolationMode.BILINEAR)):
        recipe = Recipe(data=digits(), trivial_augment=True, trivial_interpolation=name)
        levels = pictures(200).to(torch.uint8)
        nothing = np.zeros(200, dtype=np.int64)
        source = reader(Images(nothing, nothing, nothing, nothing, 1, levels.permute(0, 2, 3, 1).numpy()), "cpu", 1)
        (ours,) = augmented(recipe, source, [torch.arange(200)], streams(0))
        torch.manual_seed(int(torch.randint(2**62, (), generator=streams(0)["augmentation"])))
        augment = v2.TrivialAugmentWide(interpolation=mode)
        differences.append((ours - torch.stack([augment(image) for image in levels]).float()).abs().max().item())
    return worst(*differences)


@check(
    "colour",
    against="torchvision adjust_brightness, adjust_contrast, adjust_saturation; colorsys for the paper's hue",
    measure="levels of 255",
    bound=0.06,
)
def colours():
    images, factors = pictures(8), torch.linspace(0.6, 1.4, 8)
    found = 0.0
    for ours, theirs in zip((brightened, contrasted, saturated), ADJUST, strict=True):
        expected = torch.stack([255 * theirs(image / 255, f.item()) for image, f in zip(images, factors, strict=True)])
        found = worst(found, (ours(images, factors) - expected).abs().max().item())
    return worst(found, hue_apart(scaled(images, factors, factors.flip(0), factors), images, factors, factors.flip(0), factors))


ADJUST = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation)


def hue_apart(ours, images, hue, saturation, brightness):
    """From colorsys, at one pixel of each image."""
    apart = []
    for n, factors in enumerate(zip(hue.tolist(), saturation.tolist(), brightness.tolist(), strict=True)):
        h, s, v = (
            part * factor for part, factor in zip(colorsys.rgb_to_hsv(*(images[n, :, 3, 5] / 255).tolist()), factors, strict=True)
        )
        expected = torch.tensor(colorsys.hsv_to_rgb(h % 1, min(1, s), min(1, v))) * 255
        apart.append((ours[n, :, 3, 5] - expected).abs().max().item())
    return worst(*apart)


@check(
    "colour",
    against="the same by name, with the factors and orders drawn from the generator beside it",
    measure="levels of 255",
    bound=0.06,
    colour=["none", "paper", "gluoncv"],
)
def colours_by_name():
    images, generators = pictures(8), [torch.Generator().manual_seed(3) for _ in range(3)]
    factors = torch.empty(3, 8).uniform_(0.6, 1.4, generator=generators[0])
    found = worst(
        (coloured(images, "none", generators[1]) - images).abs().max().item(),
        hue_apart(coloured(images, "paper", generators[1]), images, *factors),
    )
    ours = coloured(images, "gluoncv", generators[2])
    turns = torch.randint(6, (8,), generator=generators[0]).tolist()
    for n, turn in enumerate(turns):
        expected = images[n] / 255
        for k in sorted(permutations(range(3)))[turn]:
            expected = ADJUST[k](expected, factors[k, n].item())
        found = worst(found, (ours[n] - 255 * expected).abs().max().item())
    return found


@check("pca_noise", against="V diag((0.1 l)^2) V^T with mxnet's eigenvalues l and eigenvectors V",
       measure="covariance of the shift, relative (n = 400,000)", bound=0.02)  # fmt: skip
def noise():
    shifts = pca_noise(torch.zeros(400_000, 3, 1, 1), 0.1, torch.Generator().manual_seed(0))[:, :, 0, 0].double().numpy()
    v = np.array(EIGENVECTORS)
    expected = v @ np.diag((0.1 * np.array(EIGENVALUES)) ** 2) @ v.T
    return float(np.abs(np.cov(shifts.T) / expected - 1).max())


@check(
    "pixels",
    against="means and deviations of the paper and of torchvision; numpy's over the training images",
    measure="levels of 255",
    bound=1e-4,
    pixels=["own", "imagenet", "recordio"],
)
def pixels():
    published = {
        "recordio": ((123.68, 116.779, 103.939), (58.393, 57.12, 57.375)),
        "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    }
    found = [
        (mine.flatten() - torch.tensor(theirs)).abs().max().item()
        for name, pair in published.items()
        for mine, theirs in zip(pixel_statistics(name, 3), pair, strict=True)
    ]
    images = digits().load(Path("unused"))
    own = statistics(reader(images, "cpu", 1), torch.from_numpy(images.train))
    learned = images.pixels[images.train].astype(np.float64)
    return worst(*found, abs(own[0].item() - learned.mean()), abs(own[1].item() - learned.std()))


@check("erasing", against="torchvision v2.RandomErasing",
       measure="Kolmogorov-Smirnov distance of the erased share (n = 2 x 5,000)", bound=0.04)  # fmt: skip
def erasing():
    images = torch.ones(5000, 3, 32, 32)
    torch.manual_seed(1)
    erase = v2.RandomErasing(0.25)
    theirs = torch.stack([erase(image) for image in images])
    ours = erased(images, 0.25, torch.Generator().manual_seed(0))
    return ks_2samp(*((1 - x[:, 0].mean((1, 2))).numpy() for x in (ours, theirs))).statistic


@check(
    "repeats",
    against="torchvision's RASampler in one process: each index so often, cut to the length",
    measure="positions",
    bound=0,
)
def repeats():
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor([index for index in order.tolist() for _ in range(4)])[:64]
    return int((repeated(order, 4) != expected).sum())


@check("mixup", against="Beta(0.2, 0.2) by scipy, and lam x + (1 - lam) x' by hand",
       measure="Kolmogorov-Smirnov distance of weights (n = 20,000)", bound=0.02)  # fmt: skip
def mixup():
    generator = torch.Generator().manual_seed(0)
    distance = kstest([weight(0.2, generator) for _ in range(20_000)], beta(0.2, 0.2).cdf).statistic
    x, t, other = pictures(4), torch.eye(4), torch.tensor([2, 3, 1, 0])
    out, targets = mix(x, t, 0.3, other)
    exact = max((out - (0.3 * x + 0.7 * x[other])).abs().max().item(), (targets - (0.3 * t + 0.7 * t[other])).abs().max().item())
    return worst(distance, exact)


@check(
    "partner",
    against="gluon-cv's X[::-1]",
    measure="pixels",
    bound=2e-5,
    partner=["reversal"],
)
def partner():
    x, t = pictures(6), torch.eye(6)
    out, _ = mixed(x, t, 0.2, 0.0, "reversal", torch.Generator().manual_seed(5))
    share = weight(0.2, torch.Generator().manual_seed(5))
    return ((out - (share * x + (1 - share) * x.flip(0))).abs().max() / 255).item()


@check(
    "partner",
    against="the six orders of three images, each as often",
    measure="shares of 30,000 draws",
    bound=0.01,
    partner=["permutation"],
)
def permuted():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([partners(3, "permutation", generator) for _ in range(30_000)]) @ torch.tensor([9, 3, 1])
    shares = torch.unique(drawn, return_counts=True)[1] / len(drawn)
    return (shares - 1 / 6).abs().max().item() if len(shares) == 6 else 1.0


@check("cutmix", against="torchvision v2.CutMix",
       measure="Kolmogorov-Smirnov distance of the label's weight (n = 2 x 4,000)", bound=0.04)  # fmt: skip
def cutmix():
    images, targets, other = pictures(2, 32), torch.eye(2), torch.tensor([1, 0])
    generator = torch.Generator().manual_seed(0)
    ours = [cut_and_pasted(images, targets, weight(1.0, generator), other, generator)[1][0, 0].item() for _ in range(4000)]
    torch.manual_seed(0)
    cut = v2.CutMix(alpha=1.0, num_classes=2)
    theirs = [cut(images, torch.tensor([0, 1]))[1][0, 0].item() for _ in range(4000)]
    return ks_2samp(ours, theirs).statistic


@check("ema", "ema_every", against="torchvision's ExponentialMovingAverage: decay 1 - alpha every so many steps, by hand in float64",
       measure="weights", bound=1e-5)  # fmt: skip
def averages():
    model = torch.nn.Linear(3, 2)
    average = Average(model, horizon=0.25, every=4, steps=200, warmup=0.0)
    alpha, expected = 4 / (0.25 * 200), None
    for step in range(200):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3, generator=torch.Generator().manual_seed(step)))
        average.update(model, step)
        if step % 4 == 0:
            now = model.weight.detach().double()
            expected = now.clone() if expected is None else (1 - alpha) * expected + alpha * now
    return (average.model.weight.double() - expected).abs().max().item()
