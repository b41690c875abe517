"""Designs against tables written by hand and against regression; plans stacked and side by side."""

import itertools
import json

import numpy as np
import pytest

from hpsearch.ablation import Arm, Claim, Contrast, Plan, Trick, factorial, ladder, leave_one_out, one_at_a_time
from hpsearch.errors import Refused
from hpsearch.values import from_json, to_json

A, B, C = (Trick(name, {name: 1}, claims=(Claim(0.5, "the base", "Paper, Table 1"),)) for name in "abc")


def names(plan: Plan) -> list[str]:
    return [arm.name for arm in plan.arms]


def test_arms_of_every_design() -> None:
    assert names(ladder(B, A, C)) == ["base", "b", "a + b", "a + b + c"]
    assert names(leave_one_out(A, B, C)) == ["a + b + c", "b + c", "a + c", "a + b"]
    assert names(one_at_a_time(A, B)) == ["base", "a", "b"]
    assert names(factorial(A, B)) == ["base", "a", "b", "a + b"]


def test_designs_side_by_side_share_arms() -> None:
    assert names(ladder(A, B, C) | leave_one_out(A, B, C)) == ["base", "a", "a + b", "a + b + c", "b + c", "a + c"]


def test_a_plan_is_laid_on_the_full_stack_of_another() -> None:
    plan = ladder(A) >> factorial(B, C)
    assert names(plan) == ["base", "a", "a + b", "a + c", "a + b + c"]
    assert plan.contrasts[1].weights[0][0] == Arm((A,))


def test_main_effects_and_interactions_are_those_of_regression() -> None:
    tricks = (A, B, C)
    rng = np.random.default_rng(3)
    plan = factorial(*tricks)
    score = {arm: rng.normal() for arm in plan.arms}
    coded = {arm: [1 if trick in arm.tricks else -1 for trick in tricks] for arm in plan.arms}
    terms = [subset for n in range(4) for subset in itertools.combinations(range(3), n)]
    design = np.array([[np.prod([coded[arm][k] for k in term]) for term in terms] for arm in plan.arms])
    fitted = dict(zip(terms, np.linalg.lstsq(design, np.array([score[arm] for arm in plan.arms]), rcond=None)[0], strict=True))
    for contrast in plan.contrasts:
        estimate = sum(weight * score[arm] for arm, weight in contrast.weights)
        asked = tuple(k for k, trick in enumerate(tricks) if trick.name in contrast.name.replace(", main effect", "").split(" x "))
        # in -1, +1 coding a main effect is twice its coefficient, a difference of differences four times
        assert estimate == pytest.approx(fitted[asked] * 2 ** len(asked))


def test_a_plan_travels_as_json() -> None:
    plan = ladder(A, B) | leave_one_out(A, B)
    assert from_json(json.loads(json.dumps(to_json(plan)))) == plan
    assert hash(plan) == hash(ladder(A, B) | leave_one_out(A, B))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ladder(), "ladder needs at least 1 trick, got 0"),
        (lambda: leave_one_out(A), "leave_one_out needs at least 2 tricks, got 1"),
        (lambda: factorial(A, A), "factorial was given trick 'a' twice"),
        (lambda: ladder(A, Trick("a2", {"a": 2})), "tricks 'a' and 'a2' both set 'a' and cannot share an arm"),
        (lambda: ladder(A) | ladder(Trick("a", {"z": 1})), "two different tricks are named 'a'"),
        (lambda: one_at_a_time(A, B) >> ladder(C), "no arm of this plan holds all its tricks (a, b)"),
        (lambda: Trick("a", {}), "trick 'a' sets no field"),
        (lambda: Trick(" a", {"x": 1}), "without surrounding spaces"),
        (lambda: Claim(1.0, "", ""), "a Claim needs what it was measured over"),
        (lambda: Contrast("c", ((Arm(), 1.0),)), "must sum to zero, they sum to 1"),
        (lambda: Contrast("c", ((Arm(), 0.0),)), "asks nothing: give at least two arms a nonzero weight"),
        (lambda: Contrast("c", ((Arm(), 1.0), (Arm(), -1.0))), "names an arm twice"),
        (lambda: Plan(()), "a Plan needs at least one arm"),
    ],
)
def test_nonsense_in_a_plan_is_refused(make, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert sentence in str(refused.value)
