"""Where the next points are sent: boxes hold what was kept, ranges widen at their ends up to hard limits, and what is said of it."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.search import Round, Tune, unfold
from hpsearch.search.box import narrow
from hpsearch.space import Choice, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
from tests.search.test_rounds import Known

LIMITS = st.tuples(*2 * [st.none() | st.floats(0, 5)])  # how far beyond the ends the hard limits stand


def bounded(kind, low, width, limits, step=lambda end, far: end + far):
    least, most = limits
    return kind(
        low,
        low + width,
        least=None if least is None else step(low, -least),
        most=None if most is None else step(low + width, most),
    )


def logarithmic(low, width, limits):
    exponents = bounded(Uniform, low, width, limits)
    return 10**exponents


REAL = st.builds(lambda *given: bounded(Uniform, *given), st.floats(-5, 5), st.floats(0.1, 5), LIMITS)
SHARE = st.tuples(st.floats(0, 0.5), st.floats(0.6, 1)).map(lambda ends: Uniform(*ends))
LOG = st.builds(logarithmic, st.floats(-6, 0), st.floats(0.1, 3), LIMITS)
NEAR_ONE = st.tuples(st.floats(-6, -2), st.floats(-1.9, 0)).map(lambda ends: OneMinus(10 ** Uniform(*ends)))
REST = SHARE.map(OneMinus)
WHOLE = st.sampled_from([Integers(0, 4), Integers(1, 9), Integers(2, 30, most=40), Integers(-3, 3), LogIntegers(4, 64, least=2)])
NUMBERS = st.one_of(REAL, SHARE, LOG, NEAR_ONE, REST, WHOLE)
SPACES = st.builds(
    lambda x, y, z, kind: Space(x=x, y=y, kind=Choice("plain", "other", opened=Space(z=z)) if kind else Choice("a", "b")),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.booleans(),
)


def ends(domain):
    return (domain.options[0], domain.options[-1]) if isinstance(domain, Choice) else (domain.value(0.0), domain.value(1.0))


def limits(domain):
    """The hard limits, worked out anew: those given, and the natural ones of the README."""
    if isinstance(domain, OneMinus):
        low, high = (1 - end for end in limits(domain.rest)[::-1])
        positive = domain.rest.low > 0 and domain.rest.logarithmic
        return (0 if domain.rest.high <= 1 else low), (math.nextafter(1, 0) if positive else high)
    low, high = ends(domain)
    natural = (0 if low >= 0 else -math.inf), (1 if low >= 0 and high <= 1 and isinstance(domain, Uniform) else math.inf)
    if isinstance(domain, LogUniform):
        natural = (math.nextafter(0, 1), math.inf)
    if isinstance(domain, Integers | LogIntegers):
        natural = (1 if low >= 1 else natural[0]), math.inf
    return (natural[0] if domain.least is None else domain.least), (natural[1] if domain.most is None else domain.most)


def beyond(first, wider):
    """The law as a check that reports: dimensions that do not hold the first range, or reach past its hard limits."""
    found = []
    for before, after in zip(first.dimensions, wider.dimensions, strict=True):
        if isinstance(before.domain, Choice):
            continue
        (low, high), (least, most) = ends(after.domain), limits(before.domain)
        if low > ends(before.domain)[0] or high < ends(before.domain)[1] or low < least or high > most:
            found.append(after.label)
    return found


def close(one, other):
    return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def misplaced(wider, box, kept, margin, moves):
    """The law as a check that reports: dimensions of the box that reach to another place than the rules say."""
    found = [] if moves or all(point in box for point in kept) else ["a kept point"]
    moved = {move.label: move.side for move in moves}
    within = dict(zip(((each.name, each.when) for each in box.dimensions), box.dimensions, strict=True))
    units = np.array([wider.units(point) for point in kept])
    for number, (label, each) in enumerate(zip(wider.labels, wider.dimensions, strict=True)):
        there = units[:, number][~np.isnan(units[:, number])]
        if not len(there) or (each.name, each.when) not in within:
            continue
        low, high = ends(within[each.name, each.when].domain)
        if isinstance(each.domain, Choice):
            options = set(within[each.name, each.when].domain.options)
            right = options == {point[each.name] for point in kept if each.name in point}
        elif label in moved:
            at, side = units[0, number], moved[label]
            inner = each.domain.value(min(1, at + margin) if side == "low" else max(0, at - margin))
            right = (low, high) == (ends(each.domain)[0], high) if side == "low" else high == ends(each.domain)[1]
            right = right and close(high if side == "low" else low, inner)
        else:
            right = close(low, each.domain.value(max(0, there.min() - margin)))
            right = right and close(high, each.domain.value(min(1, there.max() + margin)))
        found += [] if right else [label]
    return found


def check(space, rows, margin, widen, keep):
    """Complaints of both laws while a space is narrowed again and again, each time round points of its own."""
    tune = Tune(space, Round(1, 1), margin=margin, widen=widen)
    whole, found = space, []
    for units in rows:
        points = [whole.point(row[: len(whole)]) for row in units]
        wider, box, moves = narrow(tune, whole, points, [4.0, 3.0, None, 1.0], keep, lambda name, value: True)
        kept = [points[k] for k in (0, 1, 3)[:keep]]
        found += beyond(space, wider) + beyond(whole, wider) + misplaced(wider, box, kept, margin, moves)
        whole = wider
    return found


ROWS = [st.lists(st.tuples(*[unit] * 5), min_size=4, max_size=4) for unit in (st.floats(0, 1), st.sampled_from([0.0, 1.0]))]


@settings(max_examples=80, deadline=None)
@given(
    space=SPACES,
    rows=st.lists(st.one_of(ROWS), min_size=1, max_size=4),
    margin=st.floats(0.001, 0.5),
    widen=st.sampled_from([0, 0.5, 10]),
    keep=st.integers(1, 3),
)
def test_boxes_hold_what_was_kept_and_ranges_stay_inside_their_hard_limits(space, rows, margin, widen, keep):
    assert check(space, rows, margin, widen, keep) == []


@pytest.mark.parametrize("fault", ["half the margin", "no limits", "another range"])
def test_the_laws_of_boxes_report_a_planted_fault(monkeypatch, fault):
    rows = [[[0.4], [0.6], [0.1], [0.5]], [[1.0], [0.9], [0.5], [0.95]]]
    assert check(Space(x=Uniform(0.25, 0.75)), rows, 0.1, 0.5, keep=2) == []
    honest = Space.around
    if fault == "half the margin":
        monkeypatch.setattr(Space, "around", lambda self, points, margin: honest(self, points, margin / 2))
    else:
        after = Uniform(0.25, 1.5) if fault == "no limits" else Uniform(0.5, 1)
        monkeypatch.setattr("hpsearch.search.box._widened", lambda dimension, *rest: after)
    assert set(check(Space(x=Uniform(0.25, 0.75)), rows, 0.1, 0.5, keep=2)) == {"x"}


ROUNDS = (Round(24, 1), Round(16, 2), Round(12, 4))


def search(space, score, rounds=ROUNDS, accepts=lambda name, value: True, **changes):
    return unfold(Tune(space, rounds, **changes), Known(lambda ask: score(ask.point)), accepts)


@pytest.mark.parametrize(
    ("domain", "score", "after"),
    [
        (Uniform(2, 4), lambda x: x, Uniform(2, 5)),
        (Uniform(2, 4), lambda x: -x, Uniform(1, 4)),
        (LogUniform(1e-2, 1), lambda x: x, LogUniform(1e-2, 10)),
        (Integers(1, 8), lambda x: x, Integers(1, 12)),
        (Uniform(0.5, 0.9), lambda x: x, Uniform(0.5, 1.0)),
        (OneMinus(10 ** Uniform(-2, -1)), lambda x: x, OneMinus(10 ** Uniform(-2.5, -1))),
        (LogUniform(1e-2, 1, most=2), lambda x: x, LogUniform(1e-2, 2, most=2)),
    ],
)
def test_a_best_point_at_an_end_widens_it_by_half_and_the_next_points_go_out_there(domain, score, after):
    done = search(Space(x=domain), lambda point: score(point["x"]))
    round_ = next(round_ for round_ in done.rounds if any(step.moves for step in round_.steps))
    place, step = next((n, step) for n, step in enumerate(round_.steps) if step.moves)
    (move,) = step.moves
    assert (move.label, move.before) == ("x", domain)
    assert ends(move.after) == pytest.approx(ends(after))
    stop = round_.steps[place + 1].start if place + 1 < len(round_.steps) else len(round_.asks)
    values = [ask.point["x"] for ask in round_.asks[step.start : stop]]
    assert all(value in step.box["x"] for value in values)
    assert any(value not in domain for value in values)
    assert set(ends(step.box["x"])) & set(ends(move.after)) == {ends(move.after)[move.side == "high"]}


def test_a_range_whose_end_is_refused_is_not_widened():
    space, total = Space(x=Uniform(2, 4), y=Uniform(2, 4)), lambda point: point["x"] + point["y"]
    done = search(space, total, accepts=lambda name, value: name == "y" or value <= 4)
    assert {move.label for round_ in done.rounds for step in round_.steps for move in step.moves} == {"y"}
    refused = search(Space(x=Uniform(2, 4)), lambda point: point["x"], accepts=lambda name, value: value <= 4)
    assert {(each.kind, each.side) for round_ in refused.rounds for each in round_.verdicts} == {("edge", "high")}


def kinds(space, score, seed=0, **changes):
    """Verdicts of all rounds, by label, in order."""
    done = search(space, score, seed=seed, **changes)
    return {label: [each for round_ in done.rounds for each in round_.verdicts if each.label == label] for label in space.labels}


MONOTONE = [(Space(x=Uniform(1, 2, most=5)), 1, 5), (Space(x=10 ** Uniform(-2, 0, least=-4)), -1, 1e-4)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("space", "sign", "hard"), MONOTONE)
def test_a_range_too_small_for_a_monotone_function_widens_until_the_hard_limit(space, sign, hard, seed):
    said = kinds(space, lambda point: sign * point["x"], seed, rounds=(Round(16, 1),) * 5)["x"]
    assert {each.kind for each in said} <= {"widened", "edge", "limit"}
    assert {each.side for each in said} == {"high" if sign > 0 else "low"}
    assert said[-1].kind == "limit"
    assert ends(said[-1].domain)[sign > 0] == pytest.approx(hard)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [3, 4, 6, 10])
def test_the_largest_of_a_few_whole_numbers_lies_at_an_end_and_widens_it(most, seed):
    said = kinds(Space(layers=Integers(1, most)), lambda point: point["layers"], seed)["layers"]
    assert {(each.kind, each.side) for each in said} <= {("widened", "high"), ("edge", "high")}
    assert said[-1].domain.high > most


@pytest.mark.parametrize("seed", range(5))
def test_the_top_of_a_parabola_lies_inside(seed):
    said = kinds(Space(x=Uniform(-1, 1), y=Uniform(-1, 1)), lambda point: -((point["x"] - 0.2) ** 2) - point["y"] ** 2, seed)
    assert {each.kind for each in (*said["x"], *said["y"])} == {"inside"}


def test_a_best_point_at_an_end_with_no_points_left_is_said_to_lie_there():
    (said,) = kinds(Space(x=Uniform(2, 4)), lambda point: point["x"], rounds=(Round(7, 1),), proposals="grid")["x"]
    assert (said.kind, said.side, said.domain) == ("edge", "high", Uniform(2, 4))


def test_a_parameter_without_effect_is_mostly_called_flat_and_a_strong_one_never():
    draw = random.Random(0)
    space = Space(strong=Uniform(-1, 1), idle=Uniform(-1, 1))
    found = {"strong": Counter(), "idle": Counter()}
    for seed in range(40):
        said = kinds(space, lambda point: -(point["strong"] ** 2) + draw.gauss(0, 0.05), seed, rounds=(Round(24, 1),), widen=0)
        for label in found:
            found[label][said[label][0].kind] += 1
    assert found["strong"] == {"inside": 40}
    assert found["idle"]["flat"] > 0.5 * (40 - found["idle"]["edge"])


def test_options_have_no_verdict_and_neither_has_what_the_best_point_does_not_hold():
    space = Space(kind=Choice("plain", sgd=Space(momentum=Uniform(0, 1))), x=Uniform(-1, 1))
    assert {label: bool(said) for label, said in kinds(space, lambda p: (p["kind"] == "plain") - p["x"] ** 2).items()} == {
        "kind": False,
        "momentum": False,
        "x": True,
    }
