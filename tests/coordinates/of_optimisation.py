"""Checks of what moves the weights: update rules, who is decayed, rates and momenta step by step, half precision and its scale."""

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import timm.optim
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch.training import Recipe, digits
from hpsearch.training.images.loop import train
from hpsearch.training.images.recipe import built, counts, factor, groups, initialised, momentum_at, peak
from hpsearch.training.images.recipe import scaling as scale_of
from hpsearch.training.images.streams import streams
from hpsearch.training.parts.precision import autocast
from tests.coordinates.registry import check
from tests.training.fake_run import FakeRun, rows_of
from tests.training.test_optimisers import NESTEROV, RULES, by_hand, followed, stored_ahead, textbook
from tests.training.test_precision import apart, in_half, ours_in_half, theirs_in_half
from tests.training.test_schedules import timms, torchs

BASE = Recipe(data=digits(), beta2=0.99)
PAPER = 120 * 1251  # steps of He et al. 2019 at batch 1,024
RATES = [0.05 * (1 + i % 3) for i in range(40)]  # another one at every step


def worst(*differences: float) -> float:
    """The largest; NaN stays, where Python's ``max`` may lose it."""
    return float(np.max(differences))


def largest(ours: object, theirs: object, relative: bool = False) -> float:
    """The largest difference of two series; relative: to the second, so none of it may be 0."""
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    return float(np.abs(a / b - 1 if relative else a - b).max())


def rules(changes: list[dict[str, float]]) -> float:
    """Over all optimisers: ours against the rule by hand, with each of the changes."""
    recipes = [replace(BASE, optimiser=name, **{"weight_decay": 0.1, **each}) for name in RULES for each in changes]
    return worst(*(largest(followed(recipe, RATES), by_hand(recipe, RATES)) for recipe in recipes))


BY_HAND = "update rules in numpy (CS231n; Kingma and Ba 2015; Loshchilov and Hutter 2019)"
WEIGHTS = "weights along 40 steps of rates that change, every optimiser, float64"


@check("optimiser", "weight_decay", against=BY_HAND, measure=WEIGHTS, bound=1e-12, optimiser=RULES)
def every_optimiser_follows_its_rule() -> float:
    return rules([{}, {"weight_decay": 0.0}])


@check("momentum", against=BY_HAND, measure=WEIGHTS, bound=1e-12)
def momentum_is_the_rules() -> float:
    return rules([{"momentum": value} for value in (0.0, 0.5, 0.99)])


@check("beta2", against=BY_HAND, measure=WEIGHTS, bound=1e-12)
def beta2_is_the_rules() -> float:
    return rules([{"beta2": value} for value in (0.5, 0.9, 0.999)])


@check("epsilon", against=BY_HAND, measure=WEIGHTS, bound=1e-12)
def epsilon_is_the_rules() -> float:
    return rules([{"epsilon": value} for value in (1e-8, 1e-4, 0.1, 1.0)])


@check(
    "optimiser",
    "momentum",
    against="the textbook's Nesterov in both its forms (Sutskever et al. 2013; CS231n)",
    measure="weights along 60 steps at a constant rate, float64",
    bound=1e-15,
)
def nesterovs_step_is_the_textbooks() -> float:
    rates = [0.05] * 60
    return worst(
        largest(followed(NESTEROV, rates), textbook(rates, 0.9)[0]), largest(followed(NESTEROV, rates), stored_ahead(rates, 0.9))
    )


@check(
    "optimiser",
    against="(s / r - 1) mu^2 u, the distance of torch's Nesterov from the textbook's after the rate went from r to s",
    measure="that distance, relative, float64",
    bound=1e-10,
)
def nesterovs_step_parts_from_the_textbooks_when_the_rate_changes() -> float:
    differences = []
    for after in (0.005, 0.2):
        rates = [0.05] * 10 + [after]
        ahead, velocities = textbook(rates, 0.9)
        predicted = (after / 0.05 - 1) * 0.9**2 * velocities[9]
        differences.append(largest(followed(NESTEROV, rates)[10] - ahead[10], predicted, relative=True))
    return worst(*differences)


@check("final_momentum", against="numpy.linspace, and the rules along it", measure="momenta; weights, float64", bound=1e-12)
def momentum_goes_in_a_straight_line() -> float:
    differences = []
    for start, end in ((0.5, 0.99), (0.0, 0.9), (0.9, 0.0)):
        line = np.linspace(start, end, 41)[:-1].tolist()
        for name in ("nag", "momentum", "adam", "adamw"):
            recipe = replace(BASE, optimiser=name, momentum=start, final_momentum=end)
            momenta = [momentum_at(recipe, i / 40) for i in range(40)]
            ours, theirs = followed(recipe, [0.05] * 40, momenta), by_hand(recipe, [0.05] * 40, line)
            differences += [largest(momenta, line), largest(ours, theirs)]
    return worst(*differences)


@check(
    "learning_rate",
    "scaling",
    against="0.1 b / 256 (He et al. 2019, section 3.1), 0.4 at 1,024",
    measure="rate, relative",
    bound=1e-15,
    scaling=["linear", "none"],
)
def the_peak_is_scaled() -> float:
    linear = [peak(replace(BASE, learning_rate=0.1), images) for images in (32, 256, 1024, 8192)]
    kept = [peak(replace(BASE, learning_rate=0.3, scaling="none"), images) for images in (32, 1024)]
    return worst(largest(linear, [0.0125, 0.1, 0.4, 3.2], relative=True), largest(kept, [0.3, 0.3], relative=True))


@check(
    "decay_biases",
    "decay_gammas",
    "decay_betas",
    "weight_decay",
    against="timm.optim.param_groups_weight_decay on ResNet-50-D; 111 tensors of 54,248 parameters (He et al. 2019)",
    measure="parameters in the wrong group, and the decay of each group; exact",
    bound=0.0,
)
def the_groups_are_timms() -> float:
    recipe = replace(BASE, downsample_in="3x3", deep_stem=True, pool_in_shortcut=True, weight_decay=0.01)
    model = built(recipe, 3, 1000)
    none = replace(recipe, decay_biases=False, decay_gammas=False, decay_betas=False)

    def decay_of(found: list[dict[str, object]]) -> dict[int, object]:
        return {id(p): group["weight_decay"] for group in found for p in group["params"]}  # type: ignore[attr-defined]

    ours, theirs = decay_of(groups(model, none)), decay_of(timm.optim.param_groups_weight_decay(model, 0.01))
    wrong = float(sum(ours.get(key) != decay for key, decay in theirs.items()) + len(set(ours) ^ set(theirs)))
    return wrong + largest(counts(model, none)["undecayed"], [111, 54_248])


@check(
    "decay_biases",
    "decay_gammas",
    "decay_betas",
    against="the names that torch gives: fc.bias, and weight and bias of each BatchNorm2d",
    measure="tensors in the wrong group; exact",
    bound=0.0,
)
def each_kind_has_a_switch_of_its_own() -> float:
    recipe = replace(BASE, depth=26, width=8)
    model = built(recipe, 3, 10)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    named = {
        "decay_biases": {id(m.bias) for m in model.modules() if isinstance(m, nn.Linear)},
        "decay_gammas": {id(m.weight) for m in norms},
        "decay_betas": {id(m.bias) for m in norms},
    }
    wrong = 0
    for field, expected in named.items():
        _, undecayed = groups(model, replace(recipe, **{field: False}))
        wrong += len({id(p) for p in undecayed["params"]} ^ expected)
    return float(wrong)


def along(recipe: Recipe, steps: int) -> list[float]:
    """Our factor at every step."""
    return [factor(recipe, i / steps, 1 / steps) for i in range(steps)]


def warmed(recipe: Recipe) -> Recipe:
    return replace(recipe, warmup=5 / 120)


EACH = "factor on the peak at each of the paper's 150,120 steps"


@check(
    "schedule",
    "milestones",
    "drop",
    against="torch MultiStepLR and StepLR",
    measure=f"{EACH}, relative",
    bound=1e-12,
    schedule=["step"],
)
def steps_are_torchs() -> float:
    s = torch.optim.lr_scheduler
    thirds = replace(BASE, milestones=(1 / 3, 2 / 3), drop=0.3)
    odd = replace(BASE, milestones=(7 / PAPER, 77_777 / PAPER, (PAPER - 1) / PAPER), drop=0.5)
    pairs = (
        (BASE, torchs(lambda o: s.MultiStepLR(o, [30 * 1251, 60 * 1251, 90 * 1251], 0.1), PAPER, 1.0)),
        (thirds, torchs(lambda o: s.StepLR(o, 40 * 1251, 0.3), PAPER, 1.0)),
        (odd, torchs(lambda o: s.MultiStepLR(o, [7, 77_777, PAPER - 1], 0.5), PAPER, 1.0)),
    )
    return worst(*(largest(along(recipe, PAPER), theirs, relative=True) for recipe, theirs in pairs))


@check(
    "schedule",
    "falling",
    against="torch ExponentialLR; a0 / (1 + k t) in numpy (CS231n)",
    measure=f"{EACH}, relative",
    bound=1e-10,
    schedule=["exponential", "inverse"],
)
def falls_are_torchs_and_the_printed_one() -> float:
    k = 4.0
    exponential = torchs(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, math.exp(-k / PAPER)), PAPER, 1.0)
    inverse = 1 / (1 + k * np.arange(PAPER) / PAPER)
    pairs = (("exponential", exponential), ("inverse", inverse))
    recipes = [(replace(BASE, schedule=schedule, falling=k), theirs) for schedule, theirs in pairs]
    return worst(*(largest(along(recipe, PAPER), theirs, relative=True) for recipe, theirs in recipes))


@check(
    "schedule",
    against="torch CosineAnnealingLR (1,251 steps), timm CosineLRScheduler",
    measure=EACH,
    bound=1e-12,
    schedule=["cosine"],
)
def cosine_is_torchs_and_timms() -> float:
    recipe = replace(BASE, schedule="cosine")
    torchs_own = torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 1251), 1251, 1.0)
    return worst(largest(along(recipe, 1251), torchs_own), largest(along(recipe, PAPER), timms(PAPER, 0, peak=1.0)))


@check(
    "schedule",
    "cycles",
    against="torch CosineAnnealingWarmRestarts, timm CosineLRScheduler with cycles",
    measure=EACH,
    bound=1e-12,
    schedule=["cyclic"],
)
def cycles_are_torchs_and_timms() -> float:
    s = torch.optim.lr_scheduler
    five, seven = (replace(BASE, schedule="cyclic", cycles=cycles) for cycles in (5, 7))
    return worst(
        largest(along(five, PAPER), torchs(lambda o: s.CosineAnnealingWarmRestarts(o, PAPER // 5), PAPER, 1.0)),
        largest(along(seven, PAPER), timms(PAPER, 0, 7, peak=1.0)),
        largest(along(warmed(seven), PAPER), timms(PAPER, 5 * 1251, 7, peak=1.0)),
    )


@check(
    "cycles",
    against="alpha0 / 2 (cos(pi mod(t - 1, ceil(T / M)) / ceil(T / M)) + 1) in numpy (Huang et al. 2017, equation 2)",
    measure="factor at each step, for T from 1 to 200 and M from 1 to 9",
    bound=1e-15,
)
def cycles_are_huangs_with_their_ceiling() -> float:
    differences = []
    for steps in range(1, 201):
        for cycles in range(1, 10):
            c, t = math.ceil(steps / cycles), np.arange(1, steps + 1)
            printed = (np.cos(np.pi * np.mod(t - 1, c) / c) + 1) / 2
            differences.append(largest(along(replace(BASE, schedule="cyclic", cycles=cycles), steps), printed))
    return worst(*differences)


@check(
    "warmup",
    "warmup_form",
    against="timm CosineLRScheduler with warmup_prefix (the code's form)",
    measure=EACH,
    bound=1e-12,
    warmup_form=["code"],
)
def warmup_in_the_codes_form_is_timms() -> float:
    return largest(along(warmed(replace(BASE, schedule="cosine")), PAPER), timms(PAPER, 5 * 1251, peak=1.0))


@check(
    "warmup",
    "warmup_of",
    against="timm CosineLRScheduler with warmup_prefix: 5 epochs of warmup in 200, as the authors' command has it",
    measure="factor on the peak at each of 250,200 steps",
    bound=1e-12,
)
def warmup_said_in_epochs_is_timms() -> float:
    longer = replace(BASE, schedule="cosine", epochs=200, warmup=5 / 120, warmup_of=120)
    return largest(along(longer, 200 * 1251), timms(200 * 1251, 5 * 1251, peak=1.0))


@check(
    "warmup_form",
    against="i / m, 1 <= i <= m, in numpy (He et al. 2019, section 3.1)",
    measure="factor at 6,255 steps",
    bound=1e-12,
    warmup_form=["paper"],
)
def warmup_in_the_papers_form_is_the_printed_one() -> float:
    recipe = warmed(replace(BASE, schedule="cosine", warmup_form="paper"))
    return largest([factor(recipe, i / PAPER, 1 / PAPER) for i in range(6255)], np.arange(1, 6256) / 6255)


@check("warmup", against="gluon-cv's log of resnet50_v1d at batch 1,024: 0.003133 after batch 49", measure="rate", bound=5e-7)
def warmup_is_the_one_in_the_log() -> float:
    return abs(peak(BASE, 1024) * factor(warmed(BASE), 49 / PAPER, 1 / PAPER) - 0.003133)


@check(
    "schedule",
    "patience",
    "drop",
    against="torch ReduceLROnPlateau(threshold=0)",
    measure="factor after each of 300 epochs",
    bound=1e-12,
    schedule=["plateau"],
)
def plateau_is_torchs() -> float:
    noise = torch.rand(300, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    losses = (3 * torch.exp(-torch.arange(300) / 100) + noise).round(decimals=1).tolist()  # with ties
    losses[17] = math.nan  # torch takes it for no progress
    differences = []
    for patience, drop in ((1, 0.5), (5, 0.1), (12, 0.9)):
        mover = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(mover, "min", drop, patience - 1, threshold=0.0, eps=0.0)
        recipe, theirs, ours = replace(BASE, schedule="plateau", patience=patience, drop=drop), [], []
        for n, loss in enumerate(losses, start=1):
            scheduler.step(loss)
            theirs.append(mover.param_groups[0]["lr"])
            ours.append(factor(recipe, 0.5, 0.0, losses[:n]))
        differences.append(largest(ours, theirs))
    return worst(*differences)


@check(
    "plateau_on",
    "schedule",
    against="torch ReduceLROnPlateau fed with the loss of 8 epochs on the tuning slice or the training images, and F.cross_entropy there",
    measure="rates, relative, of a final and a tuning trial; the last loss on the tuning slice, nats",
    bound=1e-5,
    plateau_on=["training", "tuning"],
)
def plateau_follows_the_loss_it_is_told_to() -> float:
    differences = []
    for place in ("tuning", "training"):
        for held_out in ("tuning", "final"):
            recipe = replace(SMALL, schedule="plateau", plateau_on=place, patience=1, learning_rate=3.0, momentum=0.99, epochs=8)
            with tempfile.TemporaryDirectory() as folder:
                run = FakeRun(Path(folder), held_out=held_out)  # type: ignore[arg-type]
                rows = rows_of(train, recipe, 0, run)
                kept = torch.load(run.folder / "weights.pt", weights_only=True)
            mover = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak(recipe, 16))
            scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(mover, "min", 0.1, 0, threshold=0.0, eps=0.0)
            expected = []
            for row in rows:
                expected.append(mover.param_groups[0]["lr"])
                scheduler.step(row["tuning_loss" if place == "tuning" else "train_loss"])
            differences.append(largest([row["learning_rate"] for row in rows], expected, relative=True))
            if place == "tuning":
                images, model = recipe.data.load(Path("unused")), built(recipe, 1, 10).eval()
                model.load_state_dict(kept["model"])
                pixels = torch.from_numpy(images.pixels[images.tuning]).permute(0, 3, 1, 2)
                with torch.inference_mode():
                    logits = model((pixels - kept["mean"]) / kept["deviation"])
                loss = F.cross_entropy(logits, torch.from_numpy(images.labels[images.tuning])).item()
                differences.append(abs(loss / float(rows[-1]["tuning_loss"]) - 1))  # type: ignore[arg-type]
    return worst(*differences)


# The loop hands all of it on: from the same weights and over the same batches as a loop of plain torch.
SMALL = Recipe(data=digits(80), depth=14, width=8, stem="small", batch_size=16, epochs=2, learning_rate=0.2)  # 60 images, 3 steps
Criterion = Callable[[Tensor, Tensor, Tensor], Tensor]


def by_loop(recipe: Recipe, weights: dict[str, Path] | None = None) -> tuple[list[float], list[Tensor]]:
    """Training losses and last weights of ours."""
    with tempfile.TemporaryDirectory() as folder:
        run = FakeRun(Path(folder), weights=weights or {})
        rows = rows_of(train, recipe, 0, run)
        kept = torch.load(run.folder / "weights.pt", weights_only=True)["model"]
    trained = {name for name, _ in built(recipe, 1, 10).named_parameters()}
    return [float(row["train_loss"]) for row in rows], [kept[name] for name in kept if name in trained]  # type: ignore[arg-type]


def batches(recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images and labels of each step, in the order of seed 0."""
    images = recipe.data.load(Path("unused"))
    pixels = torch.from_numpy(images.pixels[images.train]).permute(0, 3, 1, 2).float()
    labels = torch.from_numpy(images.labels[images.train])
    x, order = (pixels - pixels.mean()) / pixels.std(correction=0), streams(0)["order"]
    for _ in range(recipe.epochs):
        whole = torch.randperm(len(x), generator=order).split(recipe.batch_size)
        yield from ((x[part], labels[part]) for part in whole if len(part) == recipe.batch_size)


def cross_entropy(logits: Tensor, labels: Tensor, images: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels)


def by_torch(
    recipe: Recipe,
    mover_of: Callable[[nn.Module], torch.optim.Optimizer],
    rates: list[float],
    momenta: list[float] | None = None,
    criterion: Criterion = cross_entropy,
) -> tuple[list[float], list[Tensor]]:
    """The same of plain torch; of the recipe only network, start, data, batch and epochs are used."""
    model = initialised(built(recipe, 1, 10), recipe, streams(0)["initialisation"])
    mover, losses = mover_of(model), []
    for i, (images, labels) in enumerate(batches(recipe)):
        for group in mover.param_groups:
            group["lr"] = rates[i]
            if momenta is not None:
                group["momentum"] = momenta[i]
        mover.zero_grad()
        value = criterion(model(images), labels, images)
        value.backward()
        mover.step()
        losses.append(value.item())
    each = len(losses) // recipe.epochs
    means = [sum(losses[start : start + each]) / each for start in range(0, len(losses), each)]
    return means, [p.detach() for p in model.parameters()]


def difference(recipe: Recipe, *theirs: object, **more: object) -> float:
    """The largest difference of losses and weights between the two loops."""
    ours, expected = by_loop(recipe), by_torch(recipe, *theirs, **more)  # type: ignore[arg-type]
    return worst(largest(ours[0], expected[0]), apart(ours[1], expected[1]))


def halves(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Decay on what has more than one dimension."""
    return [
        {"params": [p for p in model.parameters() if (p.ndim > 1) is yes], "weight_decay": decay * yes} for yes in (True, False)
    ]


LOOPS = "a loop of plain torch.optim, rates and momenta written out"


@check(
    "optimiser",
    "learning_rate",
    "scaling",
    "momentum",
    "final_momentum",
    "weight_decay",
    "decay_biases",
    "decay_gammas",
    "decay_betas",
    "schedule",
    "warmup",
    "warmup_form",
    against=LOOPS,
    measure="losses and weights after 6 steps of training, float32",
    bound=1e-5,
    optimiser=["nag", "momentum", "sgd"],
    schedule=["step", "constant", "cosine"],
)
def the_loop_hands_on_what_sgd_needs() -> float:
    sgd, r = torch.optim.SGD, 0.2 * 16 / 256
    none = {"decay_biases": False, "decay_gammas": False, "decay_betas": False}
    annealed = replace(
        SMALL, optimiser="momentum", momentum=0.1, final_momentum=0.7, scaling="none", schedule="constant", learning_rate=0.01
    )
    warm = replace(SMALL, schedule="cosine", warmup=0.5, warmup_form="paper", optimiser="sgd", weight_decay=0.3, **none)
    dropped = [r, r, r / 10, r / 100, r / 100, r / 1000]  # milestones after 1.5, 3 and 4.5 steps
    return worst(
        difference(SMALL, lambda m: sgd(m.parameters(), 1.0, 0.9, nesterov=True, weight_decay=1e-4), dropped),
        difference(
            annealed, lambda m: sgd(m.parameters(), 1.0, 0.9, weight_decay=1e-4), [0.01] * 6, [0.1 + 0.1 * i for i in range(6)]
        ),
        difference(warm, lambda m: sgd(halves(m, 0.3), 1.0), [r / 3, 2 * r / 3, r, r, 0.75 * r, 0.25 * r]),
    )


@check(
    "optimiser",
    "momentum",
    "beta2",
    "epsilon",
    "weight_decay",
    against=LOOPS,
    measure="losses and weights after 6 steps of Adagrad, RMSprop, Adam and AdamW, float32",
    bound=1e-5,
    optimiser=["adagrad", "rmsprop", "adam", "adamw"],
)
def the_loop_hands_on_what_the_others_need() -> float:
    o, flat = torch.optim, replace(SMALL, schedule="constant", scaling="none", learning_rate=0.003, epsilon=0.01, weight_decay=0.1)
    adam = replace(flat, momentum=0.8, beta2=0.95)
    each = {"lr": 1.0, "eps": 0.01, "weight_decay": 0.1}
    pairs: list[tuple[Recipe, Callable[[nn.Module], torch.optim.Optimizer]]] = [
        (replace(flat, optimiser="adagrad"), lambda m: o.Adagrad(m.parameters(), **each)),
        (replace(flat, optimiser="rmsprop", beta2=0.9), lambda m: o.RMSprop(m.parameters(), alpha=0.9, **each)),
        (replace(adam, optimiser="adam"), lambda m: o.Adam(m.parameters(), betas=(0.8, 0.95), **each)),
        (replace(adam, optimiser="adamw"), lambda m: o.AdamW(m.parameters(), betas=(0.8, 0.95), **each)),
    ]
    return worst(*(difference(recipe, mover_of, [0.003] * 6) for recipe, mover_of in pairs))


@check(
    "precision",
    against="a network cast to fp16 whole, with a master copy in fp32 updated by hand (He et al. 2019, section 3.2)",
    measure="weights after 10 steps of a convolution and a linear layer; fp32 is 1e-3 away",
    bound=1e-6,
)
def half_precision_is_the_papers() -> float:
    return apart(ours_in_half(10, 128.0), theirs_in_half(10, 128.0))


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Float32 to the nearest number with 8 significant bits, a tie to the even one."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def float16(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16).astype(np.float32)


@check(
    "precision",
    against="numpy float32 and float16, bfloat16 by its bits: factors rounded, product rounded",
    measure="4,000 products of two numbers by a linear layer, relative; exact",
    bound=0.0,
    precision=["fp32", "bf16", "fp16"],
)
def products_are_rounded_to_their_type() -> float:
    generator, differences = np.random.default_rng(0), []
    x, w = (generator.uniform(0.1, 2.0, (side, 1)).astype(np.float32) for side in (40, 100))
    layer = nn.Linear(1, 100, bias=False)
    layer.weight = nn.Parameter(torch.from_numpy(w))
    for name, rounded in (("fp32", np.float32), ("fp16", float16), ("bf16", bfloat16)):
        with autocast(name, "cpu"):
            ours = layer(torch.from_numpy(x)).float().detach()
        differences.append(largest(ours, rounded(rounded(x) * rounded(w).T), relative=True))
    return worst(*differences)


@check("loss_scale", against="numpy float16(gradient x scale) / scale", measure="gradients from 2^-30 to 1, relative", bound=1e-7)
def the_scale_saves_small_gradients() -> float:
    differences = []
    for scale in (1.0, 128.0, 4096.0):
        for power in np.arange(-30, 0.5, 1.5):
            gradient = np.float32(1.37 * 2.0**power)
            theirs = float(np.float16(gradient * np.float32(scale))) / scale
            differences.append(abs(in_half(float(gradient), scale) - theirs) / max(theirs, 1e-30))
    return worst(*differences)


def scales(kind: str, overflows: list[bool]) -> tuple[list[float], int]:
    """The scale after each step, and the steps skipped."""
    weight = nn.Parameter(torch.ones(1))
    mover, found = torch.optim.SGD([weight], lr=0.1), []
    scaling = scale_of(replace(BASE, precision="fp16", loss_scaling=kind, loss_scale=1024.0), "cpu")
    for overflow in overflows:
        mover.zero_grad()
        scaling.backward((weight * (math.inf if overflow else 1.0)).sum())
        scaling.step(mover)
        found.append(scaling.state_dict()["scaler"]["scale"])
    return found, scaling.skipped


@check(
    "loss_scaling",
    against="the rule by hand: dynamic halves at an overflow and doubles after 2,000 steps without (Micikevicius et al. 2018)",
    measure="scale after each of 4,100 steps, and steps skipped; exact",
    bound=0.0,
    loss_scaling=["static", "dynamic"],
)
def the_scale_follows_its_rule() -> float:
    overflows = [i in (0, 1, 7, 2500) for i in range(4100)]
    scale, without, expected = 1024.0, 0, []
    for overflow in overflows:
        scale, without = (scale / 2, 0) if overflow else (scale, without + 1)
        scale, without = (scale * 2, 0) if without == 2000 else (scale, without)
        expected.append(scale)
    (dynamic, skipped), (static, also) = scales("dynamic", overflows), scales("static", overflows[:100])
    return worst(largest(dynamic, expected), largest(static, [1024.0] * 100), abs(skipped - 4), abs(also - 3))
