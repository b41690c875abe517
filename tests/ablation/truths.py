"""Known truths: scores of arms without noise, the effects they hold by definition, and every design found by scanning."""

import inspect
import pkgutil
from collections.abc import Callable, Mapping
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


# Design to the numbers of tricks and settings it is tried with.
CASES: dict[str, list[tuple[int, dict[str, int]]]] = {
    "ladder": [(k, {}) for k in (1, 2, 3, 5)],
    "leave_one_out": [(k, {}) for k in (2, 3, 5)],
    "one_at_a_time": [(k, {}) for k in (1, 2, 3, 5)],
    "first_and_last": [(k, {}) for k in (2, 3, 5)],
    "factorial": [(k, {}) for k in (2, 3, 5)],
    "orders": [
        (2, {"n": 2}),
        (3, {"n": 2}),
        (3, {"n": 5}),
        (4, {"n": 24}),
        (4, {"n": 99}),
        (5, {"n": 4, "seed": 7}),
        (6, {"n": 9}),
    ],
    "fractional_factorial": [
        *[(k, {"resolution": r}) for k in range(3, 12) for r in (3, 4) if (k, r) != (3, 4)],
        *[(k, {"resolution": 5}) for k in range(5, 9)],
        *[(k, {"runs": 32}) for k in range(6, 12)],
        *[(k, {"runs": 64}) for k in (9, 11)],
    ],
    "plackett_burman": [(k, {}) for k in range(4, 24)]
    + [(7, {"runs": 12}), (9, {"runs": 20}), (8, {"runs": 16}), (11, {"runs": 24})],
}
ALL = [(name, k, settings) for name, each in CASES.items() for k, settings in each]
NAMED = [f"{name}-{k}-{'-'.join(f'{key}={value}' for key, value in settings.items())}" for name, k, settings in ALL]


def made(name: str, k: int, settings: Mapping[str, int], tricks: tuple[Trick, ...] = TRICKS) -> Plan:
    """A design over the first ``k`` tricks."""
    return designs()[name](*tricks[:k], **settings)


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
