"""Cost: trials, epochs and hours, of the search and of every arm; how large and fast each arm is, and what an hour of it gains."""

import pandas as pd

from hpsearch.report.blocks import Block, Column, Table, Text
from hpsearch.report.networks import sizes
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import unit_of
from hpsearch.report.words import Unit, count, hours, short_names
from hpsearch.results.evidence import SEARCH, Evidence

SPEED = "_per_second"  # how a metric that is a speed ends
TRAINING = "One training, median"
ARM_NUMBERS = ("parameters", "multiply_adds", "hours", "gain", "per_hour")


def cost(evidence: Evidence) -> tuple[Block, ...]:
    """Tables of the parts and of the arms, and a sentence; nothing before something ran."""
    frame = cost_frame(evidence)
    if not frame["epochs"].sum() or (not evidence.study.trains and not frame["hours"].sum()):
        return ()
    arms = arms_cost_frame(evidence)
    blocks: list[Block] = [Text(spent(evidence)), cost_table(frame)]
    return (*blocks, arms_cost_table(arms, unit_of(evidence), _base(evidence))) if len(arms) else tuple(blocks)


def spent(evidence: Evidence) -> str:
    """Epochs and hours in all, beside the budget."""
    epochs = len(evidence.rows.drop_duplicates(["key", "epoch"]))
    seconds = evidence.trials.drop_duplicates("key")["seconds"].sum()
    budget = evidence.study.budget
    if not evidence.study.trains:
        return f"{count(epochs, evidence.study.unit_of_time)} ran elsewhere, {hours(seconds)} in all, according to the source."
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
    minutes = bool(frame["hours"].max() < 1)
    shown = frame.assign(length=frame["hours"] * (60 if minutes else 1))
    columns.append(Column("length", "Minutes" if minutes else "Hours", 2 if shown["length"].max() < 100 else 1))
    for name in [str(name) for name in frame.columns if str(name).endswith(SPEED)]:
        columns.append(Column(name, f"{_speed(name)}, median", 0))
    return Table("cost", "What it cost. Times are training times, summed over trials, wherever these ran.", shown, tuple(columns))


def arms_cost_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per arm that finished a training: its size, its speed, hours of one training, and what it gains over the base.

    The gain is larger where the arm is better, whatever the metric's direction; per hour it is over the hours of one training.
    """
    study, short = evidence.study, short_names(evidence.study.plan)
    measured = evidence.measurements()
    done = measured[measured["state"] == "complete"]
    if done.empty:
        return pd.DataFrame(columns=["arm", *ARM_NUMBERS])
    found, speeds = sizes(evidence), [str(name) for name in evidence.rows.columns if str(name).endswith(SPEED)]
    rows = evidence.rows[evidence.rows["key"].isin(done["key"])]
    means = done.groupby("arm")["score"].mean()
    base = means.get(_base(evidence))
    lines = []
    for arm in study.plan.arms:
        mine = done[done["arm"] == arm.name]
        if mine.empty:
            continue
        each = float(mine["seconds"].median()) / 3600
        gain = None if base is None else study.better(float(means[arm.name])) - study.better(float(base))
        line = {"arm": short[arm.name], "parameters": found[arm.name][0], "multiply_adds": found[arm.name][1]}
        line |= {speed: rows[rows["arm"] == arm.name][speed].median() for speed in speeds}
        lines.append(line | {"hours": each, "gain": gain, "per_hour": gain / each if gain is not None and each > 0 else None})
    return pd.DataFrame(lines).astype({name: "float64" for name in (*ARM_NUMBERS, *speeds)})


def _base(evidence: Evidence) -> str:
    """The arm with the fewest tricks: what the others are compared with."""
    return min(evidence.study.plan.arms, key=lambda arm: len(arm.tricks)).name


def arms_cost_table(frame: pd.DataFrame, written: Unit, base: str) -> Table:
    """The table of arms; a column nobody filled is left out."""
    shown = frame.assign(millions=frame["parameters"] / 1e6, billions=frame["multiply_adds"] / 1e9)
    columns = [Column("arm", "Arm")]
    columns += [_scaled(shown, "millions", "parameters, M", "parameters", "parameters")]
    columns += [_scaled(shown, "billions", "multiply-adds, G", "multiply_adds", "multiply-adds")]
    columns += [Column(name, _speed(name), 0, over=TRAINING) for name in map(str, frame) if name.endswith(SPEED)]
    longest = float(frame["hours"].max())
    minutes = longest < 1
    shown = shown.assign(length=frame["hours"] * (60 if minutes else 1))
    digits = 2 if shown["length"].max() < 10 else 1
    columns.append(Column("length", "minutes" if minutes else "hours", digits, over=TRAINING))
    if len(frame) > 1:
        gained = f"Gain over “{base}”"
        columns.append(Column("gain", written.difference or "in all", written.digits, signed=True, over=gained))
        columns.append(Column("per_hour", "per hour of training", 2, signed=True, over=gained))
    known = [c for c in columns if shown[c.key].notna().any()]
    caption = "Size, speed and gain of every arm. Multiply-adds are for scoring one image; tuning and teachers are not included."
    return Table("arms-cost", caption, shown, tuple(known))


def _scaled(frame: pd.DataFrame, key: str, label: str, whole: str, plain: str) -> Column:
    """Millions or billions with two decimals where numbers are that large, else as they are."""
    over = "Network"
    return Column(key, label, 2, over=over) if frame[key].max() >= 0.1 else Column(whole, plain, 0, over=over)


def _speed(name: str) -> str:
    return f"{name.removesuffix(SPEED).replace('_', ' ')}/s"


SECTION = Section(80, "What it cost", cost)
