"""What each coordinate of a recipe was checked against, and the largest difference seen.

A check computes one number, the largest difference from something we did not write; it is a test (``test_coordinates.py``), and the
same number stands in the table that ``python -m tests.coordinates`` prints.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One comparison: which coordinates it covers, against what, and how far apart the two may be."""

    coordinates: tuple[str, ...]  # fields of Recipe
    against: str  # what we did not write: library and function, closed form with its source, distribution
    measure: str  # what the difference is of, with its unit
    bound: float
    difference: Callable[[], float]

    @property
    def name(self) -> str:
        return self.difference.__name__


CHECKS: list[Check] = []


def check(*coordinates: str, against: str, measure: str, bound: float) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a function without arguments that returns the largest difference."""

    def register(difference: Callable[[], float]) -> Callable[[], float]:
        known = {(each.difference.__code__.co_filename, each.name) for each in CHECKS}
        if (difference.__code__.co_filename, difference.__name__) not in known:  # pytest imports a file under two names
            CHECKS.append(Check(coordinates, against, measure, bound, difference))
        return difference

    return register
