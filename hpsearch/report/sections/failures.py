"""Failures: what failed, was stopped early or ended the study, why, and the key to look it up by."""

from dataclasses import replace

import pandas as pd

from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.section import Section
from hpsearch.report.words import count, listed, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.reasons import BROKE, Ended, grouped

REMEDY = (
    "Once the cause is fixed, `hpsearch run --retry-failed` runs them again; after a change of the training function they are new "
    "trials, and `hpsearch run` alone is enough. `hpsearch show KEY` prints the traceback."
)
SET_BACK = "Once the cause is fixed, `hpsearch run` alone tries them again; until then they count as waiting."
OPEN = 12  # more failures than this are folded away
MOST, REASONS = 100, 12  # failures and reasons that are listed: the record has them all


def failures(evidence: Evidence) -> tuple[Block, ...]:
    """What failed, was stopped or ended the study, or that nothing was; nothing before something ran."""
    frame = failures_frame(evidence)
    ran = evidence.trials["state"].isin(["complete", "failed", "stopped"]).any()
    if frame.empty and not evidence.study.trains:
        return ()
    if frame.empty:
        return (Text("No trial failed."),) if ran else ()
    failed, stopped, back = (int((frame["state"] == state).sum()) for state in ("failed", "stopped", "waiting"))
    said = f"{count(failed, 'trial')} failed." if failed else set_back_words(back) if back else "No trial failed."
    said += f" A failed {evidence.study.repeat} is missing from its arm" if failed else ""
    said += ("; a failed point is never kept by a search." if evidence.study.repeat == "seed" else ".") if failed else ""
    said += (
        f" {count(stopped, 'trial')} of the search fell behind and {'was' if stopped == 1 else 'were'} stopped early."
        if stopped
        else ""
    )
    if failed and evidence.study.trains:
        said += f" {REMEDY}"
    said += f" {set_back_words(back)}" if failed and back else ""
    columns = (
        *((Column("state", "State"),) if stopped or back else ()),
        Column("part", "Part", width=8.5),
        Column("arm", "Arm"),
        Column("seed", "Seed", right=True),
        *((Column("attempts", "Attempts", 0),) if frame["attempts"].notna().any() else ()),
        Column("reason", "Reason", width=14),
        Column("key", "Key", width=18),
    )
    ends = " or ".join(word for word, of in (("failed", failed), ("were stopped", stopped), ("ended the study", back)) if of)
    table = Table("failures", f"Trials that {ends}, with the reason given.", frame, columns)
    if len(frame) <= OPEN:
        return Text(said), table
    shown = replace(table, frame=frame.head(MOST), note=f"The first {MOST} of {len(frame):,}." if len(frame) > MOST else "")
    title = "Show all" if len(frame) <= MOST else f"Show {MOST}"
    return Text(said), reasons_table(reasons_frame(frame)), Fold(title, (shown,))


def set_back_words(trials: int) -> str:
    """What became of trials whose breach of the contract ended the study."""
    return f"{count(trials, 'trial')} {BROKE}, which ended the study. {SET_BACK}"


def reasons_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Reasons, the most frequent first, with how many trials each ended, their arms and the key of one.

    Reasons that differ only in their numbers count as one.
    """
    told = frame.reindex(columns=["key", "arm", "seed", "state", "reason"])
    found = grouped(Ended(*line) for line in told.astype({"arm": object}).fillna({"arm": ""}).itertuples(index=False, name=None))
    lines = [(each.text, each.state, len(each.keys), [arm for arm in each.arms if arm], each.keys[0]) for each in found]
    return pd.DataFrame(
        [(text, state, trials, listed(arms), len(arms), key) for text, state, trials, arms, key in lines],
        columns=["reason", "state", "trials", "arms", "arms_count", "key"],
    )


def reasons_table(frame: pd.DataFrame) -> Table:
    """The table of reasons, as far as a reader would read."""
    columns = (
        Column("reason", "Reason of one of them", width=20),
        Column("state", "State", width=5),
        Column("trials", "Trials", 0),
        Column("arms", "Arms", width=10),
        Column("key", "Key of that one", width=18),
    )
    note = f"The {REASONS} most frequent of {len(frame):,} reasons." if len(frame) > REASONS else ""
    return Table("reasons", "Why trials ended early.", frame.head(REASONS), columns, note=note)


def failures_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per trial that failed, was stopped or ended the study, the failed ones first."""
    ended = evidence.trials[evidence.trials["state"].isin(["failed", "stopped"])]
    failed = pd.concat([ended.drop_duplicates("key").sort_values("state", kind="stable"), evidence.set_back()])
    short = short_names(evidence.study.plan)
    places = zip(failed["role"], failed["round"], failed["point"], strict=True)
    part = [str(role) if pd.isna(r) else f"round {r}, point {p + 1}" for role, r, p in places]
    frame = failed.assign(part=part, arm=[short.get(arm, arm) for arm in failed["arm"]])
    return frame[["state", "part", "arm", "seed", "attempts", "reason", "key"]].reset_index(drop=True)


SECTION = Section(90, "What failed", failures)
