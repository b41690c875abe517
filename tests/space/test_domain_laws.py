"""Laws that hold for every domain there is, found by scanning ``hpsearch.space.domains``; a new domain is under them at once."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from hpsearch.space import Choice, Domain, Integers, LogIntegers, LogUniform, OneMinus, Uniform, domains
from hpsearch.values import from_json, to_json

KINDS = [
    kind
    for name, kind in vars(domains).items()
    if isinstance(kind, type) and issubclass(kind, Domain) and kind is not Domain and not name.startswith("_")
]


def ends(low, high, least_ratio=1.0):
    numbers = st.floats(low, high, allow_nan=False, allow_subnormal=False)
    return st.tuples(numbers, numbers).map(sorted).filter(lambda pair: pair[1] - pair[0] > least_ratio * max(map(abs, pair)) * 1e-6)


def whole(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted).filter(lambda pair: pair[0] < pair[1])


OPTIONS = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.tuples(st.integers(0, 3), st.integers(0, 3)), st.none())
UNIFORM = ends(-1e6, 1e6).map(lambda pair: Uniform(*pair))
LOG_UNIFORM = ends(1e-12, 1e12).map(lambda pair: LogUniform(*pair))
EXAMPLES = {
    Uniform: UNIFORM,
    LogUniform: LOG_UNIFORM,
    Integers: whole(-(2**40), 2**40).map(lambda pair: Integers(*pair)),
    LogIntegers: whole(1, 2**40).map(lambda pair: LogIntegers(*pair)),
    Choice: st.lists(OPTIONS, min_size=1, max_size=8, unique=True).map(lambda options: Choice(*options)),
    OneMinus: st.one_of(ends(-10, 10), ends(1e-6, 1.0)).map(
        lambda pair: OneMinus(LogUniform(*pair) if pair[0] > 0 else Uniform(*pair))
    ),
}
UNITS = st.floats(0, 1)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def drawn(data, kind):
    return data.draw(EXAMPLES[kind])


def rank(domain, value):
    """A number that grows along the domain."""
    return domain.options.index(value) if isinstance(domain, Choice) else value


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
@settings(max_examples=50, deadline=None)
def test_a_value_is_found_again_at_its_own_coordinate(kind, data, unit):
    assert breaks_round_trip(drawn(data, kind), unit) is None


@pytest.mark.parametrize("domain", [Uniform(0, 4), LogUniform(0.1, 10), Integers(1, 9), Choice(*"abc")])
def test_the_round_trip_law_reports_a_planted_fault(domain, monkeypatch):
    honest = type(domain).unit
    monkeypatch.setattr(type(domain), "unit", lambda self, value: honest(self, value) / 2)
    assert breaks_round_trip(domain, 0.9) is not None


@every_kind
@given(data=st.data(), one=UNITS, other=UNITS)
@settings(max_examples=50, deadline=None)
def test_values_grow_with_the_coordinate(kind, data, one, other):
    domain = drawn(data, kind)
    low, high = (rank(domain, domain.value(unit)) for unit in sorted((one, other)))
    assert low <= high


@every_kind
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_both_ends_are_reached_and_belong(kind, data):
    domain = drawn(data, kind)
    if isinstance(domain, Choice):
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
    assert np.shape(domain.values(np.zeros((2, 3)))) == (2, 3)


@every_kind
@given(data=st.data(), unit=UNITS)
@settings(max_examples=25, deadline=None)
def test_a_value_is_plain_python_and_not_of_numpy(kind, data, unit):
    assert not isinstance(drawn(data, kind).value(unit), np.ndarray | np.generic)


@every_kind
@given(data=st.data(), marks=st.lists(UNITS, min_size=4, max_size=4).map(sorted), unit=UNITS)
@settings(max_examples=50, deadline=None)
def test_a_part_lies_inside_and_a_wider_part_holds_it(kind, data, marks, unit):
    domain = drawn(data, kind)
    assume(marks[2] - marks[1] > 1e-3)
    inner, outer = domain.within(marks[1], marks[2]), domain.within(marks[0], marks[3])
    value = inner.value(unit)
    assert value in domain
    if not isinstance(domain, Choice | OneMinus):
        assert domain.value(0.0) <= outer.value(0.0) <= inner.value(0.0) <= value
        assert value <= inner.value(1.0) <= outer.value(1.0) <= domain.value(1.0)
    else:
        low, high = rank(domain, outer.value(0.0)), rank(domain, outer.value(1.0))
        assert low <= rank(domain, value) <= high


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
    names = {each.__name__: each for each in KINDS}
    printed = eval(repr(domain), names)
    assert printed == domain
    assert hash(printed) == hash(domain)


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
    [(Uniform(1, 2), False), (LogUniform(1, 2), True), (Integers(1, 2), False), (LogIntegers(1, 2), True), (Choice(1), False)],
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
