"""Seeds that follow the results: looks that share one error rate, and which arms need more seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

import numpy as np

from hpsearch.ablation import Plan
from hpsearch.ablation.seeds import Seeds, Spending
from hpsearch.protocol import Goal
from hpsearch.statistics.effect import NOT_LOOKED_AT, Effect
from hpsearch.statistics.effects import effects_of
from hpsearch.statistics.forecast import weights_of
from hpsearch.statistics.power import check_share
from hpsearch.statistics.randomised_blocks import Numbers, estimable, layout
from hpsearch.statistics.rows import Rows, judge
from hpsearch.statistics.simultaneous import Largest, largest

if TYPE_CHECKING:
    import pandas as pd

Finished = Mapping[tuple[str, int], float | None]  # score by arm and seed of trials that ended; None: without a score
DRAWS, SEED = 200_000, 20_190_619
FEWEST = 20  # draws that must fall into a tail for its quantile to be read off
RATES = np.concatenate([np.geomspace(1e-6, 0.1, 40), np.linspace(0.11, 0.99, 30)])  # at which repeated p-values are known


def obrien_fleming(rate: float, share: float) -> float:
    """Error spent when a share of the seeds has run: 4 (1 - Phi(z / sqrt(share))), z the upper quantile of rate / 4.

    Two-sided, half of it on either side: hardly anything at early looks. Source: Lan and DeMets (1983), Biometrika 70, 659-663.

    >>> round(obrien_fleming(0.05, 0.5), 5), round(obrien_fleming(0.05, 1.0), 5)
    (0.00305, 0.05)
    """
    from scipy.special import ndtr, ndtri

    return float(4 * ndtr(ndtri(rate / 4) / math.sqrt(share)))


def pocock(rate: float, share: float) -> float:
    """Error spent when a share of the seeds has run: rate ln(1 + (e - 1) share), about alike at all looks.

    Source: Lan and DeMets (1983).

    >>> round(pocock(0.05, 0.5), 5), round(pocock(0.05, 1.0), 5)
    (0.03101, 0.05)
    """
    return rate * math.log(1 + (math.e - 1) * share)


def spent(spending: Spending, rate: float, share: float) -> float:
    """The error rate that may have been spent when the share of all seeds has been seen."""
    match spending:
        case "O'Brien-Fleming":
            return obrien_fleming(rate, share)
        case "Pocock":
            return pocock(rate, share)
        case _:
            assert_never(spending)


def looks_levels(
    contrasts: Numbers, looks: tuple[int, ...], spending: Spending = "O'Brien-Fleming", rate: float = 0.05
) -> tuple[float, ...]:
    """The error rate of the whole table at each look, such that over all looks and rows together it is ``rate``.

    With p_i the adjusted p-value of the most extreme row at look i, the level a_i solves

        P(p_1 > a_1, ..., p_{i-1} > a_{i-1}, p_i <= a_i) = spent(i) - spent(i - 1)

    where no arm differs from another. The p_i follow the contrasts (rows, arms), the numbers of seeds at the looks and the pooled
    variance of each look with its own degrees of freedom; they are drawn, so correlations between rows and between looks are
    theirs. The first level is exact, and so is the bound from below by what the look spends.
    Source: Lan and DeMets (1983); Jennison and Turnbull (2000), Group Sequential Methods, chapters 7 and 9.

    >>> [round(level, 3) for level in looks_levels(np.array([[1.0, -1.0]]), (1000, 2000))]  # z of 2.96 and 1.97
    [0.003, 0.049]
    """
    check_share("rate", rate)
    paths, orders = _paths(np.ascontiguousarray(contrasts).tobytes(), contrasts.shape[1], looks)
    return _levels(paths, orders, [spent(spending, rate, n / looks[-1]) for n in looks])


def _levels(paths: Numbers, orders: "np.ndarray", spent: list[float]) -> tuple[float, ...]:
    alive = np.ones(paths.shape[1], dtype=bool)
    levels, before = [], 0.0
    for p, order, until in zip(paths, orders, spent, strict=True):
        level = until - before
        crossing = int(level * len(p))
        if before and crossing >= FEWEST:
            level = max(level, float(p[order][alive[order]][crossing - 1]))
        alive &= p > level
        levels.append(level)
        before = until
    return tuple(levels)


@lru_cache(maxsize=32)
def _paths(contrasts: bytes, arms: int, looks: tuple[int, ...]) -> "tuple[Numbers, np.ndarray]":
    """Adjusted p-values of the most extreme row (looks, draws) where no arm differs, and their order at each look.

    Seeds cancel in contrasts, so a seed is a normal vector of arms - 1 dimensions; of a block of b seeds its sum and the squares
    within it are all that is needed.
    """
    rows = np.frombuffer(contrasts).reshape(-1, arms)
    free = arms - 1
    basis = np.linalg.svd(np.ones((1, arms)))[2][1:].T  # (arms, arms - 1), orthogonal to what all arms share
    directions = rows @ basis
    size = np.linalg.norm(directions, axis=1)
    correlation = directions @ directions.T / np.outer(size, size)
    rng = np.random.default_rng(SEED)
    total, squares, seen, found = np.zeros((DRAWS, free)), np.zeros(DRAWS), 0, []
    for n in looks:
        block = n - seen
        added = math.sqrt(block) * rng.standard_normal((DRAWS, free))
        total = total + added
        squares = squares + (added**2).sum(axis=1) / block + (rng.chisquare(free * (block - 1), DRAWS) if block > 1 else 0.0)
        seen, df = n, free * (n - 1)
        error = np.sqrt((squares - (total**2).sum(axis=1) / n) / df / n)
        t = (np.abs(total @ directions.T) / size).max(axis=1) / n / error
        found.append(_tail(largest(correlation, df), t))
    paths = np.array(found)
    return paths, np.argsort(paths, axis=1)


def _tail(distribution: Largest, t: Numbers) -> Numbers:
    """P(max|t| > t) for many t, read off between points where it is known."""
    at = np.geomspace(1e-3, max(10.0, float(t.max())), 300)
    log = np.log(np.maximum(1e-300, [distribution.tail(float(x)) for x in at]))
    found: Numbers = np.exp(np.interp(t, at, log))
    return found


def repeated_p(contrasts: Numbers, seeds: Seeds, look: int, p: float) -> float:
    """The p-value of a row that may be looked at again and again: the least overall rate at which this look would decide it.

    ``p`` is the row's p-value at that look, adjusted for all rows. Source: Jennison and Turnbull (2000), section 9.4.
    """
    known = _rates(np.ascontiguousarray(contrasts).tobytes(), contrasts.shape[1], seeds.looks, seeds.spending)[:, look]
    return float(np.interp(p, known, RATES, right=1.0))


@lru_cache(maxsize=32)
def _rates(contrasts: bytes, arms: int, looks: tuple[int, ...], spending: Spending) -> Numbers:
    """The level of each look (rates, looks) for every overall rate."""
    paths, orders = _paths(contrasts, arms, looks)
    levels = [_levels(paths, orders, [spent(spending, float(rate), n / looks[-1]) for n in looks]) for rate in RATES]
    return np.maximum.accumulate(np.array(levels), axis=0)


@dataclass(frozen=True, eq=False)
class Course:
    """How far the looks have come."""

    wanted: tuple[int, ...]  # seeds per arm, as far as the scores determine it
    decided: tuple[int | None, ...]  # by row, the look at which it was resolved
    tables: tuple[Numbers, ...]  # what each look saw, (arms, seeds), not a number where a score was missing or not asked for
    rows: tuple[tuple[list[int], Rows | None], ...]  # what it made of that, as ``judge_any`` gives it
    levels: tuple[float, ...]  # of all looks

    @property
    def judged(self) -> tuple[int | None, ...]:
        """By row, the look that its interval is of: the one that resolved it, else the last; None before the first."""
        last = len(self.tables) - 1 if self.tables else None
        return tuple(last if look is None else look for look in self.decided)


def follow(
    seeds: Seeds, contrasts: Numbers, values: Numbers, ended: "np.ndarray", margin: float | None = None, confidence: float = 0.95
) -> Course:
    """Follow the looks through scores (arms, seeds), not a number where there is none, and flags of the trials that ended.

    A look takes place when every trial it asks for has ended; what ran beyond it is not seen. At each look the table is judged as
    a whole by ``rows.judge`` at that look's level, and a row that is not resolved yet is resolved where its interval excludes
    zero, reaches no further than ``until`` to either side, or lies within the margin. A row with an arm that has no score at all
    after a look gets no further seeds either.
    """
    wanted = np.full(len(values), seeds.start)
    if not len(contrasts):
        return Course(tuple(int(n) for n in wanted), (), (), (), ())
    levels = looks_levels(contrasts, seeds.looks, seeds.spending, 1 - confidence)
    decided: list[int | None] = [None] * len(contrasts)
    waiting, tables, judged = list(range(len(contrasts))), [], []
    for look, (n, level) in enumerate(zip(seeds.looks, levels, strict=True)):
        arms = np.flatnonzero(np.any(contrasts[waiting] != 0, axis=0)) if look else np.arange(len(values))
        if not len(arms):
            break
        wanted[arms] = n
        if not ended[arms, :n].all():
            break
        seen = np.where(np.arange(n) < wanted[:, None], values[:, :n], np.nan)
        tables.append(seen)
        places, rows = judge_any(seen, contrasts, 1 - level)
        judged.append((places, rows))
        for row in resolved(rows, seeds.until, margin) if rows else ():
            if places[row] in waiting:
                decided[places[row]] = look
        dead = ~np.isfinite(seen).any(axis=1)
        waiting = [row for row in waiting if decided[row] is None and not (contrasts[row] != 0)[dead].any()]
    return Course(tuple(int(n) for n in wanted), tuple(decided), tuple(tables), tuple(judged), levels)


def judge_any(values: Numbers, contrasts: Numbers, confidence: float) -> tuple[list[int], Rows | None]:
    """Judge the contrasts that can be measured; their places, and None where there are none."""
    there = np.isfinite(values)
    arms = there.any(axis=1)
    if not arms.any():
        return [], None
    possible = [n for n, row in enumerate(contrasts) if not row[~arms].any()]
    seen = layout(there[arms][:, there.any(axis=0)]).seen
    told = estimable(seen, contrasts[possible][:, arms])
    places = [n for n, known in zip(possible, told, strict=True) if known]
    return places, judge(values[arms], contrasts[places][:, arms], confidence) if places else None


def resolved(rows: Rows, until: float, margin: float | None = None) -> list[int]:
    """Rows whose interval excludes zero, is narrow enough, or lies within the margin."""
    half = rows.half
    found = (np.abs(rows.value) > half) | (half <= until)
    if margin is not None:
        found |= rows.within(margin) <= 1 - rows.confidence
    return [int(row) for row in np.flatnonzero(found)]


def next_seeds(
    seeds: Seeds, plan: Plan, finished: Finished, margin: float | None = None, confidence: float = 0.95
) -> dict[str, int]:
    """How many seeds, from 0 on, every arm of the plan should have, by its name, as far as the finished trials determine it.

    A pure function of scores by arm and seed, None for a trial that failed; a trial that has not ended is left out. The numbers
    never fall when more trials end.

    >>> from hpsearch.ablation import Trick, ladder
    >>> scores = {(arm, seed): worth + seed % 2 for arm, worth in (("base", 0.0), ("a", 0.1)) for seed in range(3)}
    >>> next_seeds(Seeds(start=3, most=12, until=0.3), ladder(Trick("a", {"x": 1})), scores)
    {'base': 6, 'a': 6}
    """
    return dict(zip((arm.name for arm in plan.arms), course(seeds, plan, finished, margin, confidence).wanted, strict=True))


def course(seeds: Seeds, plan: Plan, finished: Finished, margin: float | None = None, confidence: float = 0.95) -> Course:
    """How far the looks of a study have come."""
    names, columns = [arm.name for arm in plan.arms], range(seeds.most)
    known = [[finished.get((name, seed)) for seed in columns] for name in names]
    values = np.array([[np.nan if score is None else score for score in row] for row in known], dtype=np.float64)
    ended = np.array([[(name, seed) in finished for seed in columns] for name in names])
    return follow(seeds, weights_of(plan), np.where(np.isfinite(values), values, np.nan), ended, margin, confidence)


def effects_by_looks(
    seeds: Seeds,
    plan: Plan,
    at: Course,
    scores: "pd.DataFrame",
    goal: Goal = "maximise",
    confidence: float = 0.95,
    metric: str = "top1",
    margin: float | None = None,
) -> tuple[Effect, ...]:
    """Every contrast at the look that decided it, or at the last one so far.

    Intervals are repeated confidence intervals, simultaneous over all rows and looks, so they are valid however the seeds were
    stopped, for this metric and for others measured in the same trials. P-values are repeated ones. Holm's and the exact test
    are left out: they are for tables that are looked at once. Before the first look there are estimates without intervals.
    Source: Jennison and Turnbull (1989), Journal of the Royal Statistical Society B 51, 305-361.
    """
    if not at.tables:
        return tuple(_unseen(effect) for effect in effects_of(plan, scores, goal, confidence, metric))
    place = {arm.name: n for n, arm in enumerate(plan.arms)}
    arm = scores["arm"].map(place).to_numpy()
    seed = scores["seed"].to_numpy(dtype=int)
    tables = []
    for look, seen in enumerate(at.tables):
        asked = [s < seen.shape[1] and s < _asked(at, int(a), look, seeds) for a, s in zip(arm, seed, strict=True)]
        tables.append(effects_of(plan, scores[np.array(asked, dtype=bool)], goal, 1 - at.levels[look], metric, margin))
    contrasts = weights_of(plan)
    judged = [(tables[look or 0][row], look or 0) for row, look in enumerate(at.judged)]
    return tuple(_repeated(effect, contrasts, seeds, look) for effect, look in judged)


def _asked(at: Course, arm: int, look: int, seeds: Seeds) -> int:
    """Seeds of an arm that a look may see."""
    return min(at.wanted[arm], seeds.looks[look])


def _unseen(effect: Effect) -> Effect:
    return Effect(effect.name, effect.design, effect.value, None, None, effect.seeds, NOT_LOOKED_AT, effect.claim)


def _repeated(effect: Effect, contrasts: Numbers, seeds: Seeds, look: int) -> Effect:
    if effect.p is None:
        return effect
    within = None if effect.p_margin is None else repeated_p(contrasts, seeds, look, effect.p_margin)
    p = repeated_p(contrasts, seeds, look, effect.p)
    return replace(effect, p=p, p_margin=within, p_holm=None, p_exact=None, p_floor=None)
