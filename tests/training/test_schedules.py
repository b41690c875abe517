"""Learning rates, batch by batch, against torch's schedulers, timm's and the printed formulas."""

import math
from dataclasses import replace

import pytest
import timm.scheduler
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.training import Recipe, digits
from hpsearch.training.schedules import cosine, factor

BASE = Recipe(data=digits())
COSINE = replace(BASE, schedule="cosine")
PEAK = 0.4


def ours(recipe, steps):
    return [PEAK * factor(recipe, i / steps) for i in range(steps)]


def sgd():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)


def torchs(scheduler_of, steps):
    optimiser = sgd()
    scheduler = scheduler_of(optimiser)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("steps", [120, 120 * 7, 120 * 1251])
def test_steps_are_those_of_multi_step_lr(steps):
    if steps > 1000:  # at the paper's length look at the drops only: exact to the batch
        recipe_rates = {i: PEAK * factor(BASE, i / steps) for d in (30, 60, 90) for i in (d * 1251 - 1, d * 1251)}
        for drops, epoch in enumerate((30, 60, 90)):
            assert recipe_rates[epoch * 1251 - 1] == pytest.approx(PEAK * 0.1**drops)
            assert recipe_rates[epoch * 1251] == pytest.approx(PEAK * 0.1 ** (drops + 1))
        return
    milestones = [steps * share // 4 for share in (1, 2, 3)]
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=0.1), steps)
    assert ours(BASE, steps) == pytest.approx(expected)


@given(st.integers(1, 200), st.integers(1, 400))
def test_a_milestone_is_hit_at_its_batch(milestone, more):
    steps = milestone + more
    recipe = replace(BASE, milestones=(milestone / steps,), drop=0.5)
    assert factor(recipe, (milestone - 1) / steps) == 1
    assert factor(recipe, milestone / steps) == 0.5


def test_cosine_is_cosine_annealing_lr():
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=100), 100)
    assert ours(COSINE, 100) == pytest.approx(expected, rel=1e-9)


def test_cosine_after_warmup_is_timms():
    steps, warm = 600, 25
    scheduler = timm.scheduler.CosineLRScheduler(
        sgd(), t_initial=steps - warm, warmup_t=warm, warmup_lr_init=0.0, warmup_prefix=True, t_in_epochs=False
    )
    expected = [scheduler._get_lr(i)[0] for i in range(steps)]
    assert ours(replace(COSINE, warmup=warm / steps), steps) == pytest.approx(expected, rel=1e-9)


def test_warmup_is_a_line_before_the_steps():
    steps, warm = 240, 10

    def rates(optimiser):
        line = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: i / warm)
        drops = torch.optim.lr_scheduler.MultiStepLR(optimiser, [60 - warm, 120 - warm, 180 - warm], gamma=0.1)
        return torch.optim.lr_scheduler.SequentialLR(optimiser, [line, drops], milestones=[warm])

    assert ours(replace(BASE, warmup=warm / steps), steps) == pytest.approx(torchs(rates, steps))


def test_warmup_is_the_one_in_the_papers_log():
    # gluon-cv's log at batch 1024 prints the rate 0.003133 after batch 49: 0.4 * 49 / (5 * 1251)
    assert PEAK * factor(replace(BASE, warmup=5 / 120), 49 / (120 * 1251)) == pytest.approx(0.003133, abs=5e-7)


def test_warmup_starts_at_0_and_ends_at_the_peak():
    recipe = replace(COSINE, warmup=0.25)
    assert factor(recipe, 0.0) == 0
    assert factor(recipe, 0.25) == 1
    assert factor(recipe, math.nextafter(1.0, 0.0)) == pytest.approx(0, abs=1e-12)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 0.24), st.sampled_from(["step", "cosine"]))
def test_a_factor_is_between_0_and_1(progress, warmup, schedule):
    assert 0 <= factor(replace(BASE, warmup=warmup, schedule=schedule), progress) <= 1


@given(st.floats(0, 1), st.floats(0, 1))
def test_cosine_falls_and_is_symmetric(one, other):
    low, high = sorted((one, other))
    assert cosine(low) >= cosine(high)
    assert cosine(low) + cosine(1 - low) == pytest.approx(1)
