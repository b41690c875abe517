"""Learning rates, batch by batch, against torch's schedulers, timm's and the printed formulas."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import timm.scheduler
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import factor
from hpsearch.training.parts.schedules import Schedule, cosine

BASE = Recipe(data=digits())
COSINE = replace(BASE, schedule="cosine")
PEAK = 0.4


def ours(recipe, steps):
    return [PEAK * factor(recipe, i / steps, 1 / steps) for i in range(steps)]


def sgd(peak=PEAK):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)


def torchs(scheduler_of, steps, peak=PEAK):
    """Rates of one of torch's schedulers, batch by batch."""
    optimiser = sgd(peak)
    scheduler = scheduler_of(optimiser)
    optimiser.step()  # once, so that the scheduler does not warn
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        scheduler.step()
    return rates


def timms(steps, warm, cycles=1, peak=PEAK):
    """Rates of timm's cosine, batch by batch, after ``warm`` batches of warmup."""
    optimiser = sgd(peak)
    length = math.ceil((steps - warm) / cycles)
    scheduler = timm.scheduler.CosineLRScheduler(
        optimiser, t_initial=length, cycle_limit=cycles, warmup_t=warm, warmup_lr_init=0.0, warmup_prefix=True, t_in_epochs=False
    )
    rates = []
    for i in range(steps):
        scheduler.step_update(i)
        rates.append(optimiser.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize("steps", [120, 120 * 7, 120 * 1251])
def test_steps_are_those_of_multi_step_lr(steps):
    milestones = [steps * share // 4 for share in (1, 2, 3)]
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=0.1), steps)
    np.testing.assert_allclose(ours(BASE, steps), expected, rtol=1e-12)


def test_milestones_at_equal_distances_are_step_lr():
    recipe = replace(BASE, milestones=(0.2, 0.4, 0.6, 0.8), drop=0.5)
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.StepLR(optimiser, 7 * 13, gamma=0.5), 5 * 7 * 13)
    np.testing.assert_allclose(ours(recipe, 5 * 7 * 13), expected, rtol=1e-12)


@given(st.integers(1, 200), st.integers(1, 400))
def test_a_milestone_is_hit_at_its_batch(milestone, more):
    steps = milestone + more
    recipe = replace(BASE, milestones=(milestone / steps,), drop=0.5)
    assert factor(recipe, (milestone - 1) / steps) == 1
    assert factor(recipe, milestone / steps) == 0.5


def test_cosine_is_cosine_annealing_lr():
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=100), 100)
    assert ours(COSINE, 100) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("steps", "warm"), [(600, 25), (120 * 1251, 5 * 1251)])
def test_cosine_after_warmup_is_timms(steps, warm):
    np.testing.assert_allclose(ours(replace(COSINE, warmup=warm / steps), steps), timms(steps, warm), rtol=1e-9, atol=1e-12)


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


def after_warmup(i, steps, warm):
    return (i - warm) / (steps - warm)


@pytest.mark.parametrize("warm", [0, 12])
def test_exponential_and_inverse_are_the_printed_formulas(warm):
    # a0 e^(-k t) and a0 / (1 + k t), t the share of training after the warmup
    steps, k = 200, 3.0
    for schedule, formula in (("exponential", lambda t: math.exp(-k * t)), ("inverse", lambda t: 1 / (1 + k * t))):
        recipe = replace(BASE, schedule=schedule, falling=k, warmup=warm / steps)
        expected = [i / warm if i < warm else formula(after_warmup(i, steps, warm)) for i in range(steps)]
        assert [factor(recipe, i / steps) for i in range(steps)] == pytest.approx(expected, rel=1e-12)


def test_exponential_is_torchs():
    steps, k = 100, 4.0
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.ExponentialLR(optimiser, math.exp(-k / steps)), steps)
    assert ours(replace(BASE, schedule="exponential", falling=k), steps) == pytest.approx(expected, rel=1e-9)


def test_constant_stays():
    assert ours(replace(BASE, schedule="constant"), 50) == [PEAK] * 50


@pytest.mark.parametrize(("steps", "cycles"), [(120, 4), (200, 5), (103, 5), (7, 3), (40 * 390, 5)])
def test_cyclic_is_huangs_equation(steps, cycles):
    recipe = replace(BASE, schedule="cyclic", cycles=cycles)
    length = math.ceil(steps / cycles)
    expected = [PEAK / 2 * (math.cos(math.pi * ((t - 1) % length) / length) + 1) for t in range(1, steps + 1)]
    assert [PEAK * factor(recipe, i / steps, 1 / steps) for i in range(steps)] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_cyclic_is_torchs_warm_restarts():
    steps = 120
    expected = torchs(lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, T_0=30), steps)
    recipe = replace(BASE, schedule="cyclic", cycles=4)
    assert [PEAK * factor(recipe, i / steps, 1 / steps) for i in range(steps)] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("steps", "warm", "cycles"), [(330, 30, 3), (103, 0, 5), (1003, 17, 6), (120 * 1251, 5 * 1251, 7)])
def test_cyclic_after_a_warmup_is_timms(steps, warm, cycles):
    recipe = replace(BASE, schedule="cyclic", cycles=cycles, warmup=warm / steps)
    np.testing.assert_allclose(ours(recipe, steps), timms(steps, warm, cycles), rtol=1e-9, atol=1e-12)


@given(st.integers(2, 2000), st.floats(0, 0.9), st.integers(1, 7))
def test_cycles_start_at_the_peak_and_are_of_one_length(steps, warmup, cycles):
    """However the warmup falls between the steps."""
    recipe = replace(BASE, schedule="cyclic", cycles=cycles, warmup=warmup)
    after = [factor(recipe, i / steps, 1 / steps) for i in range(steps) if i / steps >= warmup]
    length = math.ceil(len(after) / cycles)
    expected = [(1 + math.cos(math.pi * (t % length) / length)) / 2 for t in range(len(after))]
    np.testing.assert_allclose(after, expected, rtol=1e-12, atol=1e-15)


def test_cyclic_without_the_length_of_a_step_is_the_limit_of_short_steps():
    recipe = replace(BASE, schedule="cyclic", cycles=3, warmup=0.1)
    for progress in (0.1, 0.35, 0.4, 0.7, 0.95):
        assert factor(recipe, progress) == pytest.approx(factor(recipe, progress, 1e-7), abs=1e-5)


@given(st.lists(st.floats(0, 10), max_size=40), st.integers(1, 5), st.sampled_from([0.1, 0.5]))
def test_plateau_is_torchs(losses, patience, drop):
    mover = sgd()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(mover, "min", drop, patience - 1, threshold=0.0, eps=0.0)
    recipe = replace(BASE, schedule="plateau", patience=patience, drop=drop)
    for n, loss in enumerate(losses, start=1):
        scheduler.step(loss)
        assert PEAK * factor(recipe, 0.5, 0.0, losses[:n]) == pytest.approx(mover.param_groups[0]["lr"], rel=1e-9)


@pytest.mark.parametrize(("form", "first", "last"), [("code", 0.0, 9 / 10), ("paper", 1 / 10, 1.0)])
def test_the_two_forms_of_warmup(form, first, last):
    # paper, section 3.1: i eta / m at batch i, 1 <= i <= m; the code counts from 0, and its log shows a first rate of 0
    recipe = replace(COSINE, warmup=0.1, warmup_form=form)
    rates = [factor(recipe, i / 100, 1 / 100) for i in range(100)]
    assert (rates[0], rates[9], rates[10]) == pytest.approx((first, last, 1.0))


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 500), st.sampled_from(get_args(Schedule)), st.floats(0, 0.2))
def test_every_schedule_is_a_share_of_the_peak(progress, steps, schedule, warmup):
    assert 0 <= factor(replace(BASE, schedule=schedule, warmup=warmup), progress, 1 / steps, [3.0, 2.0, 2.5]) <= 1
