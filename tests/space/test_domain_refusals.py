"""What a domain refuses, and the words it says it with."""

import math

import pytest

from hpsearch.errors import Refused
from hpsearch.space import Choice, Constant, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform

SPACE = Space(x=Uniform(0, 1))
REFUSED = [
    (lambda: Uniform(1, 1), "Uniform needs low < high, got low=1, high=1"),
    (lambda: Uniform(2, 1), "Uniform needs low < high, got low=2, high=1"),
    (lambda: Uniform(math.nan, 1), "Uniform needs finite ends, got low=nan, high=1"),
    (lambda: Uniform(0, math.inf), "Uniform needs finite ends, got low=0, high=inf"),
    (lambda: Uniform(-1e308, 1e308), "Uniform needs a finite width, got low=-1e+308, high=1e+308"),
    (lambda: LogUniform(0, 1), "LogUniform needs 0 < low < high, got low=0, high=1"),
    (lambda: LogUniform(-1, 1), "LogUniform needs 0 < low < high, got low=-1, high=1"),
    (lambda: LogUniform(2, 1), "LogUniform needs 0 < low < high, got low=2, high=1"),
    (lambda: LogUniform(math.nan, 1), "LogUniform needs 0 < low < high, got low=nan, high=1"),
    (lambda: LogUniform(1, math.nan), "LogUniform needs 0 < low < high, got low=1, high=nan"),
    (lambda: LogUniform(1, math.inf), "LogUniform needs 0 < low < high, got low=1, high=inf"),
    (lambda: 1 ** Uniform(0, 1), "base ** Uniform(low, high) needs a base above 1, got 1"),
    (lambda: 10 ** Uniform(-400, 0), "LogUniform needs 0 < low < high, got low=0.0, high=1.0"),
    (lambda: 10 ** Uniform(0, 400), "10 ** Uniform(low=0, high=400) goes beyond the largest number, 1.8e308: lower high"),
    (lambda: Integers(1, 2.5), "Integers needs whole numbers, got low=1, high=2.5"),
    (lambda: Integers(False, True), "Integers needs whole numbers, got low=False, high=True"),
    (lambda: Integers(4, 4), "Integers needs low < high, got low=4, high=4"),
    (lambda: Integers(0, 2**41), "Integers needs ends between -2**40 and 2**40, got low=0, high=2199023255552"),
    (lambda: LogIntegers(0, 9), "LogIntegers needs 0 < low < high, got low=0, high=9"),
    (lambda: LogIntegers(3, 3), "LogIntegers needs 0 < low < high, got low=3, high=3"),
    (lambda: LogIntegers(1, True), "LogIntegers needs whole numbers, got low=1, high=True"),
    (lambda: LogIntegers(1, 10**30), f"LogIntegers needs ends between -2**40 and 2**40, got low=1, high={10**30}"),
    (lambda: Choice(), "Choice needs at least one option"),
    (lambda: Choice("a", "b", "a"), "Choice needs different options, got ('a', 'b', 'a')"),
    (lambda: Choice(1, 1.0), "Choice needs different options, got (1, 1.0)"),
    (lambda: Choice(["a", "b"]), "Choice needs options that can be hashed, as in Choice(\"a\", \"b\"), got (['a', 'b'],)"),
    (lambda: OneMinus(Integers(1, 2)), "OneMinus takes Uniform or 10 ** Uniform, got Integers(low=1, high=2)"),
    (lambda: OneMinus(0.1), "OneMinus takes Uniform or 10 ** Uniform, got 0.1"),
    (lambda: 0.5 ** Uniform(0, 1), "base ** Uniform(low, high) needs a base above 1, got 0.5"),
    (
        lambda: Uniform(0, 1, least=0.5),
        "Uniform needs least <= low and high <= most, got low=0, high=1, least=0.5, most=None: move the hard limits outwards",
    ),
    (
        lambda: LogUniform(0.1, 1, most=0.5),
        "LogUniform needs least <= low and high <= most, got low=0.1, high=1, least=None, most=0.5: move the hard limits outwards",
    ),
    (
        lambda: Integers(1, 4, most=3),
        "Integers needs least <= low and high <= most, got low=1, high=4, least=None, most=3: move the hard limits outwards",
    ),
    (
        lambda: LogIntegers(2, 4, least=3),
        "LogIntegers needs least <= low and high <= most, got low=2, high=4, least=3, most=None: move the hard limits outwards",
    ),
    (
        lambda: Uniform(0, 1, most=math.inf),
        "Uniform needs finite hard limits, or None for the natural ones, got least=None, most=inf",
    ),
    (
        lambda: LogUniform(0.1, 1, least=math.nan),
        "LogUniform needs finite hard limits, or None for the natural ones, got least=nan, most=None",
    ),
    (
        lambda: LogUniform(0.1, 1, least=0),
        "LogUniform needs least above 0, got least=0: leave it out for the smallest positive number",
    ),
    (lambda: LogIntegers(1, 4, least=0), "LogIntegers needs least of at least 1, got least=0: leave it out for 1"),
    (lambda: Integers(1, 4, most=8.5), "Integers needs whole numbers, got most=8.5"),
    (lambda: Integers(1, 4, least=False), "Integers needs whole numbers, got least=False"),
    (lambda: Integers(1, 4, most=2**41), "Integers needs ends between -2**40 and 2**40, got most=2199023255552"),
    (
        lambda: 10 ** Uniform(0, 1, most=400),
        "10 ** Uniform(low=0, high=1, most=400) goes beyond the largest number, 1.8e308: lower most",
    ),
    (
        lambda: 10 ** Uniform(0, 1, least=-400),
        "LogUniform needs least above 0, got least=0.0: leave it out for the smallest positive number",
    ),
    (lambda: Choice(sgd=0.9), "Choice(sgd=...) needs the space that the option opens, as in Space(x=...), got 0.9"),
    (lambda: Choice("sgd", sgd=SPACE), "Choice needs different options, got ('sgd', 'sgd')"),
    (lambda: Choice(options=SPACE), '"options" and "spaces" are reserved by Choice: give the option another name'),
    (lambda: Choice("a", spaces=SPACE), '"options" and "spaces" are reserved by Choice: give the option another name'),
    (lambda: Constant([1]), "Constant needs a value that can be hashed, such as a tuple, got [1]"),
]

OUTSIDE = [
    (Uniform(0, 1), 1.5, "1.5 lies outside Uniform(low=0, high=1)"),
    (Uniform(0, 1), math.nan, "nan lies outside Uniform(low=0, high=1)"),
    (LogUniform(1, 2), 0.0, "0.0 lies outside LogUniform(low=1, high=2)"),
    (Integers(1, 4), 5, "5 lies outside Integers(low=1, high=4)"),
    (Integers(1, 4), 2.5, "2.5 is not a whole number, as Integers(low=1, high=4) needs"),
    (LogIntegers(1, 4), 2.5, "2.5 is not a whole number, as LogIntegers(low=1, high=4) needs"),
    (Choice("a", "b"), "c", "'c' is not one of ('a', 'b')"),
    (Uniform(0, 1), "0.5", "'0.5' is not a number, as Uniform(low=0, high=1) needs"),
    (Integers(0, 1), None, "None is not a number, as Integers(low=0, high=1) needs"),
    (OneMinus(LogUniform(0.01, 0.1)), "x", "'x' is not a number, as OneMinus(rest=LogUniform(low=0.01, high=0.1)) needs"),
    (Constant(0.9), 0.8, "0.8 is not 0.9, the constant of the space"),
    (OneMinus(LogUniform(0.01, 0.1)), 0.5, "0.5 lies outside LogUniform(low=0.01, high=0.1)"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_nonsense_is_refused_when_the_domain_is_built(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message


@pytest.mark.parametrize(("domain", "value", "message"), OUTSIDE, ids=[message[:60] for *_, message in OUTSIDE])
def test_a_value_outside_has_no_coordinate_and_does_not_belong(domain, value, message):
    assert value not in domain
    with pytest.raises(Refused) as refused:
        domain.unit(value)
    assert str(refused.value) == message


@pytest.mark.parametrize("unit", [-0.01, 1.01, math.nan])
def test_a_coordinate_outside_the_unit_interval_is_refused(unit):
    with pytest.raises(Refused) as refused:
        Uniform(0, 1).value(unit)
    assert str(refused.value) == f"a unit coordinate lies in [0, 1], got {unit}"
