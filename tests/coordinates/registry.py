"""What each coordinate of a recipe was checked against, and the largest difference seen.

A check computes one number, the largest difference from something we did not write; it is a test (``test_coordinates.py``), and the
same number stands in the table that ``python -m tests.coordinates`` prints.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One comparison: which coordinates it covers, against what, and how far apart the two may be."""

    coordinates: tuple[str, ...]  # fields of Recipe
    against: str  # what we did not write: library and function, closed form with its source, distribution
    measure: str  # what the difference is of, with its unit
    bound: float
    difference: Callable[[], float]
    choices: Mapping[str, tuple[str, ...]]  # of a coordinate that is a choice: those that the comparison goes through

    @property
    def name(self) -> str:
        return self.difference.__name__


CHECKS: list[Check] = []


def check(
    *coordinates: str, against: str, measure: str, bound: float, **choices: Iterable[str]
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a function without arguments that returns the largest difference.

    For a coordinate that is a ``Literal`` say which ``choices`` are compared: ``check("loss", ..., loss=["hinge"])``.
    """

    def register(difference: Callable[[], float]) -> Callable[[], float]:
        known = {(each.difference.__code__.co_filename, each.name) for each in CHECKS}
        if (difference.__code__.co_filename, difference.__name__) not in known:  # pytest imports a file under two names
            covered = {name: tuple(each) for name, each in choices.items()}
            CHECKS.append(Check(coordinates, against, measure, bound, difference, covered))
        return difference

    return register
