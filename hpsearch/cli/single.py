"""One trial of a record: ``hpsearch show`` and ``hpsearch rerun``."""

from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.opening import evidence_of, find_trial
from hpsearch.cli.options import DataFolder, Debug, RecordPlace, TrialFolder, TrialWords
from hpsearch.cli.screen import echo
from hpsearch.errors import Refused
from hpsearch.kept import cache_folder
from hpsearch.results import DEFAULT

if TYPE_CHECKING:
    from hpsearch.results.lookup import Found
    from hpsearch.results.record import Record
    from hpsearch.study.file import StudyFile
    from hpsearch.trials.again import Compared
    from hpsearch.trials.session import Resources


def show(
    trial: TrialWords,
    record: RecordPlace = DEFAULT,
    folder: TrialFolder = None,
    data: DataFolder = None,
    debug: Debug = False,
) -> None:
    """Show everything the record holds about one trial: its settings, rows and files, and its place in the study."""
    from hpsearch.results import lookup

    file, opened, found = find_trial(trial, record, folder, data)
    for heading, text in lookup.told(found, evidence_of(file, opened)):
        echo(f"{heading:<22}  {text}")


def rerun(
    trial: TrialWords,
    record: RecordPlace = DEFAULT,
    folder: TrialFolder = None,
    data: DataFolder = None,
    cpus: Annotated[float, typer.Option(help="CPUs, as in the run to repeat; rounded down, the number of threads.")] = 1,
    gpus: Annotated[float | None, typer.Option(help="GPUs. [default: as the trial had, if this machine has one]")] = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="If a few trials of its training code give the same rows now, use all of them."),
    ] = False,
    trials: Annotated[int | None, typer.Option(help="How many trials to train again for --adopt. [default: 3]")] = None,
    debug: Debug = False,
) -> None:
    """Train one trial of the record again, on this machine, and compare its rows. Only --adopt writes to the record."""
    from hpsearch.trials import again, launch

    if trials is not None and (trials < 1 or not adopt):
        raise Refused(f"--trials says how many trials --adopt trains again, at least 1, got {trials}")
    file, opened, found = find_trial(trial, record, folder, data)
    had_one = found.columns["device"] == "cuda" and launch.local_gpus() > 0
    resources = launch.resources(cpus, float(had_one) if gpus is None else gpus, None, True, None)
    if adopt:
        raise typer.Exit(_adopt(file, opened, found, resources, trials))
    if again.trial_of(found, file.study, file.known).code != found.columns["code"]:
        echo("the training code has changed since this trial ran: its rows may differ for that reason")
    _prepare(file)
    compared = _trained(file, found, resources)
    for line in again.said(compared, found):
        echo(line)
    raise typer.Exit(0 if compared.equal else 1)


def _prepare(file: "StudyFile") -> None:
    from hpsearch.trials import launch

    launch.check_data(file)
    for source in file.sources:
        source.prepare(cache_folder())


def _trained(file: "StudyFile", found: "Found", resources: "Resources") -> "Compared":
    from hpsearch.trials import again

    echo(f"training {found.key[:12]} for {found.columns['epochs']} epochs on {resources.device}, {resources.threads} threads")
    return again.rerun(found, file.study, file.known, cache_folder(), resources, lambda epoch, row: echo(f"epoch {epoch}"))


def _adopt(file: "StudyFile", record: "Record", found: "Found", resources: "Resources", number: int | None) -> int:
    """Train a few older trials again and take all of their code over if their rows are equal; the exit code."""
    from hpsearch.results.history import with_history
    from hpsearch.results.replay import replayed
    from hpsearch.trials import adoption, again

    code = file.study.code
    adoption.check(found, code)
    others = adoption.taken_over(found, replayed(record, with_history(record, file.study, file.name), "kept"))
    keys = adoption.chosen(found, record, others, number or adoption.PROVED)
    _prepare(file)

    def told(proof: adoption.Proof) -> None:
        for line in again.said(proof.compared, proof.found):
            echo(line)

    proofs = adoption.prove(record, keys, lambda each: _trained(file, each, resources), told)
    if not all(proof.holds for proof in proofs):
        echo("nothing was adopted: the present training code gives different rows")
        return 1
    adoption.adopt(record, proofs, found.columns["code"], code)
    echo(
        f"{len(proofs)} trained again with equal rows: {len(others)} trials of this study are adopted from the older training "
        f"code, as the record now states; next: hpsearch run {file.path}"
    )
    return 0
