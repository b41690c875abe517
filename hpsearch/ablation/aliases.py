"""Aliases: which effects a part of a factorial cannot distinguish, as numbers and in words.

An effect has a column: the product, arm by arm, of +1 where a trick of it is there and -1 where it is not. Two effects are told
apart as far as their columns are orthogonal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import combinations
from operator import xor

from hpsearch.ablation.trick import Arm, Trick

Effect = tuple[Trick, ...]  # a trick alone: its main effect; two: their interaction


@dataclass(frozen=True)
class Columns:
    """The columns of the tricks over some arms, each a whole number with a bit per arm, set where the trick is absent."""

    absent: dict[Trick, int]
    arms: int

    def overlap(self, one: Effect, other: Effect) -> Fraction:
        """The mean product of two effects' columns: 0 distinct, 1 or -1 identical, between them partly mixed.

        >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
        >>> half = columns((a, b, c), [Arm(), Arm((a, b)), Arm((a, c)), Arm((b, c))])
        >>> print(half.overlap((a,), (b,)), half.overlap((c,), (a, b)))
        0 -1
        """
        product = reduce(xor, (self.absent[trick] for trick in (*one, *other)))
        return 1 - Fraction(2 * product.bit_count(), self.arms)

    def same(self, effect: Effect, others: Iterable[Effect]) -> tuple[Effect, ...]:
        """The others that have this very column, or its negative."""
        return tuple(other for other in others if abs(self.overlap(effect, other)) == 1)


def columns(tricks: Sequence[Trick], arms: Sequence[Arm]) -> Columns:
    """The columns of the tricks over the arms."""
    return Columns({t: sum(1 << n for n, arm in enumerate(arms) if t not in arm.tricks) for t in tricks}, len(arms))


def clear_pairs(made: Columns) -> tuple[Effect, ...]:
    """Pairs of tricks whose interaction is distinct from every main effect and from every other pair's.

    Source: Wu and Chen (1992), Technometrics 34(2), who name such an interaction clear.
    """
    pairs = list(combinations(made.absent, 2))
    others: list[Effect] = [(trick,) for trick in made.absent] + list(pairs)
    return tuple(pair for pair in pairs if not any(made.overlap(pair, other) for other in others if other != pair))


def mixed_mains(made: Columns) -> tuple[str, ...]:
    """What main effects cannot be distinguished from among the interactions of two, in sentences.

    In the units of ``factorial``, a gain and a difference of gains, an interaction with the column of a main effect weighs half in
    its contrast, and is always taken away where the base is among the arms.

    >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
    >>> mixed_mains(columns((a, b, c), [Arm(), Arm((a, b)), Arm((a, c)), Arm((b, c))]))[2]
    'c, main effect, cannot be distinguished from the interaction a x b: half of it is taken away.'
    """
    pairs = list(combinations(made.absent, 2))
    mixed = {trick: made.same((trick,), pairs) for trick in made.absent}
    return (*(_main(trick, same) for trick, same in mixed.items() if same), *_partly(made, pairs))


def mixed_pairs(made: Columns) -> tuple[str, ...]:
    """Interactions of two that share a column among themselves and with no main effect, in sentences."""
    mains: list[Effect] = [(trick,) for trick in made.absent]
    free = [pair for pair in combinations(made.absent, 2) if not made.same(pair, mains)]
    families = dict.fromkeys(made.same(pair, free) for pair in free)
    told = "The interactions {} cannot be distinguished from one another."
    return tuple(told.format(listing(map(pair_name, family))) for family in families if len(family) > 1)


def _main(trick: Trick, same: Sequence[Effect]) -> str:
    many = len(same) > 1
    told = f"{trick.name}, main effect, cannot be distinguished from the interaction{'s' * many} {listing(map(pair_name, same))}"
    return f"{told}: half of {'each' if many else 'it'} is taken away."


def _partly(made: Columns, pairs: Sequence[Effect]) -> Iterator[str]:
    """How far main effects are mixed with interactions that are not quite theirs, in one sentence."""
    found = [abs(made.overlap((trick,), pair)) for pair in pairs for trick in made.absent if trick not in pair]
    part = [each for each in found if each not in (0, 1)]
    if part:
        which = "every interaction" if all(found) else "interactions"
        yield (
            f"Main effects are partly mixed with {which} of two other tricks: up to {max(part) / 2} of each is added or taken away."
        )


def pair_name(pair: Effect) -> str:
    """An interaction as tables name it: ``a x b``."""
    return " x ".join(trick.name for trick in pair)


def all_named(tricks: Sequence[Trick], most: int = 6) -> str:
    """The tricks by name in a sentence, or how many they are."""
    return listing(trick.name for trick in tricks) if len(tricks) <= most else f"{len(tricks)} tricks"


def listing(names: Iterable[str]) -> str:
    """Names in a sentence.

    >>> listing("abc"), listing("a")
    ('a, b and c', 'a')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
