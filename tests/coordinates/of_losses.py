"""Losses and targets: torch's own, closed forms, and Hinton's formula in float64."""

import math
from dataclasses import replace

import torch
from torch.nn import functional as F

from hpsearch.ablation import Trained
from hpsearch.training import Recipe, digits
from hpsearch.training.losses import cross_entropy, distillation, hinge, loss, smoothed
from tests.coordinates.registry import check

BASE = Recipe(data=digits())


def pair(classes=100, count=64):
    generator = torch.Generator().manual_seed(0)
    z, r = (3 * torch.randn(count, classes, generator=generator, dtype=torch.float64) for _ in range(2))
    return z, r, torch.randint(classes, (count,), generator=generator)


@check(
    "loss",
    against="torch cross_entropy; classes x torch multi_margin_loss for the hinge",
    measure="loss, relative, float64",
    bound=1e-12,
)
def losses():
    z, _, labels = pair()
    targets = smoothed(labels, 100, 0.0).double()
    a = cross_entropy(z, targets) / F.cross_entropy(z, labels) - 1
    b = hinge(z, targets) / (100 * F.multi_margin_loss(z, labels)) - 1
    return max(abs(a.item()), abs(b.item()))


@check("smoothing", against="gap log((K - 1)(1 - eps) / eps) = 9.104 at K = 1000, eps = 0.1, reached by optimisation",
       measure="gap of the logits, nats", bound=1e-3)  # fmt: skip
def smoothing():
    target = smoothed(torch.tensor([3]), 1000, 0.1).double()
    logits = torch.zeros(1, 1000, dtype=torch.float64, requires_grad=True)
    newton = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        newton.zero_grad()
        value = cross_entropy(logits, target)
        value.backward()
        return value

    newton.step(closure)
    gaps = logits.detach()[0, 3] - logits.detach()[0, torch.arange(1000) != 3]
    return (gaps - math.log(999 * 0.9 / 0.1)).abs().max().item()


@check("smoothing_form", against="torch CrossEntropyLoss(label_smoothing=e), e as it is (code) or e K / (K - 1) (paper)",
       measure="loss, relative, float32", bound=1e-6)  # fmt: skip
def forms():
    z, _, labels = pair()
    z = z.float()
    code = cross_entropy(z, smoothed(labels, 100, 0.1, "code")) / F.cross_entropy(z, labels, label_smoothing=0.1) - 1
    paper = cross_entropy(z, smoothed(labels, 100, 0.1)) / F.cross_entropy(z, labels, label_smoothing=0.1 * 100 / 99) - 1
    return max(abs(code.item()), abs(paper.item()))


@check(
    "temperature",
    against="T^2 sum p log(p / q) in float64 (Hinton et al. 2015), T = 1, 4, 20",
    measure="loss, relative",
    bound=2e-3,
)
def temperature():
    z, r, _ = pair()
    found = 0.0
    for t in (1.0, 4.0, 20.0):
        p, q = torch.softmax(r / t, 1), torch.softmax(z / t, 1)
        exact = t**2 * (p * (p / q).log()).sum(1).mean()
        found = max(found, abs(distillation(z, r, t).double().item() / exact.item() - 1))
    return found


@check("teacher", "hard_weight", "soft_weight", against="gradient of equation 6 of He et al. 2019 as printed (cross entropies), weights "
       "(1, T^2) of the text and (0.5, 0.5 T^2) of the code", measure="gradient, relative, float32", bound=1e-4)  # fmt: skip
def weights():
    z, r, labels = pair()
    z, r, found = z.float().requires_grad_(), r.float(), 0.0
    targets = smoothed(labels, 100, 0.1)
    for each in (1.0, 0.5):
        recipe = replace(BASE, teacher=Trained(BASE), hard_weight=each, soft_weight=each)
        (ours,) = torch.autograd.grad(loss(recipe, z, targets, r), z)
        printed = each * (F.cross_entropy(z, targets) + 400 * F.cross_entropy(z / 20, torch.softmax(r / 20, 1)))
        (theirs,) = torch.autograd.grad(printed, z)
        found = max(found, ((ours - theirs).abs().max() / theirs.abs().max()).item())
    return found
