"""Whether one residual variance serves all arms: which arm is noisier than the others, and whether the others agree."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hpsearch.statistics.randomised_blocks import ROUNDING, Flags, Layout, Numbers, deviation, layout, squares

# Of tables whose variances are equal, at most the share in which
SUSPECTED = 0.03  # a row is doubted: that of all its arms together
CERTAIN = 0.001  # any arm's scores are left out of the pooled variance
UNLIKE = 0.05  # the arms not doubted are said to differ among themselves
FEWEST = 4  # arms that must be left for that question: of 3 it says nothing that the arms' own tests did not
DRAWS, SEED = 4_000, 20_190_618


@dataclass(frozen=True)
class Noisy:
    """An arm that is noisier than the arms it was compared with: ``ratio`` is distributed as F where variances are equal."""

    arm: int  # its place
    ratio: float  # its residual variance over theirs
    df: tuple[int, int]
    p: float
    certain: bool  # its scores are left out of the pooled variance

    def touches(self, weights: Numbers) -> bool:
        """Whether a contrast has this arm and, given how many arms it has, reason to doubt the pooled variance."""
        return bool(weights[self.arm]) and self.p < SUSPECTED / int(np.count_nonzero(weights))


@dataclass(frozen=True)
class Spread:
    """What the residuals say about the variances of the arms.

    ``noisy``: arms found noisier, the noisiest first. ``most`` is the largest ratio among the rest. ``unlike`` is the p-value of
    the question whether the rest agree among themselves; None where that was not asked.
    """

    noisy: tuple[Noisy, ...] = ()
    most: Noisy | None = None
    unlike: float | None = None

    @property
    def heterogeneous(self) -> bool:
        """Whether no pooled variance serves any row."""
        return self.unlike is not None and self.unlike < UNLIKE

    def pool(self, arms: int) -> list[int]:
        """Places of the arms whose scores enter the pooled variance."""
        out = {each.arm for each in self.noisy if each.certain}
        return [arm for arm in range(arms) if arm not in out]


def spread(values: Numbers) -> Spread:
    """Compare the variances of the arms of a table (arms, seeds), not a number where a score is missing.

    Arm by arm: with R the residual squares of the whole table and R' those of the table without the arm,

        F = ((R - R') / (df - df')) / (R' / df'),

    distributed as F(df - df', df') where all variances are equal: the scores of the arm against what the other arms lead one to
    expect of them. The arm with the smallest p is set aside while that is below what two arms of a difference may have, and the
    rest is compared anew. Whether those left agree is then asked of v, their residual mean squares: mean(v^2) / mean(v)^2 against
    its distribution for equal variances, drawn for this very layout. It is large where arms are noisy and hardly moves where
    one is quiet. Both are exact for normal residuals, with missing seeds as without.
    """
    left, noisy, most = list(range(len(values))), [], None
    while len(left) > 2 and (most := _noisiest(values, left)) is not None and most.p < SUSPECTED / 2:
        noisy.append(most)
        left.remove(most.arm)
        most = None
    return Spread(tuple(noisy), most, _unlike(values[left]) if len(left) >= FEWEST else None)


def _noisiest(values: Numbers, left: list[int]) -> Noisy | None:
    """The arm with the smallest p; None where none can be compared."""
    from scipy.special import fdtrc

    part = values[left]
    whole, df = squares(part)
    if not deviation(whole, df, part[np.isfinite(part)]):
        return None
    best = None
    for arm, (rest, below) in zip(left, _without_each(part, whole, df), strict=True):
        if below < 1 or df <= below:
            continue
        own = max(0.0, whole - rest) / (df - below)
        ratio = own * below / rest if rest > ROUNDING * whole else np.inf
        p = float(fdtrc(df - below, below, ratio))
        if best is None or (p, -ratio) < (best.p, -best.ratio):
            best = Noisy(arm, float(ratio), (df - below, below), p, p < CERTAIN / len(left))
    return best


def _without_each(values: Numbers, whole: float, df: int) -> list[tuple[float, int]]:
    """Residual squares and degrees of freedom of the table without each arm in turn.

    Where no score is missing, an arm's residuals r take arms / (arms - 1) sum r^2 away with them.
    """
    if np.isnan(values).any():
        return [squares(np.delete(values, place, axis=0)) for place in range(len(values))]
    arms, seeds = values.shape
    residuals = values - values.mean(axis=0)
    residuals -= residuals.mean(axis=1, keepdims=True)
    own = (residuals**2).sum(axis=1) * arms / (arms - 1)
    return [(float(whole - each), df - seeds + 1) for each in own]


def _unlike(values: Numbers) -> float | None:
    """P-value of the question whether arms agree in variance; None where the scores cannot tell."""
    there = np.isfinite(values)
    known = layout(there)
    shares, arms = _shares(known, there)
    if known.df < 1 or len(shares) < FEWEST:
        return None
    residuals = known.rest(values[there])
    if not deviation(float((residuals**2).sum()), known.df, values[there]):
        return None
    found = _unevenness(residuals[:, None], arms, shares)[0]
    drawn = _drawn(there.tobytes(), *there.shape)
    return float((1 + (drawn >= found * (1 - 1e-9)).sum()) / (1 + len(drawn)))


def _shares(known: Layout, there: Flags) -> tuple[Numbers, Numbers]:
    """Degrees of freedom of each arm that has some, and which of its observations (arms, observations) it sums."""
    free = 1 - np.einsum("ij,ji->i", known.design, known.solve)
    arms = known.design[:, : len(there)].T
    shares = arms @ free
    kept = shares > 1e-6
    return shares[kept], arms[kept]


def _unevenness(residuals: Numbers, arms: Numbers, shares: Numbers) -> Numbers:
    """mean(v^2) / mean(v)^2 of the arms' residual mean squares v, for residuals (observations, draws); 1 where all are 0."""
    own = arms @ residuals**2 / shares[:, None]
    mean = own.mean(axis=0)
    found: Numbers = np.divide((own**2).mean(axis=0), mean**2, out=np.ones_like(mean), where=mean > 0)
    return found


@lru_cache(maxsize=512)
def _drawn(there: bytes, arms: int, seeds: int) -> Numbers:
    flags = np.frombuffer(there, dtype=np.bool_).reshape(arms, seeds)
    known = layout(flags)
    normal = np.random.default_rng(SEED).standard_normal((int(flags.sum()), DRAWS))
    shares, rows = _shares(known, flags)
    return _unevenness(known.rest(normal), rows, shares)
