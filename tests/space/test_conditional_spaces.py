"""A choice may open a space: what exists, what is drawn, what is kept, and what is refused."""

import json
import math
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpsearch.errors import Refused
from hpsearch.space import Choice, Constant, Dimension, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
from hpsearch.values import from_json, to_json

SPACE = Space(
    optimiser=Choice(
        "plain",
        sgd=Space(momentum=Uniform(0, 1), learning_rate=10 ** Uniform(-2, 0), nesterov=Choice(True, False)),
        adam=Space(beta2=OneMinus(10 ** Uniform(-4, -1)), learning_rate=10 ** Uniform(-4, -2), amsgrad=Constant(True)),
    ),
    depth=Integers(2, 9),
    batch=Constant(128),
)
DOMAINS = [
    Uniform(-1, 2),
    10 ** Uniform(-3, 0),
    Integers(1, 6),
    LogIntegers(1, 64),
    OneMinus(10 ** Uniform(-2, -1)),
    Choice("step", "cosine", None),
    Constant(7),
]


@st.composite
def spaces(draw, depth=2, prefix="x"):
    """Spaces of one to three parameters, some of them choices whose branches may use the same names."""
    named = {}
    for number in range(draw(st.integers(1, 3))):
        name = f"{prefix}{number}"
        opened = draw(st.lists(spaces(depth - 1, f"{name}_"), max_size=2)) if depth else []
        branches = {f"opens{k}": space for k, space in enumerate(opened)}
        plain = draw(st.sampled_from([(), ("plain",), ("plain", 3)]))
        named[name] = Choice(*plain, **branches) if branches else draw(st.sampled_from(DOMAINS))
    return Space(**named)


@st.composite
def spaces_with_rows(draw, most=6):
    space = draw(spaces())
    rows = st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space))
    return space, draw(st.lists(rows, min_size=1, max_size=most))


def existing(space, point):
    """The names that exist in a point, by the definition: all of the top, and all of each branch that was chosen."""
    names = {name for name, _ in space.domains}
    for name, domain in space.domains:
        for option, branch in getattr(domain, "spaces", ()):
            if point[name] == option:
                names |= existing(branch, point)
    return names


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == (pytest.approx(value) if isinstance(value, float) else value)


@settings(max_examples=40, deadline=None)
@given(spaces_with_rows())
def test_a_point_holds_exactly_the_parameters_that_exist_there(drawn):
    space, rows = drawn
    for row in rows:
        point = space.point(row)
        assert point.keys() == existing(space, point)
        assert point in space
        assert set(space.names) >= point.keys()


@settings(max_examples=40, deadline=None)
@given(spaces_with_rows())
def test_a_point_is_found_again_at_its_own_coordinates_which_are_nan_where_nothing_exists(drawn):
    space, rows = drawn
    for row in rows:
        point = space.point(row)
        units = space.units(point)
        same(point, space.point(units))
        there = [all(point.get(name) == option for name, option in each.when) for each in space.dimensions]
        assert [not math.isnan(unit) for unit in units] == there


@settings(max_examples=40, deadline=None)
@given(spaces_with_rows(most=9))
def test_columns_of_points_are_the_points_one_by_one(drawn):
    space, rows = drawn
    columns = space.points(np.array(rows).reshape(len(rows), len(space)))
    assert columns.keys() == set(space.names)
    for number, row in enumerate(rows):
        line = {name: column.tolist()[number] for name, column in columns.items()}
        point = space.point(row)
        assert {name: value for name, value in line.items() if name in point} == point
        assert all(value is None for name, value in line.items() if name not in point)


@settings(max_examples=40, deadline=None)
@given(spaces_with_rows(), st.floats(0.01, 0.4), st.randoms(use_true_random=False))
def test_a_box_holds_its_points_and_stays_inside(drawn, margin, random):
    space, rows = drawn
    points = [space.point(row) for row in rows]
    box = space.around(points, margin)
    assert all(point in box for point in points)
    for _ in range(5):
        assert box.point([random.random() for _ in range(len(box))]) in space
    for before, after in zip(space.domains, box.domains, strict=True):
        assert before[0] == after[0]
        if isinstance(before[1], Choice):
            seen = {point[before[0]] for point in points}
            assert after[1].options == tuple(option for option in before[1].options if option in seen)


@settings(max_examples=30, deadline=None)
@given(spaces_with_rows(), st.floats(-1, 0), st.floats(1, 2))
def test_a_space_that_reaches_further_holds_what_it_held(drawn, low, high):
    space, rows = drawn
    wider = space.reach({number: (low, high) for number in range(len(space))})
    assert len(wider) == len(space)
    assert all(space.point(row) in wider for row in rows)
    assert space.reach({}) == space
    assert space.reach({number: (0.0, 1.0) for number in range(len(space))}) == space


@settings(max_examples=30, deadline=None)
@given(spaces_with_rows(most=1), st.data())
def test_only_the_dimension_that_is_replaced_changes(drawn, data):
    space, _ = drawn
    if not len(space):
        return
    number = data.draw(st.integers(0, len(space) - 1))
    after = space.replaced(number, Integers(-3, -1))
    place = {(each.name, each.when): each.domain for each in after.dimensions}
    gone = {each for each in space.dimensions if (each.name, each.when) not in place}
    target = space.dimensions[number]
    assert place.pop((target.name, target.when)) == Integers(-3, -1)
    inside = (*target.when, target.name)
    assert all((*each.when[: len(target.when)], each.when[len(target.when)][0]) == inside for each in gone)
    outer = {name for name, _ in target.when}
    for each in space.dimensions:
        if each is not target and each not in gone and each.name not in outer:
            assert place[each.name, each.when] == each.domain


@settings(max_examples=30, deadline=None)
@given(spaces())
def test_a_space_travels_as_json_prints_as_python_and_labels_each_dimension_once(space):
    kinds = {kind.__name__: kind for kind in (Space, Choice, Constant, Uniform, LogUniform, Integers, LogIntegers, OneMinus)}
    assert from_json(json.loads(json.dumps(to_json(space)))) == space
    printed = eval(repr(space), kinds)
    assert printed == space
    assert hash(printed) == hash(space)
    assert len(set(space.labels)) == len(space.labels) == len(space) == len(space.dimensions)
    assert all(label.split(" (")[0] == each.name for label, each in zip(space.labels, space.dimensions, strict=True))


def test_dimensions_are_sorted_and_each_choice_stands_before_what_it_opens():
    sgd, adam = (("optimiser", "sgd"),), (("optimiser", "adam"),)
    assert [(each.name, each.when) for each in SPACE.dimensions] == [
        ("depth", ()),
        ("optimiser", ()),
        ("learning_rate", sgd),
        ("momentum", sgd),
        ("nesterov", sgd),
        ("beta2", adam),
        ("learning_rate", adam),
    ]
    assert SPACE.dimensions[0] == Dimension("depth", Integers(2, 9))
    assert SPACE.labels[2] == "learning_rate (optimiser=sgd)"
    assert SPACE.labels[3] == "momentum"
    assert SPACE.names == ("amsgrad", "batch", "beta2", "depth", "learning_rate", "momentum", "nesterov", "optimiser")
    assert [name for name, _ in SPACE.domains] == ["batch", "depth", "optimiser"]


def test_labels_tell_the_same_name_apart_however_deep():
    inner = {option: Space(kind=Choice("p", q=Space(x=Uniform(0, 1)))) for option in "ab"}
    assert Space(top=Choice(**inner)).labels == (
        "top", "kind (top=a)", "x (top=a, kind=q)", "kind (top=b)", "x (top=b, kind=q)",
    )  # fmt: skip


def test_constants_lie_over_every_point_and_take_no_coordinate():
    space = Space(batch=Constant(128), rate=Uniform(0, 1))
    assert space.point((0.5,)) == {"batch": 128, "rate": 0.5}
    assert space.units({"batch": 128, "rate": 0.5}) == (0.5,)
    assert space.points([[0.5], [1.0]])["batch"].tolist() == [128, 128]
    assert Space(batch=Constant(128)).point(()) == {"batch": 128}
    assert len(Space(batch=Constant(128))) == 0
    assert SPACE.point([math.nan if each.when else 0.1 for each in SPACE.dimensions])["batch"] == 128


def test_positional_and_named_options_stand_in_the_order_they_were_written():
    choice = SPACE["optimiser"]
    assert choice.options == ("plain", "sgd", "adam")
    assert [option for option, _ in choice.spaces] == ["sgd", "adam"]
    assert Choice(options=("sgd", "plain"), spaces=(("sgd", Space(x=Uniform(0, 1))),)).options == ("sgd", "plain")


def test_a_name_is_looked_up_at_the_top_and_then_in_the_branches():
    assert SPACE["depth"] == Integers(2, 9)
    assert SPACE["momentum"] == Uniform(0, 1)
    assert SPACE["amsgrad"] == Constant(True)
    shared = {option: Space(x=Uniform(0, 1)) for option in "ab"}
    assert Space(kind=Choice(**shared))["x"] == Uniform(0, 1)


def test_a_box_round_points_narrows_the_branches_that_were_chosen_and_drops_the_others():
    points = [{"kind": "b", "x": 0.5, "y": 1.0}, {"kind": "a", "y": 3.0}]
    opened = Choice("a", "c", b=Space(x=Uniform(0, 1)), d=Space(z=Uniform(0, 1)))
    box = Space(kind=opened, y=Uniform(0, 4)).around(points, 0.25)
    assert box == Space(kind=Choice("a", b=Space(x=Uniform(0.25, 0.75))), y=Uniform(0, 4))
    alone = Space(kind=opened, y=Uniform(0, 4)).around(points[:1], 0.25)
    assert alone["kind"] == Choice(b=Space(x=Uniform(0.25, 0.75)))


def test_a_part_of_a_choice_keeps_what_its_options_open():
    opened = Choice("a", b=Space(x=Uniform(0, 1)), c=Space(x=Uniform(0, 2)))
    assert opened.within(0.4, 0.6) == Choice(b=Space(x=Uniform(0, 1)))
    assert opened.reach(-1, 0.5) == Choice("a", b=Space(x=Uniform(0, 1)))


def test_a_dimension_inside_a_branch_widens_alone():
    number = SPACE.labels.index("learning_rate (optimiser=sgd)")
    wider = SPACE.reach({number: (-0.5, 1.0), 1: (0.5, 1.0)})
    assert wider["optimiser"].options == ("sgd", "adam")
    rate, other = (each.domain for each in wider.dimensions if each.name == "learning_rate")
    assert (rate.low, rate.high) == pytest.approx((1e-3, 1))
    assert other == 10 ** Uniform(-4, -2)


def test_a_choice_that_loses_options_does_not_shift_what_is_widened_with_it():
    space = Space(kind=Choice(a=Space(x=Uniform(0, 4)), b=Space(y=Uniform(0, 4))), z=Uniform(0, 4))
    assert space.labels == ("kind", "x", "y", "z")
    wider = space.reach({0: (0.6, 1.0), 2: (0.0, 2.0), 3: (0.0, 1.5)})
    assert wider == Space(kind=Choice(b=Space(y=Uniform(0, 8))), z=Uniform(0, 6))


def test_options_and_what_they_open_are_drawn_evenly():
    columns = SPACE.points(np.random.default_rng(4).random((6000, len(SPACE))))
    assert stats.chisquare([np.sum(columns["optimiser"] == option) for option in ("plain", "sgd", "adam")]).pvalue > 0.01
    momentum = columns["momentum"]
    assert {option for option, value in zip(columns["optimiser"], momentum, strict=True) if value is not None} == {"sgd"}
    assert stats.kstest(np.array([value for value in momentum if value is not None]), stats.uniform(0, 1).cdf).pvalue > 0.01
    rates = {option: columns["learning_rate"][columns["optimiser"] == option].astype(float) for option in ("sgd", "adam")}
    assert stats.kstest(np.log10(rates["sgd"]), stats.uniform(-2, 2).cdf).pvalue > 0.01
    assert stats.kstest(np.log10(rates["adam"]), stats.uniform(-4, 2).cdf).pvalue > 0.01
    assert set(columns["amsgrad"][columns["optimiser"] == "adam"]) == {True}


def test_a_million_points_of_a_conditional_space_are_drawn_at_once():
    columns = SPACE.points(np.random.default_rng(0).random((1_000_000, len(SPACE))))
    assert columns["depth"].dtype == np.int64
    assert columns["momentum"].shape == (1_000_000,)
    assert 0.33 < np.mean(columns["optimiser"] == "plain") < 0.34


POINT = {"optimiser": "sgd", "momentum": 0.5, "learning_rate": 0.1, "nesterov": True, "depth": 3, "batch": 128}


@pytest.mark.parametrize(
    "change",
    [
        {"momentum": 1.5},
        {"momentum": None},
        {"optimiser": "rmsprop"},
        {"batch": 64},
        {"beta2": 0.99},
        {"unknown": 1},
        {"learning_rate": 1e-3},
        {"depth": 2.5},
    ],
)
def test_a_point_with_one_wrong_thing_is_not_in_the_space(change):
    assert POINT in SPACE
    assert {**POINT, **change} not in SPACE


@pytest.mark.parametrize("name", sorted(POINT))
def test_a_point_that_lacks_one_thing_is_not_in_the_space(name):
    assert {key: value for key, value in POINT.items() if key != name} not in SPACE


@pytest.mark.parametrize("other", [None, 3, "optimiser", ("depth",), [0.5] * 7])
def test_what_is_no_mapping_is_not_in_a_space(other):
    assert other not in SPACE


def nested(depth):
    """Choices in choices, each opening the next."""
    numbers = count()
    space = Space(x=Uniform(0, 1))
    for _ in range(depth):
        space = Space(**{f"k{next(numbers)}": Choice("stop", go=space)})
    return space


def test_conditions_go_to_any_depth():
    space = nested(12)
    assert space.dimensions[-1].name == "x"
    assert len(space.dimensions[-1].when) == 12
    assert space.point([1.0] * 13)["x"] == 1.0
    assert len(space.point([1.0] * 5 + [0.0] * 8)) == 6


BELOW = Space(x=Uniform(0, 1))
REFUSED = [
    (lambda: Space(x=Uniform(0, 1), k=Choice(a=BELOW)), "a point could hold 'x' twice, as x (k=a) and as x: rename one"),
    (lambda: Space(x=Choice(a=BELOW)), "a point could hold 'x' twice, as x and as x (x=a): rename one"),
    (
        lambda: Space(j=Choice(a=BELOW), k=Choice(a=BELOW)),
        "a point could hold 'x' twice, as x (j=a) and as x (k=a): rename one",
    ),
    (
        lambda: SPACE["learning_rate"],
        "'learning_rate' is ambiguous: there are learning_rate (optimiser=sgd) and learning_rate (optimiser=adam); "
        "look it up in space.dimensions",
    ),
    (lambda: SPACE["momentun"], "the space has no parameter 'momentun': did you mean 'momentum'?"),
    (
        lambda: SPACE.without("momentum"),
        "'momentum' is in a branch of 'optimiser', where .without cannot reach it: write 'optimiser' without it",
    ),
    (
        lambda: SPACE | Space(momentum=Uniform(0, 1)),
        "a point could hold 'momentum' twice, as momentum and as momentum (optimiser=sgd): rename one",
    ),
    (lambda: SPACE.point([math.nan] * 7), "a unit coordinate lies in [0, 1], got nan"),
    (lambda: SPACE.point([0.5] * 6), "a point of this space has 7 coordinates, got 6"),
    (lambda: SPACE.points([[0.5] * 6]), "points of this space need coordinates of shape (points, 7), got (1, 6)"),
    (lambda: SPACE.points([0.5] * 7), "points of this space need coordinates of shape (points, 7), got (7,)"),
    (lambda: BELOW.points([[0.5], [1.5]]), "a unit coordinate lies in [0, 1], got 1.5"),
    (lambda: BELOW.points([[0.5], [math.nan]]), "a unit coordinate lies in [0, 1], got nan"),
    (lambda: SPACE.units({"batch": 128, "depth": 3}), "the point lacks 'optimiser', it has batch, depth"),
    (lambda: SPACE.units({"depth": 3, "optimiser": "plain"}), "the point lacks 'batch', it has depth, optimiser"),
    (lambda: SPACE.units({}), "the point lacks 'depth', it has nothing"),
    (lambda: SPACE.units({**POINT, "batch": 64}), "64 is not 128, the constant 'batch' of the space"),
    (lambda: SPACE.units({**POINT, "optimiser": "x"}), "'x' is not one of ('plain', 'sgd', 'adam')"),
    (lambda: SPACE.around([POINT, {"depth": 3}]), "the point lacks 'optimiser', it has depth"),
    (lambda: SPACE.replaced(7, Uniform(0, 1)), "the dimensions of this space are 0 to 6, got 7"),
    (lambda: SPACE.reach({-1: (0, 1)}), "the dimensions of this space are 0 to 6, got -1"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_nonsense_is_refused_with_a_remedy(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message


def test_a_column_of_nan_is_fine_where_nothing_exists():
    rows = np.full((3, len(SPACE)), math.nan)
    rows[:, :2] = 0.1
    assert SPACE.points(rows)["momentum"].tolist() == [None, None, None]
