"""Fractions and screening designs: against published tables, other constructions, and truths that their words must foretell."""

import re
from itertools import combinations, product

import numpy as np
import pytest
from scipy.linalg import hadamard
from tried import TRIED
from truths import TRICKS, Truth, designs, estimate

from hpsearch.ablation import Arm, Plan, Trick, factorial, fractional_factorial, plackett_burman
from hpsearch.ablation.factorials import FIRST_ROWS, GENERATORS, SIZES
from hpsearch.errors import Refused

ROMAN = ("III", "IV", "V", "VI", "VII")
ONE_MORE = Trick("one more", {"one_more": 1})
PARTS = [(name, k, settings) for name in ("fractional_factorial", "plackett_burman") for k, settings in TRIED[name].cases]
over_parts = pytest.mark.parametrize(("name", "k", "settings"), PARTS)
over_fractions = pytest.mark.parametrize(("k", "runs"), GENERATORS)


def signs(plan, k):
    """+1 where a trick is there and -1 where not: a row per arm, a column per trick."""
    return np.array([[1 if trick in arm.tricks else -1 for trick in TRICKS[:k]] for arm in plan.arms])


def unbalanced(plan, k):
    """Tricks that are not in half of the arms, and pairs whose four settings are not equally often there."""
    x = signs(plan, k)
    odd = [f"t{n}" for n in range(k) if x[:, n].sum()]
    return odd + [f"t{n} and t{m}" for n, m in combinations(range(k), 2) if x[:, n] @ x[:, m]]


@over_parts
def test_every_trick_and_every_pair_is_balanced(name, k, settings):
    plan = designs()[name](*TRICKS[:k], **settings)
    assert unbalanced(plan, k) == []
    assert len(plan.arms) == settings.get("runs", len(plan.arms))
    weights = np.array([[dict(c.weights)[arm] for arm in plan.arms] for c in plan.contrasts])
    gram = weights @ weights.T
    assert np.allclose(gram - np.diag(np.diag(gram)), 0)  # so estimates are uncorrelated


def test_an_arm_that_is_missing_is_reported():
    plan = plackett_burman(*TRICKS[:4])
    assert unbalanced(Plan(plan.arms[1:]), 4)[:5] == ["t0", "t1", "t2", "t3", "t0 and t1"]


def lengths(k, plan):
    """The word lengths of the defining relation: how many products of 1, 2, ..., k columns are constant."""
    x = signs(plan, k)
    return [sum(abs(x[:, s].prod(axis=1).sum()) == len(x) for s in combinations(range(k), n)) for n in range(1, k + 1)]


# Counts of words of length 3, 4, 5, ... that a search over every choice of generators found least, read from the left;
# a test below searches the smaller ones again.
PATTERNS = {
    (3, 4): [1],
    (4, 8): [0, 1],
    (5, 8): [2, 1],
    (5, 16): [0, 0, 1],
    (6, 8): [4, 3],
    (6, 16): [0, 3],
    (6, 32): [0, 0, 0, 1],
    (7, 8): [7, 7, 0, 0, 1],
    (7, 16): [0, 7],
    (7, 32): [0, 1, 2],
    (7, 64): [0, 0, 0, 0, 1],
    (8, 16): [0, 14, 0, 0, 0, 1],
    (8, 32): [0, 3, 4],
    (8, 64): [0, 0, 2, 1],
    (9, 16): [4, 14, 8, 0, 4, 1],
    (9, 32): [0, 6, 8, 0, 0, 1],
    (9, 64): [0, 1, 4, 2],
    (10, 16): [8, 18, 16, 8, 8, 5],
    (10, 32): [0, 10, 16, 0, 0, 5],
    (10, 64): [0, 2, 8, 4, 0, 1],
    (11, 16): [12, 26, 28, 24, 20, 13, 4],
    (11, 32): [0, 25, 0, 27, 0, 10, 0, 1],
    (11, 64): [0, 4, 14, 8, 0, 3, 2],
}


@over_fractions
def test_fractions_have_the_words_of_least_aberration(k, runs):
    found = lengths(k, fractional_factorial(*TRICKS[:k], runs=runs))
    assert found[:2] == [0, 0]
    assert found[2:] == [*PATTERNS[k, runs], *[0] * (k - 2 - len(PATTERNS[k, runs]))]


def fewest(k, runs):
    """The least word lengths, read from the left, of all regular fractions: a search over every choice of generators."""
    bits = runs.bit_length() - 1
    basic = [1 << n for n in range(bits)]
    best = None
    for further in combinations([m for m in range(1, runs) if m not in basic], k - bits):
        counts = [0] * (k + 1)
        for chosen in product((0, 1), repeat=len(further)):
            word = 0
            for mask, taken in zip(further, chosen, strict=True):
                word ^= mask * taken
            counts[word.bit_count() + sum(chosen)] += any(chosen)
        best = min(best or counts, counts)
    return best[3:]


@pytest.mark.parametrize(("k", "runs"), [key for key in GENERATORS if key[1] <= 16 or key[0] <= 8])
def test_no_other_fraction_mixes_less(k, runs):
    assert lengths(k, fractional_factorial(*TRICKS[:k], runs=runs))[2:] == fewest(k, runs)


FEWEST = {  # resolution to the fewest arms for 3, 4, 5, ... tricks
    3: dict(zip(range(3, 12), (4, 8, 8, 8, 8, 16, 16, 16, 16), strict=True)),
    4: dict(zip(range(4, 12), (8, 16, 16, 16, 16, 32, 32, 32), strict=True)),  # NIST Dataplot, DEXRES4
    5: dict(zip(range(5, 9), (16, 32, 64, 64), strict=True)),
}


@pytest.mark.parametrize(("resolution", "k"), [(r, k) for r, each in FEWEST.items() for k in each])
def test_a_resolution_takes_the_fewest_arms(resolution, k):
    plan = fractional_factorial(*TRICKS[:k], resolution=resolution)
    assert plan == fractional_factorial(*TRICKS[:k], runs=FEWEST[resolution][k])
    shortest = next(n for n, words in enumerate(lengths(k, plan), 1) if words)
    assert shortest >= resolution
    assert f"resolution {dict(zip(range(3, 8), ROMAN, strict=True))[shortest]} " in plan.notes[0]


def test_the_full_stack_is_there_where_every_generator_is_odd():
    for (k, runs), words in GENERATORS.items():
        plan = fractional_factorial(*TRICKS[:k], runs=runs)
        there = Arm(TRICKS[:k]) in plan.arms
        assert there is all(len(word) % 2 for word in words.split())
        assert ("those with none and with all of them included" in plan.notes[0]) is there


def test_half_of_four_tricks_by_hand():
    """Box, Hunter and Hunter (2005), the half fraction with D = ABC."""
    plan = fractional_factorial(*TRICKS[:4], resolution=4)
    assert plan.notes == (
        "The fraction of resolution IV has 8 of the 16 arms of the factorial of t0, t1, t2 and t3, those with none and with all of "
        "them included; main effects are mixed only with interactions of three or more tricks, which are taken to be zero.",
        "The interactions t0 x t1 and t2 x t3 cannot be distinguished from one another.",
        "The interactions t0 x t2 and t1 x t3 cannot be distinguished from one another.",
        "The interactions t0 x t3 and t1 x t2 cannot be distinguished from one another.",
    )


def test_an_eighth_of_six_tricks_by_hand():
    """Montgomery, Design and Analysis of Experiments: D = AB, E = AC, F = BC; here with the base among the arms."""
    told = [note for note in fractional_factorial(*TRICKS[:6], runs=8).notes if "main effect," in note]
    assert told == [
        "t0, main effect, cannot be distinguished from the interactions t1 x t3 and t2 x t4: half of each is taken away.",
        "t1, main effect, cannot be distinguished from the interactions t0 x t3 and t2 x t5: half of each is taken away.",
        "t2, main effect, cannot be distinguished from the interactions t0 x t4 and t1 x t5: half of each is taken away.",
        "t3, main effect, cannot be distinguished from the interactions t0 x t1 and t4 x t5: half of each is taken away.",
        "t4, main effect, cannot be distinguished from the interactions t0 x t2 and t3 x t5: half of each is taken away.",
        "t5, main effect, cannot be distinguished from the interactions t1 x t2 and t3 x t4: half of each is taken away.",
    ]


def test_a_fifth_resolution_asks_every_pair():
    plan = fractional_factorial(*TRICKS[:5], resolution=5)
    assert [c.between for c in plan.contrasts if c.between] == list(combinations(TRICKS[:5], 2))
    assert len(plan.notes) == 1
    assert "mixed only with interactions of three or more tricks" in plan.notes[0]


def pairs_in(text):
    named = {trick.name: trick for trick in TRICKS}
    return [(named[one], named[other]) for one, other in re.findall(r"(t\d+) x (t\d+)", text)]


def mixtures(plan):
    """What the notes say: trick to the pairs half of whose interactions its main effect lacks, and families of pairs."""
    mains = {note.split(",")[0]: pairs_in(note) for note in plan.notes if ", main effect," in note}
    return mains, [pairs_in(note) for note in plan.notes if note.startswith("The interactions")]


def untrue(plan, k):
    """Main effects and interactions that are not what the notes foretell, where no three tricks interact."""
    truth, (mains, _) = Truth(k, largest=2), mixtures(plan)
    foretold = {
        c: truth.main_of_two(c.trick) - sum(truth.of(*pair) for pair in mains.get(c.trick.name, ())) / 2
        if c.trick
        else truth.of(*c.between)
        for c in plan.contrasts
    }
    return [c.name for c in plan.contrasts if estimate(c, truth) != pytest.approx(foretold[c])]


@pytest.mark.parametrize(("k", "settings"), TRIED["fractional_factorial"].cases)
def test_the_words_foretell_what_a_fraction_measures(k, settings):
    assert untrue(fractional_factorial(*TRICKS[:k], **settings), k) == []


@pytest.mark.parametrize("k", [4, 5, 6, 7, 12, 13, 14, 15])
def test_the_words_foretell_what_a_screening_of_8_or_16_arms_measures(k):
    assert untrue(plackett_burman(*TRICKS[:k]), k) == []


def test_words_that_leave_something_out_are_reported():
    plan = fractional_factorial(*TRICKS[:5], runs=8)
    silent = Plan(plan.arms, plan.contrasts, tuple(note for note in plan.notes if not note.startswith("t1, main")))
    assert untrue(silent, 5) == ["t1, main effect"]


@pytest.mark.parametrize(("k", "settings"), TRIED["fractional_factorial"].cases)
def test_every_pair_is_asked_or_named_among_what_cannot_be_told(k, settings):
    plan = fractional_factorial(*TRICKS[:k], **settings)
    mains, families = mixtures(plan)
    asked = [c.between for c in plan.contrasts if c.between]
    with_mains = {pair for pairs in mains.values() for pair in pairs}
    named = [*asked, *with_mains, *(pair for family in families for pair in family)]
    assert sorted(named, key=str) == sorted(combinations(TRICKS[:k], 2), key=str)
    for family in families:  # what is one's gain and another's loss shows in no arm
        x = signs(plan, k)
        columns = {tuple(x[:, TRICKS.index(one)] * x[:, TRICKS.index(other)]) for one, other in family}
        assert len(columns) == 1


@pytest.mark.parametrize(
    ("k", "settings", "most", "every"),
    [(11, {}, 1 / 6, True), (8, {}, 1 / 6, True), (19, {}, 3 / 10, True), (23, {}, 1 / 6, False), (7, {"runs": 12}, 1 / 6, True)],
)
def test_the_words_say_how_far_a_screening_mixes_in_part(k, settings, most, every):
    plan = plackett_burman(*TRICKS[:k], **settings)
    shares = []
    for c, pair in product(plan.contrasts, combinations(TRICKS[:k], 2)):
        if c.trick not in pair:
            shares.append(abs(estimate(c, lambda arm, pair=pair: float(set(pair) <= set(arm.tricks)))))
        else:  # half of what a trick adds with another belongs to its main effect
            assert estimate(c, lambda arm, pair=pair: float(set(pair) <= set(arm.tricks))) == pytest.approx(0.5)
    assert max(shares) == pytest.approx(most)
    assert (min(shares) > 1e-9) is every
    fraction = {1 / 6: "1/6", 3 / 10: "3/10"}[most]
    which = "every interaction" if every else "interactions"
    said = f"Main effects are partly mixed with {which} of two other tricks: up to {fraction} of each is added or taken away."
    assert plan.notes[1:] == (said,)


@pytest.mark.parametrize("runs", FIRST_ROWS)
def test_the_first_rows_are_those_of_quadratic_residues(runs):
    """Paley's construction: + at 0 and at the squares modulo a prime."""
    prime = runs - 1
    squares = {n * n % prime for n in range(prime)}
    assert FIRST_ROWS[runs] == "".join("+" if n in squares else "-" for n in range(prime))


def test_twelve_arms_as_they_were_printed():
    """The table of Plackett and Burman (1946) for 12 runs, each row the one above moved one place on."""
    printed = [
        *("++-+++---+-", "-++-+++---+", "+-++-+++---", "-+-++-+++--", "--+-++-+++-", "---+-++-+++"),
        *("+---+-++-++", "++---+-++-+", "+++---+-++-", "-+++---+-++", "+-+++---+-+", "-----------"),
    ]
    plan = plackett_burman(*TRICKS[:11])
    rows = {"".join("+" if TRICKS[n] in arm.tricks else "-" for n in range(11)) for arm in plan.arms}
    assert rows == set(printed)


@pytest.mark.parametrize("runs", [8, 16])
def test_powers_of_two_are_a_hadamard_matrix(runs):
    """Its rows without the column of ones, turned so that the first has no trick; columns of odd weight come first."""
    order = sorted(range(1, runs), key=lambda n: (n.bit_count() % 2 == 0, n.bit_count(), n))
    plan = plackett_burman(*TRICKS[: runs - 1])
    assert {tuple(row) for row in signs(plan, runs - 1)} == {tuple(row) for row in -hadamard(runs)[:, order]}


@pytest.mark.parametrize("k", range(4, 24))
def test_a_screening_takes_the_fewest_arms_that_will_do(k):
    plan = plackett_burman(*TRICKS[:k])
    assert len(plan.arms) == min(size for size in SIZES if size > k)
    assert not [c for c in plan.contrasts if c.between]


@pytest.mark.parametrize("k", [4, 8])
def test_half_as_many_tricks_as_arms_keep_main_effects_clear_of_pairs(k):
    plan = plackett_burman(*TRICKS[:k], runs=2 * k)
    truth = Truth(k, largest=2)
    assert [estimate(c, truth) for c in plan.contrasts] == pytest.approx([truth.main_of_two(t) for t in TRICKS[:k]])
    assert len(plan.notes) == 1


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: fractional_factorial(*TRICKS[:12], resolution=4),
            "fractional_factorial takes 3 to 11 tricks, got 12: plackett_burman takes up to 23",
        ),
        (
            lambda: fractional_factorial(*TRICKS[:5]),
            "fractional_factorial needs resolution= or runs=, one of them, got None and None",
        ),
        (
            lambda: fractional_factorial(*TRICKS[:5], resolution=3, runs=8),
            "fractional_factorial needs resolution= or runs=, one of them, got 3 and 8",
        ),
        (
            lambda: fractional_factorial(*TRICKS[:5], runs=32),
            "fractional_factorial of 5 tricks has 8 or 16 arms, got runs=32: factorial takes all 32",
        ),
        (
            lambda: fractional_factorial(*TRICKS[:3], runs=6),
            "fractional_factorial of 3 tricks has 4 arms, got runs=6: factorial takes all 8",
        ),
        (lambda: fractional_factorial(*TRICKS[:5], resolution=6), "the resolution of a fractional_factorial is 3, 4 or 5, got 6"),
        (
            lambda: fractional_factorial(*TRICKS[:4], resolution=5),
            "no fraction of 4 tricks in 8 arms or fewer has resolution 5: lower it, or factorial takes all 16",
        ),
        (
            lambda: fractional_factorial(*TRICKS[:9], resolution=5),
            "no fraction of 9 tricks in 64 arms or fewer has resolution 5: lower it, or factorial takes all 512",
        ),
        (lambda: plackett_burman(*TRICKS, ONE_MORE), "plackett_burman takes 4 to 23 tricks, got 24: screen them in two studies"),
        (lambda: plackett_burman(*TRICKS[:9], runs=8), "plackett_burman of 9 tricks has 12, 16, 20 or 24 arms, got runs=8"),
        (
            lambda: plackett_burman(*TRICKS[:4], runs=12),
            "plackett_burman of 4 tricks in 12 arms would train some twice: use runs=8",
        ),
    ],
)
def test_designs_that_do_not_exist_are_refused(build, said):
    with pytest.raises(Refused) as refused:
        build()
    assert str(refused.value) == said


def test_a_fraction_lies_inside_its_factorial_and_agrees_with_it_where_no_three_interact():
    tricks = TRICKS[:5]
    truth = Truth(5, largest=2)
    whole = {(c.trick, c.between): estimate(c, truth) for c in factorial(*tricks).contrasts}
    for c in fractional_factorial(*tricks, resolution=5).contrasts:
        assert estimate(c, truth) == pytest.approx(whole[c.trick, c.between])
