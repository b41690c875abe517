"""Domains a few numbers wide, boxes without a margin, and options that the record could not tell apart."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.errors import Refused
from hpsearch.space import Choice, Constant, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform

STARTS = st.floats(1e-300, 1e300, allow_nan=False)


def up(value, steps):
    for _ in range(steps):
        value = math.nextafter(value, math.inf)
    return value


def narrow(low, steps):
    return [Uniform(low, up(low, steps)), LogUniform(low, up(low, steps)), Uniform(-up(low, steps), -low)]


def domains(low, steps):
    small = min(max(low, 1e-9), 0.5)
    return [*narrow(low, steps), OneMinus(LogUniform(small, up(small, steps))), OneMinus(Uniform(small, up(small, steps)))]


@settings(deadline=None, max_examples=40)
@given(STARTS, st.integers(1, 5), st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_a_domain_a_few_numbers_wide_keeps_the_laws(low, steps, units):
    for domain in domains(low, steps):
        values = [domain.value(u) for u in sorted(units)]
        assert values == sorted(values)
        assert all(value in domain for value in values)
        back = [domain.unit(value) for value in values]
        assert all(0 <= unit <= 1 for unit in back)
        assert back == sorted(back)
    for domain in narrow(low, steps):
        assert (domain.unit(domain.low), domain.unit(domain.high)) == (0, 1)


@settings(deadline=None, max_examples=40)
@given(STARTS, st.integers(1, 5), st.floats(0, 1), st.floats(0, 1), st.floats(0, 3))
def test_every_part_of_it_is_a_domain_inside_it(low, steps, a, b, beyond):
    for domain in domains(low, steps):
        first, last = sorted((a, b))
        for part in (domain.within(first, last), domain.reach(first, last)):
            assert part.value(0.0) in domain
            assert part.value(1.0) in domain
        wider = domain.reach(-beyond, 1 + beyond)
        assert wider.value(0.0) <= wider.value(1.0)


WIDE = [Uniform(0.1, 7), LogUniform(1e-6, 10), OneMinus(LogUniform(1e-3, 0.5)), OneMinus(Uniform(0.1, 0.5)), Integers(1, 9),
        LogIntegers(1, 900), Choice("a", "b", "c"), Constant(3)]  # fmt: skip


@pytest.mark.parametrize("domain", WIDE, ids=repr)
@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.sampled_from([0, 1e-300, 1e-9, 0.1]))
def test_a_box_holds_the_points_it_is_drawn_round(domain, units, margin):
    points = [{"x": domain.value(unit)} for unit in units]
    box = Space(x=domain).around(points, margin=margin)
    for point in points:
        assert point["x"] in box["x"], box
        assert 0 <= box["x"].unit(point["x"]) <= 1
    if domain.varies:
        assert len(box) == 1  # a search goes on in as many dimensions


@settings(deadline=None, max_examples=40)
@given(STARTS, st.integers(1, 5), st.lists(st.floats(0, 1), min_size=1, max_size=3), st.sampled_from([0, 0.1]))
def test_a_box_in_a_narrow_domain_holds_them_too(low, steps, units, margin):
    for domain in domains(low, steps):
        points = [{"x": domain.value(unit)} for unit in units]
        box = Space(x=domain).around(points, margin=margin)
        assert all(point["x"] in box["x"] for point in points)


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_a_margin_is_zero_or_more(margin):
    with pytest.raises(Refused, match="the margin around the points is a share of the unit interval, 0 or more, got"):
        Space(x=Uniform(0, 1)).around([{"x": 0.5}], margin=margin)


def test_a_reach_wholly_beyond_a_hard_limit_leaves_that_limit():
    assert Uniform(0.5, 1, most=1).reach(2, 3) == Choice(1.0)


@pytest.mark.parametrize(
    "option", [math.inf, -math.inf, math.nan, (1, math.inf), ((math.nan,),), object(), int, b"x", {1}.__class__]
)
def test_what_cannot_be_recorded_is_no_option(option):
    with pytest.raises(Refused, match="Choice has an option that cannot be recorded"):
        Choice("a", option)
    with pytest.raises(Refused):
        Constant(option)


@pytest.mark.parametrize("options", [(1, True), (1, 1.0), (0, False), (0.0, -0.0), ((1,), (True,)), ("a", "a")])
def test_options_that_are_equal_are_refused(options):
    with pytest.raises(Refused, match="Choice needs different options"):
        Choice(*options)


def test_options_that_only_look_alike_are_two():
    assert Choice("1", 1).options == ("1", 1)
    assert Choice("None", None, "nan", "True", 2).unit(None) == 0.3


@pytest.mark.parametrize("kind", [Uniform, LogUniform, Integers, LogIntegers])
@pytest.mark.parametrize(
    "ends", [(1, 10**400), (1, "2"), ("1", 2), (1, None), (True, 2), (1, math.nan), (1, math.inf), (2, 1), (1, 1), (1, 2j)]
)
def test_ends_that_are_no_numbers_are_refused_in_a_sentence(kind, ends):
    with pytest.raises(Refused, match=rf"^{kind.__name__} needs "):
        kind(*ends)


@pytest.mark.parametrize("low", [0, -0.0, -1])
def test_a_logarithm_begins_above_zero(low):
    with pytest.raises(Refused, match="LogUniform needs 0 < low < high"):
        LogUniform(low, 1)
    with pytest.raises(Refused, match=r"LogIntegers needs 0 < low < high|LogIntegers needs whole numbers"):
        LogIntegers(low, 8)


def test_minus_zero_is_zero():
    assert Uniform(-0.0, 1) == Uniform(0.0, 1)
    assert Uniform(-0.0, 1).floor == 0
    assert Uniform(-1, -0.0).value(1.0) == 0
