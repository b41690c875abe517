"""Frames as CSV that a spreadsheet may open: a text that it would take for a formula is set behind an apostrophe."""

import re
from typing import Any

import pandas as pd

FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")  # how a cell begins that spreadsheets evaluate


def csv_of(frame: pd.DataFrame) -> str:
    """The frame as CSV in full precision, under its own column names.

    Texts that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return get an apostrophe before them, as the OWASP
    recommends against CSV injection; numbers stay as they are, also those that stand as text.

    >>> print(csv_of(pd.DataFrame({"arm": ["=1+1", "-0.5", "a-b"], "gain": [-1.5, 2.0, 0.25]})), end="")
    arm,gain
    '=1+1,-1.5
    -0.5,2.0
    a-b,0.25
    """
    safe = frame.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(harmless))
    return str(safe.rename(columns=harmless).to_csv(index=False, lineterminator="\n"))


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet evaluates; a carriage return, which ends a line for some readers, becomes a line feed."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")  # which is quoted
    return f"'{text}" if FORMULA.match(cell) and not _is_number(cell) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
