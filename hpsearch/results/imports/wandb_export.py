"""Weights & Biases exports: a chart's CSV from the web page, and histories from the API as CSV or Parquet.

A chart's CSV has the axis first and three columns per run and metric: ``"Step","RUN - METRIC","RUN - METRIC__MIN",
"RUN - METRIC__MAX"``. A history has ``_step`` and a column per metric; most cells are empty, since metrics are logged at different
steps. The page's table of runs is a tidy table.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.results.imports.files import header, logged_lines, read_frame
from hpsearch.results.imports.table import Table, as_logged

ENDS = ("__MIN", "__MAX")
STEP = "_step"
OWN = ("_step", "_runtime", "_timestamp")
AVERAGED = (
    "W&B averaged before exporting: for {} of the chart's points the smallest and the largest value differ. Such a point is "
    "the mean of a group of runs, or of a bin of steps, and not a run's own value: export the chart ungrouped."
)


def is_chart(columns: Sequence[str]) -> bool:
    """Whether column names are those of a chart's export.

    >>> is_chart(["Step", "a-0 - acc", "a-0 - acc__MIN", "a-0 - acc__MAX"]), is_chart(["run", "acc"])
    (True, False)
    """
    return any(" - " in name and f"{name}__MIN" in columns and f"{name}__MAX" in columns for name in columns)


def is_history(columns: Sequence[str]) -> bool:
    """Whether column names are those of a run's history."""
    return STEP in columns


def chart_table(path: Path) -> Table:
    """A chart's export, one line per run and step; the columns of smallest and largest values in a bin are left out."""
    axis, *names = header(path)
    columns = [(name, *_run_and_metric(name)) for name in names if not name.endswith(ENDS)]
    made: dict[tuple[str, Any], dict[str, Any]] = {}
    spread = 0
    for line in logged_lines(path):
        for name, run, metric in columns:
            if name in line and metric not in OWN:
                made.setdefault((run, line.get(axis)), {"run": run, axis: line.get(axis)})[metric] = line[name]
                low, high = (line.get(f"{name}{end}", line[name]) for end in ENDS)
                spread += low < high  # and not: differ, for NaN is not NaN
    order = list(dict.fromkeys(run for _, run, _ in columns))
    lines = sorted(made.values(), key=lambda line: order.index(line["run"]))
    if not lines:
        raise Refused(f"{path} looks like a chart exported from W&B, but every cell is empty")
    notes = (AVERAGED.format(spread),) if spread else ()
    return Table("a chart exported from W&B", as_logged(lines), "run", axis, files=(path,), notes=notes)


def _run_and_metric(name: str) -> tuple[str, str]:
    run, _, metric = name.rpartition(" - ")
    return run, metric


def history_table(paths: Sequence[Path]) -> Table:
    """Histories from the API: one file per run, named after it, or one file with a column that identifies runs."""
    lines: list[dict[str, Any]] = []
    for path in paths:
        found = _history(path)
        named = any("run" in line for line in found)
        lines += found if named else [{"run": _stem(path)} | line for line in found]
    return Table("histories exported from W&B", as_logged(lines), "run", STEP, files=tuple(paths))


def _history(path: Path) -> list[dict[str, Any]]:
    if path.suffix.lower() not in (".parquet", ".pq"):
        return [_named(line) for line in logged_lines(path)]
    frame = read_frame(path)
    lines = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [_named({str(name): value for name, value in line.items() if value is not None}) for line in lines]


def _named(line: dict[str, Any]) -> dict[str, Any]:
    """A line without the index that pandas wrote, and with NaN where W&B wrote it as text."""
    kept = {name: value for name, value in line.items() if not re.fullmatch(r"Unnamed: \d+|", name)}
    return {name: float(value) if value in ("NaN", "Infinity", "-Infinity") else value for name, value in kept.items()}


def _stem(path: Path) -> str:
    return re.sub(r"(\.csv|\.parquet|\.pq)(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def frame_columns(path: Path) -> list[str]:
    """The column names of a CSV or Parquet file."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return list(read_frame(path).columns)
    return header(path)
