"""Laws that hold for every domain there is, found by scanning ``hpsearch.space``; a new domain is under them at once."""

import importlib
import json
import math
import pkgutil
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

import hpsearch.space
from hpsearch.errors import Refused
from hpsearch.space import Choice, Constant, Domain, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
from hpsearch.values import from_json, to_json

MODULES = [importlib.import_module(f"hpsearch.space.{each.name}") for each in pkgutil.iter_modules(hpsearch.space.__path__)]
KINDS = sorted(
    {
        kind
        for module in MODULES
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Domain) and kind is not Domain and not name.startswith("_")
    },
    key=lambda kind: kind.__name__,
)
LARGEST = 2**40


def ends(low, high):
    numbers = st.floats(low, high, allow_nan=False, allow_subnormal=False)
    return st.tuples(numbers, numbers).map(sorted).filter(lambda pair: pair[1] - pair[0] > max(map(abs, pair)) * 1e-6)


def whole(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted).filter(lambda pair: pair[0] < pair[1])


@st.composite
def limited(draw, kind, pairs, lowest, highest):
    """A range, in half of the cases with a hard limit below, in half with one above, sometimes at the very end."""
    low, high = draw(pairs)
    numbers = st.integers if isinstance(low, int) else lambda a, b: st.floats(a, b, allow_subnormal=False)
    least = draw(st.none() | st.just(low) | numbers(lowest, low))
    most = draw(st.none() | st.just(high) | numbers(high, highest))
    return kind(low, high, least=least, most=most)


OPTIONS = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.tuples(st.integers(0, 3), st.integers(0, 3)), st.none())
FEW = st.lists(OPTIONS, min_size=1, max_size=8, unique=True)
BRANCHES = st.dictionaries(st.sampled_from(["sgd", "adam"]), st.just(Space(x=Uniform(0, 1))), max_size=2)
FAMILY = {  # some that were once worth a thought, beside those that are drawn
    Uniform: [Uniform(-3, 7.5), Uniform(0, 1), Uniform(0.2, 0.9, most=0.9)],
    LogUniform: [LogUniform(1e-6, 10), 10 ** Uniform(-1.6, -0.1), LogUniform(1e-300, 1e300)],
    Integers: [Integers(-2, 9), Integers(0, 1), Integers(1, 2, most=2)],
    LogIntegers: [LogIntegers(1, 4096), LogIntegers(3, 4, least=2)],
    Choice: [Choice("step", "cosine", None, 3), Choice(True), Choice("plain", sgd=Space(momentum=Uniform(0, 1)))],
    Constant: [Constant(0.1), Constant(None), Constant(("a", 2))],
    OneMinus: [OneMinus(10 ** Uniform(-1.5, -0.5)), OneMinus(Uniform(0, 1)), OneMinus(LogUniform(0.01, 0.5, least=1e-3, most=2))],
}
DRAWN = {
    Uniform: limited(Uniform, ends(-1e6, 1e6) | ends(0, 1), -2e6, 2e6),
    LogUniform: limited(LogUniform, ends(1e-12, 1e12), 1e-13, 1e13),
    Integers: limited(Integers, whole(-LARGEST, LARGEST) | whole(0, 9), -LARGEST, LARGEST),
    LogIntegers: limited(LogIntegers, whole(1, LARGEST) | whole(1, 9), 1, LARGEST),
    Choice: st.builds(
        lambda options, named: Choice(*options, **named), FEW.filter(lambda few: not {"sgd", "adam"} & set(few)), BRANCHES
    ),
    Constant: OPTIONS.map(Constant),
    OneMinus: st.one_of(
        limited(Uniform, ends(-10, 10) | ends(0, 1), -20.0, 20.0), limited(LogUniform, ends(1e-6, 1.0) | ends(0.1, 9), 1e-7, 10.0)
    ).map(OneMinus),
}
EXAMPLES = {kind: st.sampled_from(FAMILY[kind]) | DRAWN[kind] for kind in FAMILY}
UNITS = st.floats(0, 1)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def drawn(data, kind):
    return data.draw(EXAMPLES[kind])


def listed(domain):
    """Whether the domain is a list of options, which has no order and never widens."""
    return isinstance(domain, Choice | Constant)


def rank(domain, value):
    """A number that grows along the domain."""
    return domain.options.index(value) if listed(domain) else value


def extremes(domain):
    return domain.value(0.0), domain.value(1.0)


def limits(domain):
    """Both hard limits; no limit is the largest number, which is how it is written down."""
    return max(domain.floor, -sys.float_info.max), min(domain.ceiling, sys.float_info.max)


def near(a, b):
    return a == b if not isinstance(a, float) else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def breaks_round_trip(domain, unit):
    """The law as a check that reports: what comes back where a value's own coordinate is read, None where it is the value."""
    value = domain.value(unit)
    back = domain.value(domain.unit(value))
    return None if near(value, back) else (value, back)


def test_the_family_has_examples_for_every_domain():
    assert set(KINDS) == set(EXAMPLES)


@every_kind
@given(data=st.data(), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_value_is_found_again_at_its_own_coordinate(kind, data, unit):
    assert breaks_round_trip(drawn(data, kind), unit) is None


@every_kind
@given(data=st.data(), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_value_belongs_to_its_domain(kind, data, unit):
    domain = drawn(data, kind)
    assert domain.value(unit) in domain


@every_kind
@given(data=st.data(), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_coordinate_lies_in_the_unit_interval(kind, data, unit):
    domain = drawn(data, kind)
    assert 0 <= domain.unit(domain.value(unit)) <= 1


@pytest.mark.parametrize("bad", [-0.001, 1.001, math.nan])
@every_kind
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_coordinate_outside_the_unit_interval_is_refused(kind, bad, data):
    with pytest.raises(Refused) as refused:
        drawn(data, kind).value(bad)
    assert str(refused.value) == f"a unit coordinate lies in [0, 1], got {bad}"


@pytest.mark.parametrize("domain", [Uniform(0, 4), LogUniform(0.1, 10), Integers(1, 9), Choice(*"abc")])
def test_the_round_trip_law_reports_a_planted_fault(domain, monkeypatch):
    honest = type(domain).unit
    monkeypatch.setattr(type(domain), "unit", lambda self, value: honest(self, value) / 2)
    assert breaks_round_trip(domain, 0.9) is not None


@every_kind
@given(data=st.data(), one=UNITS, other=UNITS)
@settings(max_examples=25, deadline=None)
def test_values_grow_with_the_coordinate(kind, data, one, other):
    domain = drawn(data, kind)
    low, high = (domain.value(unit) for unit in sorted((one, other)))
    assert rank(domain, low) <= rank(domain, high)
    assert domain.unit(low) <= domain.unit(high)


@every_kind
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_both_ends_are_reached_and_belong(kind, data):
    domain = drawn(data, kind)
    if listed(domain):
        first, last = domain.options[0], domain.options[-1]
    elif isinstance(domain, OneMinus):
        first, last = 1.0 - domain.rest.high, 1.0 - domain.rest.low
    else:
        first, last = domain.low, domain.high
    assert (domain.value(0.0), domain.value(1.0)) == (first, last)
    assert first in domain
    assert last in domain


@every_kind
@given(data=st.data(), units=st.lists(UNITS, min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_many_values_at_once_are_the_values_one_by_one(kind, data, units):
    domain = drawn(data, kind)
    assert list(domain.values(np.array(units))) == [domain.value(unit) for unit in units]
    grid = np.linspace(0, 1, 12).reshape(3, 4)
    assert domain.values(grid).tolist() == [[domain.value(unit) for unit in row] for row in grid.tolist()]


@every_kind
@given(data=st.data(), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_value_is_plain_python_and_not_of_numpy(kind, data, unit):
    assert not isinstance(drawn(data, kind).value(unit), np.ndarray | np.generic)


@every_kind
@given(data=st.data(), marks=st.lists(UNITS, min_size=4, max_size=4).map(sorted), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_part_lies_inside_and_a_wider_part_holds_it(kind, data, marks, unit):
    domain = drawn(data, kind)
    assume(marks[2] - marks[1] > 1e-3)
    inner, outer = domain.within(marks[1], marks[2]), domain.within(marks[0], marks[3])
    value = inner.value(unit)
    assert value in domain
    places = [rank(domain, end) for end in (domain.value(marks[1]), value, domain.value(marks[2]))]
    assert places == sorted(places)
    nested = [*(part.value(0.0) for part in (domain, outer, inner)), value, *(part.value(1.0) for part in (inner, outer, domain))]
    assert [rank(domain, end) for end in nested] == sorted(rank(domain, end) for end in nested)


@every_kind
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_part_that_reaches_beyond_is_the_whole(kind, data):
    domain = drawn(data, kind)
    assert domain.within(-0.5, 1.5) == domain


@every_kind
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_domain_travels_as_json_and_prints_as_python(kind, data):
    domain = drawn(data, kind)
    assert from_json(json.loads(json.dumps(to_json(domain)))) == domain
    names = {each.__name__: each for each in (*KINDS, Space)}
    printed = eval(repr(domain), names)
    assert printed == domain
    assert hash(printed) == hash(domain)


@every_kind
@given(data=st.data(), marks=st.lists(UNITS, min_size=2, max_size=2).map(sorted))
@settings(max_examples=25, deadline=None)
def test_a_part_keeps_the_hard_limits(kind, data, marks):
    domain = drawn(data, kind)
    assume(marks[1] - marks[0] > 1e-3)
    part = domain.within(*marks)
    assert listed(part) or limits(part) == limits(domain)


@every_kind
@given(data=st.data(), marks=st.lists(UNITS, min_size=2, max_size=2).map(sorted))
@settings(max_examples=25, deadline=None)
def test_inside_the_unit_interval_reach_is_within(kind, data, marks):
    domain = drawn(data, kind)
    assume(marks[1] - marks[0] > 1e-3)
    assert domain.reach(*marks) == domain.within(*marks)


def asked(domain, unit):
    """The value at any unit coordinate by the formulas of the docstrings, or the interval of whole numbers that may stand there."""
    if isinstance(domain, OneMinus):
        return tuple(1 - value for value in asked(domain.rest, 1 - unit))
    if isinstance(domain, LogUniform):
        exponent = math.log(domain.low) + unit * (math.log(domain.high) - math.log(domain.low))
        return (math.exp(exponent) if exponent < 709.78 else math.inf,) * 2
    if isinstance(domain, Uniform):
        return (domain.low + unit * (domain.high - domain.low),) * 2
    if isinstance(domain, Integers):
        place = domain.low + unit * (domain.high - domain.low + 1)
    else:
        low, high = domain.low - 0.5, domain.high + 0.5
        place = low * (high / low) ** unit + 0.5
    slack = 1e-6 + 1e-9 * abs(place)
    return place - 1 - slack, place + slack


def breaks_reach(domain, low, high):
    """The law as a check that reports: the ends that are not those asked for, nor the hard limit in their place."""
    far = domain.reach(low, high)
    floor, ceiling = limits(domain)
    wrong = []
    for end, unit in zip(extremes(far), (low, high), strict=True):
        least, most = (min(max(value, floor), ceiling) for value in asked(domain, unit))
        linear = isinstance(domain, Uniform | OneMinus)
        slack = 1e-9 * max(abs(least), abs(most), *(map(abs, extremes(domain)) if linear else ()))
        if not (least - slack <= end <= most + slack and floor <= end <= ceiling):
            wrong.append((unit, end, (least, most)))
    return wrong


NUMBERS = [kind for kind in KINDS if kind not in (Choice, Constant)]


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.__name__)
@given(data=st.data(), low=st.floats(-3, 0), high=st.floats(1, 4), unit=UNITS)
@settings(max_examples=40, deadline=None)
def test_a_range_widens_as_asked_and_never_past_its_hard_limits(kind, data, low, high, unit):
    domain = drawn(data, kind)
    assert breaks_reach(domain, low, high) == []
    far = domain.reach(low, high)
    assert domain.value(unit) in far
    assert limits(far) == limits(domain)


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.__name__)
@given(
    data=st.data(), low=st.sampled_from([-5e-324, -1e-300, -1e-17, -1e-12]), high=st.sampled_from([math.nextafter(1, 2), 1 + 1e-12])
)
@settings(max_examples=40, deadline=None)
def test_no_rounding_makes_a_range_narrower_that_should_widen_a_little(kind, data, low, high):
    domain = drawn(data, kind)
    far = domain.reach(low, high)
    assert all(end in far for end in extremes(domain))


def test_the_reach_law_reports_a_planted_fault(monkeypatch):
    honest = Uniform._beyond
    monkeypatch.setattr(Uniform, "_beyond", lambda self, unit: honest(self, unit / 2))
    assert len(breaks_reach(Uniform(10, 12), -1, 2)) == 2
    monkeypatch.setattr(Uniform, "_beyond", honest)
    monkeypatch.setattr(Uniform, "_natural", lambda self: (-math.inf, math.inf))
    monkeypatch.setitem(globals(), "limits", lambda domain: (0, 1))
    assert len(breaks_reach(Uniform(0.1, 0.9), -1, 2)) == 2


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.__name__)
@given(data=st.data(), low=st.floats(-3, 0), high=st.floats(1, 4))
@settings(max_examples=25, deadline=None)
def test_an_end_is_hard_exactly_where_it_cannot_move_on(kind, data, low, high):
    far = drawn(data, kind).reach(low, high)
    wider = far.reach(-1.0, 2.0)
    if isinstance(far, OneMinus):  # so near 1 only the rest can tell
        assert (far.low_is_hard, far.high_is_hard) == (far._bounded.high_is_hard, far._bounded.low_is_hard)
        far, wider = far._bounded, wider._bounded
    still = [math.isclose(*pair, rel_tol=2e-12) for pair in zip(extremes(far), extremes(wider), strict=True)]
    assert [far.low_is_hard, far.high_is_hard] == still


@every_kind
@given(data=st.data(), low=st.floats(-3, 0), high=st.floats(1, 4))
@settings(max_examples=25, deadline=None)
def test_lists_of_options_never_widen_and_both_their_ends_are_hard(kind, data, low, high):
    domain = drawn(data, kind)
    if listed(domain):
        assert domain.reach(low, high) == domain
        assert domain.low_is_hard
        assert domain.high_is_hard


@pytest.mark.parametrize(
    ("domain", "floor", "ceiling"),
    [
        (Uniform(0.1, 2), 0, math.inf),
        (Uniform(0, 0.5), 0, 1),
        (Uniform(0.5, 1), 0, 1),
        (Uniform(-0.1, 0.5), -math.inf, math.inf),
        (Uniform(0.1, 0.5, least=0.05, most=0.6), 0.05, 0.6),
        (LogUniform(1e-4, 1), sys.float_info.min, sys.float_info.max),
        (LogUniform(5e-324, 1), 5e-324, sys.float_info.max),
        (10 ** Uniform(-4, -1, least=-6, most=0), 1e-6, 1),
        (Integers(1, 6), 1, LARGEST),
        (Integers(0, 6), 0, LARGEST),
        (Integers(-1, 6), -LARGEST, LARGEST),
        (LogIntegers(8, 64), 1, LARGEST),
        (LogIntegers(8, 64, most=128), 1, 128),
        (OneMinus(10 ** Uniform(-2, -1)), 0, 1 - 2**-53),
        (OneMinus(LogUniform(0.1, 2)), -sys.float_info.max, 1 - 2**-53),
        (OneMinus(LogUniform(0.25, 0.5, least=0.125, most=0.75)), 0.25, 0.875),
        (OneMinus(Uniform(0.1, 0.5)), 0, 1),
    ],
)
def test_hard_limits_are_the_given_or_the_natural_ones(domain, floor, ceiling):
    assert (domain.floor, domain.ceiling) == (floor, ceiling)


def test_a_learning_rate_never_reaches_zero_a_momentum_never_one_and_a_dropout_never_passes_it():
    rate, momentum = 10 ** Uniform(-3, -1), OneMinus(10 ** Uniform(-2, -1))
    for _ in range(12):
        rate, momentum = rate.reach(-9, 1), momentum.reach(-9, 9)
    assert rate.low == sys.float_info.min
    assert (momentum.value(0.0), momentum.value(1.0)) == (0, 1 - 2**-53)
    assert Uniform(0.1, 0.5).reach(-9, 9) == Uniform(0.0, 1.0)


def test_a_narrowed_range_widens_again_to_the_limits_of_the_first():
    assert Uniform(-1, 1).within(0.75, 1).reach(-9, 1).low < -1
    assert Uniform(0, 4).within(0, 0.25).reach(0, 3).high == 3
    assert Integers(0, 9).within(0.3, 0.6).reach(-9, 1).low == 0
    assert OneMinus(LogUniform(0.5, 2)).within(0.6, 1).reach(-1, 1).value(0.0) < 0
    kept = Uniform(0.1, 0.9, least=0.05, most=0.95).within(0.25, 0.75)
    assert (kept.least, kept.most) == (0.05, 0.95)


def test_nothing_is_printed_or_written_of_limits_that_were_not_given():
    assert repr(Uniform(0, 1)) == "Uniform(low=0, high=1)"
    assert repr(Integers(1, 4, most=9)) == "Integers(low=1, high=4, most=9)"
    assert from_json({"is": "LogUniform", "low": 0.1, "high": 1}) == LogUniform(0.1, 1)
    assert from_json({"is": "Choice", "options": ["a", "b"]}) == Choice("a", "b")


@pytest.mark.parametrize("domain", [10 ** Uniform(-6, 1), LogUniform(3e-4, 0.7), LogUniform(1, 2)])
def test_draws_of_a_log_uniform_are_even_in_the_logarithm(domain):
    draws = domain.values(np.random.default_rng(1).random(4000))
    width = math.log(domain.high / domain.low)
    assert stats.kstest(np.log(draws), stats.uniform(math.log(domain.low), width).cdf).pvalue > 0.01
    assert stats.kstest(draws, stats.uniform(domain.low, domain.high - domain.low).cdf).pvalue < 0.01


def test_draws_of_one_minus_are_even_in_the_logarithm_of_the_distance_from_one():
    draws = OneMinus(10 ** Uniform(-3, -1)).values(np.random.default_rng(2).random(4000))
    assert stats.kstest(np.log10(1 - draws), stats.uniform(-3, 2).cdf).pvalue > 0.01
    assert draws.min() >= 0.9
    assert draws.max() <= 0.999


@pytest.mark.parametrize(
    ("domain", "members"), [(Integers(-2, 4), range(-2, 5)), (Choice(*"abcde"), "abcde"), (Choice(True, None), (True, None))]
)
def test_every_option_and_every_integer_gets_its_equal_share(domain, members):
    drawn = domain.values(np.random.default_rng(1).random(6000))
    assert stats.chisquare([np.sum(drawn == member) for member in members]).pvalue > 0.01
    middles = (np.arange(1000 * len(members)) + 0.5) / (1000 * len(members))
    assert Counter(domain.values(middles).tolist()) == dict.fromkeys(members, 1000)


def test_a_logarithmic_integer_has_the_share_from_half_below_to_half_above():
    domain, count = LogIntegers(1, 8), 100_000
    counts = Counter(domain.values((np.arange(count) + 0.5) / count).tolist())
    for n in range(1, 9):
        assert counts[n] / count == pytest.approx(math.log((n + 0.5) / (n - 0.5)) / math.log(8.5 / 0.5), abs=1e-4)


@given(a=st.integers(-12, 12), width=st.integers(1, 9))
def test_ten_to_the_uniform_is_the_log_uniform_of_the_powers(a, width):
    b = a + width
    assert 10 ** Uniform(a, b) == LogUniform(10.0**a, 10.0**b)
    assert hash(10 ** Uniform(a, b)) == hash(LogUniform(10.0**a, 10.0**b))


def test_another_base_spans_its_own_powers():
    assert 2 ** Uniform(3, 5) == LogUniform(8, 32)


@pytest.mark.parametrize(
    ("domain", "scale"),
    [
        (Uniform(1, 2), False),
        (LogUniform(1, 2), True),
        (Integers(1, 2), False),
        (LogIntegers(1, 2), True),
        (Choice(1), False),
        (Constant(1), False),
    ],
)
def test_only_the_logarithmic_domains_ask_for_a_logarithmic_axis(domain, scale):
    assert domain.logarithmic is scale


def test_options_may_be_tuples():
    domain = Choice((0.25, 0.5), (0.3, 0.6))
    assert [domain.value(0.0), domain.value(1.0)] == [(0.25, 0.5), (0.3, 0.6)]
    assert domain.unit((0.3, 0.6)) == 0.75


def test_one_integer_that_is_left_is_a_choice_of_one():
    assert Integers(1, 10).within(0.41, 0.45) == Choice(5)
    assert LogIntegers(1, 10).within(0.0, 0.1) == Choice(1)


def test_one_minus_of_a_value_too_near_one_to_be_told_apart_still_belongs():
    domain = OneMinus(LogUniform(1e-20, 0.5))
    assert domain.value(1.0) == 1.0
    assert 1.0 in domain
    assert domain.unit(1.0) == 1.0
