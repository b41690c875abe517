"""Tidy tables: CSV and Parquet, one line per run or per run and epoch."""

from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import Refused
from hpsearch.results.imports.table import Table

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table.

    >>> is_table(Path("runs.csv.gz")), is_table(Path("runs.pkl"))
    (True, False)
    """
    return path.name.lower().endswith(SUFFIXES)


def tidy_table(path: Path) -> Table:
    """A table as it is; an empty cell is a missing value."""
    kind = "a tidy Parquet table" if path.suffix.lower() in (".parquet", ".pq") else "a tidy CSV table"
    return Table(kind, read_frame(path), files=(path,))


def read_frame(path: Path) -> pd.DataFrame:
    """The frame in a CSV or Parquet file; refuses a header that names a column twice."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            separator = "\t" if ".tsv" in path.name.lower() else ","
            _check_header(path, separator)
            frame = pd.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no text in UTF-8 (byte {error.start}): save it as UTF-8") from error
    except (ValueError, OSError, pd.errors.ParserError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"cannot read {path} as a table: {' '.join(str(error).split())}") from error
    frame.columns = [str(name) for name in frame.columns]
    return frame


def header(path: Path) -> list[str]:
    """The column names of a CSV file, as they are written."""
    separator = "\t" if ".tsv" in path.name.lower() else ","
    try:
        frame = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError):
        return []
    return [str(name) for name in frame.iloc[0]]


def logged_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a CSV file in which an empty cell means that nothing was logged; such a cell is left out of its line."""
    _check_header(path, ",")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise Refused(f"cannot read {path} as a table: {' '.join(str(error).split())}") from error
    return [{str(name): as_value(text) for name, text in line.items() if text != ""} for line in frame.to_dict("records")]


def as_value(text: str) -> Any:
    """A cell's number or truth value where it is one, else the text.

    >>> [as_value(text) for text in ("3", "0.5", "NaN", "True", "adam")]
    [3, 0.5, nan, True, 'adam']
    """
    if text in ("True", "False", "true", "false"):
        return text in ("True", "true")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _check_header(path: Path, separator: str) -> None:
    names = header(path)  # pandas would call the second of two equal columns x.1
    if twice := [name for n, name in enumerate(names) if name and name in names[:n]]:
        raise Refused(f"{path} has two columns named {twice[0]!r}: rename one")
