"""Launching a study: everything is checked before anything is written, then one session runs under the record's lock."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hpsearch.errors import Refused, Undecided
from hpsearch.results import schema
from hpsearch.results.frames import replayed
from hpsearch.results.history import with_history
from hpsearch.results.older import Verdict
from hpsearch.results.provenance import provenance
from hpsearch.results.question import question
from hpsearch.results.record import Record
from hpsearch.study.file import StudyFile
from hpsearch.trials.session import Resources, Session, Watch
from hpsearch.trials.worker import home
from hpsearch.values import to_json


@dataclass(frozen=True)
class Options:
    """How to run: what the command line says."""

    record: str
    folder: Path | None
    cache: Path
    here: bool
    address: str | None
    resources: Resources
    retry_failed: bool
    decision: Verdict = ""  # kept or again: what becomes of finished trials that were made otherwise than they would be now


def cache_folder() -> Path:
    """Where decoded data is kept on this machine: $HPSEARCH_CACHE, or the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HPSEARCH_CACHE") or f"{base}/hpsearch").expanduser().absolute()


def local_cores() -> int:
    """Cores that this process may use: a container or taskset may leave it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local_gpus() -> int:
    """NVIDIA GPUs of this machine that this process may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def resources(cpus: float, gpus: float | None, slots: int | None, here: bool, address: str | None) -> Resources:
    """What a trial gets and how many run at once; refused where this machine cannot give it."""
    cores, cards = local_cores(), local_gpus()
    if cpus <= 0 or (gpus or 0) < 0 or (slots is not None and slots < 1):
        raise Refused(
            f"a trial needs a positive number of CPUs and at least one slot, got --cpus {cpus:g}, --gpus {gpus}, --slots {slots}"
        )
    wanted = min(1.0, float(cards)) if gpus is None else gpus
    if not address:
        if wanted > cards:
            raise Refused(
                f"a trial is to have {wanted:g} GPUs and this machine has {cards}: lower --gpus, or give a cluster's --address"
            )
        if cpus > cores:
            raise Refused(
                f"a trial is to have {cpus:g} CPUs and this machine has {cores}: lower --cpus, or give a cluster's --address"
            )
    fitting = int(cores // cpus) if not wanted else min(int(cores // cpus), int(cards // wanted))
    return Resources(cpus, wanted, 1 if here else slots or max(1, fitting) if not address else slots or 1_000)


def check_data(file: StudyFile) -> None:
    """Refuse data that is missing or useless."""
    for source in file.sources:
        source.check()


def missing_data(file: StudyFile) -> str:
    """Why the data cannot be used yet, in a sentence; empty where it can."""
    try:
        check_data(file)
    except Refused as refusal:
        return str(refusal)
    return ""


def run(file: StudyFile, options: Options, watch: Watch, doing: Callable[[str], None] = print) -> Session:
    """Run what the study still wants; the session as it ended. Raises what stopped it, with the launch's end in the record."""
    check_data(file)
    doing("preparing the data")
    for source in file.sources:
        source.prepare(options.cache)
    record = Record.open(options.record, options.folder, create=True)
    with record.driver(f"hpsearch run {file.path}") as driver:
        study = with_history(record, file.study, file.name)
        if not options.decision and (asked := question(record, replayed(record, study), file.name)):
            raise Undecided(asked)
        driver.add(schema.code_parts, [{"code": study.code, "name": n, "sha256": h} for n, h in study.parts.items()])
        launch = driver.launched(
            study=file.name,
            study_hash=sha256(file.text.encode()).hexdigest(),
            study_text=file.text,
            study_json=json.dumps(to_json(file.study)),
            code=file.study.code,
            provenance=json.dumps(provenance(file.path.resolve().parent)),
        )
        outcome = "interrupted"
        try:
            if options.retry_failed:
                _forget_failed(record)
                driver.reset(["failed"])
            doing("starting")
            session = Session(driver, study, options.resources, options.cache, watch, options.decision)
            _execute(session, options)
            outcome = "done"
            return session
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            driver.ended(launch, outcome)


def _execute(session: Session, options: Options) -> None:
    if session.done:
        return
    if options.here:
        from hpsearch.trials.here import run_here

        run_here(session)
    else:
        from hpsearch.trials.on_ray import run_on_ray  # seconds to import

        run_on_ray(session, options.address)


def _forget_failed(record: Record) -> None:
    """Remove the sealed results of failed trials, so that they run again."""
    for key in record.keys("failed"):
        (home(record.folder, key) / "result.json").unlink(missing_ok=True)
