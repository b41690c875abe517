"""A Ray Tune experiment folder, read from its text files: result.json and params.json of every trial, never a pickle.

Layout written by Ray 2.60: EXPERIMENT/TRIAL/{result.json, params.json, progress.csv, error.txt, params.pkl, ...}; result.json holds
one JSON object per line, progress.csv the same flattened with slashes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.results.imports.files import logged_lines
from hpsearch.results.imports.table import Table, as_logged

BOOKKEEPING = {"pid", "hostname", "node_ip", "date", "timestamp", "done", "checkpoint_dir_name", "experiment_tag"}
BOOKKEEPING |= {"time_since_restore", "iterations_since_restore", "should_checkpoint"}
RESULTS, TABLE = "result.json", "progress.csv"


def is_experiment(folder: Path) -> bool:
    """Whether trial folders lie in it, or it is one."""
    return bool(_trial_folders(folder))


def ray_table(folder: Path) -> Table:
    """Every result of every trial: what was reported under its own names, the config as columns ``config/...``.

    Columns beside those: ``trial`` (folder name), ``training_iteration``, ``time_this_iter_s``. Where a trial was restored and
    reported an iteration again, the later report counts. A trial with an error.txt is broken, with its last line as the reason.
    """
    folders = _trial_folders(folder)
    lines: list[dict[str, Any]] = []
    broken: dict[str, str] = {}
    files: list[Path] = []
    for each in folders:
        reports = {line.get("training_iteration"): line for line in _reports(each)}
        lines += [{"trial": each.name, **_config(each), **line} for line in reports.values()]
        files += [each / name for name in (RESULTS, TABLE, "params.json") if (each / name).is_file()]
        if (each / "error.txt").is_file():
            broken[each.name] = _last_line(each / "error.txt")
    if not lines:
        raise Refused(f"no trial below {folder} has reported a result: its {RESULTS} files are empty")
    frame = as_logged(lines)
    seconds = "time_this_iter_s" if "time_this_iter_s" in frame.columns else None
    return Table("a Ray Tune experiment", frame, "trial", "training_iteration", seconds, broken, tuple(files))


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nest of mappings as one, with slashes, as Tune writes progress.csv; lists as they are written.

    >>> flat({"lr": 0.1, "net": {"depth": 50, "widths": [1, 2]}}, "config/")
    {'config/lr': 0.1, 'config/net/depth': 50, 'config/net/widths': '[1, 2]'}
    """
    found: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}/")
        else:
            found[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list) else value
    return found


def _trial_folders(folder: Path) -> list[Path]:
    own = [folder] if _is_trial(folder) else []
    return own + [each for each in sorted(folder.iterdir()) if each.is_dir() and _is_trial(each)]


def _is_trial(folder: Path) -> bool:
    """Whether it holds results beside a params.json: any other folder may have a progress.csv."""
    return (folder / "params.json").is_file() and any((folder / name).is_file() for name in (RESULTS, TABLE))


def _reports(folder: Path) -> Iterator[dict[str, Any]]:
    results = folder / RESULTS
    if results.is_file() and results.stat().st_size:
        yield from (_report(line) for line in _json_lines(results))
    elif (folder / TABLE).is_file() and (folder / TABLE).stat().st_size:
        yield from (_report(line) for line in logged_lines(folder / TABLE))


def _report(line: Mapping[str, Any]) -> dict[str, Any]:
    return flat({key: value for key, value in line.items() if key not in BOOKKEEPING and key != "config"})


def _config(folder: Path) -> dict[str, Any]:
    text = (folder / "params.json").read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused(f"{folder / 'params.json'} is not JSON: {error}") from error
    return flat(found, "config/") if isinstance(found, dict) else {}


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                return  # cut off while it was written
            raise Refused(f"{path}, line {number} is not JSON: {error}") from error
        if isinstance(found, dict):
            yield found


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "error.txt exists but is empty"
