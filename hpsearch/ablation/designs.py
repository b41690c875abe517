"""Designs: functions from tricks to a plan. Arms that two designs share are trained once."""

from itertools import pairwise

from hpsearch.ablation.families import ALONE, GAP, LADDER, LAST
from hpsearch.ablation.plan import Contrast, Plan, difference
from hpsearch.ablation.trick import Arm, Trick, refuse_few


def ladder(*tricks: Trick) -> Plan:
    """Lay the tricks one on another and ask what each adds to those below it, and all of them together.

    ``n`` tricks give ``n + 1`` arms.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in ladder(a, b).arms]
    ['base', 'a', 'a + b']
    >>> [contrast.name for contrast in ladder(a, b).contrasts]
    ['+ a', '+ b', 'all 2 together']
    """
    refuse_few(tricks, 1, "ladder")
    arms = [Arm(tricks[:n]) for n in range(len(tricks) + 1)]
    steps = [
        difference(f"+ {trick.name}", above, below, LADDER, trick)
        for trick, (below, above) in zip(tricks, pairwise(arms), strict=True)
    ]
    if len(tricks) > 1:
        steps.append(difference(f"all {len(tricks)} together", arms[-1], arms[0], LADDER))
    return Plan(tuple(arms), tuple(steps))


def leave_one_out(*tricks: Trick) -> Plan:
    """Take each trick away from the full stack and ask what it was worth there.

    ``n`` tricks give ``n + 1`` arms.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in leave_one_out(a, b).arms]
    ['a + b', 'b', 'a']
    """
    refuse_few(tricks, 2, "leave_one_out")
    full = Arm(tricks)
    asked = [difference(f"{t.name} in the full stack", full, full.without(t), LAST, t) for t in tricks]
    return Plan((full,), tuple(asked))


def one_at_a_time(*tricks: Trick) -> Plan:
    """Lay each trick alone over the base and ask what it is worth there.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> [arm.name for arm in one_at_a_time(a, b).arms]
    ['base', 'a', 'b']
    """
    refuse_few(tricks, 1, "one_at_a_time")
    base = Arm()
    return Plan((base,), tuple(difference(f"{t.name} alone", Arm((t,)), base, ALONE, t) for t in tricks))


def first_and_last(*tricks: Trick) -> Plan:
    """Ask of each trick what it is worth laid first, what it is worth laid last, and how far apart the two are.

    With ``y`` an arm's score, ``0`` the base and ``S`` the full stack: first is ``y(t) - y(0)``, last is ``y(S) - y(S without t)``,
    and the gap is last minus first, in the metric's unit: zero where gains add, below zero where the other tricks already did what
    this one does. It holds every interaction of the trick with the others; two tricks have one gap between them.
    ``n`` tricks give ``2 n + 2`` arms, fewer for ``n`` under 3.
    Source: first and last as in Grömping (2006), Journal of Statistical Software 17(1), there for shares of variance.

    >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
    >>> [contrast.name for contrast in first_and_last(a, b, c).contrasts][::3]
    ['a alone', 'a in the full stack', 'a, full stack minus alone']
    >>> [(arm.name, weight) for arm, weight in first_and_last(a, b, c).contrasts[-3].weights]
    [('a + b + c', 1.0), ('b + c', -1.0), ('a', -1.0), ('base', 1.0)]
    """
    refuse_few(tricks, 2, "first_and_last")
    gaps = [_gap(t.name, t, tricks) for t in tricks]
    if len(tricks) == 2:
        gaps = [_gap(f"{tricks[0].name} or {tricks[1].name}", tricks[0], tricks, tricks)]
    return one_at_a_time(*tricks) | leave_one_out(*tricks) | Plan((), tuple(gaps))


def _gap(name: str, trick: Trick, tricks: tuple[Trick, ...], between: tuple[Trick, ...] = ()) -> Contrast:
    full = Arm(tricks)
    weights = ((full, 1.0), (full.without(trick), -1.0), (Arm((trick,)), -1.0), (Arm(), 1.0))
    return Contrast(f"{name}, full stack minus alone", weights, GAP, between=between)
