"""What the report says differently of results made elsewhere: nothing was planned here, and runs need not be pairs."""

import pandas as pd

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Block, Column, Heading, Table, Text
from hpsearch.report.words import Unit, count, hours, number, short_names, unit
from hpsearch.results.evidence import Evidence

LAST = 5  # epochs whose spread is shown
WELCH = (
    "Differences are those of the arms’ means. Runs are not paired: no run of an arm is the partner of one of another, so each arm "
    "has a variance of its own, and intervals are Welch’s, simultaneous over all contrasts of the table at 95 % confidence by "
    "Bonferroni; p-values in the CSV file are adjusted in the same way. A contrast helps or hurts where its interval "
    "excludes zero, and is not resolved otherwise. The number of runs that would resolve an effect is for the size and the spread "
    "seen, at 80 % power."
)
ONE_RUN = (
    "An arm with one run carries no interval: nothing in it says how far another seed would have landed, so no verdict is given "
    "on its differences. The spread over a run’s last epochs is no substitute: they share its seed."
)
NOT_OURS = "hpsearch ran and tuned nothing of this. What was held fixed between the arms is for those to say who made the runs."
SETTLED = (
    "How far the metric still moved at the end of each run. This is not the deviation from seed to seed: epochs of one run share a "
    "seed and a history, and a run that has settled moves little wherever another seed would have ended."
)


def facts_elsewhere(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Numbers a reader looks for first: runs with a score, runs per arm, and time where the source tells it."""
    study = evidence.study
    states, seconds = evidence.trials["state"], evidence.trials["seconds"].sum()
    each = f"{study.most_seeds}" if study.first_seeds == study.most_seeds else f"{study.first_seeds} to {study.most_seeds}"
    pairs = [("runs", f"{len(states):,}"), ("of them failed", f"{(states == 'failed').sum():,}")]
    pairs += [("arms", f"{len(study.plan.arms)}"), ("runs per arm", each)]
    return (*pairs, *((("training time", hours(seconds)),) if seconds else ()))


def methods_elsewhere(evidence: Evidence, written: Unit, paired: tuple[str, ...], scales: str) -> tuple[Block, ...]:
    """The score, the model, and what one run cannot say; ``paired`` is what is said of the model with seeds as blocks."""
    study, epochs = evidence.study, evidence.trials["epochs"]
    span = f"{epochs.min():,}" if epochs.min() == epochs.max() else f"{epochs.min():,} to {epochs.max():,}"
    when = f"in its last {study.unit_of_time}, of {span} that the source has" if epochs.any() else "as the source has it"
    percent = f", in {written.value}" if written.value else ""
    better = "larger" if larger_is_better(study.goal) else "smaller"
    said = [f"The score of a run is its {written.name}{percent}, {when}; {better} is better. {NOT_OURS}"]
    said += filter(None, paired) if study.paired else [WELCH] if study.most_seeds > 1 else []
    said += [ONE_RUN] if study.first_seeds == 1 else []
    said += [scales] if scales else []
    return tuple(Text(each) for each in said)


def last_epochs(evidence: Evidence) -> tuple[Block, ...]:
    """The spread over the last epochs of every run whose arm has no other: what there is, called what it is."""
    study = evidence.study
    if study.trains:
        return ()
    frame = last_epochs_frame(evidence)
    if frame.empty:
        return ()
    written = unit(study.metric, float(frame["sd"].max()))
    columns = (
        Column("arm", "Arm"),
        Column("epochs", f"{study.unit_of_time.capitalize()}s", 0),
        Column("last", "Last", written.digits),
        Column("mean", "Mean", written.digits),
        Column("sd", "SD", written.digits),
        Column("low", "Lowest", written.digits),
        Column("high", "Highest", written.digits),
    )
    most = count(int(frame["n"].max()), study.unit_of_time)
    caption = f"Spread of {written.of_value()}, over the last {most} of each run (not a deviation from seed to seed)."
    wide = number(float((frame["high"] - frame["low"]).max()), written.digits)
    points = f" {written.difference}" if written.difference else ""
    return (
        Heading("The last epochs"),
        Text(f"{SETTLED} Here it moved by at most {wide}{points}."),
        Table("last-epochs", caption, frame, columns),
    )


def last_epochs_frame(evidence: Evidence) -> pd.DataFrame:
    """Per run that is alone in its arm: epochs in all, the last value, and mean, SD, lowest and highest of the last few."""
    study = evidence.study
    alone = evidence.trials[~evidence.trials["arm"].duplicated(keep=False) & (evidence.trials["state"] == "complete")]
    short = short_names(study.plan)
    lines = []
    for arm in [arm.name for arm in study.plan.arms if arm.name in set(alone["arm"])]:
        values = evidence.rows.loc[evidence.rows["arm"] == arm, study.metric].dropna()
        end = values.tail(LAST)
        if len(end) > 1:
            line = {"arm": short[arm], "epochs": len(values), "n": len(end), "last": end.iloc[-1], "mean": end.mean()}
            lines.append(line | {"sd": end.std(), "low": end.min(), "high": end.max()})
    return pd.DataFrame(lines, columns=["arm", "epochs", "n", "last", "mean", "sd", "low", "high"])
