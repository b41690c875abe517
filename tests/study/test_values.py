"""Values travel as JSON, and their digest is their content."""

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field, make_dataclass
from enum import Enum, Flag, IntEnum
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.ablation import Trick
from hpsearch.errors import Refused
from hpsearch.values import Value, canonical, digest, from_json, to_json


class Shape(Enum):
    ROUND = 1
    FLAT = 2


class Act(str, Enum):  # noqa: UP042 (as people write it; a StrEnum has another text)
    RELU = "relu"
    GELU = "gelu"


class Depth(IntEnum):
    LOW = 1
    HIGH = 2


class Sides(Flag):
    LEFT = 1
    RIGHT = 2


@dataclass(frozen=True)
class Holder:
    first: Any
    second: Any = None


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
MEMBERS = st.sampled_from([*Shape, *Act, *Depth, *Sides, Sides.LEFT | Sides.RIGHT])
KEYS = st.integers(-9, 9) | st.text(max_size=3) | st.just("is") | MEMBERS
ANYTHING = st.recursive(
    PLAIN | MEMBERS | st.text("abc/", min_size=1, max_size=8).map(Path),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.frozensets(MEMBERS | st.text(max_size=3), max_size=3)
        | st.builds(Holder, inner, inner)
    ),
    max_leaves=8,
)
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)


@dataclass(frozen=True)
class Own:
    rate: float = 0.1
    drops: tuple[int, ...] = ()


@dataclass(frozen=True)
class Folder:
    path: str
    content: str

    def identity(self) -> dict[str, Any]:
        return {"content": self.content}


def helper() -> None:
    """Named in a record by its name."""


@given(value=NESTED)
def test_nests_of_plain_values_come_back_from_json(value):
    assert from_json(json.loads(json.dumps(to_json(value)))) == value


def typed(value):
    """A value with the type of every part, so that 1, 1.0, True and a member of an IntEnum are four things."""
    if isinstance(value, dict):
        return dict, sorted(((typed(key), typed(item)) for key, item in value.items()), key=repr)
    if isinstance(value, list | tuple):
        return type(value), [typed(item) for item in value]
    if isinstance(value, frozenset):
        return frozenset, sorted((typed(item) for item in value), key=repr)
    if isinstance(value, Holder):
        return Holder, typed(value.first), typed(value.second)
    return type(value), value


@given(value=ANYTHING)
def test_configs_as_people_write_them_come_back_with_their_types(value):
    data = json.loads(json.dumps(to_json(value)))
    again = from_json(data, known=(Shape, Act, Depth, Sides, Holder))
    assert typed(again) == typed(value)
    assert digest(again) == digest(value)
    assert to_json(again) == to_json(value)


def test_keys_that_json_would_make_alike_have_digests_of_their_own():
    alike = [{1: "a"}, {"1": "a"}, {Depth.LOW: "a"}, {Act.RELU: "a"}, {"relu": "a"}, {"is": "dict", "items": [[1, "a"]]}]
    assert len({digest(each) for each in alike}) == len(alike)
    assert digest({1: "a", "1": "b"}) != digest({1: "b", "1": "a"})


def test_a_member_of_an_enum_is_not_the_text_it_equals():
    assert Act.RELU == "relu"
    assert digest(Act.RELU) != digest("relu")
    assert digest(Path("a")) != digest("a")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float64(0.5), "np.float64(0.5) (float64) cannot be recorded as what it is: write float(...) round it"),
        (lambda: 0, "cannot be recorded: use numbers"),
        (b"x", "b'x' (bytes) cannot be recorded: use numbers"),
        (int, "<class 'int'> (type) cannot be recorded: use numbers"),
        (PurePosixPath("a"), "PurePosixPath('a') (PurePosixPath) cannot be recorded: use numbers"),
    ],
)
def test_what_would_not_come_back_as_it_is_is_refused(value, said):
    with pytest.raises(Refused) as refused:
        to_json({"a": (value,)})
    assert said in str(refused.value)


def test_a_class_is_found_where_its_module_has_another_name():
    data = json.loads(json.dumps(to_json((Own(0.5), Act.GELU))).replace(Own.__module__, "study_before"))
    assert from_json(data, known=(Own, Act)) == (Own(0.5), Act.GELU)
    with pytest.raises(Refused, match="no value class or function is named 'study_before:Own'"):
        from_json(data, known=(Act,))


def test_fields_at_their_defaults_are_no_part_of_a_digest():
    text = canonical(Own())
    assert text == '{"is":"Own"}'
    assert canonical(Own(drops=(1,))) == '{"drops":[1],"is":"Own"}'
    assert canonical(Holder(Own(), Own(0.1, ()))) == '{"first":{"is":"Own"},"is":"Holder","second":{"is":"Own"}}'
    assert digest(make_dataclass("Own", [("rate", float, 0.1), ("more", int, 3)], frozen=True)(0.5)) == digest(Own(0.5))
    assert digest(make_dataclass("Own", [("rate", float, 1.0)])(True)) != digest(make_dataclass("Own", [("rate", float, 1.0)])(1))
    assert digest(make_dataclass("Own", [("rate", list, field(default_factory=list))])([])) == digest(Own())


@given(value=NESTED)
def test_the_digest_survives_the_journey_through_json(value):
    assert digest(from_json(json.loads(json.dumps(to_json(value))))) == digest(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    for write in (to_json, canonical):
        with pytest.raises(Refused, match=f"a value must be finite to be recorded, got {value}"):
            write({"a": (1, value)})


def test_what_json_cannot_hold_is_refused_by_name():
    with pytest.raises(Refused) as refused:
        to_json({1, 2})
    assert (
        str(refused.value)
        == "{1, 2} (set) cannot be recorded: use numbers, texts, paths, members of an Enum, functions at the top of a file, tuples, "
        "or frozen dataclasses of them"
    )


def test_one_and_one_point_nought_are_one_setting_and_true_is_another():
    assert canonical({"a": 1}) == canonical({"a": 1.0}) == '{"a":1}'
    assert digest(1) == digest(1.0) != digest(True)
    assert digest(0) == digest(-0.0) != digest(False)
    assert digest(0.5) != digest(0.5000001)
    assert digest("1") != digest(1)


def test_the_order_of_members_and_the_kind_of_sequence_do_not_matter():
    assert digest({"a": 1, "b": (1, 2)}) == digest({"b": [1, 2], "a": 1})
    assert digest((1, 2)) != digest((2, 1))


def test_data_stands_by_its_content():
    assert digest(Folder("/here", "cats")) == digest(Folder("/there", "cats")) != digest(Folder("/here", "dogs"))


def test_classes_with_equal_members_differ():
    assert digest(Own()) != digest({"rate": 0.1, "drops": ()})
    assert json.loads(canonical(Own()))["is"] == "Own"


def test_own_classes_and_functions_come_back_when_they_are_named():
    data = json.loads(json.dumps(to_json((Own(0.5, (1, 2)), helper))))
    assert from_json(data, known=(Own, helper)) == (Own(0.5, (1, 2)), helper)


def test_reading_json_never_imports(monkeypatch):
    # importing antigravity would open a browser
    for data in ({"is": "antigravity:fly"}, {"is": "function", "name": "antigravity:fly"}, {"is": "os:system", "command": "true"}):
        before = set(sys.modules)
        with pytest.raises(Refused, match="no value class or function is named"):
            from_json(data)
        assert set(sys.modules) == before
    assert "antigravity" not in sys.modules


def test_a_misspelt_class_is_named_with_the_near_one():
    with pytest.raises(Refused, match="no value class or function is named 'Trik': did you mean 'Trick'"):
        from_json({"is": "Trik", "name": "a"})


def test_two_value_classes_of_one_name_are_an_error():
    with pytest.raises(TypeError, match="two value classes are named Trick"):
        type("Trick", (Value,), {})
    assert from_json(to_json(Trick("a", {"x": 1}))) == Trick("a", {"x": 1})


def test_the_digest_is_the_same_whatever_the_seed_of_hashing():
    code = (
        "from hpsearch.ablation import Trick, factorial\n"
        "from hpsearch.values import digest\n"
        "print(digest(factorial(*(Trick(n, {n + 'x': 1, n + 'y': (None, 'z')}) for n in 'qwert'))))"
    )
    plan_digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(plan_digests) == 1
    assert len(plan_digests.pop().strip()) == 64


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, 2**53 + 1, 10**40, -(2**53) - 1])
def test_whole_numbers_of_any_size_are_told_apart_and_come_back(number):
    """Beyond 2**53 a float skips whole numbers, so there no float is taken for one."""
    assert digest(number) != digest(number + 1)
    assert digest({"a": (number,)}) != digest({"a": (number + 1,)})
    assert from_json(json.loads(json.dumps(to_json(number)))) == number
    assert (digest(number) == digest(float(number))) == (abs(number) < 2**53)


def test_mappings_inside_mappings_are_told_apart_key_by_key():
    nests = [{"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"c": 1}}, {"a": {1: 1}}, {"a": {"1": 1}}, {"a": {"b": {}}}, {"a": {}}, {}]
    assert len({digest(nest) for nest in nests}) == len(nests)
    assert digest({"a": {"x": 1, "y": {2: 3, 1: 2}}}) == digest({"a": {"y": {1: 2, 2: 3}, "x": 1}})
    for nest in nests:
        assert from_json(json.loads(json.dumps(to_json(nest)))) == nest
