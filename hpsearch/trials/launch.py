"""Launching a study: everything is checked before anything is written, then one session runs under the record's lock."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import takewhile
from pathlib import Path

from hpsearch.errors import HpsearchError, Refused, Undecided, Unwritable
from hpsearch.protocol import Remarked
from hpsearch.results import health, schema
from hpsearch.results.history import with_history
from hpsearch.results.older import Verdict
from hpsearch.results.outage import DRIVING, Patience
from hpsearch.results.provenance import provenance
from hpsearch.results.question import question
from hpsearch.results.record import Record
from hpsearch.results.replay import replayed
from hpsearch.results.urls import scrubbed
from hpsearch.study import Limits
from hpsearch.study.file import StudyFile
from hpsearch.study.limits import duration, size
from hpsearch.trials.attaching import attach
from hpsearch.trials.belonging import claim
from hpsearch.trials.disk import lacking
from hpsearch.trials.ray_local import close_to_others
from hpsearch.trials.session import Resources, Session, Watch
from hpsearch.trials.worker import forget
from hpsearch.values import to_json

DEVICES = Path("/dev")
ELSEWHERE = ("dxg", "nvhost-gpu", "nvgpu")  # devices of GPUs that are not called nvidia0: under Windows, on Jetson boards


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
    trust_network: bool = False  # attach to a cluster that lets everybody in
    patience: float = DRIVING  # seconds for which a record that does not answer is waited for


def local_cores() -> int:
    """Cores that this process may use: a container or taskset may leave it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local_gpus() -> int:
    """GPUs that this process may see: those CUDA_VISIBLE_DEVICES names, none on a machine without a driver's device."""
    cards = len(list(DEVICES.glob("nvidia[0-9]*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return cards
    if not cards and not any((DEVICES / name).exists() for name in ELSEWHERE):
        return 0
    return sum(1 for _ in takewhile(lambda name: _names_gpu(name, cards), visible.split(",")))


def _names_gpu(name: str, cards: int) -> bool:
    """Whether an entry of CUDA_VISIBLE_DEVICES names a GPU; CUDA stops at the first that does not.

    >>> [_names_gpu(name, 2) for name in ("0", "1", "2", "-1", "", "NoDevFiles", "GPU-8932f937", "MIG-GPU-8932f937/1/2")]
    [True, True, False, False, False, False, True, True]
    """
    word = name.strip()
    return word.startswith(("GPU-", "MIG-")) or (word.isdecimal() and (not cards or int(word) < cards))


def resources(cpus: float, gpus: float | None, slots: int | None, here: bool, address: str | None) -> Resources:
    """What a trial gets and how many run at once; refused where this machine cannot give it."""
    cores, cards = local_cores(), local_gpus()
    if cpus <= 0 or (gpus or 0) < 0 or (slots is not None and slots < 1):
        given = {"--cpus": cpus, "--gpus": gpus, "--slots": slots}
        got = ", ".join(f"{name} {number:g}" for name, number in given.items() if number is not None)
        raise Refused(f"a trial needs a positive number of CPUs, no negative share of a GPU, and at least one slot, got {got}")
    if gpus is not None and gpus > 1:
        raise Refused(
            f"a trial trains on one GPU, got --gpus {gpus:g}: the built-in loop uses one, a training function of your own is given "
            "one device, and the others would sit idle; use --gpus 1, and --slots for several trials side by side"
        )
    wanted = min(1.0, float(cards)) if gpus is None else gpus
    if not address:
        if wanted > cards:
            raise Refused(
                f"a trial asks for {wanted:g} GPUs and this machine has {cards}: lower --gpus, or give a cluster's --address"
            )
        if cpus > cores:
            raise Refused(
                f"a trial asks for {cpus:g} CPUs and this machine has {cores}: lower --cpus, or give a cluster's --address"
            )
    fitting = int(cores // cpus) if not wanted else min(int(cores // cpus), int(cards // wanted))
    return Resources(cpus, wanted, 1 if here else slots or max(1, fitting) if not address else slots or 0)


def limited(limits: Limits, time: str | None, silence: str | None, memory: str | None) -> Limits:
    """The study's limits, with those that the command line gives in their place; refused where one cannot be read."""
    read = {
        "time": None if time is None else duration(time, "--limit-time"),
        "silence": None if silence is None else duration(silence, "--limit-silence"),
        "memory": None if memory is None else size(memory, "--limit-memory"),
    }
    return replace(limits, **{name: value for name, value in read.items() if value is not None})


def check_data(file: StudyFile) -> None:
    """Refuse data that is missing or useless."""
    for source in file.sources:
        source.check()


def remarks(file: StudyFile, weights: bool = True) -> tuple[str, ...]:
    """What the study does that its author may not expect, in sentences: cycles that are cut short, how weights were read.

    Without ``weights`` nothing is read that takes torch to read.
    """
    from hpsearch.training import Recipe
    from hpsearch.training.images.remarks import remarks as of_recipe

    configs = [file.study.config(arm) for arm in file.study.plan.arms] + [trial.config for trial in file.study.teachers]
    recipes = [config for config in configs if isinstance(config, Recipe)]
    said = [sentence for recipe in recipes for sentence in of_recipe(recipe)]
    read = [source.remark() for source in file.sources if weights and isinstance(source, Remarked)]
    return tuple(dict.fromkeys((*read, *said)))


def check_gpu(file: StudyFile, options: Options) -> None:
    """Refuse GPUs of this machine that our own training could not use, before every trial fails for that."""
    if file.study.train is not None or options.address or options.resources.gpus == 0:
        return
    from hpsearch.training.devices import gpus  # seconds to import

    if not gpus():
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        where = "" if named is None else f", with CUDA_VISIBLE_DEVICES={named}"
        raise Refused(f"trials are to run on a GPU but PyTorch can use none{where}: give --gpus 0 to train on the CPU")


def missing_data(file: StudyFile) -> str:
    """Why the data cannot be used yet, in a sentence; empty where it can."""
    try:
        check_data(file)
    except Refused as refusal:
        return str(refusal)
    return ""


def run(
    file: StudyFile, options: Options, watch: Watch, doing: Callable[[str], None] = print, say: Callable[[str], None] = print
) -> Session:
    """Run what the study still wants; the session as it ended. Raises what stopped it, with the launch's end in the record."""
    if options.address and not options.here:
        options = replace(options, address=attach(options.address, options.trust_network))
    check_gpu(file, options)
    check_data(file)
    doing("preparing the data")
    for source in file.sources:
        source.prepare(options.cache)
    noted = {"remarks": "; ".join(said)} if (said := remarks(file)) else {}
    record = Record.open(options.record, options.folder, create=True, patience=Patience(options.patience, say))
    if full := lacking(record.folders):
        raise Unwritable(full)
    health.check(record)
    with record.driver(f"hpsearch run {file.path}") as driver:
        if options.folder is None and record.engine.dialect.name == "sqlite":  # others may share a folder, or its default one
            claim(driver)
        study = with_history(record, file.study, file.name)
        if not options.decision and (asked := question(record, replayed(record, study), file.name, file.path)):
            raise Undecided(asked)
        driver.add(schema.code_parts, [{"code": study.code, "name": n, "sha256": h} for n, h in study.parts.items()])
        launch = driver.launched(
            study=file.name,
            study_hash=sha256(file.text.encode()).hexdigest(),
            study_text=file.text,
            study_json=json.dumps(to_json(file.study)),
            code=file.study.code,
            provenance=json.dumps({**provenance(file.path.resolve().parent), **noted}),
        )
        try:
            if options.retry_failed:
                _forget_failed(record)
                driver.reset(["failed"])
            doing("starting")
            session = Session(driver, study, options.resources, options.cache, watch, options.decision)
            _execute(session, options)
        except BaseException as error:
            outcome = scrubbed(f"{type(error).__name__}: {error}") if isinstance(error, Exception) else "interrupted"
            with suppress(HpsearchError):  # what ended the launch is what the user has to know
                driver.left(launch, outcome)
            raise
        driver.ended(launch, "done")
        return session


def _execute(session: Session, options: Options) -> None:
    if session.done:
        return
    if options.here:
        from hpsearch.trials.here import run_here

        run_here(session)
    else:
        if not options.address:
            close_to_others()
        from hpsearch.trials.on_ray import run_on_ray  # seconds to import

        run_on_ray(session, options.address)


def unused_cluster(address: str | None) -> str:
    """That RAY_ADDRESS is set and not used, in a sentence; empty where it is not set or says what was asked for."""
    named = os.environ.get("RAY_ADDRESS")
    if not named or address in (named, "auto"):
        return ""
    return f"RAY_ADDRESS={named} is not used: {f'--address {address} is' if address else 'give --address to run on that cluster'}"


def _forget_failed(record: Record) -> None:
    """Remove the sealed results of failed trials, so that they run again."""
    for key in record.keys("failed"):
        forget(record.folder, key)
