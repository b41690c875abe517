"""The forecast of a plan: what each of its rows can resolve, with the table's own critical value."""

import math
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from hpsearch.ablation import Plan
from hpsearch.errors import Refused
from hpsearch.kept import kept, scipy_version
from hpsearch.statistics.power import check_share, crossing, power
from hpsearch.statistics.randomised_blocks import Numbers
from hpsearch.statistics.simultaneous import largest

_power = power  # `power` is also the natural name of an argument


def weights_of(plan: Plan) -> Numbers:
    """The plan's contrasts (rows, arms), arms in its own order."""
    arms = {arm.name: place for place, arm in enumerate(plan.arms)}
    rows = np.zeros((len(plan.contrasts), len(arms)))
    for row, contrast in zip(rows, plan.contrasts, strict=True):
        for arm, weight in contrast.weights:
            row[arms[arm.name]] += weight
    return rows


def resolution(plan: Plan, seeds: int, deviation: float = 1.0, confidence: float = 0.95, power: float = 0.8) -> tuple[float, ...]:
    """Row by row, the smallest true difference that a plan resolves with this power, every arm with all its seeds.

    A row resolves where |estimate| > c SE, with SE = deviation sqrt(sum w^2 / seeds), (arms - 1)(seeds - 1) degrees of freedom and
    c the quantile of max|t| over all rows: so this is what the table will do, while ``smallest_difference`` with so many
    ``comparisons`` is an upper bound. ``deviation`` is the residual standard deviation; left at 1, answers are in units of it.

    >>> from hpsearch.ablation import Trick, ladder
    >>> [round(size, 2) for size in resolution(ladder(Trick("a", {"x": 1})), seeds=17)]  # a paired t test of 17 pairs
    [1.02]
    """
    from scipy.special import stdtr

    contrasts = weights_of(plan)
    if not len(contrasts):
        return ()
    if seeds < 2:
        raise Refused(f"a difference with an interval needs at least 2 seeds, got seeds={seeds}")
    if not 0 < deviation < math.inf:
        raise Refused(f"deviation is a positive number, got {deviation}")
    check_share("power", power)
    df = (len(plan.arms) - 1) * (seeds - 1)
    size = np.sqrt((contrasts**2).sum(axis=1))
    level = 2 * float(stdtr(df, -largest(contrasts @ contrasts.T / np.outer(size, size), df).quantile(confidence)))
    if power <= level:
        raise Refused(f"power must exceed the error rate {level:.3g} of one row, got {power}")
    high = 2.0
    while _power(high, df, level) < power:
        high *= 2
    noncentrality = crossing(lambda at: power - _power(at, df, level), 0.0, high)
    return tuple(float(each) for each in noncentrality * deviation * size / math.sqrt(seeds))


def resolution_kept(plan: Plan, seeds: int) -> tuple[float, ...]:
    """``resolution`` at a standard deviation of 1, read where it was computed before: importing scipy takes longer than reading."""
    weights = weights_of(plan)
    name = sha256(weights.tobytes() + f"{weights.shape} {seeds}".encode()).hexdigest()[:32]
    return tuple(kept(f"resolution-{name}", _maker(), lambda: np.array(resolution(plan, seeds))).tolist())


@cache
def _maker() -> str:
    """What the numbers follow from beside the plan: these files and scipy."""
    files = [Path(__file__).with_name(name) for name in ("forecast.py", "power.py", "simultaneous.py")]
    return f"{scipy_version()} {sha256(b''.join(file.read_bytes() for file in files)).hexdigest()}"
