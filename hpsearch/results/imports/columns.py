"""From a source's own columns to tidy runs: which arm, which seed, which epoch, which metric."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpsearch.errors import Refused, did_you_mean
from hpsearch.results.imports.table import Table

OWN = ("key", "role", "arm", "round", "seed", "epoch")  # columns of evidence: no metric may take their names
MOST_ARMS = 100
EMPTY = "empty"  # how an empty cell of an arm's column is called


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column of a source is what, as the command line's options say it; ``tidy`` checks them against the source."""

    arm: str  # a column, or several with commas between them
    metric: str  # a column, or NAME=COLUMN
    arms: str = ""  # which, and in which order, with commas between them; all as they come where empty
    seed: str | None = None
    run: str | None = None
    epoch: str | None = None
    seconds: str | None = None  # that a line took
    where: tuple[str, ...] = ()  # COLUMN=VALUE; of one column any of its values, of several columns all
    scale: float = 1.0  # the metric is multiplied by it
    offset: float = 0.0  # and this is added

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0:
            raise Refused(f"--scale and --offset are numbers, and --scale is not 0: got {self.scale:g} and {self.offset:g}")


@dataclass(frozen=True, eq=False)
class Runs:
    """Tidy runs.

    ``lines`` has one line per run and epoch: ``run``, ``arm`` (text), ``seed`` and ``epoch`` (whole numbers), ``seconds``, the
    metric under its name, and every other number that changes within a run; runs as in the source, epochs in order.
    ``settings`` has one line per run (its index) and the columns that stay the same in every run.
    """

    lines: pd.DataFrame
    settings: pd.DataFrame
    arms: tuple[str, ...]  # in the order asked for
    metric: str
    logged: tuple[str, ...]  # the numbers in ``lines``, the metric first
    paired: bool  # seeds are the source's own, so arms may be compared within one
    epoch: str | None  # what the source calls an epoch; None where every run has one line


def tidy(table: Table, columns: Columns) -> Runs:
    """The runs of a table, as the columns say; refuses what is not there or does not fit, by name and with a remedy."""
    by = [table.column(name, "--arm") for name in words(columns.arm, table.frame.columns)]
    metric, source = named_metric(columns.metric, table)
    for name in ("seed", "run", "epoch", "seconds"):
        if (column := getattr(columns, name)) is not None:
            table.column(column, f"--{name}")
    run, epoch, seconds = columns.run or table.run, columns.epoch or table.epoch, columns.seconds or table.seconds
    frame = chosen(table, columns.where)
    arm = arm_names(pd.DataFrame({name: table.named(name)[frame.index] for name in by}, index=frame.index), by)
    arms = wanted_arms(arm, columns.arms)
    frame, arm = frame[arm.isin(arms)], arm[arm.isin(arms)]
    named = run_names(frame, arm, run, columns.seed, epoch)
    kept = _logged(frame[source], named)
    frame, arm, named = frame[kept], arm[kept], named[kept]
    used = {*by, source, columns.seed, run, epoch, seconds, metric, *OWN}
    moving, staying = split(frame[[name for name in frame.columns if name not in used]], named)
    lines = pd.DataFrame({"run": named, "arm": arm})
    lines["seed"] = whole(frame, columns.seed, "--seed") if columns.seed else pd.factorize(named)[0]
    lines["epoch"] = whole(frame, epoch, "--epoch") if epoch else 0
    lines["seconds"] = numbers(frame, seconds, "--seconds") if seconds else np.nan
    lines[metric] = columns.scale * numbers(frame, source, "--metric") + columns.offset
    lines[moving] = frame[moving].apply(pd.to_numeric, errors="coerce")
    _check_lines(lines, epoch, columns)
    place = pd.Series(pd.factorize(lines["run"])[0], lines.index)
    lines = lines.assign(place=place).sort_values(["place", "epoch"], kind="stable").drop(columns="place").reset_index(drop=True)
    settings = frame[staying].assign(run=named).drop_duplicates("run").set_index("run")
    return Runs(lines, settings, arms, metric, (metric, *moving), columns.seed is not None, epoch)


def words(text: str, known: Iterable[str]) -> list[str]:
    """A name that is known as a whole, or names with commas between them.

    >>> words("a,b", ["a", "b"]), words("a,b", ["a,b"])
    (['a', 'b'], ['a,b'])
    """
    return [text] if text in set(known) else [part.strip() for part in text.split(",")]


def named_metric(text: str, table: Table) -> tuple[str, str]:
    """The metric's name and its column, from COLUMN or NAME=COLUMN."""
    name, _, source = text.partition("=")
    if text in table.frame.columns or not source:
        name = source = text
    table.column(source, "--metric")
    if name in OWN:
        raise Refused(f"--metric cannot be called {name!r}, which is a reserved name: give it another, as in score={source}")
    return name, source


def chosen(table: Table, where: Sequence[str]) -> pd.DataFrame:
    """The lines that match: of one column any of the values given for it, of several columns all."""
    wanted: dict[str, list[str]] = {}
    for each in where:
        name, sign, value = each.partition("=")
        if not sign:
            raise Refused(f"--where takes COLUMN=VALUE, got {each!r}")
        wanted.setdefault(table.column(name, "--where"), []).append(value)
    frame = table.frame
    for name, values in wanted.items():
        cells = table.named(name)[frame.index]
        for value in values:
            if not any(matches(cell, value) for cell in cells.unique()):
                there = [text(cell) for cell in table.frame[name].unique()]
                raise Refused(f"--where {name}={value} leaves no row: {did_you_mean(value, there[:20])}")
        fits = {cell for cell in cells.unique() if any(matches(cell, value) for value in values)}
        frame = frame[cells.isin(fits)]
    return frame


def matches(cell: Any, value: str) -> bool:
    """Whether a cell is what a text says: the same text, or the same number.

    >>> matches(0.1, "0.10"), matches("adam", "adam"), matches(True, "True"), matches(1, "2")
    (True, True, True, False)
    """
    if str(cell) == value or text(cell) == value:
        return True
    try:
        return not isinstance(cell, bool | np.bool_ | str) and float(cell) == float(value)
    except (TypeError, ValueError):
        return False


def text(cell: Any) -> str:
    """A cell as a reader writes it.

    >>> text(0.10), text(3.0), text(None), text("  two  words ")
    ('0.1', '3', 'empty', 'two words')
    """
    if cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)):
        return EMPTY
    if isinstance(cell, float) and float(f"{cell:g}") == cell:
        return f"{cell:g}"
    return " ".join(str(cell).split()) or EMPTY


def arm_names(frame: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[str]":
    """The arm of every line: texts as they are, anything else behind the column's name."""
    parts = []
    for name in columns:
        known = {cell: _said(name, cell) for cell in frame[name].unique()}
        parts.append(frame[name].map(lambda cell, known=known, name=name: known.get(cell) or _said(name, cell)))
    texts = [frame[name].map(lambda cell: isinstance(cell, str)) for name in columns]  # and not a number behind the column's name
    called: dict[str, object] = {}
    for line in dict.fromkeys(zip(*parts, *texts, strict=True)):
        name = ", ".join(line[: len(parts)])
        if called.setdefault(name, line) != line:
            raise Refused(f"--arm {','.join(columns)} would call two arms {name!r}: change the cells of one")
    found = pd.Series([", ".join(line) for line in zip(*parts, strict=True)], index=frame.index, dtype=object)
    if found.nunique() > MOST_ARMS:
        raise Refused(f"--arm {','.join(columns)} makes {found.nunique():,} arms: name a column of few values, or use --where")
    return found


def wanted_arms(arm: "pd.Series[str]", asked: str) -> tuple[str, ...]:
    """The arms asked for, in that order; all of them, in the order of the source, where none is named."""
    there = tuple(arm.unique())
    wanted = tuple(words(asked, there)) if asked else there
    for name in wanted:
        if name not in there:
            raise Refused(f"--arms names {name!r}, which no row has: {did_you_mean(name, there)}")
    if len(set(wanted)) < len(wanted):
        raise Refused(f"--arms names an arm twice: {asked}")
    if len(wanted) < 2:
        raise Refused(f"differences need two arms, and there is only {wanted[0]!r}: name another column with --arm")
    return wanted


def _said(column: str, cell: Any) -> str:
    return text(cell) if isinstance(cell, str) and cell.strip() else f"{column.removeprefix('config/')} {text(cell)}"


def run_names(frame: pd.DataFrame, arm: "pd.Series[str]", run: str | None, seed: str | None, epoch: str | None) -> "pd.Series[str]":
    """The run of every line: its name, else its arm and seed, else its arm where epochs are counted, else the row itself."""
    if run is not None:
        own = frame[run].map(text)
        shared = own.map(arm.groupby(own).nunique()) > 1  # numbered anew in every arm
        return own.where(~shared, arm + ", " + own)
    if seed is not None:
        return arm + ", seed " + frame[seed].map(text)
    if epoch is not None:
        return arm.copy()
    return pd.Series([f"row {number + 1}" for number in frame.index], index=frame.index, dtype=object)


def _logged(cells: "pd.Series[Any]", run: "pd.Series[str]") -> "pd.Series[bool]":
    """Lines in which the metric was logged at all, and the last one of runs in which it never was."""
    there = cells.map(lambda cell: cell is not None).astype(bool)
    return there | ~(there.groupby(run).transform("any") | run.duplicated(keep="last"))


def split(frame: pd.DataFrame, run: "pd.Series[str]") -> tuple[list[str], list[str]]:
    """The columns of numbers that change within a run, and the columns that never do."""
    moving, staying = [], []
    for name in frame.columns:
        cells = frame[name].astype(str) if frame[name].dtype == object else frame[name]
        if not (cells.groupby(run).nunique(dropna=False) > 1).any():
            staying.append(name)
        elif all(_is_number(cell) for cell in frame[name]):
            moving.append(name)
    return moving, staying


def _is_number(cell: Any) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, int | float | np.number) and not isinstance(cell, bool))


def numbers(frame: pd.DataFrame, name: str, option: str) -> "pd.Series[float]":
    """A column as numbers, NaN where a cell is empty; refuses text."""
    found = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    strays = [cell for cell, number in zip(frame[name], found, strict=True) if math.isnan(number) and not _absent(cell)]
    if strays:
        raise Refused(f"{option} names the column {name!r}, which holds {text(strays[0])!r}: it must hold numbers")
    return found


def _absent(cell: Any) -> bool:
    return not isinstance(cell, str) and (cell is None or bool(pd.isna(cell)))


def whole(frame: pd.DataFrame, name: str, option: str) -> "pd.Series[int]":
    """A column as whole numbers; refuses anything else."""
    found = numbers(frame, name, option)
    odd = found[~(np.isfinite(found) & (found == found.round()))]
    if len(odd):
        cell = text(frame[name].loc[odd.index[0]])
        remedy = "name such a column, or leave it out and name runs with --run" if option == "--seed" else "name such a column"
        raise Refused(f"{option} takes whole numbers, and the column {name!r} holds {cell!r}: {remedy}")
    return found.astype("int64")


def _check_lines(lines: pd.DataFrame, epoch: str | None, columns: Columns) -> None:
    """Refuse lines that cannot be distinguished, and seeds under which an arm has two runs."""
    twice = lines[lines.duplicated(["run", "epoch"])]
    if len(twice):
        run, at = twice[["run", "epoch"]].iloc[0]
        if epoch is None:
            many = int((lines["run"] == run).sum())
            raise Refused(f"run {run!r} has {many} lines: name the column that counts its epochs with --epoch, or use --where")
        remedy = "use --where" if columns.run or columns.seed else "name the column that identifies the run with --run or --seed"
        raise Refused(f"run {run!r} has two lines for {epoch} {at}: {remedy}")
    if columns.seed is None:
        return
    one = lines.drop_duplicates("run")
    again = one[one.duplicated(["arm", "seed"])]
    if len(again):
        arm, seed = again[["arm", "seed"]].iloc[0]
        raise Refused(f"arm {arm!r} has two runs under seed {seed}: use --where, or leave out --seed (runs are then not paired)")
    if one["arm"].nunique() > 1 and not (one.groupby("seed")["arm"].nunique() > 1).any():
        raise Refused(f"no two arms share a value of {columns.seed!r}: leave out --seed, and runs are compared without pairs")
