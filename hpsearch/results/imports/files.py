"""Tidy tables: CSV and Parquet, one line per run or per run and epoch."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import Refused
from hpsearch.results.imports.table import Table

SEPARATORS = (",", ";", "\t", "|")
TRUTHS = ("True", "False", "true", "false", "TRUE", "FALSE")
NOTHING = ("", "NA", "N/A", "n/a", "<NA>", "None", "NULL", "null")  # in a column of numbers: there is none
NUMBER = r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?(e[-+]?[0-9]+)?|nan|[-+]?inf(inity)?"
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table.

    >>> is_table(Path("runs.csv.gz")), is_table(Path("runs.pkl"))
    (True, False)
    """
    return path.name.lower().endswith(SUFFIXES)


def tidy_table(path: Path) -> Table:
    """A table as it is; an empty cell is a missing value."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return Table("a tidy Parquet table", read_frame(path), files=(path,))
    written, sign = _written(path), separator(path)
    kind = "a tidy CSV table" + (f" with {sign!r} between its columns" if sign not in (",", "\t") else "")
    return Table(kind, _typed(written, sign), files=(path,), written=written)


def read_frame(path: Path) -> pd.DataFrame:
    """The frame in a CSV or Parquet file; refuses a header that names a column twice."""
    if path.suffix.lower() not in (".parquet", ".pq"):
        return _typed(_written(path), separator(path))
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise Refused(f"cannot read {path} as a table: {' '.join(str(error).split())}") from error
    frame.columns = [str(name) for name in frame.columns]
    return frame


def header(path: Path) -> list[str]:
    """The column names of a CSV file, as they are written."""
    return _first_line(path, separator(path))


def separator(path: Path) -> str:
    """What stands between the columns: a tab in a ``.tsv``, else a comma, or where the header has none, what splits it in most.

    Spreadsheets of countries that write 75,1 for 75.1 put semicolons between columns.
    """
    if ".tsv" in path.name.lower():
        return "\t"
    return max(SEPARATORS, key=lambda sign: len(_first_line(path, sign))) if len(_first_line(path, ",")) == 1 else ","


def logged_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a CSV file in which an empty cell means that nothing was logged; such a cell is left out of its line.

    A column of numbers or truth values gives such; in any other, every cell is the text that is written.
    """
    written = _written(path)
    read: dict[str, Callable[[str], Any]] = {str(name): str if _is_text(column) else as_value for name, column in written.items()}
    return [{str(name): read[str(name)](text) for name, text in line.items() if text != ""} for line in written.to_dict("records")]


def as_value(text: str) -> Any:
    """A cell's number or truth value where it is one, else the text.

    >>> [as_value(text) for text in ("3", "0.5", "NaN", "True", "adam", "007")]
    [3, 0.5, nan, True, 'adam', '007']
    """
    if text in TRUTHS:
        return text.lower() == "true"
    if _is_number(text):
        return int(text) if re.fullmatch("[-+]?[0-9]+", text) else float(text)
    return text


def _written(path: Path) -> pd.DataFrame:
    """Every cell of a CSV file as the text that stands there; refuses what is no table."""
    sign = separator(path)
    _check_header(path, sign)
    try:
        frame = pd.read_csv(path, sep=sign, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise Refused(f"cannot read {path} as a table: {' '.join(str(error).split())}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would take the first column for names of the lines
        raise Refused(f"{path} has more cells in its rows than columns in its header: give every column a name")
    frame.columns = [str(name) for name in frame.columns]
    return frame.fillna("")  # of a line that is shorter than the header


def _first_line(path: Path, sign: str) -> list[str]:
    try:
        frame = pd.read_csv(path, sep=sign, header=None, nrows=1, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError):
        return []
    return [str(name) for name in frame.iloc[0]]


def _typed(written: pd.DataFrame, sign: str) -> pd.DataFrame:
    """Columns of numbers and of truth values as such, where every cell is one or says that none is there; any other as text."""
    return pd.DataFrame({name: _column(written[name], sign) for name in written.columns}, index=written.index)


def _column(cells: "pd.Series[str]", sign: str) -> "pd.Series[Any]":
    if not _is_text(cells):
        there = cells.isin(TRUTHS) if cells.isin(TRUTHS).any() else ~cells.isin(NOTHING)
        found = cells[there].map(as_value).reindex(cells.index)
        return found if there.all() or cells.isin(TRUTHS).any() else found.astype("float64")
    if sign == ";" and not _is_text(points := cells.str.replace(r"^([-+]?[0-9]*),([0-9]+)$", r"\1.\2", regex=True)):
        return _column(points, ",")
    return cells.where(cells != "", None).astype(object).where(cells != "", float("nan"))


def _is_text(cells: "pd.Series[str]") -> bool:
    """Whether a column's cells have to be left as they are written: not all are numbers or truth values, or none is."""
    there = [text for text in cells.unique() if text not in NOTHING]
    return not (there or (cells == "").all()) or not (all(text in TRUTHS for text in there) or all(map(_is_number, there)))


def _is_number(text: str) -> bool:
    """Whether a text is a number as numbers are written: 007 is a name, and so is 1_000.

    >>> [text for text in ("7", "-0.5", "1e-3", ".5", "inf", "007", "1_000", "0x1F", "") if _is_number(text)]
    ['7', '-0.5', '1e-3', '.5', 'inf']
    """
    return re.fullmatch(NUMBER, text.strip(), re.IGNORECASE) is not None


def _check_header(path: Path, separator: str) -> None:
    names = header(path)  # pandas would call the second of two equal columns x.1
    if twice := [name for n, name in enumerate(names) if name and name in names[:n]]:
        raise Refused(f"{path} has two columns named {twice[0]!r}: rename one")
