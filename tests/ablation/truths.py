"""Known truths: scores of arms without noise, the effects they hold by definition, and every design found by scanning."""

import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations
from math import factorial

import numpy as np

import hpsearch.ablation
from hpsearch.ablation import Arm, Contrast, Plan, Trick

TRICKS = tuple(Trick(f"t{n}", {f"field_{n}": 1}) for n in range(23))
Score = Callable[[Arm], float]


def designs() -> dict[str, Callable[..., Plan]]:
    """Every public function of the package that turns tricks into a plan."""
    found = {}
    for module in pkgutil.iter_modules(hpsearch.ablation.__path__, "hpsearch.ablation."):
        for name, each in inspect.getmembers(import_module(module.name), inspect.isfunction):
            signature = inspect.signature(each)
            takes_tricks = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
            if not name.startswith("_") and signature.return_annotation is Plan and takes_tricks:
                found[name] = each
    return found


@dataclass(frozen=True)
class Tried:
    """How a design is tried; each ``of_*.py`` beside this file holds some, and the laws run over all of them."""

    name: str
    cases: Sequence[tuple[int, Mapping[str, int]]]  # numbers of tricks, and settings
    wanted: Callable[[Contrast, "Truth"], float | None]  # what a contrast should measure; None where the plan's notes say otherwise
    largest: int | None = None  # the most tricks that may interact for ``wanted`` to hold; None: any number
    has_base: bool = True  # whether the base is one of its arms
    stacks: bool = True  # whether tricks meet in its arms, so that those which set one field are refused


def estimate(contrast: Contrast, score: Score) -> float:
    """What a contrast measures where there is no noise."""
    return sum(weight * score(arm) for arm, weight in contrast.weights)


class Truth:
    """Gains of single tricks and what sets of them add beyond those, up to sets of a size."""

    def __init__(self, k: int, largest: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.k, self.tricks = k, TRICKS[:k]
        self.adds = {frozenset(s): rng.normal() for n in range(1, min(largest, k) + 1) for s in combinations(self.tricks, n)}
        self.base = rng.normal()

    def __call__(self, arm: Arm) -> float:
        own = frozenset(arm.tricks)
        return self.base + sum(worth for tricks, worth in self.adds.items() if tricks <= own)

    def of(self, *tricks: Trick) -> float:
        """What exactly these add together, beyond what fewer of them add."""
        return self.adds.get(frozenset(tricks), 0.0)

    def subsets(self, *without: Trick) -> list[tuple[Trick, ...]]:
        rest = [t for t in self.tricks if t not in without]
        return [s for n in range(len(rest) + 1) for s in combinations(rest, n)]

    def gain(self, trick: Trick, below: tuple[Trick, ...]) -> float:
        return self(Arm((*below, trick))) - self(Arm(below))

    def main(self, trick: Trick) -> float:
        """The gain averaged over all settings of the others."""
        return float(np.mean([self.gain(trick, below) for below in self.subsets(trick)]))

    def main_of_two(self, trick: Trick) -> float:
        """The same where no three tricks interact: the gain alone and half of what it adds with each other trick."""
        return self.of(trick) + sum(self.of(trick, other) for other in self.tricks if other != trick) / 2

    def pair(self, one: Trick, other: Trick) -> float:
        """The gain of one more when the other is there, averaged over the rest."""
        return float(np.mean([self.gain(one, (*s, other)) - self.gain(one, s) for s in self.subsets(one, other)]))

    def shapley(self, trick: Trick) -> float:
        """Shapley's formula, a sum over subsets and not over orders."""
        share = {n: factorial(n) * factorial(self.k - n - 1) / factorial(self.k) for n in range(self.k)}
        return sum(share[len(s)] * self.gain(trick, s) for s in self.subsets(trick))
