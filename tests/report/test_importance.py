"""Importance against closed forms, and of complete trials only."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc
from stages import at
from synthetic import SPACE, evidence, full, loss, top1

from hpsearch import Choice, Integers, OneMinus, Round, Space, Tune, Uniform
from hpsearch.report.importance import LEAST, LEAST_PAIRS, complete, importance_frame, pairs_frame, ped_anova, shares
from hpsearch.report.sections.importances import importances
from hpsearch.space import LogUniform

NOISY = (Round(points=64, epochs=2, keep=4), Round(points=16, epochs=3))


def sobol(dimensions, count):
    return qmc.Sobol(dimensions, rng=1).random(count)


def ishigami(units, a=7.0, b=0.1):
    """f = sin x1 + a sin² x2 + b x3⁴ sin x1 over [-π, π]³ (Ishigami and Homma 1990)."""
    x = math.pi * (2 * units - 1)
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_shares_of_ishigamis_function_are_its_sobol_indices():
    a, b = 7.0, 0.1
    first = (1 + b * math.pi**4 / 5) ** 2 / 2
    second, both = a**2 / 8, 8 * b**2 * math.pi**8 / 225
    whole = first + second + both
    units = sobol(3, 2048)
    found = shares(units, ishigami(units))
    assert found.alone == pytest.approx((first / whole, second / whole, 0.0), abs=0.06)
    assert found.pairs == pytest.approx({(0, 1): 0.0, (0, 2): both / whole, (1, 2): 0.0}, abs=0.04)
    assert found.explained > 0.9


@pytest.mark.parametrize(
    ("function", "alone", "together"),
    [
        (lambda x, y: 2 * x + y, (4 / 5, 1 / 5), 0.0),  # variances 4/12 and 1/12
        (lambda x, y: x * y, (3 / 7, 3 / 7), 1 / 7),  # E f = 1/4, Var f = 7/144, V_x = V_y = 1/48
        (lambda x, y: (2 * x - 1) * (2 * y - 1), (0.0, 0.0), 1.0),
    ],
)
def test_shares_of_additive_and_product_functions(function, alone, together):
    units = sobol(2, 1024)
    found = shares(units, function(units[:, 0], units[:, 1]))
    assert found.alone == pytest.approx(alone, abs=0.03)
    assert found.pairs[0, 1] == pytest.approx(together, abs=0.06)
    assert sum(found.alone) + found.pairs[0, 1] <= 1 + 1e-9


def test_a_forest_that_learns_nothing_says_so():
    units = sobol(3, 64)
    assert shares(units, np.random.default_rng(0).standard_normal(64)).explained < 0.2


def test_equal_scores_have_no_shares():
    found = shares(sobol(2, 32), np.ones(32))
    assert (found.alone, found.pairs) == ((0.0, 0.0), {(0, 1): 0.0})


def known(score, count=64):
    units = sobol(3, count)
    return pd.DataFrame(units, columns=["a", "b", "c"]).assign(score=score(*units.T))


DOMAINS = {"a": Uniform(0, 1), "b": LogUniform(1e-3, 1), "c": Choice(*range(4))}


def test_ped_anova_finds_the_one_that_matters_and_does_not_care_how_bad_the_bad_are():
    hill = ped_anova(known(lambda a, b, c: -((a - 0.3) ** 2)), DOMAINS, minimise=False)
    assert next(iter(hill)) == "a"
    assert hill["a"] > 0.7
    wrecks = ped_anova(known(lambda a, b, c: np.where(a > 0.9, -1e9, -((a - 0.3) ** 2))), DOMAINS, minimise=False)
    assert wrecks == pytest.approx(hill)


def test_ped_anova_is_the_same_for_a_goal_turned_round():
    up = ped_anova(known(lambda a, b, c: -((a - 0.3) ** 2) - b), DOMAINS, minimise=False)
    down = ped_anova(known(lambda a, b, c: (a - 0.3) ** 2 + b), DOMAINS, minimise=True)
    assert up == pytest.approx(down)
    assert sum(up.values()) == pytest.approx(1)


def test_numbers_count_on_the_scale_they_were_searched_on():
    made = evidence(full(vary=None, tune=Tune(SPACE, NOISY, confirm=None)))
    frame = complete(made, "base", 1)
    trials = made.searched().query("round == 1")
    rates = [SPACE["learning_rate"].unit(v) for v in trials["learning_rate"]]
    assert frame["learning_rate"].tolist() == pytest.approx(rates)
    assert frame["score"].tolist() == trials["score"].tolist()


def test_the_learning_rate_is_found_to_matter_most():
    made = evidence(full(vary=None, tune=Tune(SPACE, NOISY, confirm=None)))
    frame = importance_frame(made, "base", 1)
    assert frame["parameter"].iloc[0] == "learning_rate"
    assert frame["trials"].tolist() == [64] * 3
    assert frame["importance"].sum() == pytest.approx(1)
    pairs = pairs_frame(made, "base", 1)
    assert len(pairs) == 3
    assert (pairs["trials"] == 64).all()
    assert pairs["together"].is_monotonic_decreasing
    assert pairs_frame(made, "base", 1).equals(pairs)


def stopping(made, every=3):
    """Evidence in which some complete trials were stopped, and another whose scores never were."""
    frame = made.trials
    chosen = (frame["role"] == "search") & (frame["point"] % every == 1)
    stopped = frame.assign(state=frame["state"].where(~chosen, "stopped"))
    return [
        made.__class__(made.name, made.study, made.agenda, each, made.rows, made.provenance, made.study_text)
        for each in (stopped.assign(score=frame["score"].where(~chosen)), stopped.assign(score=frame["score"].where(~chosen, 1e9)))
    ]


@pytest.mark.parametrize("frame_of", [importance_frame, pairs_frame])
def test_failed_and_stopped_trials_never_enter(frame_of):
    space = Space(learning_rate=10 ** Uniform(-2.5, 0.5), weight_decay=10 ** Uniform(-5.5, -2.5))
    made = evidence(
        full(vary=None, tune=Tune(space, NOISY, confirm=None)), lambda t: None if t.config.learning_rate > 1 else top1(t)
    )
    bare, poisoned = stopping(made)
    trials = bare.searched().query("round == 1")
    left = int((trials["state"] == "complete").sum())
    assert set(trials["state"]) == {"complete", "failed", "stopped"}
    assert set(frame_of(bare, "base", 1)["trials"]) == {left}
    assert frame_of(bare, "base", 1).equals(frame_of(poisoned, "base", 1))
    assert not frame_of(bare, "base", 1).equals(frame_of(made, "base", 1))


def test_nothing_is_said_of_few_trials():
    def of(points):
        return evidence(full(vary=None, tune=Tune(SPACE, Round(points, 2), confirm=None)))

    assert importance_frame(of(LEAST - 1), "base", 1).empty
    assert len(importance_frame(of(LEAST), "base", 1)) == 3
    assert pairs_frame(of(LEAST_PAIRS - 1), "base", 1).empty
    assert len(pairs_frame(of(LEAST_PAIRS), "base", 1)) == 3


def test_nothing_is_said_of_equal_scores():
    made = evidence(full(vary=None, tune=Tune(SPACE, NOISY, confirm=None)), lambda trial: 5.0)
    assert importance_frame(made, "base", 1).empty
    assert pairs_frame(made, "base", 1).empty


def test_parameters_that_not_every_point_has_rest_on_those_that_do():
    branch = Space(momentum=OneMinus(10 ** Uniform(-2, -0.3)), warmup=Integers(0, 5))
    space = Space(learning_rate=10 ** Uniform(-2.5, 0.5), schedule=Choice("step", cosine=branch))
    made = evidence(full(vary=None, tune=Tune(space, Round(40, 2), confirm=None)))
    frame = importance_frame(made, "base", 1).set_index("parameter")
    cosine = int((made.searched()["schedule"] == "cosine").sum())
    assert frame["trials"].to_dict() == {"learning_rate": 40, "schedule": 40, "momentum": cosine, "warmup": cosine}
    assert set(pairs_frame(made, "base", 1)["first"]) | set(pairs_frame(made, "base", 1)["second"]) == {"learning_rate", "schedule"}


def test_the_blocks_say_on_how_many_trials_they_rest():
    [bars, table] = importances(at("some-failed"), "base", 0)
    complete_ = int((at("some-failed").searched().query("round == 1")["state"] == "complete").sum())
    assert bars.figure.data[0].name == f"round 1, {complete_} completed trials"
    assert f"from {complete_} completed trials" in bars.alt
    assert f"Round 1 rests on {complete_} completed trials" in table.note
    assert importances(at("all-failed"), "base", 0) == ()


def test_minimising_the_loss_finds_the_same():
    tune = Tune(SPACE, Round(48, 2), confirm=None)
    up = importance_frame(evidence(full(vary=None, tune=tune)), "base", 1)
    down = importance_frame(evidence(full(vary=None, tune=tune, metric="loss", goal="minimise"), loss), "base", 1)
    assert up["parameter"].tolist() == down["parameter"].tolist()
    assert up["importance"].tolist() == pytest.approx(down["importance"].tolist())
