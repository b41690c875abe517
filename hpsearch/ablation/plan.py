"""A plan: the arms to train and the contrasts to ask of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from hpsearch.ablation.trick import Arm, Trick, refuse_namesakes
from hpsearch.errors import Refused
from hpsearch.values import Value

Item = TypeVar("Item")


@dataclass(frozen=True)
class Contrast(Value):
    """A question asked of the arms: a weight per arm, summing to zero.

    The estimate is the weighted sum of the arms' means. ``trick`` is the one the contrast measures, where it is one; ``design``
    names the family it stands in and is a heading of the table.
    """

    name: str
    weights: tuple[tuple[Arm, float], ...]
    design: str = ""
    trick: Trick | None = None

    def __post_init__(self) -> None:
        total = sum(weight for _, weight in self.weights)
        if not any(weight for _, weight in self.weights):
            raise Refused(f"contrast {self.name!r} asks nothing: give at least two arms a weight that is not zero")
        if not abs(total) <= 1e-9:  # also where it is nan
            raise Refused(f"the weights of contrast {self.name!r} must sum to zero, they sum to {total:g}")
        if len({arm for arm, _ in self.weights}) < len(self.weights):
            raise Refused(f"contrast {self.name!r} names an arm twice: give each arm one weight")

    def over(self, arm: Arm) -> "Contrast":
        """The same question asked on top of another arm."""
        return Contrast(self.name, tuple((a | arm, w) for a, w in self.weights), self.design, self.trick)


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
    arms they share are trained once.
    """

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...] = ()

    def __post_init__(self) -> None:
        named = (arm for contrast in self.contrasts for arm, _ in contrast.weights)
        object.__setattr__(self, "arms", _once((*self.arms, *named)))
        object.__setattr__(self, "contrasts", _once(self.contrasts))
        if not self.arms:
            raise Refused("a Plan needs at least one arm")
        refuse_namesakes(self.tricks)

    @property
    def tricks(self) -> tuple[Trick, ...]:
        """Every trick of every arm, in order of first use."""
        return _once(trick for arm in self.arms for trick in arm.tricks)

    @property
    def top(self) -> Arm:
        """The arm that holds every trick of the plan; refused where there is none."""
        most = max(self.arms, key=lambda arm: len(arm.tricks))
        if len(most.tricks) < len(self.tricks):
            raise Refused(
                f"no arm of this plan holds all its tricks ({', '.join(t.name for t in self.tricks)}), "
                "so nothing can be stacked on it with >>: use | to lay plans side by side"
            )
        return most

    def __rshift__(self, other: "Plan") -> "Plan":
        top = self.top
        return Plan(
            self.arms + tuple(arm | top for arm in other.arms),
            self.contrasts + tuple(contrast.over(top) for contrast in other.contrasts),
        )

    def __or__(self, other: "Plan") -> "Plan":
        return Plan(self.arms + other.arms, self.contrasts + other.contrasts)


def _once(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
