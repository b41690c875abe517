"""Asking Optuna's samplers is a pure function of what was told; conditions, pending and failed points are understood."""

import importlib.util
import random
from statistics import mean

import numpy as np
import optuna
import pytest
import torch
from optuna.samplers import TPESampler
from optuna.trial import TrialState, create_trial

from hpsearch.errors import Refused
from hpsearch.search import samplers
from hpsearch.search.samplers import ask, distribution
from hpsearch.space import Choice, Constant, Integers, LogIntegers, OneMinus, Space, Uniform

FLAT = Space(x=Uniform(-1, 1), y=Uniform(-1, 1))
MIXED = Space(
    optimiser=Choice(
        "plain",
        sgd=Space(momentum=OneMinus(10 ** Uniform(-2, -1)), rate=10 ** Uniform(-2, 0)),
        adam=Space(beta2=Uniform(0.9, 1), rate=10 ** Uniform(-4, -2), warmup=Choice("none", some=Space(steps=LogIntegers(1, 64)))),
    ),
    depth=Integers(2, 9),
    decay=10 ** Uniform(-5, -2),
    batch=Constant(128),
)
CMAES = importlib.util.find_spec("cmaes") is not None
KINDS = [
    "tpe",
    "gp",
    pytest.param("cmaes", marks=pytest.mark.skipif(not CMAES, reason="cmaes is not installed")),
]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(space, count, seed=0):
    return [space.point(row) for row in np.random.default_rng(seed).random((count, len(space)))]


def bowl(point):
    return -((point["x"] - 0.3) ** 2) - (point["y"] + 0.6) ** 2


POINTS = drawn(MIXED, 12)
SCORES = [None if n % 5 == 3 else -abs(point["depth"] - 5) for n, point in enumerate(POINTS)]


@every_kind
def test_equal_arguments_give_equal_points_whatever_the_global_generator(kind):
    random.seed(1)
    np.random.seed(1)
    once = ask(kind, MIXED, POINTS, SCORES, 2, 5, POINTS[:1])
    random.seed(2)
    np.random.seed(2)
    assert ask(kind, MIXED, POINTS, SCORES, 2, 5, POINTS[:1]) == once
    assert ask(kind, MIXED, POINTS, SCORES, 2, 6, POINTS[:1]) != once


@every_kind
def test_points_are_points_of_the_space_each_with_what_exists_there(kind):
    points = ask(kind, MIXED, POINTS, SCORES, 4, 2)
    assert len(points) == 4
    assert all(point in MIXED for point in points)


@every_kind
@pytest.mark.parametrize("space", [FLAT, MIXED], ids=["flat", "conditional"])
def test_asking_goes_on_where_nothing_was_told_or_everything_failed(kind, space, capfd):
    told = drawn(space, 4)
    for points, scores in (([], []), (told, [None] * 4)):
        assert all(point in space for point in ask(kind, space, points, scores, 3, 1))
    assert capfd.readouterr().err == ""


@every_kind
def test_no_point_asked_no_point_given(kind):
    assert ask(kind, MIXED, POINTS, SCORES, 0, 0) == []


@every_kind
def test_points_outside_the_box_are_left_out(kind):
    box = Space(x=Uniform(0, 1), y=Uniform(-1, 0))
    told = drawn(FLAT, 16)
    inside = [point for point in told if point in box]
    assert 0 < len(inside) < len(told)
    got = ask(kind, box, told, [bowl(point) for point in told], 3, 4, pending=[{"x": -0.5, "y": 0.5}])
    assert got == ask(kind, box, inside, [bowl(point) for point in inside], 3, 4)
    assert all(point in box for point in got)


@every_kind
def test_a_box_without_some_options_is_asked_for_the_others_alone(kind):
    some = [point for point in POINTS if point["optimiser"] != "plain"]
    box = MIXED.around(some[:6])
    assert all(point in box for point in ask(kind, box, POINTS, SCORES, 4, 0))


@pytest.mark.parametrize("kind", ["tpe", "gp"])
@pytest.mark.parametrize("space", [FLAT, MIXED], ids=["flat", "conditional"])
def test_pending_points_are_seen(kind, space):
    points = drawn(space, 8)
    scores = [float(n) for n in range(8)]
    assert ask(kind, space, points, scores, 2, 3) != ask(kind, space, points, scores, 2, 3, pending=drawn(space, 3, seed=9))


def test_tpe_keeps_away_from_pending_points():
    told = [{"x": x / 10, "y": y / 10} for x in range(-9, 10, 3) for y in range(-9, 10, 3)]
    scores = [bowl(point) for point in told]

    def distance(pending):
        asked = [ask("tpe", FLAT, told, scores, 1, seed, pending)[0] for seed in range(20)]
        return mean(np.hypot(point["x"] - 0.3, point["y"] + 0.6) for point in asked)

    crowd = [{"x": 0.3 + dx / 20, "y": -0.6 + dy / 20} for dx in range(-2, 3) for dy in range(-2, 3)]
    assert distance(crowd) > 1.5 * distance([])


@every_kind
def test_failed_points_count_as_points_but_not_as_scores(kind):
    points = drawn(FLAT, 10)
    scores = [bowl(point) for point in points]
    failed = [None if n < 5 else score for n, score in enumerate(scores)]
    assert ask(kind, FLAT, points, scores, 2, 3) != ask(kind, FLAT, points, failed, 2, 3)


@every_kind
def test_learning_finds_better_points_than_chance(kind):
    points = drawn(FLAT, 8)
    while len(points) < (24 if kind == "gp" else 40):  # which needs fewer, and takes longer to think
        points += ask(kind, FLAT, points, [bowl(point) for point in points], 4, len(points))
    assert mean(map(bowl, points[-12:])) > mean(map(bowl, drawn(FLAT, 200, seed=1))) / 2
    assert max(map(bowl, points)) > -0.02


def test_tpe_learns_which_branch_is_best_and_where_in_it():
    def score(point):
        return -abs(point["beta2"] - 0.95) * 10 if point["optimiser"] == "adam" else -2.0

    points = drawn(MIXED, 12)
    while len(points) < 48:
        points += ask("tpe", MIXED, points, [score(point) for point in points], 4, len(points))
    late = points[-16:]
    assert sum(point["optimiser"] == "adam" for point in late) >= 12
    assert mean(map(score, late)) > mean(map(score, drawn(MIXED, 500, seed=3))) / 2


@pytest.mark.skipif(not CMAES, reason="cmaes is not installed")
def test_cmaes_moves_the_numbers_as_if_there_were_no_branches():
    """Also where all early points are of one branch, whose numbers Optuna's own would take for dimensions and then give up."""
    space = FLAT | Space(kind=Choice("a", b=Space(z=Uniform(0, 1), w=Uniform(0, 1))))
    plain = drawn(FLAT, 24)
    points = [{**point, "kind": "b", "z": 0.5, "w": 0.25} if n < 8 else {**point, "kind": "a"} for n, point in enumerate(plain)]
    scores = [bowl(point) for point in plain]
    asked = [{name: point[name] for name in ("x", "y")} for point in ask("cmaes", space, points, scores, 3, 1)]
    assert asked == ask("cmaes", FLAT, plain, scores, 3, 1)


def test_a_space_without_conditions_is_asked_as_it_always_was():
    """The points of recorded searches are asked anew at every launch: they must not change."""
    space = Space(
        a=10 ** Uniform(-3, 0), b=Integers(1, 6), c=Choice("x", "y", None), d=LogIntegers(1, 64), e=OneMinus(Uniform(0, 0.5))
    )
    points = drawn(space, 10)
    study = optuna.create_study(
        direction="maximize", sampler=TPESampler(seed=3, multivariate=True, constant_liar=True, n_startup_trials=0)
    )
    forms = {name: distribution(domain) for name, domain in space.domains}
    for number, point in enumerate(points):
        params = {name: samplers._encode(domain, point[name]) for name, domain in space.domains}
        study.add_trial(create_trial(params=params, distributions=forms, value=number, state=TrialState.COMPLETE))
    trials = [study.ask(forms) for _ in range(4)]
    expected = [{name: samplers._decode(domain, trial.params[name]) for name, domain in space.domains} for trial in trials]
    assert ask("tpe", space, points, list(range(10)), 4, 3) == expected


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(Refused) as refused:
        ask("cmaes", FLAT, [], [], 1, 0)
    assert str(refused.value) == "proposals by CMA-ES need the package cmaes: pip install cmaes"


@pytest.mark.parametrize(("space", "count"), [(Space(x=Uniform(0, 1), k=Choice("a", "b")), 1), (Space(k=Choice(a=FLAT)), 0)])
def test_cmaes_refuses_a_space_with_too_few_numbers(space, count, monkeypatch):
    monkeypatch.setattr(samplers, "find_spec", lambda name: object())
    with pytest.raises(Refused) as refused:
        ask("cmaes", space, [], [], 1, 0)
    assert str(refused.value) == f"cmaes needs two dimensions of numbers that every point has, got {count}: use tpe or gp"


def test_an_unknown_sampler_is_refused():
    with pytest.raises(Refused) as refused:
        ask("grid", FLAT, [], [], 1, 0)
    assert str(refused.value) == "no Optuna sampler is known as 'grid': use tpe, gp or cmaes"
