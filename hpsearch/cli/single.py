"""One trial of a record: ``hpsearch show`` and ``hpsearch rerun``."""

from typing import Annotated

import typer

from hpsearch.cli.opening import evidence_of, find_trial
from hpsearch.cli.options import DataFolder, Debug, Place, RecordPlace, TrialFolder, TrialWords
from hpsearch.cli.screen import echo
from hpsearch.cli.signals import stop_on_signals


def show(
    trial: TrialWords,
    record: RecordPlace = Place,
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
    record: RecordPlace = Place,
    folder: TrialFolder = None,
    data: DataFolder = None,
    cpus: Annotated[float, typer.Option(help="CPUs, as in the run to repeat; rounded down, the number of threads.")] = 1,
    gpus: Annotated[float | None, typer.Option(help="GPUs. [default: as the trial had, if this machine has one]")] = None,
    debug: Debug = False,
) -> None:
    """Train one trial of the record again, on this machine, and compare its rows. The record is not changed."""
    from hpsearch.trials import again, launch

    stop_on_signals()
    file, _, found = find_trial(trial, record, folder, data)
    had_one = found.columns["device"] == "cuda" and launch.local_gpus() > 0
    resources = launch.resources(cpus, float(had_one) if gpus is None else gpus, None, True, None)
    if again.trial_of(found, file.study, file.known).key != found.key:
        echo("the training code has changed since this trial ran: its rows may differ for that reason")
    launch.check_data(file)
    for source in file.sources:
        source.prepare(launch.cache_folder())
    echo(f"training {found.key[:12]} for {found.columns['epochs']} epochs on {resources.device}, {resources.threads} threads")
    compared = again.rerun(
        found, file.study, file.known, launch.cache_folder(), resources, lambda epoch, row: echo(f"epoch {epoch}")
    )
    for line in again.said(compared, found):
        echo(line)
    raise typer.Exit(0 if compared.equal else 1)
