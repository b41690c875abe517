"""A plan: the arms to train and the contrasts to ask of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from hpsearch.ablation.families import LADDER, READINGS
from hpsearch.ablation.trick import Arm, Trick, refuse_namesakes
from hpsearch.errors import Refused
from hpsearch.values import Value

Item = TypeVar("Item")


@dataclass(frozen=True)
class Contrast(Value):
    """A question asked of the arms: a weight per arm, summing to zero.

    The estimate is the weighted sum of the arms' means. ``trick`` is the one whose worth the contrast is, ``between`` the tricks
    whose interaction it is, where it is one; ``design`` names the family it stands in and is a heading of the table.
    """

    name: str
    weights: tuple[tuple[Arm, float], ...]
    design: str = ""
    trick: Trick | None = None
    between: tuple[Trick, ...] = ()

    def __post_init__(self) -> None:
        total = sum(weight for _, weight in self.weights)
        if not any(weight for _, weight in self.weights):
            raise Refused(f"contrast {self.name!r} asks nothing: give at least two arms a nonzero weight")
        if not abs(total) <= 1e-9:  # also where it is nan
            raise Refused(f"the weights of contrast {self.name!r} must sum to zero, they sum to {total:g}")
        if len({arm for arm, _ in self.weights}) < len(self.weights):
            raise Refused(f"contrast {self.name!r} names an arm twice: give each arm one weight")

    @property
    def on_ladder(self) -> bool:
        """Whether it stands in a ladder: one of its steps, or all of them together."""
        return self.design == LADDER

    @property
    def reading(self) -> str:
        """How it reads its trick's worth, in a few words, or as its design is called; empty where it asks of no single trick.

        >>> difference("a", Arm((Trick("a", {"x": 1}),)), Arm(), "fold-over", Trick("a", {"x": 1})).reading
        'fold-over'
        """
        return READINGS.get(self.design, self.design) if self.trick else ""

    @property
    def pair(self) -> tuple[Arm, Arm] | None:
        """The two arms of a plain difference, the one it is in favour of first; None for any other contrast.

        >>> difference("a", Arm((Trick("a", {"x": 1}),)), Arm()).pair[1].name
        'base'
        """
        weights = {weight: arm for arm, weight in self.weights}
        return (weights[1.0], weights[-1.0]) if len(self.weights) == 2 and set(weights) == {1.0, -1.0} else None

    @property
    def under(self) -> Arm:
        """What it was laid over: the tricks that all its arms have.

        >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
        >>> difference("a in the full stack", Arm((a, b)), Arm((b,))).under.name
        'b'
        """
        first, *others = (arm.tricks for arm, _ in self.weights)
        return Arm(tuple(trick for trick in first if all(trick in tricks for tricks in others)))

    def over(self, arm: Arm) -> "Contrast":
        """The same question asked on top of another arm; a name that says what it was laid over says it anew."""
        laid = replace(self, weights=tuple((a | arm, w) for a, w in self.weights))
        stem = self.name.removesuffix(_over(self))
        return laid if stem == self.name else replace(laid, name=stem + _over(laid))


def difference(name: str, better: Arm, worse: Arm, design: str = "", trick: Trick | None = None) -> Contrast:
    """The contrast ``better - worse``.

    >>> difference("a", Arm((Trick("a", {"x": 1}),)), Arm()).weights[1]
    (Arm(tricks=()), -1.0)
    """
    return Contrast(name, ((better, 1.0), (worse, -1.0)), design, trick)


@dataclass(frozen=True)
class Plan(Value):
    """Arms and contrasts, each once; every arm a contrast names is trained.

    ``plan >> other`` lays the other plan on the arm with all of this plan's tricks; ``plan | other`` puts them side by side, and
    arms they share are trained once. Contrasts of one design that would share a name add what they were laid over. ``notes`` are
    sentences about what the designs can tell and what they cannot; they are printed beside the results.

    >>> a, b = Trick("a", {"x": 1}), Trick("b", {"y": 2})
    >>> alone = Plan((), (difference("a alone", Arm((a,)), Arm()),))
    >>> [contrast.name for contrast in (alone | (Plan((Arm((b,)),)) >> alone)).contrasts]
    ['a alone', 'a alone, over b']
    """

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = (arm for contrast in self.contrasts for arm, _ in contrast.weights)
        object.__setattr__(self, "arms", _once((*self.arms, *named)))
        if not self.arms:
            raise Refused("a Plan needs at least one arm")
        refuse_namesakes(self.tricks)
        object.__setattr__(self, "contrasts", distinctly_named(self.contrasts))
        object.__setattr__(self, "notes", _once(self.notes))

    @property
    def tricks(self) -> tuple[Trick, ...]:
        """Every trick of every arm, in order of first use."""
        return _once(trick for arm in self.arms for trick in arm.tricks)

    @property
    def steps(self) -> tuple[Contrast, ...]:
        """The contrasts that lay one trick over the arm below it, rung by rung."""
        return tuple(c for c in self.contrasts if c.on_ladder and c.trick and c.pair)

    @property
    def rungs(self) -> tuple[Arm, ...]:
        """The arms that ladders name, in order of first use."""
        return _once(arm for c in self.contrasts if c.on_ladder for arm, _ in c.weights)

    @property
    def top(self) -> Arm:
        """The arm that holds every trick of the plan; refused where there is none."""
        most = max(self.arms, key=lambda arm: len(arm.tricks))
        if len(most.tricks) < len(self.tricks):
            raise Refused(
                f"no arm of this plan holds all its tricks ({', '.join(t.name for t in self.tricks)}), "
                "so nothing can be stacked on it with >>: use | to put plans side by side"
            )
        return most

    def __rshift__(self, other: "Plan") -> "Plan":
        top = self.top
        return Plan(
            self.arms + tuple(arm | top for arm in other.arms),
            self.contrasts + tuple(contrast.over(top) for contrast in other.contrasts),
            self.notes + other.notes,
        )

    def __or__(self, other: "Plan") -> "Plan":
        return Plan(self.arms + other.arms, self.contrasts + other.contrasts, self.notes + other.notes)


def distinctly_named(contrasts: Iterable[Contrast]) -> tuple[Contrast, ...]:
    """The contrasts, each once; those of one design that share a name say what they were laid over.

    Where that is the same, they also say which tricks they are about. A name that nothing shares stays as it was given.

    >>> a, b, c = (Trick(name, {name: 1}) for name in "abc")
    >>> pair = [difference("all together", Arm((a, other)), Arm()) for other in (b, c)]
    >>> [contrast.name for contrast in distinctly_named(pair)]
    ['all together, among a, b', 'all together, among a, c']
    """
    given: dict[Contrast, Contrast] = {}
    for contrast in contrasts:
        given.setdefault(_bare(contrast), contrast)
    families: dict[tuple[str, str], list[Contrast]] = {}
    for bare in given:
        families.setdefault((bare.design, bare.name), []).append(bare)
    told: dict[Contrast, Contrast] = {}
    for family in families.values():
        among = len({contrast.under for contrast in family}) < len(family)
        for contrast in family:
            said = contrast.name + _among(contrast) * among + _over(contrast)
            told[contrast] = replace(contrast, name=said) if len(family) > 1 else given[contrast]
    _refuse_twins(told.values())
    return tuple(told[bare] for bare in given)


def _refuse_twins(contrasts: Iterable[Contrast]) -> None:
    names: set[tuple[str, str]] = set()
    for contrast in contrasts:
        if (contrast.design, contrast.name) in names:
            raise Refused(f"two different contrasts are named {contrast.name!r}: ask one, or rename one with dataclasses.replace")
        names.add((contrast.design, contrast.name))


def _bare(contrast: Contrast) -> Contrast:
    """The contrast under the name it had before it was named distinctly."""
    return replace(contrast, name=contrast.name.removesuffix(_over(contrast)).removesuffix(_among(contrast)))


def _over(contrast: Contrast) -> str:
    return f", over {contrast.under.name}" if contrast.under.tricks else ""


def _among(contrast: Contrast) -> str:
    about = {trick.name for arm, _ in contrast.weights for trick in arm.tricks if trick not in contrast.under.tricks}
    return f", among {', '.join(sorted(about))}"


def _once(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
