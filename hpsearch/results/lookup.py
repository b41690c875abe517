"""Looking one trial up by the beginning of its key: everything the record holds of it, and where it stands in a study."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hpsearch.errors import Refused
from hpsearch.protocol import Row
from hpsearch.results import schema
from hpsearch.results.evidence import MEASUREMENT, SEARCH, Evidence
from hpsearch.results.provenance import launched_as
from hpsearch.results.record import Record
from hpsearch.results.stored import flat, written
from hpsearch.values import to_json

LEAST = 6  # digits of a key: fewer would name another trial tomorrow
SHOWN = 4  # keys named where several begin alike


@dataclass(frozen=True, eq=False)
class Found:
    """One trial as the record has it."""

    key: str
    columns: Mapping[str, Any]  # of the table of trials
    config: Any  # JSON, as ``values.to_json`` wrote it
    rows: tuple[Row, ...]
    artefacts: tuple[str, ...]  # paths relative to ``folder``
    folder: Path  # of all trials' files


def find(record: Record, prefix: str) -> Found:
    """The one trial whose key begins so; refused where there is none, or several, or the beginning is too short.

    Nothing is written to the record.
    """
    beginning = checked(prefix)
    trials, artefacts = schema.trials, schema.artefacts
    found = record.lines(select(trials).where(trials.c.key.startswith(beginning)).order_by(trials.c.key))
    key = one_of([line["key"] for line in found], beginning)
    kept = record.lines(select(artefacts.c.path).where(artefacts.c.key == key).order_by(artefacts.c.name))
    columns = dict(found[0])
    rows = tuple(row for _, row in record.rows([key]).get(key, ()))
    return Found(key, columns, record.parsed(columns["config"]), rows, tuple(line["path"] for line in kept), record.folder)


@dataclass(frozen=True)
class Launched:
    """A study file as a command named it, and the folder of data it was given."""

    study: Path
    data: Path | None


def launched(record: Record, found: Found) -> list[Launched]:
    """The launches whose study has the trial's training code, the latest first; each file once."""
    launches = schema.launches
    query = select(launches.c.study, launches.c.provenance).where(launches.c.code == found.columns["code"])
    told: dict[Path, Launched] = {}
    for line in record.lines(query.order_by(launches.c.id.desc())):
        path, options = launched_as(record.parsed(line["provenance"]).get("command", ""), line["study"])
        if path is not None:
            data = Path(options["--data"]) if "--data" in options else None
            told.setdefault(Path(path), Launched(Path(path), data))
    return list(told.values())


def checked(prefix: str) -> str:
    """The beginning of a key, in small letters.

    >>> checked("0AF3C9")
    '0af3c9'
    """
    beginning = prefix.strip().lower()
    if not re.fullmatch(f"[0-9a-f]{{{LEAST},32}}", beginning):
        raise Refused(f"a key is 32 hexadecimal digits: give at least the first {LEAST}, got {prefix!r}")
    return beginning


def one_of(keys: Sequence[str], beginning: str) -> str:
    """The only key that begins so."""
    if not keys:
        raise Refused(f"no trial in the record has a key that begins with {beginning}: the report lists the keys of a study")
    if len(keys) > 1:
        more = ", ..." if len(keys) > SHOWN else ""
        raise Refused(
            f"{len(keys)} trials have keys that begin with {beginning}: {', '.join(keys[:SHOWN])}{more}; give more digits"
        )
    return keys[0]


def places(evidence: Evidence, key: str) -> list[str]:
    """Where a trial stands in a study, in words; nothing where the study does not want it."""
    mine = evidence.trials[evidence.trials["key"] == key]
    return [_place(line) for line in mine.to_dict("records")]


def _place(line: Mapping[Any, Any]) -> str:
    if line["role"] == SEARCH:
        return f"search of {line['arm']!r}, round {line['round']}, point {line['point'] + 1}"
    return f"arm {line['arm']!r}, seed {line['seed']}" if line["role"] == MEASUREMENT else f"{line['arm']}, from which others learn"


def told(found: Found, evidence: Evidence) -> list[tuple[str, str]]:
    """Heading and text of everything that is known of a trial, in the order to print; settings that differ from the base first."""
    c = found.columns
    base, config = flat(to_json(evidence.study.base)), flat(found.config)
    own = {name: value for name, value in config.items() if name not in base or base[name] != value}
    others = {name: value for name, value in config.items() if name not in own}
    lines = [("key", found.key), ("state", _state(c))]
    lines += [("in this study", place) for place in places(evidence, found.key)] or [("in this study", "no longer part of it")]
    lines += [("seed", str(c["seed"])), ("epochs", f"{c['epochs']}, of which {len(found.rows)} have rows")]
    lines += [("scored on", f"the {c['held_out']} images"), ("ran", _ran(c)), ("training code", f"sha256 {c['code'][:16]}…")]
    lines += [("differs from the base", _settings(own) or "in nothing"), ("same as the base", _settings(others) or "nothing")]
    if found.rows:
        lines.append(("last row", _settings(found.rows[-1])))
    lines.append(("files", str(found.folder / found.key[:2] / found.key)))
    lines += [("kept", path) for path in found.artefacts]
    return lines + ([("traceback", c["detail"])] if c["detail"] else [])


def _state(columns: Mapping[str, Any]) -> str:
    if not columns["reason"]:
        return str(columns["state"])
    state = "waiting to be run again, it ended the study:" if columns["state"] == "waiting" else f"{columns['state']},"
    return f"{state} {columns['reason']}"


def _ran(columns: Mapping[str, Any]) -> str:
    if not columns["attempts"]:
        return "not yet"
    seconds = f"{columns['seconds']:.1f} s" if columns["seconds"] is not None else "for an unknown time"
    where = " on ".join(filter(None, (columns["device"], columns["host"])))
    tries = f"{columns['attempts']} attempt{'s' * (columns['attempts'] > 1)} in total"
    return f"{seconds} on {where or 'an unknown machine'}, {tries}, until {columns['changed']}"


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={written(value)}" for name, value in values.items())
