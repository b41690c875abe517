"""A space is its named domains, in whatever order they were written."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.errors import Refused
from hpsearch.space import Choice, Integers, LogUniform, OneMinus, Space, Uniform
from hpsearch.values import from_json, to_json

SPACE = Space(
    learning_rate=10 ** Uniform(-3, 0),
    momentum=OneMinus(10 ** Uniform(-2, -1)),
    layers=Integers(1, 6),
    schedule=Choice("step", "cosine", "flat"),
)
UNIT = st.floats(0, 1)
UNITS = st.tuples(UNIT, UNIT, UNIT, UNIT)


def test_spaces_are_equal_however_they_were_written_down():
    assert Space(a=Uniform(0, 1), b=Integers(1, 2)) == Space(b=Integers(1, 2), a=Uniform(0, 1))
    assert hash(Space(a=Uniform(0, 1), b=Integers(1, 2))) == hash(Space([("b", Integers(1, 2)), ("a", Uniform(0, 1))]))
    assert Space(a=Uniform(0, 1)) != Space(a=Uniform(0, 2))


def test_a_space_travels_as_json_and_prints_as_python():
    names = {kind.__name__: kind for kind in (Space, LogUniform, OneMinus, Integers, Choice)}
    assert from_json(json.loads(json.dumps(to_json(SPACE)))) == SPACE
    assert eval(repr(SPACE), names) == SPACE


def test_names_are_sorted_and_lead_to_their_domains():
    assert SPACE.names == ("layers", "learning_rate", "momentum", "schedule")
    assert len(SPACE) == 4
    assert SPACE["layers"] == Integers(1, 6)


@given(units=UNITS)
def test_a_point_is_found_again_at_its_own_coordinates(units):
    point = SPACE.point(units)
    again = SPACE.point(SPACE.units(point))
    assert {name: again[name] for name in ("layers", "schedule")} == {name: point[name] for name in ("layers", "schedule")}
    assert again["learning_rate"] == pytest.approx(point["learning_rate"])
    assert again["momentum"] == pytest.approx(point["momentum"])


def test_columns_of_points_are_the_points_one_by_one():
    rows = np.random.default_rng(3).random((7, 4))
    columns = SPACE.points(rows)
    assert [{name: column.tolist()[n] for name, column in columns.items()} for n in range(7)] == [SPACE.point(row) for row in rows]


def test_two_spaces_join_and_may_share_a_domain():
    left, right = Space(a=Uniform(0, 1), b=Integers(1, 2)), Space(b=Integers(1, 2), c=Choice("x", "y"))
    assert left | right == Space(a=Uniform(0, 1), b=Integers(1, 2), c=Choice("x", "y"))
    assert left | right == right | left


def test_two_spaces_that_disagree_do_not_join():
    with pytest.raises(Refused) as refused:
        Space(a=Uniform(0, 1)) | Space(a=Uniform(0, 2))
    assert str(refused.value) == (
        "both spaces have 'a', as Uniform(low=0, high=1) and as Uniform(low=0, high=2): drop one with .without('a')"
    )


def test_without_takes_parameters_away():
    assert SPACE.without("momentum", "schedule") == Space(layers=Integers(1, 6), learning_rate=LogUniform(1e-3, 1))


@settings(max_examples=40, deadline=None)
@given(units=st.lists(UNITS, min_size=1, max_size=5), margin=st.floats(0.001, 0.5))
def test_a_box_round_points_holds_them_and_stays_inside(units, margin):
    points = [SPACE.point(row) for row in units]
    box = SPACE.around(points, margin)
    assert box.names == SPACE.names
    for name, domain in box.domains:
        assert all(point[name] in domain for point in points), name
        assert domain.value(0.0) in SPACE[name]
        assert domain.value(1.0) in SPACE[name]


def test_a_box_is_wider_by_the_margin_and_clipped_to_the_space():
    space = Space(x=Uniform(0, 10), rate=10 ** Uniform(-4, 0))
    box = space.around([{"x": 0.5, "rate": 1e-2}, {"x": 2.0, "rate": 1e-2}], margin=0.25)
    assert box["x"] == Uniform(0, 4.5)
    assert (box["rate"].low, box["rate"].high) == pytest.approx((1e-3, 1e-1))


REFUSED = [
    (lambda: Space(), "a Space needs at least one domain, as in Space(learning_rate=10 ** Uniform(-3, 0))"),
    (lambda: Space(a=3), "a=3 is not a domain: write Uniform(low, high), 10 ** Uniform(...), Choice(...)"),
    (lambda: Space(a=(0, 1)), "a=(0, 1) is not a domain: write Uniform(low, high), 10 ** Uniform(...), Choice(...)"),
    (lambda: Space([("a", Uniform(0, 1))], a=Uniform(0, 1)), "a Space names each parameter once, got ['a', 'a']"),
    (lambda: SPACE["learning_rat"], "the space has no parameter 'learning_rat': did you mean 'learning_rate'?"),
    (lambda: SPACE.without("moment"), "the space has no parameter 'moment': did you mean 'momentum'?"),
    (lambda: SPACE.without(*SPACE.names), "a Space needs at least one domain, as in Space(learning_rate=10 ** Uniform(-3, 0))"),
    (lambda: SPACE.point((0.5,)), "a point of this space has 4 coordinates, got 1"),
    (lambda: Space(a=Uniform(0, 1)).units({"a": 2}), "2 lies outside Uniform(low=0, high=1)"),
    (lambda: SPACE.around([]), "a box can only be drawn around at least one point"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_nonsense_is_refused_with_a_remedy(build, message):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == message
