"""Failures: what did not finish, why, and the key to look it up by."""

import pandas as pd

from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.words import count, short_names

OPEN = 12  # more failures than this are folded away


def failures(evidence: Evidence) -> tuple[Block, ...]:
    """What failed, or that nothing did; nothing before something ran."""
    frame = failures_frame(evidence)
    ran = evidence.trials["state"].isin(["complete", "failed"]).any()
    if frame.empty:
        return (Text("No trial failed."),) if ran else ()
    said = f"{count(len(frame), 'trial')} failed. A failed seed is missing from its arm; a failed point is never kept by a search."
    columns = (
        Column("part", "Part", width=10),
        Column("arm", "Arm"),
        Column("seed", "Seed", right=True),
        Column("attempts", "Attempts", 0),
        Column("reason", "Reason", width=15),
        Column("key", "Key", width=18),
    )
    table = Table("failures", "Trials that failed, with the reason given.", frame, columns)
    return Text(said), Fold("Show all", (table,)) if len(frame) > OPEN else table


def failures_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per failed trial."""
    failed = evidence.trials[evidence.trials["state"] == "failed"].drop_duplicates("key")
    short = short_names(evidence.study.plan)
    places = zip(failed["role"], failed["round"], failed["point"], strict=True)
    part = [str(role) if pd.isna(r) else f"round {r}, point {p + 1}" for role, r, p in places]
    frame = failed.assign(part=part, arm=[short.get(arm, arm) for arm in failed["arm"]])
    return frame[["part", "arm", "seed", "attempts", "reason", "key"]].reset_index(drop=True)
