"""Cost: trials, epochs and hours, of the search and of every arm, and how fast training went."""

import pandas as pd

from hpsearch.record.evidence import SEARCH, Evidence
from hpsearch.report.blocks import Block, Column, Table, Text
from hpsearch.report.words import count, hours, short_names

SPEED = "_per_second"  # how a metric that is a speed ends


def cost(evidence: Evidence) -> tuple[Block, ...]:
    """The table and a sentence; nothing before something ran."""
    frame = cost_frame(evidence)
    if not frame["epochs"].sum():
        return ()
    return (Text(spent(evidence)), cost_table(frame))


def spent(evidence: Evidence) -> str:
    """Epochs and hours in all, beside the budget."""
    epochs = len(evidence.rows.drop_duplicates(["key", "epoch"]))
    seconds = evidence.trials.drop_duplicates("key")["seconds"].sum()
    budget = evidence.study.budget
    share = f" of a budget of {budget:,}" if budget else f" of {evidence.study.cost:,} planned"
    return f"{count(epochs, 'epoch')} ran{share}, {hours(seconds)} of training in all."


def cost_frame(evidence: Evidence) -> pd.DataFrame:
    """Trials, epochs recorded and hours by part: a round of a search over all arms, or the seeds of one arm.

    A trial that two parts share is counted in the first.
    """
    short = short_names(evidence.study.plan)
    trials = evidence.trials.drop_duplicates("key")
    rows = evidence.rows.drop_duplicates(["key", "epoch"])
    speeds = [name for name in rows.columns if str(name).endswith(SPEED)]
    epochs = rows.groupby("key").size()
    places = zip(trials["role"], trials["round"], trials["arm"], strict=True)
    part = [f"search, round {r}" if role == SEARCH else short.get(arm, arm) for role, r, arm in places]
    lines = trials.assign(part=part, ran=trials["key"].map(epochs).fillna(0), begun=trials["state"] != "waiting")
    grouped = lines.groupby("part", sort=False)
    sums = grouped[["begun", "ran", "seconds"]].sum()
    frame = pd.DataFrame({"trials": sums["begun"], "epochs": sums["ran"], "hours": sums["seconds"] / 3600})
    for speed in speeds:
        frame[speed] = rows.merge(lines[["key", "part"]], on="key").groupby("part")[speed].median()
    return frame.reset_index().astype({"trials": "int64", "epochs": "int64", "hours": "float64"})


def cost_table(frame: pd.DataFrame) -> Table:
    """The table of costs."""
    columns = [Column("part", "What"), Column("trials", "Trials begun", 0), Column("epochs", "Epochs", 0)]
    columns.append(Column("hours", "Hours", 2 if frame["hours"].max() < 100 else 1))
    for name in [str(name) for name in frame.columns if str(name).endswith(SPEED)]:
        columns.append(Column(name, f"{name.removesuffix(SPEED).replace('_', ' ')}/s, median", 0))
    return Table("cost", "What it cost. Hours are of training, summed over trials, wherever they ran.", frame, tuple(columns))
