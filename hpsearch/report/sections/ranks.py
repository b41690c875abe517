"""How well early ranks agreed with final ones: what a search may stop early, and how short its first rounds may be."""

import math
from collections.abc import Sequence
from statistics import mean
from typing import Any

import pandas as pd

from hpsearch.report.blocks import Column, Table
from hpsearch.report.words import count, short_names
from hpsearch.results.evidence import SEARCH, Evidence
from hpsearch.results.points import rounds_of, values_by_key

SHARES = (0.25, 0.5, 0.75)  # of a round's epochs
LEAST = 4  # points below which ranks say nothing
NOTE = (
    "Spearman’s rank correlation ρ over the points that were scored both times: 1 means the same order, 0 no relation. From one "
    "round to the next only the kept points are compared, which were similar already and ran under another seed: expect a lower ρ "
    "there."
)


def ranks_frame(evidence: Evidence, arm: str) -> pd.DataFrame:
    """Early and late score of the same points: what each is, Spearman's correlation (missing below ``LEAST`` points), points."""
    trials = evidence.searched()
    mine = trials[(trials["arm"] == arm) & (trials["state"] == "complete")].drop_duplicates(["round", "key"])
    rounds = {int(n): mine[mine["round"] == n].set_index("key")["score"] for n in sorted(mine["round"].unique())}
    lines = []
    for number, scores in rounds.items():
        if number in rounds_of(evidence, arm):
            lines += _within(evidence, number, scores)
        if number + 1 in rounds:
            lines += _between(evidence, arm, number, scores, rounds[number + 1])
    return pd.DataFrame(lines, columns=["early", "late", "correlation", "points"])


def ranks_table(evidence: Evidence, arm: str, index: int) -> Table | None:
    """The table of one search; None where no points can be compared."""
    frame = ranks_frame(evidence, arm)
    frame = frame[frame["correlation"].notna()].reset_index(drop=True)
    if frame.empty:
        return None
    columns = [Column("early", "Ranks by", width=14), Column("late", "Compared with ranks by", width=14)]
    columns += [Column("correlation", "Spearman’s ρ", 2, width=6), Column("points", "Points", 0)]
    name = short_names(evidence.study.plan).get(arm, arm)
    caption = f"How well early ranks agreed with final ranks, in the search of “{name}”."
    return Table(f"ranks-{index}", caption, frame, tuple(columns), note=NOTE)


def _within(evidence: Evidence, number: int, scores: "pd.Series[float]") -> list[tuple[Any, ...]]:
    """The metric after a part of the epochs beside the last epoch's."""
    metric, epochs = evidence.study.metric, _epochs(evidence, number)
    if metric not in evidence.rows.columns:
        return []
    rows = evidence.rows[(evidence.rows["role"] == SEARCH) & evidence.rows["key"].isin(scores.index)]
    lines = []
    for epoch in sorted({math.ceil(share * epochs) for share in SHARES} - {epochs}):
        early = rows[rows["epoch"] == epoch].drop_duplicates("key").set_index("key")[metric].dropna()
        both = scores.index.intersection(early.index)
        agreed = correlation(early[both].tolist(), scores[both].tolist())
        lines.append((f"round {number}, epoch {epoch}", f"round {number}, epoch {epochs}", agreed, len(both)))
    return lines


def _between(
    evidence: Evidence, arm: str, number: int, early: "pd.Series[float]", late: "pd.Series[float]"
) -> list[tuple[Any, ...]]:
    """The score of a round beside the next one's, over the points that ran in both; of fresh seeds the mean."""
    values = {key: tuple(sorted(found.items())) for key, found in values_by_key(evidence).items()}
    before, after = ({}, {})  # type: dict[Any, list[float]], dict[Any, list[float]]
    for scores, by_point in ((early, before), (late, after)):
        for key, score in zip(scores.index, scores, strict=True):
            by_point.setdefault(values[key], []).append(float(score))
    both = [(mean(before[point]), mean(found)) for point, found in after.items() if point in before]
    agreed = correlation([one for one, _ in both], [other for _, other in both])
    again = number + 1 not in rounds_of(evidence, arm)
    then = "the mean of fresh seeds" if again else f"round {number + 1}, {count(_epochs(evidence, number + 1), 'epoch')}"
    return [(f"round {number}, {count(_epochs(evidence, number), 'epoch')}", then, agreed, len(both))]


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None below ``LEAST`` points or where all are alike.

    >>> correlation([1, 2, 3, 4], [1, 20, 300, 4000]), correlation([1, 2, 3, 4], [5, 5, 5, 5])
    (1.0, None)
    """
    from scipy.stats import spearmanr  # a second to import

    if len(one) < LEAST or len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return round(float(spearmanr(one, other).statistic), 12)


def _epochs(evidence: Evidence, number: int) -> int:
    trials = evidence.searched()
    return int(trials[trials["round"] == number]["epochs"].iloc[0])
