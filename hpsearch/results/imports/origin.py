"""Where imported results come from: the command, the files by their hashes, how columns were read, what else differs."""

import hashlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from hpsearch.results.imports.columns import EMPTY, Columns, Runs, text
from hpsearch.results.imports.table import Table

PACKAGES = ("hpsearch", "numpy", "pandas", "scipy")
MOST = 40  # settings named
FEW = 4  # files named one by one
LONG = 60  # characters of a setting


def provenance(
    table: Table, source: str, runs: Runs, columns: Columns, called: Mapping[str, str], command: Sequence[str]
) -> dict[str, str]:
    """Heading to text, in the order to print; ``called`` holds the arms' labels."""
    told = {
        "made elsewhere": "hpsearch ran none of this: it read results made by other tools.",
        "command": shlex.join(["hpsearch", *command]),
        "source": f"{source}, read as {table.kind}: {len(table.frame):,} lines, {len(runs.lines):,} of them used here",
    }
    if table.files:
        told["sha256"] = hashes(table.files)
    told["columns"] = columns_words(columns, runs)
    told["pairs"] = (
        f"runs of two arms under the same {columns.seed} are pairs"
        if runs.paired
        else "runs, not paired: no column of seeds was named, so the runs were numbered in order and none is matched with another"
    )
    told |= settings_words(runs, called)
    told["packages"] = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    told["Python"] = sys.version.split()[0]
    told["read on"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return told


def hashes(files: Sequence[Path]) -> str:
    """SHA-256 of each file, or of the list of names and hashes where there are many, as ``sha256sum`` writes it."""
    each = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    if len(each) <= FEW:
        return "; ".join(f"{path.name} {found}" for path, found in each.items())
    root = Path(os.path.commonpath(files))
    listed = "".join(f"{found}  {path.relative_to(root).as_posix()}\n" for path, found in sorted(each.items()))
    return f"{hashlib.sha256(listed.encode()).hexdigest()} of the list of {len(each):,} files below {root.name} and their hashes"


def columns_words(columns: Columns, runs: Runs) -> str:
    """How the columns were read."""
    metric = f"metric from {columns.metric}"
    if columns.scale != 1 or columns.offset:
        metric += f", times {columns.scale:g}" + (f", plus {columns.offset:g}" if columns.offset else "")
    parts = [f"arm from {columns.arm}", metric]
    parts += [f"{name} from {value}" for name in ("seed", "run", "seconds") if (value := getattr(columns, name))]
    parts += [f"epoch from {runs.epoch}"] if runs.epoch else []
    return "; ".join([*parts, *(f"only {each}" for each in columns.where)])


def settings_words(runs: Runs, called: Mapping[str, str]) -> dict[str, str]:
    """What else the source says: what all runs share, and what differs from arm to arm, which a difference then holds too.

    What differs within an arm is a result or a name and is left out; where every arm has one line nothing tells settings from
    results, and only what all share is said.
    """
    arm = runs.lines.drop_duplicates("run").set_index("run")["arm"].map(called)
    values = runs.settings.map(text)
    told = {}
    if runs.epoch is not None or arm.duplicated().any():
        apart = [name for name in values if values[name].nunique() > 1 and values[name].groupby(arm).nunique().max() == 1]
        by_arm = {name: values[name].groupby(arm).first().reindex(list(called.values())) for name in apart[:MOST]}
        told["arms also differ in"] = "; ".join(f"{name} ({_each(found)})" for name, found in by_arm.items())
    same = [name for name in values if values[name].nunique() == 1 and values[name].iloc[0] != EMPTY]
    told["all runs share"] = "; ".join(f"{name} {_short(values[name].iloc[0])}" for name in same[:MOST])
    return {heading: said for heading, said in told.items() if said}


def _each(found: "pd.Series[str]") -> str:
    if max(map(len, found)) > LONG:
        return "in texts too long to print"
    return ", ".join(f"{arm}: {value}" for arm, value in found.items())


def _short(said: str) -> str:
    return said if len(said) <= LONG else f"{said[: LONG - 1]}…"
