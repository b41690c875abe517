"""A record made anew from what its trials sealed on disk, and what is still whole in the damaged database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import Damaged, HpsearchError, InUse, Refused
from hpsearch.results import health, schema
from hpsearch.results.connecting import engine_of
from hpsearch.results.driver import Driver
from hpsearch.results.history import with_history
from hpsearch.results.lock import lock_of
from hpsearch.results.outage import is_no_database
from hpsearch.results.record import Record, Result
from hpsearch.results.replay import replayed
from hpsearch.results.salvage import Line, salvaged, set_aside
from hpsearch.results.urls import database, hidden
from hpsearch.study import Trial
from hpsearch.study.file import StudyFile
from hpsearch.trials.belonging import OWNER, claim
from hpsearch.trials.sealed import read_json
from hpsearch.trials.worker import TRIAL, sealed_result
from hpsearch.values import from_json

FINISHED = ("complete", "failed", "stopped")


@dataclass(frozen=True)
class Repaired:
    """What became of a record."""

    kept: Path | None  # the damaged file, under its new name
    sealed: int  # whole results on disk
    told: int  # of those, the ones that the record lacked
    unknown: int  # those of which nobody can say which trial they are of: they stay on disk
    lost: int  # trials that the damaged file calls finished and that have no whole result on disk: they run again


def repair(file: StudyFile, place: str, folder: Path | None) -> Repaired:
    """Set a damaged record aside, make another, and tell it what trials sealed; a whole one is told what it lacks."""
    url = database(place)
    at = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    kept = _set_aside(at, place, folder) if at else None
    old = salvaged(kept) if kept else {}
    record = Record.open(place, folder, create=True)
    with record.driver(f"hpsearch repair {file.path}") as driver:
        if at and kept and folder is None:
            record.folder = _folder(at, old)
            driver.add(schema.stamp, [{"name": "trials", "value": record.folder.name}])
        claim(driver, insist=True)
        _restore(driver, old)
        results = _sealed(record.folder)
        before = _finished(record)
        unknown = _tell(driver, file, results, old)
        finished = _finished(record)
    lost = {line["key"] for line in old.get("trials", ()) if line["state"] in FINISHED} - finished
    return Repaired(kept, len(results), len(results.keys() & finished - before), len(unknown), len(lost))


def _set_aside(at: Path, place: str, folder: Path | None) -> Path | None:
    """The damaged database under its new name; None where it is whole or missing."""
    shown = hidden(place)
    if not at.exists():
        return None
    lock = lock_of(engine_of(database(place)), shown)
    if not lock.take():
        raise InUse(f"the record at {shown} is in use by another process: wait for it to end, or stop it")
    try:
        if _whole(place):
            return None
        where = folder or _folder(at, {})
        if not _sealed(where):
            nothing = f"no trial sealed a result in {where}: there is nothing to make a record from"
            raise Refused(f"{shown} is damaged or no record, and {nothing}")
        return set_aside(at)
    finally:
        lock.release()


def _whole(place: str) -> bool:
    """Whether a record can be used as it is; refused where it is another program's, or of another version."""
    try:
        health.check(Record.open(place))
    except Damaged:
        return False
    except Refused as error:
        if is_no_database(error.__cause__):  # its first page is gone
            return False
        raise
    return True


def _folder(at: Path, old: Mapping[str, list[Line]]) -> Path:
    """Where the trials of a lost record lie: as it said itself, or as the folders beside it say."""
    named = next((line["value"] for line in old.get("stamp", ()) if line["name"] == "trials"), None)
    owners = {each.parent.name: read_json(each) or {} for each in at.parent.glob(f"*/{OWNER}")}
    own = next((name for name, owner in owners.items() if Path(owner.get("record", "")).name == at.name), None)
    stem = f"{at.stem}-trials"
    return at.parent / (named or own or (stem if (at.parent / stem).is_dir() else "trials"))


def _sealed(folder: Path) -> dict[str, Result]:
    """Every whole result on disk, by its trial's key."""
    found = (sealed_result(folder, each.parent.name) for each in sorted(folder.glob("??/*/result.json")))
    return {result.key: result for result in found if result is not None}


def _finished(record: Record) -> set[str]:
    return {key for state in FINISHED for key in record.keys(state)}


def _restore(driver: Driver, old: Mapping[str, list[Line]]) -> None:
    """What was launched and decided, as far as it could be read: the searches of a study go on from their history."""
    for table in (schema.launches, schema.code_parts, schema.decisions):
        driver.add(table, old.get(table.name, ()))


def _tell(driver: Driver, file: StudyFile, results: Mapping[str, Result], old: Mapping[str, list[Line]]) -> set[str]:
    """Tell the record the results that it lacks; the keys of those that could not be told."""
    record, left = driver.record, {key: result for key, result in results.items() if key not in _finished(driver.record)}
    known = {line["key"]: line for line in (*_from_file(old, file), *_from_folders(record.folder, left))}
    driver.enter([known[key] for key in left if key in known])
    for key in record.known & left.keys():
        driver.finish(left.pop(key))
    while asked := [trial for trial in _asked(record, file) if trial.key in left]:  # earlier versions sealed no more than a key
        driver.want(asked)
        for trial in asked:
            driver.finish(left.pop(trial.key))
    return set(left)


def _from_folders(folder: Path, keys: Mapping[str, Result]) -> Iterator[Line]:
    """Lines of the table of trials, as each trial's own folder has them."""
    for key in keys:
        told = read_json(folder / key[:2] / key / TRIAL)
        if isinstance(told, dict):
            yield {**told, "key": key}


def _from_file(old: Mapping[str, list[Line]], file: StudyFile) -> Iterator[Line]:
    """The same from the damaged database: those whose key is the hash of what they say."""
    for line in old.get("trials", ()):
        try:
            config = from_json(json.loads(line["config"]), file.study.kinds)
            trial = Trial(config, line["seed"], line["epochs"], line["held_out"], line["code"])
        except (HpsearchError, TypeError, ValueError, AttributeError, OSError):  # of another study
            continue
        if trial.key == line["key"]:
            yield {name: line[name] for name in ("key", "config", "seed", "epochs", "held_out", "code")}


def _asked(record: Record, file: StudyFile) -> list[Trial]:
    """Trials that the study asks for, as far as what the record has determines them."""
    return list(replayed(record, with_history(record, file.study, file.name)).plan.trials())
