"""Orders: what a trick adds on average, over orders in which the tricks could be laid one on another."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import count, islice, permutations
from math import factorial

from hpsearch.ablation.aliases import all_named
from hpsearch.ablation.families import ORDERS
from hpsearch.ablation.plan import Contrast, Plan
from hpsearch.ablation.trick import Arm, Trick, refuse_few
from hpsearch.errors import Refused

Order = tuple[Trick, ...]


def orders(*tricks: Trick, n: int, seed: int = 0) -> Plan:
    """Lay the tricks one on another in ``n`` orders and ask what each adds on average to those below it.

    With ``y`` an arm's score and ``P`` the tricks below ``t`` in an order, the contrast of ``t`` is the mean over the orders of
    ``y(P with t) - y(P)``, in the metric's unit; the contrasts of all tricks sum to the full stack minus the base. Over all
    ``k!`` orders of ``k`` tricks, which are taken where ``n`` reaches that far, it is the Shapley value of ``t``. Fewer are a
    sample without repeats: the order given, so that its arms are those of ``ladder``, then orders drawn with ``seed``, each
    followed by its reverse while ``n`` allows. An order and its reverse share every interaction of two tricks equally, so for an
    even ``n`` the means are the Shapley values where no three tricks interact. Elsewhere they estimate them, and lean towards
    the order given while ``n`` is small. ``k`` tricks give at most ``n (k - 1) + 2`` arms, prefixes of the orders, each once.
    What is drawn goes by the names of the tricks, not by the order given.
    Source: Castro, Gómez and Tejada (2009), Computers & Operations Research 36(5), for the sampling; Mitchell et al. (2022),
    JMLR 23(43), for the reverses.

    >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
    >>> [arm.name for arm in orders(a, b, c, n=2).arms]
    ['base', 'a', 'a + b', 'a + b + c', 'c', 'b + c']
    >>> for contrast in orders(a, b, c, n=2).contrasts:
    ...     print(contrast.name, {arm.name: weight for arm, weight in contrast.weights})
    a, mean over 2 orders {'base': -0.5, 'a': 0.5, 'b + c': -0.5, 'a + b + c': 0.5}
    b, mean over 2 orders {'a': -0.5, 'a + b': 0.5, 'c': -0.5, 'b + c': 0.5}
    c, mean over 2 orders {'a + b': -0.5, 'a + b + c': 0.5, 'base': -0.5, 'c': 0.5}
    """
    refuse_few(tricks, 2, "orders")
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise Refused(f"orders needs n, a whole number of orders and at least 2, got {n!r}: one order is a ladder")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise Refused(f"the seed of orders is a whole number, at least 0, got {seed!r}")
    every = n >= factorial(len(tricks))
    taken = list(permutations(tricks)) if every else list(islice(_drawn(tricks, seed), n))
    arms = tuple(Arm(order[:below]) for order in taken for below in range(len(tricks) + 1))
    over = f"mean over {'all ' * every}{len(taken)} orders"
    return Plan(arms, tuple(_mean_gain(f"{t.name}, {over}", t, taken) for t in tricks), (_told(tricks, len(taken), seed),))


def _drawn(tricks: Order, seed: int) -> Iterator[Order]:
    """The order given, then others drawn at random, none twice, each followed by its reverse.

    An order sorts the tricks by a hash of the seed, the draw and the name, which no version of a library can change.
    """
    seen: set[Order] = set()
    for draw in count():
        key = {trick: sha256(f"{seed} {draw} {trick.name}".encode()).digest() for trick in tricks}
        order = tuple(sorted(tricks, key=key.__getitem__)) if draw else tricks
        if order not in seen:
            seen |= {order, order[::-1]}
            yield from (order, order[::-1])


def _mean_gain(name: str, trick: Trick, taken: list[Order]) -> Contrast:
    times: Counter[Arm] = Counter()
    for order in taken:
        below = order[: order.index(trick)]
        times[Arm(below)] -= 1
        times[Arm((*below, trick))] += 1
    return Contrast(name, tuple((arm, gained / len(taken)) for arm, gained in times.items()), ORDERS, trick)


def _told(tricks: Order, taken: int, seed: int) -> str:
    """How the orders were chosen and what their means are, in a sentence or two."""
    every = factorial(len(tricks))
    names = all_named(tricks)
    if taken == every:
        return f"The means over orders of {names} run over all {every:,} of them: they are Shapley values."
    chosen = (
        "the one given and its reverse" if taken == 2 else f"the one given and others drawn with seed {seed}, each with its reverse"
    )
    worth = "Shapley values where no three tricks interact, and estimates of them elsewhere"
    if taken % 2:
        chosen, worth = f"{chosen} but the last", "estimates of Shapley values"
    return f"The means over orders of {names} run over {taken:,} of {every:,}: {chosen}. They are {worth}."
