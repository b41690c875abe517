"""Means over orders: against Shapley's formula, the ladder they share arms with, and a table written by hand."""

from collections import Counter
from itertools import islice, permutations

import pytest
from truths import TRICKS, Truth, estimate

from hpsearch.ablation import Arm, Trick, ladder, orders
from hpsearch.ablation.orders import _drawn
from hpsearch.errors import Refused

A, B, C, D = TRICKS[:4]


def drawn(k, n, seed=0, tricks=TRICKS):
    """The orders behind a plan of orders."""
    return list(islice(_drawn(tricks[:k], seed), n))


def test_two_orders_by_hand():
    plan = orders(A, B, C, n=2)
    assert [arm.name for arm in plan.arms] == ["base", "t0", "t0 + t1", "t0 + t1 + t2", "t2", "t1 + t2"]
    assert {c.name: {arm.name: w for arm, w in c.weights} for c in plan.contrasts} == {
        "t0, mean over 2 orders": {"base": -0.5, "t0": 0.5, "t1 + t2": -0.5, "t0 + t1 + t2": 0.5},
        "t1, mean over 2 orders": {"t0": -0.5, "t0 + t1": 0.5, "t2": -0.5, "t1 + t2": 0.5},
        "t2, mean over 2 orders": {"t0 + t1": -0.5, "t0 + t1 + t2": 0.5, "base": -0.5, "t2": 0.5},
    }


@pytest.mark.parametrize(("k", "n"), [(2, 2), (3, 2), (4, 5), (5, 4), (8, 3)])
def test_the_ladder_comes_first_and_its_arms_are_shared(k, n):
    plan = orders(*TRICKS[:k], n=n)
    assert plan.arms[: k + 1] == ladder(*TRICKS[:k]).arms
    assert len((ladder(*TRICKS[:k]) | plan).arms) == len(plan.arms) <= n * (k - 1) + 2


def unequal(plan, k):
    """Arms at which the contrasts of all tricks do not sum to the full stack minus the base."""
    total = Counter()
    for contrast in plan.contrasts:
        total.update(dict(contrast.weights))
    whole = {Arm(TRICKS[:k]): 1.0, Arm(): -1.0}
    return [arm.name for arm in plan.arms if abs(total[arm] - whole.get(arm, 0.0)) > 1e-12]


@pytest.mark.parametrize(("k", "n"), [(2, 2), (3, 2), (3, 3), (4, 24), (5, 7), (6, 10), (7, 13)])
def test_the_means_of_all_tricks_sum_to_the_whole_weight_by_weight(k, n):
    assert unequal(orders(*TRICKS[:k], n=n), k) == []


def test_contrasts_that_do_not_share_out_the_whole_are_reported():
    plan = orders(A, B, C, n=2)
    object.__setattr__(plan, "contrasts", plan.contrasts[1:])
    assert unequal(plan, 3) == ["base", "t0", "t0 + t1 + t2", "t1 + t2"]


@pytest.mark.parametrize(("k", "n"), [(2, 2), (3, 6), (4, 24), (4, 1000), (5, 120)])
def test_all_orders_give_shapleys_value_whatever_interacts(k, n):
    truth, plan = Truth(k, largest=k), orders(*TRICKS[:k], n=n)
    assert len(plan.arms) == 2**k
    for contrast in plan.contrasts:
        assert "over all" in contrast.name
        assert estimate(contrast, truth) == pytest.approx(truth.shapley(contrast.trick))


def missed(plan, truth):
    return [c.name for c in plan.contrasts if estimate(c, truth) != pytest.approx(truth.shapley(c.trick))]


@pytest.mark.parametrize(("k", "n"), [(3, 2), (4, 2), (5, 4), (7, 2), (6, 8)])
def test_orders_with_their_reverses_are_exact_where_no_three_tricks_interact(k, n):
    plan = orders(*TRICKS[:k], n=n)
    assert missed(plan, Truth(k, largest=2)) == []
    assert missed(plan, Truth(k, largest=3)) != []  # and the check sees where they are not
    assert "where no three tricks interact" in plan.notes[0]


def test_an_odd_number_of_orders_is_an_estimate_and_says_so():
    plan = orders(*TRICKS[:4], n=3)
    assert missed(plan, Truth(4, largest=2))
    assert plan.notes == (
        "The means over orders of t0, t1, t2 and t3 run over 3 of 24: the one given and others drawn with seed 0, each with its "
        "reverse but the last. They are estimates of Shapley values.",
    )


def test_more_orders_come_nearer():
    truth, tricks = Truth(6, largest=6), TRICKS[:6]
    off = {n: max(abs(estimate(c, truth) - truth.shapley(c.trick)) for c in orders(*tricks, n=n).contrasts) for n in (2, 20, 300)}
    assert off[300] < off[20] < off[2]


def test_notes_say_how_the_orders_were_chosen():
    assert orders(A, B, n=9).notes == ("The means over orders of t0 and t1 run over all 2 of them: they are Shapley values.",)
    assert orders(A, B, C, n=2).notes == (
        "The means over orders of t0, t1 and t2 run over 2 of 6: the one given and its reverse. They are Shapley values where no "
        "three tricks interact, and estimates of them elsewhere.",
    )
    assert (
        "of 7 tricks run over 4 of 5,040: the one given and others drawn with seed 3" in orders(*TRICKS[:7], n=4, seed=3).notes[0]
    )


def test_orders_are_drawn_without_repeats_and_in_pairs():
    for k, n in ((3, 6), (4, 24), (5, 31)):
        taken = drawn(k, n)
        assert len(set(taken)) == n
        assert taken[1:n:2] == [order[::-1] for order in taken[0 : n - n % 2 : 2]]


def test_drawn_orders_never_change():
    # other orders would be other arms, and a study run again would train them anew
    assert tuple("".join(t.name[1] for t in order) for order in drawn(5, 8)) == (
        "01234",
        "43210",
        "23041",
        "14032",
        "10432",
        "23401",
        "14320",
        "02341",
    )


def test_the_seed_draws_other_orders():
    assert orders(*TRICKS[:5], n=4).arms != orders(*TRICKS[:5], n=4, seed=1).arms
    assert orders(*TRICKS[:5], n=2).arms == orders(*TRICKS[:5], n=2, seed=1).arms  # nothing is drawn


def test_what_is_drawn_goes_by_names_and_keeps_its_order_when_a_trick_is_added():
    turned = (C, A, D, B)
    assert drawn(4, 8)[2:] == drawn(4, 8, tricks=turned)[2:]
    fewer, more = drawn(6, 6)[2::2], drawn(7, 6)[2::2]
    assert [tuple(t for t in order if t != TRICKS[6]) for order in more] == fewer


def test_every_order_is_equally_likely():
    seen = Counter(drawn(3, 3, seed=seed)[2] for seed in range(2400))
    first = {TRICKS[:3], TRICKS[2::-1]}
    assert set(seen) == set(permutations(TRICKS[:3])) - first
    # 600 expected of each; chi-squared with 3 degrees of freedom exceeds 16.3 once in 1000
    assert sum((times - 600) ** 2 / 600 for times in seen.values()) < 16.3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n": 1}, "orders needs n, a whole number of orders and at least 2, got 1: one order is a ladder"),
        ({"n": 2.0}, "orders needs n, a whole number of orders and at least 2, got 2.0: one order is a ladder"),
        ({"n": True}, "orders needs n, a whole number of orders and at least 2, got True: one order is a ladder"),
        ({"n": 2, "seed": -1}, "the seed of orders is a whole number, at least 0, got -1"),
        ({"n": 2, "seed": 0.5}, "the seed of orders is a whole number, at least 0, got 0.5"),
    ],
)
def test_odd_numbers_are_refused(given, said):
    with pytest.raises(Refused) as refused:
        orders(A, B, C, **given)
    assert str(refused.value) == said


def test_two_samples_of_as_many_orders_cannot_stand_under_one_name():
    with pytest.raises(
        Refused,
        match=r"^two different contrasts are named 't0, mean over 4 orders.*': ask one, or rename one with dataclasses\.replace$",
    ):
        _ = orders(*TRICKS[:5], n=4) | orders(*TRICKS[:5], n=4, seed=1)


def test_renaming_changes_what_is_drawn_and_nothing_else():
    renamed = tuple(Trick(f"{t.name} renamed", t.settings) for t in TRICKS[:5])
    plan = orders(*renamed, n=4)
    assert [arm.settings for arm in plan.arms[:6]] == [arm.settings for arm in orders(*TRICKS[:5], n=4).arms[:6]]
