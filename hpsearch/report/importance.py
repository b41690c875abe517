"""How much each tuned parameter mattered, alone and in pairs: numbers only, each with the trials it rests on.

Alone: PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255), by Optuna: how far the values of the best trials differ from
those of all trials. It ranks trials, so a few wrecks do not set it. In pairs: functional ANOVA (Hutter, Hoos and Leyton-Brown 2014)
of a random forest: which share of the score's variance, over the range of the round's points, belongs to two parameters together
and to neither alone.
"""

import math
import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpsearch.protocol import larger_is_better
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import dimensions, values_by_key
from hpsearch.space import Choice, Domain, Integers

LEAST = 10  # complete trials below which nothing is said of single parameters
LEAST_PAIRS = 20  # and of pairs
BEST = 5  # trials that PED-ANOVA takes for the best, or a tenth where that is more, as Optuna advises
TREES, CELLS, DRAWS, SEED = 128, 32, 4096, 0
Units = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Shares of the variance of a fitted forest."""

    alone: tuple[float, ...]  # of each coordinate
    pairs: dict[tuple[int, int], float]  # of two together, beyond what each has alone
    explained: float  # 1 - mean squared error / variance of the points, each by the trees that have not seen it (out of bag)


def importance_frame(evidence: Evidence, arm: str, number: int) -> pd.DataFrame:
    """Parameter, importance (PED-ANOVA; they sum to 1) and trials, most important first; no lines below ``LEAST`` trials."""
    known = complete(evidence, arm, number)
    lines: list[tuple[str, float, int]] = []
    if len(known) >= LEAST and known["score"].nunique() > 1:
        found = ped_anova(known, dimensions(evidence, arm, number), minimise=not larger_is_better(evidence.study.goal))
        lines = [(name, value, int(known[name].notna().sum())) for name, value in found.items()]
    return pd.DataFrame(lines, columns=["parameter", "importance", "trials"])


def pairs_frame(evidence: Evidence, arm: str, number: int) -> pd.DataFrame:
    """Two parameters, their shares of the variance alone and beyond that together, trials, and what the forest explains.

    Parameters that some trials do not have are left out; no lines below ``LEAST_PAIRS`` trials.
    """
    known, domains = complete(evidence, arm, number), dimensions(evidence, arm, number)
    columns = ["first", "second", "first alone", "second alone", "together", "trials", "explained"]
    names = [name for name in domains if known[name].notna().all() and known[name].nunique() > 1]
    if len(known) < LEAST_PAIRS or len(names) < 2 or known["score"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    spread = np.column_stack([_spread(known[name].to_numpy(dtype=np.float64), domains[name]) for name in names])
    found = shares(spread, known["score"].to_numpy(dtype=np.float64))
    lines = [
        (names[i], names[j], found.alone[i], found.alone[j], share, len(known), found.explained)
        for (i, j), share in sorted(found.pairs.items(), key=lambda pair: -pair[1])
    ]
    return pd.DataFrame(lines, columns=columns)


def complete(evidence: Evidence, arm: str, number: int) -> pd.DataFrame:
    """The complete trials of a round: score, and the unit coordinate of every parameter (missing where it is not active)."""
    trials, points, domains = evidence.searched(), values_by_key(evidence), dimensions(evidence, arm, number)
    mine = trials[(trials["arm"] == arm) & (trials["round"] == number) & (trials["state"] == "complete")]
    units = [
        {name: domain.unit(points[key][name]) if name in points[key] else math.nan for name, domain in domains.items()}
        for key in mine["key"]
    ]
    frame = pd.DataFrame(units, columns=list(domains), dtype="float64")
    return frame.assign(score=mine["score"].to_numpy(dtype=np.float64))


def ped_anova(known: pd.DataFrame, domains: dict[str, Domain], minimise: bool) -> dict[str, float]:
    """Importance by parameter, largest first: numbers in unit coordinates, so that logarithms count as they were searched."""
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    forms: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(sorted(known[name].dropna().unique()))
        if isinstance(domain, Choice)
        else FloatDistribution(0, 1)
        for name, domain in domains.items()
        if known[name].notna().any()
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it reports every study it makes
    study = optuna.create_study(direction="minimize" if minimise else "maximize")
    for line in known.to_dict("records"):
        own = {name: form for name, form in forms.items() if not math.isnan(line[name])}
        params = {name: line[name] for name in own}
        study.add_trial(optuna.create_trial(params=params, distributions=own, value=line["score"]))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, BEST / len(known)))
    with warnings.catch_warnings():  # of parameters that few trials have: their number is shown beside the importance
        warnings.simplefilter("ignore")
        return get_param_importances(study, evaluator=evaluator)


def shares(units: Units, scores: Units) -> Shares:
    """Functional ANOVA of a random forest over the unit cube, from points (n, d) with their scores.

    With f_S the mean over all coordinates but S, V_i = Var f_i and V_ij = Var(f_ij - f_i - f_j), each over the variance of the
    forest. The means over the other coordinates are exact: every leaf of a tree is a box.
    """
    from scipy.stats import qmc
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, oob_score=True, random_state=SEED, n_jobs=1).fit(units, scores)
    dimensions = units.shape[1]
    values, low, high = _leaves(forest)
    everywhere = forest.predict(qmc.Sobol(dimensions, rng=SEED).random(DRAWS))
    middles = (np.arange(CELLS) + 0.5) / CELLS
    inside = [((low[:, [k]] <= middles) & (middles < high[:, [k]])).astype(np.float64) for k in range(dimensions)]
    wide = high - low
    alone = [float(np.var((values * _volume(wide, k)) @ inside[k])) for k in range(dimensions)]
    pairs = {}
    for i, j in combinations(range(dimensions), 2):
        both = (inside[i] * (values * _volume(wide, i, j))[:, None]).T @ inside[j]
        rest = both - both.mean(axis=0, keepdims=True) - both.mean(axis=1, keepdims=True) + both.mean()
        pairs[i, j] = float(np.var(rest))
    # The parts never exceed the whole; by as much as they do, the draws fell short.
    total = max(float(np.var(everywhere)), sum(alone) + sum(pairs.values())) or math.inf
    return Shares(
        tuple(part / total for part in alone), {pair: part / total for pair, part in pairs.items()}, float(forest.oob_score_)
    )


def _volume(wide: Units, *without: int) -> Units:
    """The volume of every box in all dimensions but these."""
    return np.asarray(np.delete(wide, without, axis=1).prod(axis=1))


def _leaves(forest: Any) -> tuple[Units, Units, Units]:
    """Every leaf of every tree as its share of the forest's prediction, and the low and high corner of its box."""
    values, lows, highs = [], [], []
    for tree in (each.tree_ for each in forest.estimators_):
        low, high = np.zeros((tree.node_count, tree.n_features)), np.ones((tree.node_count, tree.n_features))
        for node in range(tree.node_count):  # a parent stands before its children
            left, right = tree.children_left[node], tree.children_right[node]
            if left < 0:
                continue
            for child in (left, right):
                low[child], high[child] = low[node], high[node]
            high[left, tree.feature[node]] = low[right, tree.feature[node]] = tree.threshold[node]
        leaf = tree.children_left < 0
        values.append(tree.value[leaf, 0, 0] / len(forest.estimators_))
        lows.append(low[leaf])
        highs.append(high[leaf])
    return np.concatenate(values), np.concatenate(lows), np.concatenate(highs)


def _spread(column: Units, domain: Domain) -> Units:
    """Unit coordinates spread over [0, 1] as far as the round looked; steps of equal width for what is counted out."""
    steps = (
        len(domain.options) if isinstance(domain, Choice) else domain.high - domain.low + 1 if isinstance(domain, Integers) else 0
    )
    half = 0.5 / steps if steps else 0.0
    low, high = column.min() - half, column.max() + half
    return np.asarray((column - low) / (high - low))
