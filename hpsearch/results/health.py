"""Whether a record is whole: SQLite's own look at its pages, and a digest of everything that is told of a trial or a launch."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, select, text

from hpsearch.errors import Damaged
from hpsearch.results import schema
from hpsearch.results.outage import damage

if TYPE_CHECKING:
    from hpsearch.results.record import Record

TRIAL = ("config", "seed", "epochs", "held_out", "code", "state", "fault", "reason", "detail")
RAN = ("attempts", "seconds", "host", "device")
LAUNCH = ("study", "study_hash", "study_text", "study_json", "code", "provenance", "started")


def of_trial(line: Mapping[str, Any], metrics: Iterable[str]) -> str:
    """SHA-256 of a finished trial: its line in the table of trials, and the JSON texts of its rows in order of epochs."""
    return _digest([*(line[name] for name in (*TRIAL, *RAN)), *metrics])


def of_launch(line: Mapping[str, Any]) -> str:
    """SHA-256 of a launch as it began."""
    return _digest([line[name] for name in LAUNCH])


def _digest(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values, default=repr).encode()).hexdigest()


def check(record: "Record") -> None:
    """Refuse a record that is damaged, with the way out.

    A server looks after its own pages. Of an earlier version's trials there is no digest.
    """
    if record.engine.dialect.name == "sqlite":
        found = record.read(lambda connection: connection.scalar(text("pragma quick_check(1)")))
        if found != "ok":
            raise Damaged(damage(record.place, " ".join(str(found).split())))
    if wrong := next(_altered(record), ""):
        raise Damaged(damage(record.place, f"{wrong} is not as it was written"))


def _altered(record: "Record") -> Iterator[str]:
    """What is no longer as it was written, by name."""
    if not record.read(lambda connection: inspect(connection).has_table(schema.sums.name)):
        return
    expected = {line["name"]: line["sha256"] for line in record.lines(select(schema.sums))}
    for line in record.lines(select(schema.launches)):
        name = f"launch {line['id']}"
        if expected.pop(name, (found := of_launch(dict(line)))) != found:
            yield name
    own, metrics = schema.rows.c, dict[str, list[str]]()
    for line in record.lines(select(own.key, own.metrics).order_by(own.key, own.epoch)):
        metrics.setdefault(line["key"], []).append(line["metrics"])
    for line in record.lines(select(schema.trials)):
        if expected.pop(line["key"], (found := of_trial(dict(line), metrics.get(line["key"], ())))) != found:
            yield f"trial {line['key'][:12]}"
    yield from (f"trial {name}" for name in expected)
