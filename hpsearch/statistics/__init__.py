"""Statistics: what each contrast is worth, with an interval, and what a plan can resolve before it runs."""

from hpsearch.statistics.effect import HELPS, HURTS, NO_LARGER, NOT_LOOKED_AT, NOT_MEASURED, NOT_RESOLVED, Effect
from hpsearch.statistics.effects import effects_of, effects_unpaired
from hpsearch.statistics.exact import floor, sign_flip
from hpsearch.statistics.forecast import resolution, resolution_kept
from hpsearch.statistics.notes import exact_words, spread_words
from hpsearch.statistics.power import power, power_within, seeds_needed, seeds_within, smallest_difference
from hpsearch.statistics.randomised_blocks import Fit, deviation_of, fit, pooled_deviation
from hpsearch.statistics.rows import Rows, judge
from hpsearch.statistics.scales import scales, scales_words
from hpsearch.statistics.sequential import effects_by_looks, looks_levels, next_seeds
from hpsearch.statistics.simultaneous import Largest, largest
from hpsearch.statistics.spread import Spread, spread
from hpsearch.statistics.unpaired import within_deviation

__all__ = [
    "HELPS",
    "HURTS",
    "NOT_LOOKED_AT",
    "NOT_MEASURED",
    "NOT_RESOLVED",
    "NO_LARGER",
    "Effect",
    "Fit",
    "Largest",
    "Rows",
    "Spread",
    "deviation_of",
    "effects_by_looks",
    "effects_of",
    "effects_unpaired",
    "exact_words",
    "fit",
    "floor",
    "judge",
    "largest",
    "looks_levels",
    "next_seeds",
    "pooled_deviation",
    "power",
    "power_within",
    "resolution",
    "resolution_kept",
    "scales",
    "scales_words",
    "seeds_needed",
    "seeds_within",
    "sign_flip",
    "smallest_difference",
    "spread",
    "spread_words",
    "within_deviation",
]
