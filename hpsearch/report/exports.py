"""The tables of a report as files: CSV and Parquet in full precision, Markdown and LaTeX as they are shown."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import Refused
from hpsearch.report.blocks import Block, Fold, Table
from hpsearch.report.document import parts, replace_file
from hpsearch.report.latex import document
from hpsearch.report.spreadsheet import csv_of
from hpsearch.results.evidence import Evidence

RAW = ("trials", "rows")  # the evidence's own frames: every trial and every epoch, by key


def tables(blocks: Iterable[Block]) -> tuple[Table, ...]:
    """Every table among blocks, folded ones too, in order."""
    found: list[Table] = []
    for block in blocks:
        found += tables(block.blocks) if isinstance(block, Fold) else [block] if isinstance(block, Table) else []
    return tuple(found)


def write_tables(evidence: Evidence, folder: Path) -> tuple[Path, ...]:
    """Write every table of the report as NAME.csv, .parquet, .md and .tex, ``all.tex`` that holds all, and all trials and rows.

    Numbers in CSV and Parquet are in full precision under the frame's own column names; Markdown and LaTeX have the cells of the
    page. ``pdflatex all.tex`` in the folder sets all of them. Each file appears whole or not at all.
    """
    if folder.exists() and not folder.is_dir():
        raise Refused(f"--tables takes a folder, and {folder} is a file: give another name")
    folder.mkdir(parents=True, exist_ok=True)
    found = tables(block for part in parts(evidence) for block in part.blocks)
    written: list[Path] = []
    for table in found:
        texts = {"csv": table.csv(), "md": f"{table.markdown()}\n", "tex": table.latex()}
        written += [replace_file(folder / f"{table.name}.{suffix}", text) for suffix, text in texts.items()]
        written.append(_parquet(folder / f"{table.name}.parquet", table.frame, table.caption))
    for name, frame in zip(RAW, (evidence.trials, evidence.rows), strict=True):
        written.append(replace_file(folder / f"{name}.csv", csv_of(frame)))
        written.append(_parquet(folder / f"{name}.parquet", frame, f"All {name} of the study {evidence.name}."))
    written.append(replace_file(folder / "all.tex", document([table.name for table in found], evidence.study.question)))
    return tuple(written)


def _parquet(path: Path, frame: pd.DataFrame, caption: str) -> Path:
    """The frame as Parquet with its caption in the metadata; a column of several kinds becomes text."""
    whole = frame.apply(_uniform)
    whole.attrs = {"caption": caption}
    part = path.with_name(f".{path.name}.part")
    try:
        whole.to_parquet(part, index=False)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _uniform(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column that Parquet can hold: one kind, or text."""
    kinds = {type(value) for value in column.dropna()} if column.dtype == object else set()
    return column if len(kinds) < 2 and not kinds & {tuple, list, dict} else column.map(str, na_action="ignore")
