"""Statistics: what each contrast is worth, with an interval, and what a plan can resolve before it runs."""

from hpsearch.statistics.blocks import Fit, fit, pooled_deviation
from hpsearch.statistics.effects import Effect, effects, effects_of
from hpsearch.statistics.power import power, seeds_needed, smallest_difference
from hpsearch.statistics.simultaneous import Largest, largest

__all__ = [
    "Effect",
    "Fit",
    "Largest",
    "effects",
    "effects_of",
    "fit",
    "largest",
    "pooled_deviation",
    "power",
    "seeds_needed",
    "smallest_difference",
]
