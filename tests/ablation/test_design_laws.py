"""Laws over every design of the package, each a check that lists what breaks it; a planted fault shows that it would."""

import json
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from tried import ALL, NAMED, TRIED, made
from truths import TRICKS, Truth, designs, estimate

import hpsearch
import hpsearch.ablation
from hpsearch.ablation import Arm, Contrast, Plan, Trick, difference, factorial, ladder, orders
from hpsearch.errors import Refused
from hpsearch.values import from_json, to_json

SMALL = [case for case in ALL if case[1] <= 6]
over_all = pytest.mark.parametrize(("name", "k", "settings"), ALL, ids=NAMED)
over_small = pytest.mark.parametrize(
    ("name", "k", "settings"), SMALL, ids=[n for n, c in zip(NAMED, ALL, strict=True) if c in SMALL]
)
over_designs = pytest.mark.parametrize("name", TRIED)
LEAST = {name: min(k for k, _ in each.cases) for name, each in TRIED.items()}
A, B, C = TRICKS[:3]


def damaged(plan, **changes):
    """The plan with its first contrast changed; the plan's own checks are passed by."""
    copy = replace(plan)
    object.__setattr__(copy, "contrasts", (replace(plan.contrasts[0], **changes), *plan.contrasts[1:]))
    return copy


def test_every_design_is_tried():
    missing = sorted(designs().keys() - TRIED.keys())
    assert missing == [], f"write tests/ablation/of_{missing[0]}.py with a Tried, as in of_designs.py"
    assert TRIED.keys() - designs().keys() == set(), "no such design"


def test_designs_that_the_top_names_are_those_of_their_files():
    named = [name for name in designs() if name in hpsearch.__all__]
    assert len(named) >= 8
    for name in named:
        assert getattr(hpsearch, name) is getattr(hpsearch.ablation, name) is designs()[name]


def unsound(plan):
    """Contrasts that do not sum to zero, name an arm that is not trained or not once, share a name, or stand under no heading."""
    found = []
    for c in plan.contrasts:
        arms = [arm for arm, _ in c.weights]
        if abs(sum(weight for _, weight in c.weights)) > 1e-12 or not all(weight for _, weight in c.weights):
            found.append(f"{c.name}: weights")
        if not set(arms) <= set(plan.arms) or len(set(arms)) < len(arms):
            found.append(f"{c.name}: arms")
        if not c.design or [(o.design, o.name) for o in plan.contrasts].count((c.design, c.name)) > 1:
            found.append(f"{c.name}: heading")
    return found


@over_all
def test_contrasts_are_sound(name, k, settings):
    assert unsound(made(name, k, settings)) == []


def test_unsound_contrasts_are_reported():
    plan = ladder(A, B)
    stray = Arm((C,))
    assert unsound(damaged(plan, weights=((stray, 1.0), (Arm(), -1.0)))) == ["+ t0: arms"]
    assert unsound(damaged(plan, weights=(*plan.contrasts[0].weights, (Arm((A, B)), 0.0)))) == ["+ t0: weights"]
    assert unsound(damaged(plan, name="+ t1")) == ["+ t1: heading", "+ t1: heading"]


def biased(plan, k):
    """Contrasts that miss, where gains add: of a trick its gain, of several together their sum, of an interaction or a gap zero."""
    truth = Truth(k, largest=1)

    def gain(c):
        better, worse = c.pair or (Arm(), Arm())
        tricks = (c.trick,) if c.trick else (trick for trick in better.tricks if trick not in worse.tricks)
        return sum(truth.of(trick) for trick in tricks)

    wanted = {c: gain(c) for c in plan.contrasts}
    return [c.name for c in plan.contrasts if estimate(c, truth) != pytest.approx(wanted[c], abs=1e-9)]


@over_all
def test_where_gains_add_every_design_finds_them(name, k, settings):
    assert biased(made(name, k, settings), k) == []


def test_a_contrast_of_twice_the_gain_is_reported():
    plan = factorial(A, B)
    doubled = tuple((arm, 2 * weight) for arm, weight in plan.contrasts[0].weights)
    assert biased(damaged(plan, weights=doubled), 2) == ["t0, main effect"]


def wrong(plan, k, tried):
    """Contrasts that do not measure what they say."""
    truth = Truth(k, largest=tried.largest or k)
    sought = {c: tried.wanted(c, truth) for c in plan.contrasts}
    return [c.name for c in plan.contrasts if sought[c] is not None and estimate(c, truth) != pytest.approx(sought[c], abs=1e-9)]


@over_small
def test_every_contrast_measures_what_it_says_whatever_interacts(name, k, settings):
    assert wrong(made(name, k, settings), k, TRIED[name]) == []


def test_a_contrast_that_measures_another_thing_is_reported():
    assert wrong(Plan((), ladder(A, B).contrasts[:1]), 2, TRIED["leave_one_out"]) == ["+ t0"]
    assert wrong(damaged(factorial(A, B, C), trick=B), 3, TRIED["factorial"]) == ["t0, main effect"]
    assert wrong(damaged(orders(A, B, C, n=6), trick=B), 3, TRIED["orders"]) == ["t0, mean over all 6 orders"]


def symmetric(name, k, settings):
    """Arms and questions are the same however the tricks are ordered; names may turn a pair round."""
    seen = set()
    for order in list(permutations(TRICKS[:k]))[:24]:
        plan = designs()[name](*order, **settings)
        asked = {(frozenset(c.weights), c.trick, frozenset(c.between)) for c in plan.contrasts}
        seen.add((frozenset(plan.arms), frozenset(asked)))
    return len(seen) == 1


@pytest.mark.parametrize(
    ("name", "k", "settings", "same"),
    [
        ("leave_one_out", 4, {}, True),
        ("one_at_a_time", 4, {}, True),
        ("factorial", 3, {}, True),
        ("orders", 3, {"n": 6}, True),
        ("orders", 4, {"n": 4}, False),
        ("ladder", 3, {}, False),
        ("fractional_factorial", 5, {"resolution": 3}, False),
        ("plackett_burman", 5, {}, False),
        ("fractional_factorial", 4, {"resolution": 4}, True),  # one word of all letters treats them alike
        ("first_and_last", 4, {}, True),
    ],
)
def test_the_order_of_the_tricks_matters_only_where_it_should(name, k, settings, same):
    assert symmetric(name, k, settings) is same


@over_small
def test_a_design_is_a_value_that_travels_and_joins_itself(name, k, settings):
    plan = made(name, k, settings)
    again = from_json(json.loads(json.dumps(to_json(plan))))
    assert again == plan == made(name, k, settings)
    assert hash(again) == hash(plan)
    assert plan | plan == plan


def test_plans_written_before_there_were_notes_are_still_read():
    text = json.loads(json.dumps(to_json(ladder(A, B))))
    del text["notes"]
    for contrast in text["contrasts"]:
        del contrast["between"]
    assert from_json(text) == ladder(A, B)


@over_small
def test_a_design_laid_on_a_stack_asks_the_same_there(name, k, settings):
    stack = ladder(*(Trick(f"below {n}", {f"below_{n}": 1}) for n in range(2)))
    plan, truth = made(name, k, settings), Truth(k, largest=k)
    laid = stack >> plan
    assert laid.notes == plan.notes
    for before, after in zip(plan.contrasts, [c for c in laid.contrasts if c not in stack.contrasts], strict=True):
        assert (before.trick, before.between, before.design) == (after.trick, after.between, after.design)
        assert after.name.startswith(before.name)
        assert {arm for arm, _ in after.weights} == {arm | stack.top for arm, _ in before.weights}
        alone = sum(w * truth(Arm(tuple(t for t in arm.tricks if t in truth.tricks))) for arm, w in after.weights)
        assert alone == pytest.approx(estimate(before, truth))


@over_small
def test_a_design_beside_itself_on_a_stack_shares_no_name(name, k, settings):
    plan, stack = made(name, k, settings), Plan((Arm((Trick("below", {"below": 1}),)),))
    both = plan | (stack >> plan)
    assert unsound(both) == []
    assert len(both.contrasts) == 2 * len(plan.contrasts)
    assert (plan | (stack >> plan)) | plan == both


@over_designs
def test_too_few_tricks_and_one_twice_are_refused(name):
    design, least = designs()[name], LEAST[name]
    settings = TRIED[name].cases[0][1]
    with pytest.raises(Refused, match=rf"^{name} needs at least {least} tricks?, got {least - 1}$"):
        design(*TRICKS[: least - 1], **settings)
    with pytest.raises(Refused, match=f"^{name} was given trick 't0' twice: name each once$"):
        design(*TRICKS[:least], A, **settings)


@over_designs
def test_tricks_that_exclude_each_other_are_refused_in_one_sentence_unless_each_stands_alone(name):
    k, settings = max(TRIED[name].cases, key=lambda case: case[0] == LEAST[name] + 1)
    rivals = (A, Trick("rival", {"field_0": 2}), *TRICKS[2:k])
    if not TRIED[name].stacks:
        assert len(designs()[name](*rivals).arms) == k + 1
        return
    with pytest.raises(Refused) as refused:
        designs()[name](*rivals, **settings)
    assert str(refused.value) in {
        f"tricks {one!r} and {other!r} both set 'field_0' and cannot share an arm: "
        "lay them in different arms, or make one trick of them"
        for one, other in permutations(("t0", "rival"))
    }


@over_all
def test_the_base_is_an_arm_where_it_is_said_to_be(name, k, settings):
    assert (Arm() in made(name, k, settings).arms) is TRIED[name].has_base


# Names


def test_contrasts_keep_their_names_until_two_would_share_one():
    alone = hpsearch.one_at_a_time(A)
    stacked = ladder(B) >> alone
    assert [c.name for c in stacked.contrasts] == ["+ t1", "t0 alone"]
    assert [c.name for c in (alone | stacked).contrasts] == ["t0 alone", "+ t1", "t0 alone, over t1"]
    assert [c.name for c in (stacked | alone).contrasts] == ["+ t1", "t0 alone, over t1", "t0 alone"]


def test_a_name_that_says_what_it_lies_over_says_it_anew_on_a_stack():
    alone = hpsearch.one_at_a_time(A)
    both = alone | (ladder(B) >> alone)
    assert [c.name for c in (ladder(C) >> both).contrasts] == ["+ t2", "t0 alone, over t2", "+ t1", "t0 alone, over t1 + t2"]
    given = Plan((), (difference("my own, over t1", Arm((A, B)), Arm((B,))),))
    assert [c.name for c in given.contrasts] == ["my own, over t1"]
    assert [c.name for c in (ladder(C) >> given).contrasts] == ["+ t2", "my own, over t1 + t2"]


def test_putting_plans_side_by_side_does_not_depend_on_the_brackets():
    alone = hpsearch.one_at_a_time(A)
    x, y, z = alone, ladder(B) >> alone, ladder(C) >> alone
    assert (x | y) | z == x | (y | z)
    assert (x | y) | y == x | y
    assert (x | y) | (x | z) == x | y | z


def test_questions_over_the_same_arm_say_what_they_are_about():
    assert [c.name for c in (ladder(A, B) | ladder(TRICKS[3], C)).contrasts if c.trick is None] == [
        "all 2 together, among t0, t1",
        "all 2 together, among t2, t3",
    ]
    named = [c.name for c in (factorial(A, B) | (ladder(C) >> factorial(A, B)) | factorial(A, B, TRICKS[3])).contrasts]
    assert [name for name in named if name.startswith("t0, main")] == [
        "t0, main effect, among t0, t1",
        "t0, main effect, among t0, t1, over t2",
        "t0, main effect, among t0, t1, t3",
    ]


def test_the_same_name_in_two_designs_is_no_collision():
    names = [c.name for c in (factorial(A, B, C) | hpsearch.fractional_factorial(A, B, C, resolution=3)).contrasts]
    assert names.count("t0, main effect") == 2


def test_contrasts_that_cannot_be_told_apart_are_refused():
    other = Contrast("q", ((Arm((A, B)), 0.5), (Arm((A,)), 0.5), (Arm(), -1.0)))
    one = Contrast("q", ((Arm((A, B)), 1.0), (Arm(), -1.0)))
    with pytest.raises(
        Refused, match=r"^two different contrasts are named 'q, among t0, t1': ask one, or rename one with dataclasses\.replace$"
    ):
        Plan((), (one, other))


def test_notes_are_kept_once_and_in_order():
    one, two = Plan((Arm((A,)),), (), ("first", "second")), Plan((Arm((A, B)),), (), ("second", "third"))
    assert (one | two).notes == (one >> two).notes == ("first", "second", "third")


def test_shared_arms_are_trained_once():
    k = 4
    tricks = TRICKS[:k]
    together = hpsearch.first_and_last(*tricks) | orders(*tricks, n=2) | ladder(*tricks)
    assert len(together.arms) == len(set(together.arms))
    assert set(ladder(*tricks).arms) <= set(orders(*tricks, n=2).arms)
    assert set(hpsearch.fractional_factorial(*tricks, resolution=4).arms) <= set(factorial(*tricks).arms)
    pairs = [c.between for c in factorial(*tricks).contrasts if c.between]
    assert pairs == list(combinations(tricks, 2))
