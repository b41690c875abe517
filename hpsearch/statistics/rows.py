"""The rows of a table: every contrast with its estimate, standard error, degrees of freedom and critical value."""

from dataclasses import dataclass

import numpy as np

from hpsearch.statistics.randomised_blocks import ROUNDING, Numbers, fit_table, squares
from hpsearch.statistics.simultaneous import Largest, largest
from hpsearch.statistics.spread import Spread, spread
from hpsearch.statistics.unpaired import welch

POOLED, PAIRED, WELCH = "pooled", "paired", "Welch"
SHARED = 3  # seeds that all arms of a row must share for its interval to be paired


@dataclass(frozen=True, eq=False)
class Own:
    """A row by itself: no other arm's scores enter."""

    value: float
    error: float
    df: float
    method: str


@dataclass(frozen=True, eq=False)
class Rows:
    """Contrasts judged together; arrays have one entry per row.

    Every row has an estimate. Where ``error`` is 0 or not a number there is no interval: no spread, or no degrees of freedom.
    """

    value: Numbers
    error: Numbers
    df: Numbers
    critical: Numbers  # estimate +- critical error: simultaneous over all rows
    method: tuple[str, ...]
    spread: Spread
    pool: tuple[int, ...]  # places of the arms whose scores enter the pooled variance
    confidence: float
    largest: Largest | None  # the distribution of max|t| over the pooled rows
    pooled: tuple[int, ...]  # places of those rows

    @property
    def half(self) -> Numbers:
        """Half the width of every interval; not a number where there is none."""
        return np.where(self.error > 0, self.critical * self.error, np.nan)

    @property
    def p(self) -> Numbers:
        """P-values of the single rows, as if each stood alone."""
        from scipy.special import stdtr

        found: Numbers = 2 * stdtr(self.df, -np.abs(self._t()))
        return found

    @property
    def adjusted(self) -> Numbers:
        """P-values adjusted for all rows, consistent with the intervals."""
        return self.tails(np.abs(self._t()))

    def tails(self, t: Numbers) -> Numbers:
        """What the error rate of the whole table would be if row by row the critical value were t."""
        from scipy.special import stdtr

        rows = len(self.value)
        found: Numbers = 1 - np.clip(1 - 2 * stdtr(self.df, -t), 0, None) ** rows
        if self.largest is not None:
            share = rows / len(self.pooled)
            for row in self.pooled:
                found[row] = 1 - (1 - self.largest.tail(float(t[row]))) ** share
        return np.where(self.error > 0, found, np.nan)

    def within(self, margin: float) -> Numbers:
        """P-values of two one-sided tests, that each difference is smaller than the margin, for all rows together.

        Each test alone has p = P(t_df > (margin - |value|) / error). Together: the smaller of Bonferroni's, which asks nothing of
        the correlations, and of what the table's own two-sided intervals give. Source: Schuirmann (1987); Hauschke, Steinijans
        and Pigeot (2007).
        """
        from scipy.special import stdtr

        with np.errstate(divide="ignore", invalid="ignore"):
            t = (margin - np.abs(self.value)) / self.error
        bonferroni = np.minimum(1.0, len(t) * stdtr(self.df, -t))
        found: Numbers = np.fmin(bonferroni, np.where(t > 0, self.tails(np.maximum(t, 0.0)), 1.0))
        return np.where(self.error > 0, found, np.nan)

    def _t(self) -> Numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.error > 0, self.value / self.error, np.nan)


def judge(values: Numbers, contrasts: Numbers, confidence: float = 0.95) -> Rows:
    """Judge contrasts (rows, arms) of a table (arms, seeds), not a number where a score is missing.

    Every arm has at least one score and every contrast is estimable. The rule:

    * A row is pooled where nothing speaks against it: estimate and error by least squares in score = arm + seed + residual, the
      residual variance that of all arms but those certainly noisier; the critical value is the quantile of max|t| over the pooled
      rows, from the multivariate t distribution with their own correlations.
    * A row one of whose arms is noisier than the others (``spread``) takes the wider of that and of an interval of its own.
    * Where the other arms differ in variance too, every row takes its own.
    * A row's own interval is the paired t interval of its differences, seed by seed, where all its arms share at least 3 seeds,
      and Welch's otherwise. Its critical value is the quantile of t at the confidence c^(1/rows) (Sidak), and the k pooled rows
      are simultaneous at c^(k/rows): so all rows are at c.

    What the rule costs and what it saves is in ``reports/calibration.md``.
    """
    fitted = fit_table(tuple(map(str, range(len(values)))), values)
    found = spread(values)
    pool = found.pool(len(values))
    dev, df = fitted.deviation, fitted.df
    if len(pool) < len(values):
        rest, df = squares(values[pool])
        dev = float(np.sqrt(rest / df)) if df else None
        dev = 0.0 if dev is not None and dev <= ROUNDING * float(np.nanmax(np.abs(values))) else dev
    count = len(contrasts)
    covariance = contrasts @ fitted.covariance @ contrasts.T
    size = np.sqrt(np.diag(covariance))
    value = contrasts @ fitted.means
    value[np.abs(value) <= ROUNDING * float(np.nanmax(np.abs(values)))] = 0.0  # arms that are alike but for arithmetic
    error = size * (np.nan if dev is None else dev)
    freedom, alone = np.full(count, float(df)), confidence ** (1 / count) if count else confidence
    critical, method = np.full(count, np.nan), [PAIRED if len(values) == 2 else POOLED] * count
    touched = [found.heterogeneous or any(arm.touches(row) for arm in found.noisy) for row in contrasts]
    for row in np.flatnonzero(touched):
        critical[row] = _quantile(freedom[row], alone)
        own = own_row(values, contrasts[row])
        if own and (found.heterogeneous or not own.error * _quantile(own.df, alone) <= critical[row] * error[row]):
            value[row], error[row], freedom[row], method[row] = own.value, own.error, own.df, own.method
            critical[row] = _quantile(own.df, alone)
    pooled = tuple(int(row) for row in np.flatnonzero(~np.array(touched, dtype=bool)))
    joint = None
    if pooled and dev and df:
        joint = largest((covariance / np.outer(size, size))[np.ix_(pooled, pooled)], df)
        critical[list(pooled)] = joint.quantile(confidence if len(pooled) == count else confidence ** (len(pooled) / count))
    return Rows(value, error, freedom, critical, tuple(method), found, tuple(pool), confidence, joint, pooled)


def _quantile(df: float, confidence: float) -> float:
    """Of |t|."""
    from scipy.special import stdtrit

    return float(-stdtrit(df, (1 - confidence) / 2)) if df > 0 else float("nan")


def shared(values: Numbers, weights: Numbers) -> Numbers:
    """The contrast's value seed by seed, over the seeds that all its arms have."""
    own = values[weights != 0]
    found: Numbers = weights[weights != 0] @ own[:, np.isfinite(own).all(axis=0)]
    return found


def own_row(values: Numbers, weights: Numbers) -> Own | None:
    """The row by itself: paired by seed where its arms share enough of them, else after Welch; None where it shows no spread."""
    differences = shared(values, weights)
    n = len(differences)
    if n >= SHARED:
        error = float(differences.std(ddof=1)) / n**0.5
        found = Own(float(differences.mean()), error, n - 1, PAIRED)
    else:
        parts = [(float(w), row[np.isfinite(row)]) for w, row in zip(weights, values, strict=True) if w]
        unpaired = welch(parts)
        if unpaired is None or not unpaired.error:
            return None
        found = Own(unpaired.value, unpaired.error, unpaired.df, WELCH)
    return found if found.error > ROUNDING * float(np.nanmax(np.abs(values))) else None
