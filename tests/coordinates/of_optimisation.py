"""Optimisers, schedules, precision: closed forms in float64, torch's and timm's schedulers."""

import math
from dataclasses import replace

import numpy as np
import timm.scheduler
import torch
from torch import nn

from hpsearch.training import Recipe, digits
from hpsearch.training.models.resnet import resnet
from hpsearch.training.optimisers import counts, momentum_at, peak
from hpsearch.training.precision import Scaling, autocast
from hpsearch.training.schedules import factor
from tests.coordinates.registry import check
from tests.training.test_optimisers import RULES, followed, quadratic, textbook

BASE = Recipe(data=digits(), beta2=0.99)
D = replace(BASE, downsample_in="3x3", deep_stem=True, pool_in_shortcut=True)


def by_hand(name, rates, decay):
    w, state, path = np.ones(3), {}, []
    for t, rate in enumerate(rates, start=1):
        if name == "adamw":
            w = RULES[name]((1 - rate * decay) * w, quadratic(w), rate, t, state)
        else:
            w = RULES[name](w, quadratic(w) + decay * w, rate, t, state)
        path.append(w)
    return np.array(path)


@check("optimiser", "beta2", "epsilon", "weight_decay", against="update rules by hand (numpy): SGD, momentum, Nesterov, Adagrad, RMSprop, "
       "Adam with bias correction, AdamW; rate changing every step, decay 0.1",
       measure="weights after 40 steps, relative, float64", bound=1e-11)  # fmt: skip
def update_rules():
    rates = [0.05 * (1 + i % 3) for i in range(40)]
    runs = [(followed(replace(BASE, optimiser=name, weight_decay=0.1), rates), by_hand(name, rates, 0.1)) for name in RULES]
    return max(float(np.abs(ours / theirs - 1).max()) for ours, theirs in runs)


@check("momentum", against="x_ahead = x + mu v; v = mu v - rate g(x_ahead); x += v (Sutskever et al. 2013)",
       measure="weights after 60 steps at a constant rate, float64", bound=1e-12)  # fmt: skip
def nesterov():
    ahead, _ = textbook([0.05] * 60, 0.9)
    return float(np.abs(followed(replace(BASE, weight_decay=0.0), [0.05] * 60) - ahead).max())


@check("final_momentum", against="a straight line in progress; momentum by hand along it",
       measure="weights after 40 steps, relative, float64", bound=1e-11)  # fmt: skip
def annealed():
    recipe = replace(BASE, optimiser="momentum", momentum=0.5, final_momentum=0.99, weight_decay=0.0)
    momenta = [0.5 + 0.49 * i / 40 for i in range(40)]
    w, state, path = np.ones(3), {}, []
    for t, mu in enumerate(momenta, start=1):
        w = RULES["momentum"](w, quadratic(w), 0.02, t, state, mu)
        path.append(w)
    ours = followed(recipe, [0.02] * 40, [momentum_at(recipe, i / 40) for i in range(40)])
    return float(np.abs(ours / np.array(path) - 1).max())


@check(
    "learning_rate", "scaling", against="0.1 b / 256 (He et al. 2019, section 3.1; Goyal et al. 2017)", measure="rate", bound=1e-15
)
def peaks():
    linear = max(abs(peak(BASE, b) - 0.1 * b / 256) for b in (32, 256, 1024, 8192))
    return max(linear, abs(peak(replace(BASE, scaling="none"), 1024) - 0.1))


@check("decay_biases", "decay_gammas", "decay_betas", against="counts of torch over ResNet-50-D's named parameters (111 tensors, 54,248 "
       "parameters of one dimension)", measure="tensors and parameters", bound=0)  # fmt: skip
def decayed():
    model = resnet(D, 3, 1000)
    vectors = [p for p in model.parameters() if p.ndim == 1]
    found = counts(model, replace(D, decay_biases=False, decay_gammas=False, decay_betas=False))["undecayed"]
    alone = [counts(model, replace(D, **{name: False}))["undecayed"][0] for name in ("decay_biases", "decay_gammas", "decay_betas")]
    expected = [len(vectors), sum(p.numel() for p in vectors)]
    return max(*(abs(a - b) for a, b in zip([*found, 111, 54248], expected * 2, strict=True)), abs(sum(alone) - 111))


def torchs(scheduler_of, steps):
    mover = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = scheduler_of(mover)
    rates = []
    for _ in range(steps):
        rates.append(mover.param_groups[0]["lr"])
        mover.step()
        scheduler.step()
    return rates


def worst(recipe, expected):
    steps = len(expected)
    return max(abs(factor(recipe, i / steps, 1 / steps) - rate) for i, rate in enumerate(expected))


@check("schedule", against="torch MultiStepLR, ExponentialLR, CosineAnnealingLR, CosineAnnealingWarmRestarts; 1 / (1 + k t) by hand",
       measure="factor on the peak, per batch, 1,200 batches", bound=1e-9)  # fmt: skip
def schedules():
    steps, s = 1200, torch.optim.lr_scheduler
    return max(
        worst(BASE, torchs(lambda o: s.MultiStepLR(o, [300, 600, 900], 0.1), steps)),
        worst(
            replace(BASE, schedule="exponential", falling=4.0), torchs(lambda o: s.ExponentialLR(o, math.exp(-4 / steps)), steps)
        ),
        worst(replace(BASE, schedule="cosine"), torchs(lambda o: s.CosineAnnealingLR(o, steps), steps)),
        worst(replace(BASE, schedule="cyclic", cycles=4), torchs(lambda o: s.CosineAnnealingWarmRestarts(o, 300), steps)),
        worst(replace(BASE, schedule="inverse", falling=4.0), [1 / (1 + 4 * i / steps) for i in range(steps)]),
        worst(replace(BASE, schedule="constant"), [1.0] * steps),
    )


@check(
    "milestones",
    "drop",
    against="torch MultiStepLR at the paper's 120 x 1,251 batches",
    measure="factor at each drop, exact to the batch",
    bound=1e-12,
)
def milestones():
    total, found = 120 * 1251, 0.0
    for drops, epoch in enumerate((30, 60, 90)):
        for i, expected in ((epoch * 1251 - 1, 0.1**drops), (epoch * 1251, 0.1 ** (drops + 1))):
            found = max(found, abs(factor(BASE, i / total, 1 / total) - expected))
    return found


@check("falling", against="e^(-k t) by hand", measure="factor on the peak", bound=1e-14)
def falling():
    recipe = replace(BASE, schedule="exponential", falling=2.5)
    return max(abs(factor(recipe, t) - math.exp(-2.5 * t)) for t in np.linspace(0, 0.99, 50))


@check("patience", against="torch ReduceLROnPlateau(threshold=0)", measure="factor after each of 200 epochs", bound=1e-12)
def plateau():
    losses = (torch.rand(200, generator=torch.Generator().manual_seed(0)) + 1).tolist()
    mover = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(mover, "min", 0.5, patience=3, threshold=0.0, eps=0.0)
    recipe, found = replace(BASE, schedule="plateau", patience=4, drop=0.5), 0.0
    for n, loss in enumerate(losses, start=1):
        scheduler.step(loss)
        found = max(found, abs(factor(recipe, 0.5, 0.0, losses[:n]) - mover.param_groups[0]["lr"]))
    return found


@check(
    "cycles",
    against="Huang et al. 2017, equation 2, with its ceil",
    measure="factor per batch, 1,003 batches in 6 cycles",
    bound=1e-9,
)
def cycles():
    length = math.ceil(1003 / 6)
    expected = [(math.cos(math.pi * ((t - 1) % length) / length) + 1) / 2 for t in range(1, 1004)]
    return worst(replace(BASE, schedule="cyclic", cycles=6), expected)


@check("warmup", "warmup_form", against="timm CosineLRScheduler with warmup_prefix (from 0: the code); i / m by hand (the paper)",
       measure="factor per batch, 600 batches, 25 of warmup", bound=1e-9)  # fmt: skip
def warmup():
    steps, warm = 600, 25
    mover = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = timm.scheduler.CosineLRScheduler(
        mover, t_initial=steps - warm, warmup_t=warm, warmup_lr_init=0.0, warmup_prefix=True, t_in_epochs=False
    )
    recipe = replace(BASE, schedule="cosine", warmup=warm / steps)
    code = worst(recipe, [scheduler._get_lr(i)[0] for i in range(steps)])
    paper = max(abs(factor(replace(recipe, warmup_form="paper"), i / steps, 1 / steps) - (i + 1) / warm) for i in range(warm))
    return max(code, paper)


@check("precision", against="float64 product of the same values; half precision keeps 8 (bf16) or 11 (fp16) bits",
       measure="relative error of a product in units of the last place", bound=1.0)  # fmt: skip
def precision():
    layer, x = nn.Linear(64, 1, bias=False), torch.rand(32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.weight.uniform_(0.1, 1.0, generator=torch.Generator().manual_seed(1))
    exact, found = x.double() @ layer.weight.double().T, 0.0
    for name, bits in (("bf16", 8), ("fp16", 11)):
        with autocast(name, "cpu"):
            error = (layer(x).double() / exact - 1).abs().max().item()
        found = max(found, error * 2 ** (bits - 1))
    return found


@check("loss_scaling", "loss_scale", against="the unscaled step in float32, and skipped steps counted by hand",
       measure="weights, and steps that should overflow", bound=1e-6)  # fmt: skip
def loss_scale():
    found = 0.0
    for kind, expected in (("static", 4), ("dynamic", 3)):
        layer = nn.Linear(1, 1, bias=False)
        nn.init.constant_(layer.weight, 1.0)
        mover = torch.optim.SGD(layer.parameters(), lr=0.1)
        half = replace(BASE, precision="fp16", loss_scaling=kind, loss_scale=2.0**127)
        scaling = Scaling(half, "cpu")
        for _ in range(4):  # a gradient of 8 times the scale overflows float32 until it was halved three times
            mover.zero_grad()
            scaling.backward(8 * layer.weight.sum())
            scaling.step(mover)
        found = max(found, abs(scaling.skipped - expected), abs(layer.weight.item() - (1 - 0.8 * (4 - expected))))
    return found
