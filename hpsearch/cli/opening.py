"""From the words of a command to a study, a record, a trial, the evidence."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import Refused

if TYPE_CHECKING:
    from hpsearch.results.evidence import Evidence
    from hpsearch.results.lookup import Found
    from hpsearch.results.record import Record
    from hpsearch.results.replay import Replayed
    from hpsearch.study.file import StudyFile


def read_study(path: Path, data: Path | None) -> "StudyFile":
    from hpsearch.study.file import read

    if data is not None:
        if not data.is_dir():
            raise Refused(f"--data {data} is not a folder: give the one that holds the images")
        os.environ["HPSEARCH_DATA"] = str(data.resolve())
    return read(path)


def open_record(place: str, folder: Path | None) -> "Record":
    from hpsearch.results.record import Record

    return Record.open(place, folder)


def record_if_any(place: str) -> "Record | None":
    """The record; None where no file is there yet."""
    return open_record(place, None) if "://" in place or Path(place).exists() else None


def find_trial(words: list[str], place: str, folder: Path | None, data: Path | None) -> "tuple[StudyFile, Record, Found]":
    """The trial of a key and its study: the file given before the key, else the one that was launched, where it still lies."""
    from hpsearch.results import lookup

    if len(words) > 2 or Path(words[-1]).is_file():
        raise Refused(f"give a trial's key, optionally with its study file before it, got {' '.join(words)}")
    if len(words) == 2:
        file, opened = read_study(Path(words[0]), data), open_record(place, folder)
        return file, opened, lookup.find(opened, words[1])
    opened = open_record(place, folder)
    found = lookup.find(opened, words[0])
    launched = lookup.launched(opened, found)
    files = [read_study(each.study, data or each.data) for each in launched if each.study.is_file()]
    if not files:
        names = ", ".join(str(each.study) for each in launched) or "a study of which the record has no launch"
        raise Refused(f"{found.key[:12]} was trained for {names}, which is not here: give the study file before the key")
    if len(files) == 1:
        return files[0], opened, found
    wanting = (file for file in files if lookup.places(evidence_of(file, opened), found.key))
    return next(wanting, files[0]), opened, found


def beside(place: str, file: "StudyFile", record: "Record | None") -> Path:
    """Where the report goes unless the user names a file: beside the record, and over no other record's."""
    from hpsearch.results.neighbours import report_of

    return report_of(place, record.trials if record else None, file.name)


def replayed_of(file: "StudyFile", record: "Record | None") -> "Replayed":
    """The study as far as the record determines it, with its history."""
    from hpsearch.results.history import with_history
    from hpsearch.results.replay import replayed

    return replayed(record, with_history(record, file.study, file.name))


def again_with(command: str, file: "StudyFile", record: str, data: Path | None) -> str:
    """Another command on the same study and record, to be typed as it is."""
    from hpsearch.results.urls import record_option

    where = f" --data {shlex.quote(str(data))}" if data else ""
    return f"`hpsearch {command} {shlex.quote(str(file.path))}{record_option(record)}{where}`"


def evidence_of(file: "StudyFile", record: "Record | None", found: "Replayed | None" = None) -> "Evidence":
    from hpsearch.results.frames import evidence

    return evidence(record, file.study, file.name, file.text, found)
