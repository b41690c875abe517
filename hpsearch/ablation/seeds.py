"""Seeds that follow the results: a first block for every arm, and further ones only where a row is not yet resolved."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hpsearch.errors import Refused
from hpsearch.values import Value

STEP = 3  # seeds from one look to the next


Spending = Literal["O'Brien-Fleming", "Pocock"]


@dataclass(frozen=True)
class Seeds(Value):
    """So many seeds for every arm at first, then more for the arms of rows that are not resolved, up to ``most``.

    The table is looked at with ``start`` seeds, then after every ``step`` more. A row is resolved once its interval excludes zero,
    lies within the margin, or is no wider than ``until`` to either side; its decision is that of that look. The looks share one
    error rate: it is spent little by little, so that looking often costs width and never validity.

    >>> Seeds(start=3, most=12, until=0.3).looks
    (3, 6, 9, 12)
    """

    start: int  # seeds of every arm at the first look
    most: int  # seeds an arm may have
    until: float  # half the width, in the unit of the score, at which an interval is narrow enough
    step: int = STEP
    spending: Spending = "O'Brien-Fleming"  # hardly anything at early looks; about alike at all

    def __post_init__(self) -> None:
        for name in ("start", "most", "step"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int):
                raise Refused(f"Seeds needs a whole number for {name}, got {count!r}")
        if self.start < 2:
            raise Refused(f"an interval needs at least 2 seeds, got start={self.start}")
        if self.most <= self.start:
            raise Refused(
                f"Seeds needs start < most, got start={self.start}, most={self.most}: for a fixed number write seeds={self.start}"
            )
        if self.step < 1:
            raise Refused(f"Seeds needs step of at least 1, got {self.step}")
        if isinstance(self.until, bool) or not isinstance(self.until, int | float) or not 0 < self.until < math.inf:
            raise Refused(
                f"Seeds.until is half the width of an interval that is narrow enough, a positive number, got {self.until!r}"
            )
        if self.spending not in get_args(Spending):
            raise Refused(f"Seeds.spending is \"O'Brien-Fleming\" or 'Pocock', got {self.spending!r}")

    @property
    def looks(self) -> tuple[int, ...]:
        """Seeds per arm at each look; the last step may be shorter."""
        return (*range(self.start, self.most, self.step), self.most)
