"""Designs: functions from tricks to a plan. Arms that two designs share are trained once."""

from collections.abc import Iterable
from itertools import combinations, pairwise

from hpsearch.ablation.plan import Contrast, Plan, difference
from hpsearch.ablation.trick import Arm, Trick
from hpsearch.errors import Refused


def ladder(*tricks: Trick) -> Plan:
    """Lay the tricks one on another and ask what each adds to those below it, and all of them together.

    ``n`` tricks give ``n + 1`` arms.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in ladder(a, b).arms]
    ['base', 'a', 'a + b']
    >>> [contrast.name for contrast in ladder(a, b).contrasts]
    ['+ a', '+ b', 'all 2 together']
    """
    _need(tricks, 1, "ladder")
    arms = [Arm(tricks[:n]) for n in range(len(tricks) + 1)]
    steps = [
        difference(f"+ {trick.name}", above, below, "ladder", trick)
        for trick, (below, above) in zip(tricks, pairwise(arms), strict=True)
    ]
    if len(tricks) > 1:
        steps.append(difference(f"all {len(tricks)} together", arms[-1], arms[0], "ladder"))
    return Plan(tuple(arms), tuple(steps))


def leave_one_out(*tricks: Trick) -> Plan:
    """Take each trick away from the full stack and ask what it was worth there.

    ``n`` tricks give ``n + 1`` arms.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in leave_one_out(a, b).arms]
    ['a + b', 'b', 'a']
    """
    _need(tricks, 2, "leave_one_out")
    full = Arm(tricks)
    asked = [difference(f"{t.name} in the full stack", full, full.without(t), "leave one out", t) for t in tricks]
    return Plan((full,), tuple(asked))


def one_at_a_time(*tricks: Trick) -> Plan:
    """Lay each trick alone over the base and ask what it is worth there.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in one_at_a_time(a, b).arms]
    ['base', 'a', 'b']
    """
    _need(tricks, 1, "one_at_a_time")
    base = Arm()
    return Plan((base,), tuple(difference(f"{t.name} alone", Arm((t,)), base, "one at a time", t) for t in tricks))


def factorial(*tricks: Trick) -> Plan:
    """Every subset of the tricks, with main effects and two-way interactions.

    ``k`` tricks give ``2**k`` arms. A main effect is the mean of the trick's gain over all settings of the others; an interaction
    of two is what the one gains more when the other is there, again averaged over the rest: zero where gains simply add.
    Source: Box, Hunter and Hunter (2005), chapter 5.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> for contrast in factorial(a, b).contrasts:
    ...     print(contrast.name, [weight for arm, weight in contrast.weights])
    a, main effect [-0.5, 0.5, -0.5, 0.5]
    b, main effect [-0.5, -0.5, 0.5, 0.5]
    a x b [1.0, -1.0, -1.0, 1.0]
    """
    _need(tricks, 2, "factorial")
    arms = [Arm(subset) for n in range(len(tricks) + 1) for subset in combinations(tricks, n)]
    single = [_effect(arms, (t,), f"{t.name}, main effect", t) for t in tricks]
    double = [_effect(arms, pair, f"{pair[0].name} x {pair[1].name}", None) for pair in combinations(tricks, 2)]
    return Plan(tuple(arms), tuple(single + double))


def _effect(arms: Iterable[Arm], factors: tuple[Trick, ...], name: str, trick: Trick | None) -> Contrast:
    arms = list(arms)
    share = len(arms) / 2 ** len(factors)  # arms per setting of the factors
    signs = [_sign(arm, factors) for arm in arms]
    return Contrast(name, tuple((a, s / share) for a, s in zip(arms, signs, strict=True)), "factorial", trick)


def _sign(arm: Arm, factors: tuple[Trick, ...]) -> float:
    """+1 where an even number of the factors is missing, -1 where an odd number is."""
    return (-1.0) ** sum(factor not in arm.tricks for factor in factors)


def _need(tricks: tuple[Trick, ...], least: int, design: str) -> None:
    if len(tricks) < least:
        raise Refused(f"{design} needs at least {least} trick{'s' * (least > 1)}, got {len(tricks)}")
    if len(set(tricks)) < len(tricks):
        twice = next(t.name for n, t in enumerate(tricks) if t in tricks[:n])
        raise Refused(f"{design} was given trick {twice!r} twice: name each once")
