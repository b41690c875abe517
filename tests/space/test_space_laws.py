"""Laws every domain keeps, and spaces made of them."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpsearch.errors import Refused
from hpsearch.space import Choice, Domain, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform, domains
from hpsearch.values import from_json, to_json

FAMILY: list[Domain] = [
    Uniform(-3, 7.5),
    LogUniform(1e-6, 10),
    10 ** Uniform(-1.6, -0.1),
    Integers(-2, 9),
    LogIntegers(1, 4096),
    Choice("step", "cosine", None, 3),
    Choice(True),
    OneMinus(10 ** Uniform(-1.5, -0.5)),
    OneMinus(Uniform(0, 1)),
]
ids = [repr(domain) for domain in FAMILY]
units = st.floats(0, 1)
every = pytest.mark.parametrize("domain", FAMILY, ids=ids)


def test_the_family_is_whole() -> None:
    written = {cls for cls in vars(domains).values() if isinstance(cls, type) and issubclass(cls, Domain)}
    assert {cls for cls in written if cls is not Domain and not cls.__name__.startswith("_")} == {type(d) for d in FAMILY}


@every
@given(unit=units)
def test_a_value_comes_back_from_its_unit_coordinate(domain: Domain, unit: float) -> None:
    value = domain.value(unit)
    again = domain.value(domain.unit(value))
    assert again == value if not isinstance(value, float) else math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-12)
    assert value in domain


@every
@given(a=units, b=units)
def test_the_map_is_monotone(domain: Domain, a: float, b: float) -> None:
    low, high = (domain.unit(domain.value(u)) for u in sorted((a, b)))
    assert low <= high + 1e-12


@every
def test_many_at_once_are_the_same_as_one_by_one(domain: Domain) -> None:
    grid = np.linspace(0, 1, 101)
    assert list(domain.values(grid)) == [domain.value(float(u)) for u in grid]


@every
@given(a=units, b=units, u=units)
def test_a_part_lies_inside_the_whole(domain: Domain, a: float, b: float, u: float) -> None:
    low, high = sorted((a, b))
    if high - low > 1e-3:
        part = domain.within(low - 0.0, high)
        value = part.value(u)
        assert value in domain
        assert domain.unit(domain.value(low)) - 1e-9 <= domain.unit(value) <= domain.unit(domain.value(high)) + 1e-9


@every
def test_a_domain_travels_as_json_prints_and_hashes(domain: Domain) -> None:
    again = from_json(json.loads(json.dumps(to_json(domain))))
    assert again == domain
    assert hash(again) == hash(domain)
    assert type(domain).__name__ in repr(domain)


@pytest.mark.parametrize("bad", [-0.001, 1.001, float("nan")])
@every
def test_a_unit_coordinate_outside_is_refused(domain: Domain, bad: float) -> None:
    with pytest.raises(Refused, match="lies in"):
        domain.value(bad)


def test_the_ends_are_included() -> None:
    assert (Uniform(2, 4).value(0), Uniform(2, 4).value(1)) == (2, 4)
    assert (LogUniform(1e-5, 0.3).value(0), LogUniform(1e-5, 0.3).value(1)) == (1e-5, 0.3)
    assert {Integers(1, 3).value(u) for u in (0, 0.5, 1)} == {1, 2, 3}
    assert (OneMinus(10 ** Uniform(-2, -1)).value(0), OneMinus(10 ** Uniform(-2, -1)).value(1)) == (0.9, 0.99)


def test_draws_are_even_in_the_logarithm() -> None:
    drawn = (10 ** Uniform(-6, 1)).values(np.random.default_rng(0).random(5000))
    assert stats.kstest(np.log10(drawn), stats.uniform(-6, 7).cdf).pvalue > 0.01
    assert stats.kstest(drawn, stats.uniform(1e-6, 10).cdf).pvalue < 1e-9  # the law can tell
    near_one = 1 - OneMinus(10 ** Uniform(-3, -1)).values(np.random.default_rng(0).random(5000))
    assert stats.kstest(np.log10(near_one), stats.uniform(-3, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize(("domain", "count"), [(Integers(0, 4), 5), (Choice("a", "b", "c"), 3)])
def test_every_option_has_its_share(domain: Domain, count: int) -> None:
    drawn = domain.values(np.random.default_rng(1).random(6000))
    _, seen = np.unique(drawn.astype(str), return_counts=True)
    assert len(seen) == count
    assert stats.chisquare(seen).pvalue > 0.01


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Uniform(1, 1), "Uniform needs low < high, got low=1, high=1"),
        (lambda: Uniform(0, math.inf), "Uniform needs finite ends"),
        (lambda: Uniform(math.nan, 1), "Uniform needs finite ends"),
        (lambda: LogUniform(0, 1), "LogUniform needs 0 < low < high, got low=0, high=1"),
        (lambda: LogUniform(2, 1), "LogUniform needs 0 < low < high"),
        (lambda: Integers(1.5, 2), "Integers needs whole numbers, got low=1.5, high=2"),
        (lambda: Integers(False, True), "Integers needs whole numbers"),
        (lambda: LogIntegers(0, 4), "LogIntegers needs 0 < low < high"),
        (lambda: Choice(), "Choice needs at least one option"),
        (lambda: Choice("a", "a"), "Choice needs different options"),
        (lambda: OneMinus(Integers(0, 1)), "OneMinus takes Uniform or 10"),
        (lambda: 0.5 ** Uniform(0, 1), "needs a base above 1, got 0.5"),
        (lambda: Uniform(0, 1).unit(2), "2 lies outside Uniform"),
        (lambda: Choice("a").unit("b"), "'b' is not one of"),
        (lambda: Space(), "a Space needs at least one domain"),
        (lambda: Space(lr=0.1), "lr=0.1 is no domain"),
        (lambda: Space(rate=Uniform(0, 1))["rat"], "did you mean 'rate'"),
        (lambda: Space(lr=Uniform(0, 1)).without("momentum"), "no parameter 'momentum'"),
        (lambda: Space(lr=Uniform(0, 1)) | Space(lr=Uniform(0, 2)), "both spaces have 'lr'"),
        (lambda: Space(lr=Uniform(0, 1)).point((0.1, 0.2)), "has 1 coordinates, got 2"),
        (lambda: Space(lr=Uniform(0, 1)).around([]), "around at least one point"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(make, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def space() -> Space:
    return Space(lr=10 ** Uniform(-4, 0), layers=Integers(1, 6), kind=Choice("a", "b"))


def test_spaces_are_equal_however_written() -> None:
    assert Space(a=Uniform(0, 1), b=Uniform(0, 2)) == Space(b=Uniform(0, 2), a=Uniform(0, 1))
    assert Space(a=Uniform(0, 1)) | Space(b=Uniform(0, 2)) == Space(b=Uniform(0, 2), a=Uniform(0, 1))
    assert space().without("lr", "kind") == Space(layers=Integers(1, 6))
    assert from_json(json.loads(json.dumps(to_json(space())))) == space()


@given(st.lists(st.tuples(units, units, units), min_size=1, max_size=5), st.floats(0, 0.3))
def test_a_box_holds_its_points_and_stays_inside(points: list[tuple[float, float, float]], margin: float) -> None:
    whole = space()
    chosen = [whole.point(point) for point in points]
    box = whole.around(chosen, margin + 1e-6)
    for point in chosen:
        box.units(point)  # refused outside
    corner = box.point((1.0,) * 3)
    whole.units(corner)


def test_a_million_points_are_drawn_at_once() -> None:
    columns = space().points(np.random.default_rng(0).random((1_000_000, 3)))
    assert columns["lr"].shape == (1_000_000,)
    assert set(np.unique(columns["layers"])) == {1, 2, 3, 4, 5, 6}
