"""Factorials: every combination of the tricks, or a balanced part of them with the words for what that part cannot distinguish."""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import combinations
from operator import xor

from hpsearch.ablation.aliases import all_named, clear_pairs, columns, listing, mixed_mains, mixed_pairs, pair_name
from hpsearch.ablation.families import FACTORIAL, FRACTION, SCREENING
from hpsearch.ablation.plan import Contrast, Plan
from hpsearch.ablation.trick import Arm, Trick, refuse_few
from hpsearch.errors import Refused

# (tricks, arms) to generators. The first tricks, A, B, C, ..., run through all combinations; each further one is there where an
# odd number of its generator's letters is. All are of minimum aberration, as a search over all generators confirms.
# Source: Box, Hunter and Hunter (2005), chapter 6; NIST/SEMATECH e-Handbook of Statistical Methods, 5.3.3.4.7.
GENERATORS = {
    (3, 4): "AB",
    (4, 8): "ABC",
    (5, 8): "AB AC",
    (5, 16): "ABCD",
    (6, 8): "AB AC BC",
    (6, 16): "ABC BCD",
    (6, 32): "ABCDE",
    (7, 8): "AB AC BC ABC",
    (7, 16): "ABC BCD ACD",
    (7, 32): "ABCD ABDE",
    (7, 64): "ABCDEF",
    (8, 16): "BCD ACD ABC ABD",
    (8, 32): "ABC ABD BCDE",
    (8, 64): "ABCD ABEF",
    (9, 16): "ABC BCD ACD ABD ABCD",
    (9, 32): "BCDE ACDE ABDE ABCE",
    (9, 64): "ABCD ACEF CDEF",
    (10, 16): "ABC BCD ACD ABD ABCD AB",
    (10, 32): "ABCD ABCE ABDE ACDE BCDE",
    (10, 64): "BCDF ACDF ABDE ABCE",
    (11, 16): "ABC BCD ACD ABD ABCD AB AC",
    (11, 32): "ABC BCD CDE ACD ADE BDE",
    (11, 64): "CDE ABCD ABF BDEF ADEF",
}
BEYOND = "effects are mixed with interactions of three or more tricks too, which are taken to be zero"
ROMAN = {3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII"}

# The first row of the designs that are no power of two; the others are its cyclic shifts, and one with no trick at all.
# Source: Plackett and Burman (1946), Biometrika 33(4).
FIRST_ROWS = {12: "++-+++---+-", 20: "++--++++-+-+----++-", 24: "+++++-+-++--++--+-+----"}
SIZES = (8, 12, 16, 20, 24)


def factorial(*tricks: Trick) -> Plan:
    """Every subset of the tricks, with main effects and two-way interactions.

    ``k`` tricks give ``2**k`` arms. A main effect is the mean of the trick's gain over all settings of the others; an interaction
    of two is how much more the one gains when the other is present, again averaged over the rest: zero where gains simply add.
    Source: Box, Hunter and Hunter (2005), chapter 5.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> for contrast in factorial(a, b).contrasts:
    ...     print(contrast.name, [weight for arm, weight in contrast.weights])
    a, main effect [-0.5, 0.5, -0.5, 0.5]
    b, main effect [-0.5, -0.5, 0.5, 0.5]
    a x b [1.0, -1.0, -1.0, 1.0]
    """
    refuse_few(tricks, 2, "factorial")
    arms = [Arm(subset) for n in range(len(tricks) + 1) for subset in combinations(tricks, n)]
    return Plan(tuple(arms), _contrasts(arms, tricks, combinations(tricks, 2), FACTORIAL))


def fractional_factorial(*tricks: Trick, resolution: int | None = None, runs: int | None = None) -> Plan:
    """A part of ``factorial`` that keeps main effects apart, at the price of mixing them with interactions: 3 to 11 tricks.

    Give one of the two: ``resolution`` for the fewest arms that reach it, or ``runs``, the number of arms, a power of two.
    Resolution 3 keeps main effects apart from each other; 4 also from interactions of two tricks; 5 also keeps those apart from
    each other. Contrasts are the main effects, and the interactions of two that are mixed with no main effect and no other
    interaction of two; each is what ``factorial`` would measure if the interactions it is mixed with were zero. The notes of the
    plan are its alias table in words. Of the fractions of one set of generators this is the one that holds the base, so that it
    shares an arm with most other designs; the full stack is another arm of it only where every generator has an odd number of
    letters. Which effects are mixed depends on the order in which the tricks are given.
    Source: Box, Hunter and Hunter (2005), chapter 6.

    >>> a, b, c, d = (Trick(name, {name: 1}) for name in "abcd")
    >>> half = fractional_factorial(a, b, c, d, resolution=4)
    >>> [arm.name for arm in half.arms]
    ['base', 'a + b', 'a + c', 'a + d', 'b + c', 'b + d', 'c + d', 'a + b + c + d']
    >>> [contrast.name for contrast in half.contrasts][-1], half.notes[-1]
    ('d, main effect', 'The interactions a x d and b x c cannot be distinguished from one another.')
    """
    refuse_few(tricks, 3, "fractional_factorial")
    masks = _fraction(len(tricks), resolution, runs)
    arms = _in_order(tricks, _regular(masks))
    made = columns(tricks, arms)
    contrasts = _contrasts(arms, tricks, clear_pairs(made), FRACTION)
    notes = (_fraction_words(tricks, arms, _resolution(masks)), *mixed_mains(made), *mixed_pairs(made))
    return Plan(tuple(arms), contrasts, notes)


def plackett_burman(*tricks: Trick, runs: int | None = None) -> Plan:
    """Main effects of many tricks from few arms, a balanced screening design: 4 to 23 tricks in 8, 12, 16, 20 or 24 arms.

    ``runs`` is the number of arms, above the number of tricks: without it the smallest that will do. Each trick is in half of the
    arms, and any two are together in a quarter. Contrasts are main effects alone, and each is mixed with interactions: in 8 or 16
    arms fully with some, in 12, 20 or 24 in part with many or all. The notes of the plan say with which and how far. The base is
    among the arms.
    Source: Plackett and Burman (1946), Biometrika 33(4); for 8 and 16 arms, Hadamard matrices of Sylvester's kind.

    >>> tricks = [Trick(name, {name: 1}) for name in "abcdefgh"]
    >>> plan = plackett_burman(*tricks)
    >>> len(plan.arms), sum(tricks[0] in arm.tricks for arm in plan.arms), plan.arms[0].name
    (12, 6, 'base')
    >>> print(plan.notes[1])
    Main effects are partly mixed with every interaction of two other tricks: up to 1/6 of each is added or taken away.
    """
    refuse_few(tricks, 4, "plackett_burman")
    most = SIZES[-1] - 1
    if len(tricks) > most:
        raise Refused(f"plackett_burman takes 4 to {most} tricks, got {len(tricks)}: screen them in two studies")
    fitting = [size for size in SIZES if size > len(tricks)]
    if runs is not None and runs not in fitting:
        raise Refused(f"plackett_burman of {len(tricks)} tricks has {_either(fitting)} arms, got runs={runs!r}")
    size = fitting[0] if runs is None else fitting[fitting.index(runs)]
    arms = _in_order(tricks, _screen(len(tricks), size))
    if len(set(arms)) < size:
        raise Refused(f"plackett_burman of {len(tricks)} tricks in {size} arms would train some twice: use runs={fitting[0]}")
    said = f"{all_named(tricks)} are screened in {size} arms, one with none of them, for main effects only; {BEYOND}."
    return Plan(tuple(arms), _contrasts(arms, tricks, (), SCREENING), (said, *mixed_mains(columns(tricks, arms))))


def _fraction(tricks: int, resolution: int | None, runs: int | None) -> tuple[int, ...]:
    """A mask of basic tricks for each trick: the trick is there where an odd number of those in its mask is."""
    known = {size: _masks(size, words.split()) for (count, size), words in GENERATORS.items() if count == tricks}
    if not known:
        raise Refused(f"fractional_factorial takes 3 to 11 tricks, got {tricks}: plackett_burman takes up to 23")
    if (resolution is None) == (runs is None):
        raise Refused(f"fractional_factorial needs resolution= or runs=, one of them, got {resolution!r} and {runs!r}")
    remedy = f"factorial takes all {2**tricks}"
    if runs is not None:
        if runs not in known:
            raise Refused(f"fractional_factorial of {tricks} tricks has {_either(known)} arms, got runs={runs!r}: {remedy}")
        return known[runs]
    if resolution not in (3, 4, 5):
        raise Refused(f"the resolution of a fractional_factorial is 3, 4 or 5, got {resolution!r}")
    reaching = [masks for masks in known.values() if _resolution(masks) >= resolution]
    if not reaching:
        raise Refused(
            f"no fraction of {tricks} tricks in {max(known)} arms or fewer has resolution {resolution}: lower it, or {remedy}"
        )
    return reaching[0]


def _masks(size: int, words: Sequence[str]) -> tuple[int, ...]:
    """Masks from generators.

    >>> _masks(4, ["AB"])
    (1, 2, 3)
    """
    basic = range(size.bit_length() - 1)
    return (*(1 << n for n in basic), *(sum(1 << "ABCDEF".index(letter) for letter in word) for word in words))


def _resolution(masks: Sequence[int]) -> int:
    """The fewest tricks whose columns have a constant product.

    >>> _resolution(_masks(8, ["ABC"]))
    4
    """
    return next(n for n in range(1, len(masks) + 1) if any(reduce(xor, some) == 0 for some in combinations(masks, n)))


def _regular(masks: Sequence[int]) -> list[list[int]]:
    """Every arm as the places of its tricks."""
    size = 1 << max(masks).bit_length()
    return [[n for n, mask in enumerate(masks) if (mask & run).bit_count() % 2] for run in range(size)]


def _screen(tricks: int, size: int) -> list[list[int]]:
    """Every arm of a screening design as the places of its tricks."""
    if size in FIRST_ROWS:
        first = FIRST_ROWS[size]
        shifted = [[n for n in range(tricks) if first[n - shift] == "+"] for shift in range(size - 1)]
        return [*shifted, []]
    # Masks of odd weight first: no two of them make a third, so half as many tricks as arms are kept apart from all pairs.
    weighed = sorted(range(1, size), key=lambda mask: (mask.bit_count() % 2 == 0, mask.bit_count(), mask))
    return _regular(weighed[:tricks])


def _in_order(tricks: Sequence[Trick], places: Iterable[list[int]]) -> list[Arm]:
    """Arms with few tricks first, as ``factorial`` has them."""
    return [Arm(tuple(tricks[n] for n in each)) for each in sorted(places, key=lambda each: (len(each), each))]


def _fraction_words(tricks: Sequence[Trick], arms: Sequence[Arm], resolution: int) -> str:
    ends = "those with none and with all of them" if Arm(tuple(tricks)) in arms else "that with none of them"
    beyond = BEYOND
    if resolution == 4:
        beyond = "main effects are mixed only with interactions of three or more tricks, which are taken to be zero"
    if resolution > 4:
        order = {5: "three", 6: "four", 7: "five"}[resolution]
        beyond = f"its effects are mixed only with interactions of {order} or more tricks, which are taken to be zero"
    return (
        f"The fraction of resolution {ROMAN[resolution]} has {len(arms)} of the {2 ** len(tricks)} arms of the factorial of "
        f"{all_named(tricks)}, {ends} included; {beyond}."
    )


def _contrasts(
    arms: Sequence[Arm], tricks: Sequence[Trick], pairs: Iterable[tuple[Trick, ...]], design: str
) -> tuple[Contrast, ...]:
    """Main effects of all tricks and interactions of the pairs."""
    single = [Contrast(f"{t.name}, main effect", _weights(arms, (t,)), design, t) for t in tricks]
    double = [Contrast(pair_name(pair), _weights(arms, pair), design, between=pair) for pair in pairs]
    return (*single, *double)


def _weights(arms: Sequence[Arm], factors: tuple[Trick, ...]) -> tuple[tuple[Arm, float], ...]:
    share = len(arms) / 2 ** len(factors)  # arms per setting of the factors
    return tuple((arm, _sign(arm, factors) / share) for arm in arms)


def _sign(arm: Arm, factors: tuple[Trick, ...]) -> float:
    """+1 where an even number of the factors is missing, -1 where an odd number is."""
    return (-1.0) ** sum(factor not in arm.tricks for factor in factors)


def _either(sizes: Iterable[int]) -> str:
    """Numbers to choose from.

    >>> _either([8, 12, 16]), _either([24])
    ('8, 12 or 16', '24')
    """
    return listing(map(str, sizes)).replace(" and ", " or ")
