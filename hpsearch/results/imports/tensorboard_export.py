"""TensorBoard: scalars downloaded as CSV or JSON, one file per run and tag, and event files where tensorboard is installed.

The page names a download ``run-RUN-tag-TAG.csv`` (or .json); its newer cards name it ``RUN.csv``, without the tag. A CSV has the
header ``Wall time,Step,Value``, a JSON is a list of ``[wall time, step, value]``.
"""

import json
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.results.imports.files import as_value, header, logged_lines
from hpsearch.results.imports.table import Table, as_logged

HEADER = ["Wall time", "Step", "Value"]
EVENTS = "tfevents"
NAME = re.compile(r"run-(?P<run>.+?)-tag-(?P<tag>.+)")
UNTAGGED = "Value"
Point = tuple[str, str, Any, Any]  # run, tag, step, value


def is_scalars(path: Path) -> bool:
    """Whether a file holds the scalars of one run and tag."""
    if path.suffix.lower() == ".json":
        return bool(NAME.fullmatch(path.stem)) or _triples(path) is not None
    return path.suffix.lower() == ".csv" and header(path) == HEADER


def is_events(path: Path) -> bool:
    """Whether a file is TensorBoard's own log."""
    return EVENTS in path.name


def scalars_table(paths: Sequence[Path]) -> Table:
    """Downloads of one or more runs and tags: columns ``run``, ``Step`` and one per tag."""
    points = [point for path in paths for point in _scalars(path)]
    return _table("scalars downloaded from TensorBoard", points, paths)


def events_table(folder: Path, paths: Sequence[Path]) -> Table:
    """Event files, by tensorboard's own reader; a run is named by the folder its file lies in."""
    try:
        reader = import_module("tensorboard.backend.event_processing.event_accumulator")
    except ImportError as error:
        raise Refused(
            f"{paths[0].name} is an event file, which only tensorboard can read: install it with `pip install tensorboard`, "
            "or download the scalars as CSV from its page"
        ) from error
    points: list[Point] = []
    for each in sorted({path.parent for path in paths}):
        run = each.relative_to(folder).as_posix() if each != folder else each.resolve().name
        events = reader.EventAccumulator(str(each), size_guidance={reader.SCALARS: 0, reader.TENSORS: 0})
        events.Reload()
        points += [(run, tag, event.step, event.value) for tag in events.Tags()["scalars"] for event in events.Scalars(tag)]
        points += _tensors(run, events)
    if not points:
        raise Refused(f"the event files below {folder} hold no scalar: give a folder with some")
    return _table("TensorBoard event files", points, paths)


def _tensors(run: str, events: Any) -> Iterator[Point]:
    """Scalars written as tensors, as TensorFlow 2 does."""
    make = import_module("tensorboard.util.tensor_util").make_ndarray
    for tag in events.Tags()["tensors"]:
        for event in events.Tensors(tag):
            array = make(event.tensor_proto)
            if array.size == 1 and array.dtype.kind in "fiu":
                yield run, tag, event.step, float(array.reshape(-1)[0])


def _table(kind: str, points: Sequence[Point], paths: Sequence[Path]) -> Table:
    lines: dict[tuple[str, Any], dict[str, Any]] = {}
    for run, tag, step, value in sorted(points, key=lambda point: (point[0], point[2])):
        lines.setdefault((run, step), {"run": run, "Step": step})[tag] = value  # of a step written twice the later counts
    if not lines:
        raise Refused(f"{paths[0]} holds no scalar: download the data again")
    return Table(kind, as_logged(list(lines.values())), "run", "Step", files=tuple(paths))


def _scalars(path: Path) -> Iterator[Point]:
    named = NAME.fullmatch(path.stem)
    run, tag = (named["run"], named["tag"]) if named else (path.stem, UNTAGGED)
    if path.suffix.lower() == ".json":
        triples = _triples(path)
        if triples is None:
            raise Refused(f"{path} is not a list of [wall time, step, value], as TensorBoard's JSON link gives it")
        yield from ((run, tag, step, as_value(value) if isinstance(value, str) else value) for _, step, value in triples)
    else:
        yield from ((run, tag, line.get("Step"), line.get("Value")) for line in logged_lines(path))


def _triples(path: Path) -> list[list[Any]] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
    right = isinstance(found, list) and found and all(isinstance(each, list) and len(each) == 3 for each in found)
    return found if right else None
