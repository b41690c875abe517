"""Designs against tables written by hand, and factorial effects against a regression."""

import json
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from hpsearch.ablation import (
    Arm,
    Contrast,
    Plan,
    Trick,
    difference,
    factorial,
    first_and_last,
    ladder,
    leave_one_out,
    one_at_a_time,
)
from hpsearch.errors import Refused
from hpsearch.values import from_json, to_json

A, B, C, D = (Trick(name, {f"field_{name}": 1}) for name in "abcd")


def table(plan):
    """Contrast to its arms' names and weights, and the names of all arms."""
    named = {c.name: {arm.name: weight for arm, weight in c.weights} for c in plan.contrasts}
    return [arm.name for arm in plan.arms], named


def test_a_ladder_lays_one_on_another():
    assert table(ladder(A, B, C)) == (
        ["base", "a", "a + b", "a + b + c"],
        {
            "+ a": {"a": 1, "base": -1},
            "+ b": {"a + b": 1, "a": -1},
            "+ c": {"a + b + c": 1, "a + b": -1},
            "all 3 together": {"a + b + c": 1, "base": -1},
        },
    )


def test_a_ladder_of_one_does_not_ask_the_same_twice():
    assert table(ladder(A)) == (["base", "a"], {"+ a": {"a": 1, "base": -1}})


def test_leave_one_out_takes_each_from_the_full_stack():
    assert table(leave_one_out(A, B, C)) == (
        ["a + b + c", "b + c", "a + c", "a + b"],
        {
            "a in the full stack": {"a + b + c": 1, "b + c": -1},
            "b in the full stack": {"a + b + c": 1, "a + c": -1},
            "c in the full stack": {"a + b + c": 1, "a + b": -1},
        },
    )


def test_one_at_a_time_lays_each_over_the_base():
    assert table(one_at_a_time(A, B)) == (["base", "a", "b"], {"a alone": {"a": 1, "base": -1}, "b alone": {"b": 1, "base": -1}})


def test_first_and_last_asks_for_the_gap_between_the_two():
    arms, contrasts = table(first_and_last(A, B, C))
    assert arms == ["base", "a", "b", "c", "a + b + c", "b + c", "a + c", "a + b"]
    alone, full = table(one_at_a_time(A, B, C))[1], table(leave_one_out(A, B, C))[1]
    assert contrasts == {
        **alone,
        **full,
        "a, full stack minus alone": {"a + b + c": 1, "b + c": -1, "a": -1, "base": 1},
        "b, full stack minus alone": {"a + b + c": 1, "a + c": -1, "b": -1, "base": 1},
        "c, full stack minus alone": {"a + b + c": 1, "a + b": -1, "c": -1, "base": 1},
    }


def test_two_tricks_have_one_gap_and_it_is_their_interaction():
    plan = first_and_last(A, B)
    assert [c.name for c in plan.contrasts][4:] == ["a or b, full stack minus alone"]
    assert plan.contrasts[-1].between == (A, B)
    assert dict(plan.contrasts[-1].weights) == dict(factorial(A, B).contrasts[-1].weights)


def test_a_factorial_has_every_subset_once():
    plan = factorial(A, B, C)
    subsets = {frozenset(s) for n in range(4) for s in combinations("abc", n)}
    assert {frozenset(trick.name for trick in arm.tricks) for arm in plan.arms} == subsets
    assert len(plan.arms) == 8
    assert [c.name for c in plan.contrasts] == [
        "a, main effect",
        "b, main effect",
        "c, main effect",
        "a x b",
        "a x c",
        "b x c",
    ]


def matrix(plan):
    """Weights, a row per contrast and a column per arm."""
    return np.array([[dict(c.weights).get(arm, 0.0) for arm in plan.arms] for c in plan.contrasts])


def skewed(plan):
    """The law as a check that reports: pairs of contrasts that are not orthogonal."""
    gram = matrix(plan) @ matrix(plan).T
    return [(i, j) for i, j in combinations(range(len(gram)), 2) if abs(gram[i, j]) > 1e-12]


@pytest.mark.parametrize("tricks", [(A, B), (A, B, C), (A, B, C, D)])
def test_factorial_contrasts_are_orthogonal(tricks):
    assert skewed(factorial(*tricks)) == []


def test_the_orthogonality_check_reports_a_ladder():
    assert skewed(ladder(A, B)) == [(0, 1), (0, 2), (1, 2)]


def test_factorial_effects_are_those_of_a_regression():
    plan = factorial(A, B, C)
    rng = np.random.default_rng(4)
    scores = {arm: rng.normal() for arm in plan.arms}
    # score ~ (1 + a + b + c)^2 + abc with a, b, c coded -1 and +1
    codes = {arm: [1 if trick in arm.tricks else -1 for trick in (A, B, C)] for arm in plan.arms}
    rows = [[1, a, b, c, a * b, a * c, b * c, a * b * c] for a, b, c in codes.values()]
    fitted, *_ = np.linalg.lstsq(np.array(rows, float), np.array(list(scores.values())), rcond=None)
    estimates = [sum(weight * scores[arm] for arm, weight in c.weights) for c in plan.contrasts]
    # from -1 to +1 is two steps; an interaction is a difference of two such gains
    assert estimates == pytest.approx([*(2 * fitted[1:4]), *(4 * fitted[4:7])])


def test_gains_that_add_have_no_interaction():
    gain = {"field_a": 1.5, "field_b": -0.5, "field_c": 4.0}
    plan = factorial(A, B, C)
    values = [sum(w * sum(gain[f] for f in arm.settings) for arm, w in c.weights) for c in plan.contrasts]
    assert values == pytest.approx([1.5, -0.5, 4.0, 0, 0, 0])


def test_designs_side_by_side_share_their_arms():
    both = ladder(A, B, C) | leave_one_out(A, B, C)
    assert [arm.name for arm in both.arms] == ["base", "a", "a + b", "a + b + c", "b + c", "a + c"]
    assert len(both.contrasts) == 4 + 3
    assert len((ladder(A, B) | factorial(A, B)).arms) == 4
    assert len((ladder(A, B) | one_at_a_time(A, B)).arms) == 4


def test_a_plan_joined_with_itself_is_itself():
    assert ladder(A, B) | ladder(A, B) == ladder(A, B)


def test_one_plan_is_stacked_on_another():
    plan = ladder(A, B) >> factorial(C, D)
    arms, contrasts = table(plan)
    assert arms == ["base", "a", "a + b", "a + b + c", "a + b + d", "a + b + c + d"]
    assert contrasts["c, main effect"] == {"a + b": -0.5, "a + b + c": 0.5, "a + b + d": -0.5, "a + b + c + d": 0.5}
    assert contrasts["+ a"] == {"a": 1, "base": -1}


def test_stacking_twice_goes_on_from_the_top():
    assert ladder(A) >> ladder(B) >> ladder(C) == (ladder(A) >> ladder(B)) >> ladder(C)
    assert [arm.name for arm in (ladder(A) >> ladder(B) >> ladder(C)).arms] == ["base", "a", "a + b", "a + b + c"]


def test_arms_are_sets():
    for order in ((A, B, C), (C, A, B), (B, B, C, A)):
        assert Arm(order) == Arm((A, B, C))
        assert hash(Arm(order)) == hash(Arm((A, B, C)))
        assert Arm(order).name == "a + b + c"
    assert Arm((A,)) | Arm((B,)) == Arm((B,)) | Arm((A,)) == Arm((A, B))
    assert Arm((A, B)).without(A) == Arm((B,))


def test_every_contrast_of_every_design_sums_to_zero_and_names_trained_arms():
    for design, tricks in product((ladder, leave_one_out, one_at_a_time, factorial), ((A, B), (A, B, C), (D, A, C, B))):
        plan = design(*tricks)
        for contrast in plan.contrasts:
            assert sum(weight for _, weight in contrast.weights) == 0
            assert {arm for arm, _ in contrast.weights} <= set(plan.arms)
            assert contrast.design


def test_a_contrast_that_names_a_trick_asks_about_it():
    for plan in (ladder(A, B, C), leave_one_out(A, B, C), one_at_a_time(A, B, C), factorial(A, B, C)):
        asked = [contrast.trick for contrast in plan.contrasts if contrast.trick]
        assert asked == [A, B, C]
        for contrast in (c for c in plan.contrasts if c.trick):
            with_it = sum(weight for arm, weight in contrast.weights if contrast.trick in arm.tricks)
            assert with_it == 1


def test_an_arm_that_only_a_contrast_names_is_trained():
    plan = Plan((Arm(),), (difference("a against b", Arm((A,)), Arm((B,))),))
    assert [arm.name for arm in plan.arms] == ["base", "a", "b"]


@pytest.mark.parametrize(
    "plan",
    [
        ladder(A, B, C) >> factorial(D, Trick("e", {"x": "cosine", "y": (0.5, None)}, why="because")),
        leave_one_out(A, B) | one_at_a_time(A, B),
        Plan((Arm((A,)),), (Contrast("thirds", ((Arm((A,)), 1.0), (Arm((B,)), -1 / 3), (Arm(), -2 / 3))),)),
    ],
)
def test_a_plan_travels_as_json(plan):
    again = from_json(json.loads(json.dumps(to_json(plan))))
    assert again == plan
    assert hash(again) == hash(plan)


def refusal(build):
    with pytest.raises(Refused) as refused:
        build()
    return str(refused.value)


@pytest.mark.parametrize("design", [ladder, leave_one_out, one_at_a_time, factorial])
def test_a_design_refuses_nothing_and_the_same_trick_twice(design):
    least = 2 if design in (leave_one_out, factorial) else 1
    assert refusal(design) == f"{design.__name__} needs at least {least} trick{'s' * (least > 1)}, got 0"
    assert refusal(lambda: design(A, B, A)) == f"{design.__name__} was given trick 'a' twice: name each once"


@pytest.mark.parametrize("design", [leave_one_out, factorial])
def test_a_design_of_pairs_refuses_one(design):
    assert refusal(lambda: design(A)) == f"{design.__name__} needs at least 2 tricks, got 1"


def test_tricks_that_set_one_field_exclude_each_other_only_within_an_arm():
    rival = Trick("rival", {"field_a": 2})
    said = (
        "tricks 'a' and 'rival' both set 'field_a' and cannot share an arm: lay them in different arms, or make one trick of them"
    )
    assert refusal(lambda: Arm((A, rival))) == said
    assert refusal(lambda: ladder(rival, A)) == said
    assert [arm.name for arm in one_at_a_time(A, rival).arms] == ["base", "a", "rival"]


def test_a_plan_without_a_top_carries_nothing():
    said = (
        "no arm of this plan holds all its tricks (a, b), so nothing can be stacked on it with >>: use | to put plans side by side"
    )
    assert refusal(lambda: one_at_a_time(A, B) >> ladder(C)) == said


def test_stacking_a_trick_on_itself_is_refused():
    assert refusal(lambda: ladder(A) >> ladder(A)) == "contrast '+ a' names an arm twice: give each arm one weight"


def test_namesakes_are_refused_in_an_arm_and_across_arms():
    other = Trick("a", {"elsewhere": 1})
    said = "two different tricks are named 'a': rename one"
    assert refusal(lambda: Arm((A, other))) == said
    assert refusal(lambda: one_at_a_time(A, other)) == said
    assert refusal(lambda: ladder(A) | ladder(other)) == said


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (((Arm((A,)), 1.0), (Arm(), -0.5)), "the weights of contrast 'q' must sum to zero, they sum to 0.5"),
        (((Arm((A,)), float("nan")), (Arm(), -0.5)), "the weights of contrast 'q' must sum to zero, they sum to nan"),
        ((), "contrast 'q' asks nothing: give at least two arms a nonzero weight"),
        (((Arm((A,)), 0.0), (Arm(), 0.0)), "contrast 'q' asks nothing: give at least two arms a nonzero weight"),
        (((Arm((A,)), 1.0), (Arm((A,)), -1.0)), "contrast 'q' names an arm twice: give each arm one weight"),
    ],
)
def test_a_contrast_that_asks_nothing_is_refused(weights, said):
    assert refusal(lambda: Contrast("q", weights)) == said


def test_a_plan_without_arms_is_refused():
    assert refusal(lambda: Plan(())) == "a Plan needs at least one arm"


def test_the_same_arm_against_itself_is_refused():
    assert refusal(lambda: difference("q", Arm((A, B)), Arm((B, A)))) == "contrast 'q' names an arm twice: give each arm one weight"


@pytest.mark.parametrize("joined", [lambda one, other: one >> other, lambda one, other: one | other])
def test_what_both_plans_say_they_cannot_tell_stays_said(joined):
    one, other = replace(ladder(A, B), notes=("one", "both")), replace(ladder(C), notes=("both", "other"))
    assert joined(one, other).notes == ("one", "both", "other")


@pytest.mark.parametrize("off", [1e-3, -1e-3, 1e-6, 1e-8])
def test_weights_that_nearly_sum_to_zero_are_refused_and_thirds_are_not(off):
    """A mean of three is -1/3 three times: what rounding leaves is smaller by far."""
    third = ((Arm((A,)), 1.0), *((Arm((each,)), -1 / 3) for each in (B, C, D)))
    assert Contrast("mean", third).weights == third
    with pytest.raises(Refused, match="must sum to zero"):
        Contrast("off", ((Arm((A,)), 1.0 + off), (Arm(), -1.0)))
