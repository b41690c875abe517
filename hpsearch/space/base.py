"""What every domain is: a frozen value whose whole meaning is a monotone map to and from the unit interval.

``unit`` takes a value to [0, 1], ``value`` takes [0, 1] to a value; a uniform draw of the unit interval is a draw of the
domain.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpsearch.errors import Refused
from hpsearch.values import Value

if TYPE_CHECKING:
    from hpsearch.space.space import Space

Units = NDArray[np.float64]


class Domain(Value):
    """What a hyperparameter may be. Subclasses are frozen and give ``values``, ``unit``, ``within`` and ``reach``."""

    def values(self, units: ArrayLike) -> NDArray[Any]:
        """Values at unit coordinates of any shape, each in [0, 1]."""
        raise NotImplementedError

    def unit(self, value: Any) -> float:
        """The unit coordinate of a value; refused outside the domain."""
        raise NotImplementedError

    def within(self, low: float, high: float) -> "Domain":
        """The part of the domain between two unit coordinates, clipped to [0, 1]; its hard limits stay the same."""
        raise NotImplementedError

    def reach(self, low: float, high: float) -> "Domain":
        """The domain between two unit coordinates that may lie outside [0, 1], clipped to the hard limits instead.

        A coordinate of -0.5 is half a width, in the domain's own scale, below the low end. The hard limits stay the same.

        >>> from hpsearch.space import Uniform
        >>> Uniform(0.25, 0.75).reach(-0.25, 2)
        Uniform(low=0.125, high=1.0)
        """
        return self.within(low, high)

    def around(self, values: Sequence[Any], margin: float) -> "Domain":
        """The part that holds the values and ``margin`` of the unit interval beyond them on either side."""
        units = [self.unit(value) for value in values]
        return self.within(min(units) - margin, max(units) + margin)

    def value(self, unit: float) -> Any:
        """The value at one unit coordinate, as a plain Python number or choice.

        >>> from hpsearch.space import Uniform
        >>> Uniform(2, 4).value(0.5)
        3.0
        """
        if not 0 <= unit <= 1:
            raise Refused(f"a unit coordinate lies in [0, 1], got {unit}")
        value = self.values(np.array(unit))
        return value.item() if isinstance(value, np.ndarray | np.generic) else value

    def __contains__(self, value: object) -> bool:
        raise NotImplementedError

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps of the unit interval multiply the value: what a plot's axis should be."""
        return False

    @property
    def low_is_hard(self) -> bool:
        """Whether the low end stands at its hard limit, so that ``reach`` cannot go below it."""
        return True

    @property
    def high_is_hard(self) -> bool:
        """Whether the high end stands at its hard limit, so that ``reach`` cannot go above it."""
        return True

    @property
    def varies(self) -> bool:
        """Whether the domain takes a unit coordinate in a space: all do but ``Constant``."""
        return True

    @property
    def branches(self) -> tuple[tuple[str, "Space"], ...]:
        """Options with the space that each opens; empty for all but a conditional ``Choice``."""
        return ()

    def map_branches(self, change: Callable[[str, "Space"], "Space"]) -> "Domain":
        """The domain with every branch changed, given its option and its space."""
        return self
