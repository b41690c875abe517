"""Spaces of Optuna and Ray Tune: what can be held comes back the same, what cannot is refused by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from ray import tune
from scipy import stats

from hpsearch.errors import Refused
from hpsearch.search.spaces_elsewhere import from_optuna, to_optuna
from hpsearch.space import Choice, Constant, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
from hpsearch.trials.ray_spaces import from_ray, to_ray

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
REALS = st.tuples(NUMBERS, NUMBERS).map(sorted).filter(lambda pair: pair[0] < pair[1])
WHOLE = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)).map(sorted).filter(lambda pair: pair[0] < pair[1])
OPTION = st.one_of(st.none(), st.booleans(), st.integers(2, 99), st.text(max_size=5))
DOMAINS = st.one_of(
    REALS.map(lambda pair: Uniform(*pair)),
    REALS.filter(lambda pair: pair[0] > 0).map(lambda pair: LogUniform(*pair)),
    WHOLE.map(lambda pair: Integers(*pair)),
    st.lists(OPTION, min_size=2, max_size=6, unique=True).map(lambda options: Choice(*options)),
    OPTION.map(Constant),
)
LOGARITHMIC_WHOLE = WHOLE.filter(lambda pair: pair[0] > 0).map(lambda pair: LogIntegers(*pair))


def spaces(domains):
    return st.dictionaries(st.text("abcxyz", min_size=1, max_size=4), domains, min_size=1, max_size=5).map(
        lambda named: Space(named.items())
    )


@settings(max_examples=50, deadline=None)
@given(spaces(DOMAINS | LOGARITHMIC_WHOLE))
def test_a_space_comes_back_from_optuna_the_same(space):
    assert from_optuna(to_optuna(space)) == space


@settings(max_examples=50, deadline=None)
@given(spaces(DOMAINS))
def test_a_space_comes_back_from_ray_the_same(space):
    assert from_ray(to_ray(space)) == space


@settings(max_examples=25, deadline=None)
@given(spaces(DOMAINS | LOGARITHMIC_WHOLE))
def test_with_losses_allowed_nothing_else_changes(space):
    assert to_optuna(space, lossy=True) == to_optuna(space)
    assert from_ray(to_ray(space, lossy=True), lossy=True) == space


def test_optuna_writes_natural_values():
    space = Space(
        a=10 ** Uniform(-2, 0), b=Uniform(0, 2), c=Integers(1, 4), d=LogIntegers(1, 9), e=Choice("x", None), f=Constant(3)
    )
    assert to_optuna(space) == {
        "a": FloatDistribution(0.01, 1, log=True),
        "b": FloatDistribution(0, 2),
        "c": IntDistribution(1, 4),
        "d": IntDistribution(1, 9, log=True),
        "e": CategoricalDistribution(("x", None)),
        "f": CategoricalDistribution((3,)),
    }


@pytest.mark.parametrize("domain", [Uniform(-1, 3), 10 ** Uniform(-3, 1), Integers(-2, 4), Choice("a", "b", "c")])
def test_ray_draws_what_we_draw(domain):
    theirs = to_ray(Space(x=domain))["x"].sample(size=4000, random_state=np.random.default_rng(1))
    ours = domain.values(np.random.default_rng(2).random(4000))
    if isinstance(domain, Choice | Integers):
        members = sorted(set(ours.tolist()))
        counts = [[list(each).count(member) for member in members] for each in (theirs, ours)]
        assert stats.chi2_contingency(counts).pvalue > 0.01
    else:
        assert stats.ks_2samp(theirs, ours).pvalue > 0.01


def test_ray_cuts_logarithmic_whole_numbers_elsewhere():
    """Why they are refused: the share of the first is 0.315 of Ray's draws and 0.388 of ours."""
    theirs = tune.lograndint(1, 9).sample(size=20_000, random_state=np.random.default_rng(1))
    ours = LogIntegers(1, 8).values(np.random.default_rng(2).random(20_000))
    assert np.mean(theirs == 1) == pytest.approx(np.log(2) / np.log(9), abs=0.015)
    assert np.mean(ours == 1) == pytest.approx(np.log(3) / np.log(17), abs=0.015)


def test_what_has_no_logarithm_of_the_rest_loses_nothing():
    assert from_optuna(to_optuna(Space(m=OneMinus(Uniform(0.25, 0.5))))) == Space(m=Uniform(0.5, 0.75))
    assert from_ray(to_ray(Space(m=OneMinus(Uniform(0.25, 0.5))))) == Space(m=Uniform(0.5, 0.75))


MOMENTUM = Space(momentum=OneMinus(10 ** Uniform(-2, -1)))
LIMITED = Space(rate=LogUniform(0.1, 1, most=2))
CONDITIONAL = Space(kind=Choice("a", b=Space(x=Uniform(0, 1), c=Constant(1)), d=Space(x=Uniform(0, 2))))
LOST = [
    (
        MOMENTUM,
        "'momentum' is uniform in the logarithm of 1 - momentum, which {} cannot hold: pass lossy=True to drop that and keep the range",
    ),
    (LIMITED, "'rate' has hard limits of 2.2250738585072014e-308 and 2, which {} cannot hold: pass lossy=True to drop that"),
    (
        Space(m=OneMinus(Uniform(2, 3))),
        "'m' has hard limits of -1.7976931348623157e+308 and 1.0, which {} cannot hold: pass lossy=True to drop that",
    ),
    (CONDITIONAL, "c (kind=b) exists only under its condition, which {} cannot hold: pass lossy=True to drop that"),
]


@pytest.mark.parametrize(("convert", "where"), [(to_optuna, "Optuna"), (to_ray, "Ray Tune")])
@pytest.mark.parametrize(("space", "message"), LOST, ids=["one minus", "hard limits", "natural limits", "conditions"])
def test_what_would_be_lost_is_refused_by_name(convert, where, space, message):
    with pytest.raises(Refused) as refused:
        convert(space)
    assert str(refused.value) == message.format(where)
    assert convert(space, lossy=True)


@pytest.mark.parametrize(("convert", "back"), [(to_optuna, from_optuna), (to_ray, from_ray)])
def test_with_losses_allowed_the_plain_ranges_stay(convert, back):
    assert back(convert(MOMENTUM, lossy=True)) == Space(momentum=Uniform(0.9, 0.99))
    assert back(convert(LIMITED, lossy=True)) == Space(rate=LogUniform(0.1, 1))
    assert back(convert(CONDITIONAL, lossy=True)) == Space(
        {"kind": Choice("a", "b", "d"), "c": Constant(1), "x (kind=b)": Uniform(0, 1), "x (kind=d)": Uniform(0, 2)}.items()
    )


def test_a_range_of_one_value_is_a_constant():
    assert from_optuna({"a": FloatDistribution(2, 2), "b": IntDistribution(3, 3), "c": CategoricalDistribution(("x",))}) == Space(
        a=Constant(2), b=Constant(3), c=Constant("x")
    )
    assert from_ray({"a": tune.randint(3, 4), "b": "adam"}) == Space(a=Constant(3), b=Constant("adam"))


SHARES = "log-uniform shares that are cut at whole numbers in Ray and half-way between them here: pass lossy=True to drop that"
REFUSED = [
    (
        lambda: to_optuna(Space(k=Choice((1, 2), (3, 4)))),
        "'k' has the option (1, 2); Optuna takes None, bool, int, float and str: use strings",
    ),
    (
        lambda: from_optuna({"x": FloatDistribution(0, 1, step=0.25)}),
        "'x' has step=0.25, which a range cannot hold: write Choice of its values",
    ),
    (
        lambda: from_optuna({"x": FloatDistribution(0, 4, step=1)}),
        "'x' has step=1.0, which a range cannot hold: write Choice of its values",
    ),
    (
        lambda: from_optuna({"n": IntDistribution(0, 8, step=2)}),
        "'n' has step=2, which a range cannot hold: write Choice of its values",
    ),
    (lambda: from_optuna({"x": 3}), "'x' is 3, which no domain of hpsearch can hold"),
    (lambda: to_ray(Space(n=LogIntegers(1, 8))), f"'n' has {SHARES}"),
    (lambda: from_ray({"n": tune.lograndint(1, 9)}), f"'n' has {SHARES}"),
    (
        lambda: from_ray({"x": tune.quniform(0, 1, 0.25)}),
        "'x' is rounded to multiples of 0.25, which a range cannot hold: write a choice of its values",
    ),
    (
        lambda: from_ray({"x": tune.qlograndint(2, 8, 2)}),
        "'x' is rounded to multiples of 2, which a range cannot hold: write a choice of its values",
    ),
    (lambda: from_ray({"x": tune.randn(0, 1)}), "'x' is drawn by Normal, which has no ends: write a range, as in tune.uniform"),
    (
        lambda: from_ray({"x": tune.sample_from(lambda spec: 1)}),
        "'x' is drawn by a function, which has no ends and no coordinate: write a range or a choice",
    ),
    (
        lambda: from_ray({"x": tune.grid_search([1, 2])}),
        "'x' is a grid, which runs every option once and is not a domain: write tune.choice(...)",
    ),
    (
        lambda: from_ray({"x": {"y": tune.uniform(0, 1)}}),
        "'x' is a nested dictionary; spaces here are flat: move its parameters to the top level",
    ),
    (lambda: from_ray({"x": [1, 2]}), "Constant needs a value that can be hashed, such as a tuple, got [1, 2]"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_what_cannot_be_held_is_refused_with_a_remedy(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message
