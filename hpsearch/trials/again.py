"""Training one trial of the record again, apart from it, and comparing the rows."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from hpsearch.errors import Refused
from hpsearch.protocol import Recorded, Row
from hpsearch.results.lookup import Found
from hpsearch.study import Study, Trial
from hpsearch.trials.session import Resources, job
from hpsearch.trials.worker import home, perform
from hpsearch.values import from_json


@dataclass(frozen=True)
class Differs:
    """Where a metric of two trainings lies furthest apart."""

    metric: str
    epoch: int  # from 1
    before: Any
    now: Any
    difference: float


@dataclass(frozen=True)
class Compared:
    """The rows of two trainings side by side; times are left out."""

    epochs: int  # that both have
    metrics: tuple[str, ...]
    differs: tuple[Differs, ...]  # the furthest of every metric that is not bitwise identical, largest first
    only_once: tuple[str, ...] = ()  # metrics that only one of the two has
    reason: str = ""  # why the one of now ended before its time, where it did

    @property
    def equal(self) -> bool:
        """Whether there are numbers, and all are the same to the bit."""
        return bool(self.epochs) and not self.differs and not self.only_once


def timed(metric: str) -> bool:
    """Whether a metric is a time or a speed, which no two runs share."""
    return metric == "seconds" or metric.endswith(("_seconds", "_per_second"))


def compare(before: Sequence[Row], now: Sequence[Row]) -> Compared:
    """Rows beside rows, as far as both go.

    >>> found = compare([{"a": 1.0, "seconds": 2.0}, {"a": 2.0}], [{"a": 1.0, "seconds": 9.0}, {"a": 2.5}])
    >>> found.equal, found.differs[0].epoch, found.differs[0].difference
    (False, 2, 0.5)
    """
    pairs = list(zip(before, now, strict=False))
    mine, theirs = (
        ({name for row in rows for name in row if not timed(name)} for rows in zip(*pairs, strict=True)) if pairs else ((), ())
    )
    shared = [name for name in dict.fromkeys(name for row, _ in pairs for name in row) if name in mine and name in theirs]
    found = [differs for name in shared if (differs := _furthest(name, pairs)) is not None]
    once = tuple(sorted(set(mine) ^ set(theirs)))
    return Compared(len(pairs), tuple(shared), tuple(sorted(found, key=lambda each: -each.difference)), once)


def _furthest(name: str, pairs: Sequence[tuple[Row, Row]]) -> Differs | None:
    missing = [float("inf")]
    found = []
    for epoch, (one, other) in enumerate(pairs, start=1):
        if one.get(name) != other.get(name):
            a, b = (_numbers(row.get(name)) for row in (one, other))
            gaps = [abs(x - y) for x, y in zip(a, b, strict=True)] if a and len(a) == len(b) else missing
            found.append(Differs(name, epoch, one.get(name), other.get(name), max(gaps)))
    return max(found, key=lambda each: each.difference, default=None)


def _numbers(value: Recorded) -> list[float]:
    """A number, or the numbers of a small array; none of a text or a nest."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, int | float)] if all(isinstance(e, int | float) for e in values) else []


def said(compared: Compared, found: Found) -> list[str]:
    """The comparison in lines: bitwise identical, or the largest differences."""
    asked = found.columns["epochs"]
    over = f"{compared.epochs} of {asked} epochs" if compared.epochs < asked else f"{asked} epochs"
    if not compared.epochs:
        return [
            f"nothing to compare: one of the two has no rows{'; it ended now with ' + compared.reason if compared.reason else ''}"
        ]
    if compared.equal:
        return [f"bitwise identical over {over}: {', '.join(compared.metrics)} (times left out)"]
    lines = [f"not identical over {over}; the largest difference in each metric that differs:"]
    lines += [f"  {d.metric}: {d.difference:.3g} in epoch {d.epoch}, {d.before} then and {d.now} now" for d in compared.differs]
    same = [name for name in compared.metrics if name not in {d.metric for d in compared.differs}]
    lines += [f"bitwise identical: {', '.join(same)}"] if same else []
    return lines + ([f"in only one of the two: {', '.join(compared.only_once)}"] if compared.only_once else [])


def rerun(
    found: Found,
    study: Study,
    known: Iterable[type | FunctionType],
    cache: Path,
    resources: Resources,
    tell: Callable[[int, Row], None],
) -> Compared:
    """Train the trial once more in a folder that is thrown away; refused where its config cannot be read or it fails.

    Weights of the trials that it learns from are taken from the record's folder. The record is not touched.
    """
    trial = trial_of(found, study, known)
    with tempfile.TemporaryDirectory(prefix="hpsearch-rerun-") as name:
        folder = Path(name)
        for key in (each.key for each in trial.needs.values()):
            home(folder, key).parent.mkdir(parents=True, exist_ok=True)
            home(folder, key).symlink_to(home(found.folder, key), target_is_directory=True)
        result = perform(job(trial, study, folder, cache, resources, 0), study.train, tell)
    if result.state == "failed" and found.columns["state"] != "failed":
        raise Refused(f"the trial {found.key[:12]} was {found.columns['state']} and fails now: {result.reason}")
    return replace(compare(found.rows, result.rows), reason=result.reason)


def trial_of(found: Found, study: Study, known: Iterable[type | FunctionType]) -> Trial:
    """The trial as the record describes it, with the study's training code."""
    c: Mapping[str, Any] = found.columns
    try:
        config = from_json(found.config, known)
    except TypeError as error:
        raise Refused(f"the config of {found.key[:12]} no longer fits the study’s classes: {error}") from error
    if type(config) is not type(study.base):
        raise Refused(
            f"the trial {found.key[:12]} is of a {type(config).__name__}, but the study trains a {type(study.base).__name__}"
        )
    return Trial(config, c["seed"], c["epochs"], c["held_out"], study.code)
