"""What every reader gives, whatever it read: rows as they were logged, and which columns identify runs and epochs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import Refused, did_you_mean


@dataclass(frozen=True, eq=False)
class Table:
    """Results as they lie in a file: one line per run, or per run and epoch, under the columns' own names.

    A cell is None where nothing was logged, and NaN where NaN was or where a tidy table has an empty cell. ``broken`` says why a
    run has no result, where the tool that made it knows.
    """

    kind: str  # what it was read as, in words
    frame: pd.DataFrame
    run: str | None = None  # column with the runs' names, where the format has one
    epoch: str | None = None  # column that counts epochs or steps, where the format has one
    seconds: str | None = None  # column with the seconds of a line, where the format has one
    broken: Mapping[str, str] = field(default_factory=dict)  # run to reason
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()  # what a reader of the report must know of how the source was made
    written: pd.DataFrame | None = None  # the cells as they are written, where the format is text

    def __post_init__(self) -> None:
        if self.frame.empty:
            raise Refused(f"the source has no rows, read as {self.kind}: give another one")

    def column(self, name: str, option: str) -> str:
        """The name of a column that is there; ``option`` is who asked."""
        if name not in self.frame.columns:
            raise Refused(
                f"{option} names the column {name!r}, which does not exist: {did_you_mean(name, map(str, self.frame.columns))}"
            )
        return name

    def named(self, name: str) -> "pd.Series[Any]":
        """A column whose cells are to name something: a missing number as it is written, so that NA is not None and not empty."""
        cells = self.frame[name]
        if self.written is None or name not in self.written.columns:
            return cells
        return cells.where(cells.notna() | (self.written[name] == ""), self.written[name]) if cells.isna().any() else cells


def as_logged(lines: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lines as a frame in which None stands where a line lacks a column; pandas alone would write NaN there.

    >>> as_logged([{"a": 1}, {"b": float("nan")}]).to_dict("list")
    {'a': [1, None], 'b': [None, nan]}
    """
    names = list(dict.fromkeys(str(name) for line in lines for name in line))
    return pd.DataFrame({name: pd.Series([line.get(name) for line in lines], dtype=object) for name in names})


def with_settings(table: Table, settings: Table, run: str | None) -> Table:
    """The table with the columns of another that has one line per run, joined by the run's name."""
    key = run or table.run
    if key is None:
        raise Refused("--settings joins by the run's name: say which column that is with --run")
    table.column(key, "--run")
    other = settings.frame
    theirs = next((name for name in (key, "run", "Name", "name") if name in other.columns), None)
    if theirs is None:
        raise Refused(f"--settings needs a column {key!r} with the runs' names: it has {', '.join(map(str, other.columns))}")
    if twice := [str(name) for name in other.loc[other[theirs].duplicated(), theirs]]:
        raise Refused(f"--settings names the run {twice[0]!r} twice: leave one row per run")
    left = table.frame[key].astype(str)
    if missing := sorted(set(left) - set(other[theirs].astype(str))):
        raise Refused(f"--settings has no row for the run {missing[0]!r}: {did_you_mean(missing[0], other[theirs].astype(str))}")
    right = other.set_index(other[theirs].astype(str)).drop(columns=theirs)
    new = [name for name in right.columns if name not in table.frame.columns]  # what was logged comes before what was set
    added = right[new].reindex(left).set_axis(table.frame.index)
    return replace(table, frame=pd.concat([table.frame, added], axis=1), files=table.files + settings.files)


def with_pattern(table: Table, pattern: str, run: str | None) -> Table:
    """The table with the named groups of a regular expression on the runs' names as columns."""
    key = run or table.run
    if key is None:
        raise Refused("--pattern is matched against the runs' names: say which column that is with --run")
    table.column(key, "--run")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise Refused(f"--pattern {pattern!r} is not a regular expression: {error}") from error
    if not compiled.groupindex:
        raise Refused(f"--pattern {pattern!r} names no group: write one as in '(?P<arm>.+)-(?P<seed>[0-9]+)'")
    if taken := [name for name in compiled.groupindex if name in table.frame.columns]:
        raise Refused(f"--pattern would make a column {taken[0]!r}, which exists already: rename the group")
    found = {name: compiled.fullmatch(name) for name in table.frame[key].astype(str).unique()}
    if strays := [name for name, match in found.items() if match is None]:
        raise Refused(f"the run {strays[0]!r} does not match --pattern {pattern!r}: it must match the whole name")
    groups = {name: match.groupdict() for name, match in found.items() if match is not None}
    runs = table.frame[key].astype(str)
    new = {name: plain_numbers([groups[each][name] for each in runs]) for name in compiled.groupindex}
    return replace(table, frame=table.frame.assign(**new))


def plain_numbers(texts: list[Any]) -> list[Any]:
    """Whole numbers where all texts are such, else the texts.

    >>> plain_numbers(["0", "1"]), plain_numbers(["0", "b"]), plain_numbers(["7", "007"])
    ([0, 1], ['0', 'b'], ['7', '007'])
    """
    if all(isinstance(text, str) and re.fullmatch("-?(0|[1-9][0-9]*)", text) for text in texts):
        return [int(text) for text in texts]
    return texts
