"""Power: what a plan can resolve before it runs, and how many seeds an effect would need."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING

from hpsearch.errors import Refused

if TYPE_CHECKING:
    from hpsearch.statistics.randomised_blocks import Numbers

MOST_SEEDS = 1000  # beyond it an effect is called hopeless
TINY, NODES = 1e-15, 256  # tails left out, and points, of an integral: good for 10 digits


def check_share(name: str, share: float) -> None:
    """Refuse what is not a probability strictly between 0 and 1."""
    if not 0 < share < 1:
        raise Refused(f"{name} lies between 0 and 1, got {share}")


def _positive(name: str, size: float) -> None:
    if not 0 < size < math.inf:
        raise Refused(f"{name} is a positive number, got {size}")


def crossing(difference: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls from above zero at ``low`` to below it at ``high`` crosses zero, by halving, to eight digits.

    scipy.optimize has faster ways, and takes longer to import than all calls of this together.

    >>> round(crossing(lambda x: 2 - x * x, 0, 2), 7)
    1.4142136
    """
    while high - low > 1e-8 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if difference(middle) > 0 else (low, middle)
    return (low + high) / 2


def power(noncentrality: float, df: int, level: float) -> float:
    """Chance that a two-sided t test at ``level`` sees a true difference of ``noncentrality`` standard errors.

    power = E[Phi(d - c s) + Phi(-d - c s)], with c the critical t, d the noncentrality and s = sqrt(chi2_df / df) the ratio of
    the estimated to the true standard deviation: the noncentral t, integrated over s because scipy 1.17 gives NaN for some tails.

    >>> round(power(0.0, df=10, level=0.05), 6), round(power(3.0, df=10, level=0.05), 4)
    (0.05, 0.7714)
    """
    from scipy.special import ndtr, stdtrit

    if df < 1:
        raise Refused(f"a t test needs at least 1 degree of freedom, got {df}")
    check_share("level", level)
    reach, mass = _ratio(df)
    reach = -float(stdtrit(df, level / 2)) * reach
    return float(((ndtr(noncentrality - reach) + ndtr(-noncentrality - reach)) * mass).sum())


def power_within(low: float, high: float, df: int, level: float) -> float:
    """Chance that two one-sided t tests, each at ``level``, find a difference within a margin.

    ``low`` and ``high`` are how many standard errors the true difference lies inside either end of the margin.

        power = E[max(0, Phi(high - c s) + Phi(low - c s) - 1)],

    with c the one-sided critical t and s as in ``power``. Source: Phillips (1990), Journal of Pharmacokinetics and
    Biopharmaceutics 18, 137-144.

    >>> round(power_within(4.0, 4.0, df=20, level=0.05), 3)
    0.973
    """
    import numpy as np
    from scipy.special import ndtr, stdtrit

    if df < 1:
        raise Refused(f"a t test needs at least 1 degree of freedom, got {df}")
    check_share("level", level)
    reach, mass = _ratio(df)
    reach = -float(stdtrit(df, level)) * reach
    return float((np.maximum(0.0, ndtr(high - reach) + ndtr(low - reach) - 1) * mass).sum())


def _ratio(df: int) -> "tuple[Numbers, Numbers]":
    """Points of s = sqrt(chi2_df / df), the ratio of the estimated to the true deviation, and the probability at each."""
    import numpy as np
    from scipy.special import chdtri, gammaln  # here, so that planning a study starts fast

    low, high = (math.sqrt(chdtri(df, tail) / df) for tail in (1 - TINY, TINY))
    share = (np.arange(NODES) + 0.5) / NODES  # midpoints: exact to rounding for what vanishes with its slopes at both ends
    s = low + (high - low) * share**3  # dense near zero, where a large c turns the integrand steep
    density = np.exp(math.log(2) + df / 2 * math.log(df / 2) - gammaln(df / 2) + (df - 1) * np.log(s) - df * s * s / 2)
    return s, density * 3 * share**2 / NODES * (high - low)


def smallest_difference(
    arms: int, seeds: int, deviation: float = 1.0, confidence: float = 0.95, power: float = 0.8, comparisons: int = 1
) -> float:
    """The smallest true difference between two arms that a plan resolves with this power.

    Model: score = arm + seed + residual, so df = (arms - 1)(seeds - 1) and a difference has the variance 2 deviation^2 / seeds.
    ``deviation`` is the residual standard deviation from seed to seed; left at 1, the answer is in units of it. With several
    ``comparisons`` the confidence is that of all together, by Sidak, which is a little stricter than the table's own intervals.

    >>> round(smallest_difference(arms=2, seeds=17), 2)  # a paired t test of 17 pairs, in units of the residual deviation
    1.02
    """
    if arms < 2 or seeds < 2:
        raise Refused(f"a difference with an interval needs at least 2 arms and 2 seeds, got arms={arms}, seeds={seeds}")
    _positive("deviation", deviation)
    if comparisons < 1:
        raise Refused(f"comparisons is how many differences the table asks about, at least 1, got {comparisons}")
    check_share("confidence", confidence)
    check_share("power", power)
    df, level = (arms - 1) * (seeds - 1), 1 - confidence ** (1 / comparisons)
    if power <= level:
        raise Refused(f"power must exceed the error rate {level:.3g} of one comparison, got {power}")
    high = 2.0
    while _power(high, df, level) < power:
        high *= 2
    noncentrality = crossing(lambda size: power - _power(size, df, level), 0.0, high)
    return noncentrality * deviation * math.sqrt(2 / seeds)


_power = power  # `power` is also the natural name of the argument above


def seeds_needed(
    difference: float, deviation: float, arms: int, level: float = 0.05, power: float = 0.8, squares: float = 2.0
) -> int | None:
    """Seeds per arm that resolve a true difference with this power; None where more than 1000 would be needed.

    ``squares`` is the sum of the contrast's squared weights: 2 for one arm against another. ``level`` is the two-sided error
    rate of the one contrast.

    >>> seeds_needed(0.3, deviation=0.12, arms=12)
    3
    """
    if arms < 2:
        raise Refused(f"a difference needs at least 2 arms, got {arms}")
    if not math.isfinite(difference):
        raise Refused(f"difference is a finite number in the unit of the score, got {difference}")
    _positive("deviation", deviation)
    _positive("squares", squares)
    check_share("level", level)
    check_share("power", power)
    if difference == 0:
        return None

    def enough(seeds: int) -> bool:
        error = deviation * math.sqrt(squares / seeds)
        return _power(abs(difference) / error, (arms - 1) * (seeds - 1), level) >= power

    return _first(enough)


def seeds_as_seen(difference: float, deviation: float, arms: int, level: float = 0.05, squares: float = 2.0) -> int | None:
    """Seeds per arm at which the interval excludes zero if difference and deviation stay as they are; None beyond 1000.

    The first n with t(1 - level / 2, df) deviation sqrt(squares / n) < |difference|, df = (arms - 1)(n - 1). Chance decides
    whether they stay: the power there is little more than a half, so this is fewer than ``seeds_needed``.

    >>> seeds_as_seen(1.0, deviation=1.0, arms=2), seeds_needed(1.0, deviation=1.0, arms=2)
    (11, 18)
    """
    from scipy.special import stdtrit

    _positive("deviation", deviation)
    check_share("level", level)

    def excludes(seeds: int) -> bool:
        reach = -float(stdtrit((arms - 1) * (seeds - 1), level / 2))
        return reach * deviation * math.sqrt(squares / seeds) < abs(difference)

    return _first(excludes)


def seeds_within(
    difference: float, margin: float, deviation: float, arms: int, level: float = 0.05, power: float = 0.8, squares: float = 2.0
) -> int | None:
    """Seeds per arm that show a true difference to be smaller than the margin with this power; None beyond 1000.

    ``level`` is the error rate of each of the two one-sided tests; the rest is as in ``seeds_needed``.

    >>> seeds_within(0.0, 0.3, deviation=0.12, arms=12)
    3
    """
    if arms < 2:
        raise Refused(f"a difference needs at least 2 arms, got {arms}")
    if not math.isfinite(difference):
        raise Refused(f"difference is a finite number in the unit of the score, got {difference}")
    for name, size in (("margin", margin), ("deviation", deviation), ("squares", squares)):
        _positive(name, size)
    check_share("level", level)
    check_share("power", power)
    if abs(difference) >= margin:
        return None

    def enough(seeds: int) -> bool:
        error = deviation * math.sqrt(squares / seeds)
        return power_within((margin + difference) / error, (margin - difference) / error, (arms - 1) * (seeds - 1), level) >= power

    return _first(enough)


def _first(enough: Callable[[int], bool]) -> int | None:
    counts = range(2, MOST_SEEDS + 1)
    found = bisect_left(counts, True, key=enough)  # power grows with seeds, and intervals shrink
    return counts[found] if found < len(counts) else None
