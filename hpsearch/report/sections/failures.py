"""Failures: what failed or was stopped early, why, and the key to look it up by."""

import pandas as pd

from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.words import count, short_names

OPEN = 12  # more failures than this are folded away


def failures(evidence: Evidence) -> tuple[Block, ...]:
    """What failed or was stopped, or that nothing was; nothing before something ran."""
    frame = failures_frame(evidence)
    ran = evidence.trials["state"].isin(["complete", "failed", "stopped"]).any()
    if frame.empty:
        return (Text("No trial failed."),) if ran else ()
    failed, stopped = (int((frame["state"] == state).sum()) for state in ("failed", "stopped"))
    said = f"{count(failed, 'trial')} failed." if failed else "No trial failed."
    said += " A failed seed is missing from its arm; a failed point is never kept by a search." if failed else ""
    said += (
        f" {count(stopped, 'trial')} of the search fell behind and {'was' if stopped == 1 else 'were'} stopped early."
        if stopped
        else ""
    )
    columns = (
        *((Column("state", "State"),) if stopped else ()),
        Column("part", "Part", width=10),
        Column("arm", "Arm"),
        Column("seed", "Seed", right=True),
        Column("attempts", "Attempts", 0),
        Column("reason", "Reason", width=15),
        Column("key", "Key", width=18),
    )
    table = Table("failures", f"Trials that failed{' or were stopped' if stopped else ''}, with the reason given.", frame, columns)
    return Text(said), Fold("Show all", (table,)) if len(frame) > OPEN else table


def failures_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per trial that failed or was stopped, the failed ones first."""
    ended = evidence.trials[evidence.trials["state"].isin(["failed", "stopped"])]
    failed = ended.drop_duplicates("key").sort_values("state", kind="stable")
    short = short_names(evidence.study.plan)
    places = zip(failed["role"], failed["round"], failed["point"], strict=True)
    part = [str(role) if pd.isna(r) else f"round {r}, point {p + 1}" for role, r, p in places]
    frame = failed.assign(part=part, arm=[short.get(arm, arm) for arm in failed["arm"]])
    return frame[["state", "part", "arm", "seed", "attempts", "reason", "key"]].reset_index(drop=True)
