"""The study that imported results answer: arms by name, contrasts by design, and nothing that could be run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hpsearch.ablation import Arm, Contrast, Plan, Trick, difference
from hpsearch.ablation.families import LADDER
from hpsearch.errors import Refused, did_you_mean
from hpsearch.study import Study
from hpsearch.values import Value

DESIGNS = (LADDER, "against")


@dataclass(frozen=True)
class Imported(Value):
    """Stands for the recipe of runs made elsewhere, of which only the arm's name is known."""

    arm: str = ""


def not_here(config: Any, seed: int, epochs: int, run: Any) -> Iterator[Mapping[str, Any]]:
    """The training function of a study that trains nothing."""
    raise Refused("these results were made elsewhere, so nothing can be run here")
    yield {}


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Study):
    """A study of results made elsewhere.

    Its seeds are blocks only where ``pairs``: runs that merely lack a seed must not be taken for pairs because they happen to be
    numbered. ``fewest`` and ``seeds`` are the runs of the arms that have fewest and most.
    """

    fewest: int = 1
    pairs: bool = True
    clock: str = "epoch"  # what the source counts within a run

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise Refused("--question is empty: say in one sentence what the results answer")

    @property
    def paired(self) -> bool:
        """Whether runs of two arms under one seed are partners."""
        return self.pairs

    @property
    def trains(self) -> bool:
        """Nothing of it is trained here."""
        return False

    @property
    def first_seeds(self) -> int:
        """Runs of the arm that has fewest."""
        return self.fewest

    @property
    def unit_of_time(self) -> str:
        """The source's own word for an epoch."""
        return self.clock

    @property
    def repeat(self) -> str:
        """A seed where the source names seeds, else a run."""
        return "seed" if self.pairs else "run"

    @property
    def code(self) -> str:
        """No code of ours made them."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the arms are asked."""

    text: str = ""  # in a sentence; made of the arms' names where empty
    goal: str = "maximise"  # or minimise
    design: str = "against"  # or ladder
    base: str | None = None  # what each arm is compared with; the first one where none is named
    labels: tuple[str, ...] = ()  # ARM=TEXT

    def __post_init__(self) -> None:
        if self.goal not in ("maximise", "minimise"):
            raise Refused(f"--goal is maximise or minimise, got {self.goal!r}")
        if self.design not in DESIGNS:
            raise Refused(f"--design {self.design!r} is not known: {did_you_mean(self.design, DESIGNS)}")
        if self.base is not None and self.design == LADDER:
            raise Refused("--base goes with --design against: a ladder compares each arm with the one before it")


def labelled(arms: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """What to call every arm, by its name in the source.

    >>> labelled(["r50", "r50d"], ["r50=A"])
    {'r50': 'A', 'r50d': 'r50d'}
    """
    called = {arm: arm for arm in arms}
    for each in labels:
        arm = max((name for name in arms if each.startswith(f"{name}=")), key=len, default=None)
        if arm is None:
            raise Refused(f"--label takes ARM=TEXT, got {each!r}: {did_you_mean(each.partition('=')[0], arms)}")
        called[arm] = " ".join(each[len(arm) + 1 :].split()) or arm
    if len(set(called.values())) < len(called):
        raise Refused("--label gives two arms one name: call them differently")
    return called


def plan(called: Sequence[str], question: Question, base: str | None) -> Plan:
    """The arms in order, and what they are asked.

    A ladder compares each arm with the one before it, and the last with the first; the other design each with the base.

    >>> [contrast.name for contrast in plan(["A", "B", "C"], Question(design="ladder"), None).contrasts]
    ['B over A', 'C over B', 'all 2 steps together']
    >>> [contrast.name for contrast in plan(["A", "B", "C"], Question(), "B").contrasts]
    ['A against B', 'C against B']
    """
    arms = {name: Arm((Trick(name, {"arm": name}),)) for name in called}
    if question.design == LADDER:
        asked = [
            difference(f"{upper} over {lower}", arms[upper], arms[lower], LADDER, arms[upper].tricks[0])
            for lower, upper in pairwise(called)
        ]
        if len(called) > 2:
            asked.append(difference(f"all {len(asked)} steps together", arms[called[-1]], arms[called[0]], LADDER))
        return Plan(tuple(arms.values()), tuple(asked))
    first = base or called[0]
    return Plan((arms[first], *arms.values()), tuple(_against(arms, first)))


def _against(arms: Mapping[str, Arm], base: str) -> Iterator[Contrast]:
    for name, arm in arms.items():
        if name != base:
            yield difference(f"{name} against {base}", arm, arms[base], f"against {base}")


def base_of(question: Question, called: Mapping[str, str]) -> str | None:
    """The label of the arm to compare with; it may be named by its own name or its label."""
    if question.base is None:
        return None
    found = called.get(question.base) or next((label for label in called.values() if label == question.base), None)
    if found is None:
        raise Refused(f"--base names {question.base!r}, which is not an arm: {did_you_mean(question.base, called)}")
    return found
