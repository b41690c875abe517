"""``hpsearch run`` and ``hpsearch status``."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.failing import failed_lines, on_a_line
from hpsearch.cli.opening import again_with, beside, evidence_of, open_record, read_study, replayed_of
from hpsearch.cli.options import BESIDE, DataFolder, Debug, RecordPlace, StudyPath, TrialFolder, a_path
from hpsearch.cli.screen import echo
from hpsearch.cli.writing import closing, refuse_overwriting, sources, write_report
from hpsearch.errors import HpsearchError, Refused, Undecided
from hpsearch.kept import cache_folder
from hpsearch.results import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from hpsearch.cli.terminal import Watching
    from hpsearch.results.older import Verdict
    from hpsearch.results.record import Record
    from hpsearch.study.file import StudyFile
    from hpsearch.trials.session import Session

    Where = Callable[[Record], Path]  # the report goes, once the record is there

LISTED = 12  # failed trials that ``status`` names one by one


def run(
    study: StudyPath,
    record: RecordPlace = DEFAULT,
    folder: TrialFolder = None,
    data: DataFolder = None,
    here: Annotated[
        bool,
        typer.Option(
            "--here", help="Run in this process, one trial after another, without Ray; a training that crashes it ends the run."
        ),
    ] = False,
    address: Annotated[
        str | None, typer.Option(help="Head of a Ray cluster as host:port, or auto. [default: start a local Ray]")
    ] = None,
    trust_network: Annotated[
        bool,
        typer.Option("--trust-network", help="Attach to a Ray cluster that asks for no token: whoever reaches it can run code."),
    ] = False,
    cpus: Annotated[float, typer.Option(help="CPUs per trial; rounded down, its number of threads.")] = 1,
    gpus: Annotated[float | None, typer.Option(help="GPUs per trial: 1 or a fraction. [default: 1 if there is one]")] = None,
    slots: Annotated[
        int | None, typer.Option(help="Trials that run at a time. [default: as many as fit on the machine or cluster]")
    ] = None,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="A fresh process for every trial; with --here, a crash then costs its trial only.")
    ] = False,
    limit_time: Annotated[str | None, typer.Option(help="End a trial that takes longer, as in 12h; it fails.")] = None,
    limit_silence: Annotated[
        str | None, typer.Option(help="End a trial that tells no epoch for so long, and try it again. [default: 6h]")
    ] = None,
    limit_memory: Annotated[str | None, typer.Option(help="End a trial that takes more memory, as in 8GB; it fails.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed trials again.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Train again what older code, other data or another default made.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Use such older results as they are; the report marks them.")] = False,
    patience: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long to wait for a record that does not answer."),
    ] = 600,
    out: Annotated[Path | None, typer.Option(callback=a_path, help=f"The report to write. {BESIDE}")] = None,
    debug: Debug = False,
) -> None:
    """Run a study, or resume it: finished trials are never repeated. Ends by writing the report."""
    from hpsearch.cli import terminal
    from hpsearch.cli.console import Console
    from hpsearch.results.mounts import refuse_network
    from hpsearch.results.neighbours import file_of
    from hpsearch.study import Limits
    from hpsearch.trials import launch
    from hpsearch.trials.attaching import closed_token

    if again and keep:
        raise Refused("--again trains again what --keep would use: give only one of them")
    if not patience >= 0:
        raise Refused(f"--patience takes the seconds to wait for a record that does not answer, 0 or more, got {patience:g}")
    file = read_study(study, data)
    limits = launch.limited(file.study.limits, limit_time, limit_silence, limit_memory)
    apart = isolate or (here and limits != Limits())  # a limit is kept from outside
    each = replace(launch.resources(cpus, gpus, slots, here, address), limits=limits, isolate=apart)
    decision: Verdict = "again" if again else "kept" if keep else ""
    options = launch.Options(record, folder, cache_folder(), here, address, each, retry_failed, decision, trust_network, patience)
    console = Console()
    for remark in launch.remarks(file) if not launch.missing_data(file) else ():
        console.print(f"note: {remark}", highlight=False, markup=False, soft_wrap=True)
    for said in () if here else (launch.unused_cluster(address), closed_token()):
        if said:
            console.print(said, highlight=False, markup=False, soft_wrap=True)
    if at := file_of(record):
        refuse_network(at)  # before anybody looks for what lies beside it
    refuse_overwriting(out or beside(record, file, None), sources(record, file))

    def where(opened: "Record") -> Path:
        return out or beside(record, file, opened)

    with terminal.Watching(console) as watching:
        try:
            session = launch.run(file, options, watching, watching.doing, watching.say)
        except (Refused, Undecided) as error:
            _close_early(watching, error, file, where)
            raise
        except BaseException:
            if watching.session:
                command = again_with("report", file, record, data)
                echo(f"no report was written: {command} writes one of the results so far", err=True)
            raise
        _close(watching, session, file, where)
    if session.plan.problems and not session.plan.measurements:
        raise Refused(session.plan.problems[0])
    raise typer.Exit(1 if session.failed or session.plan.problems else 0)


def _close(watching: "Watching", session: "Session", file: "StudyFile", where: "Where") -> None:
    """Write the report, then say how far the study came, what it showed, and why trials failed."""
    from hpsearch.results.reasons import ended

    watching.doing("writing the report")
    record = session.driver.record  # waits, like the session, where it does not answer
    found = replayed_of(file, record)
    told = evidence_of(file, record, found)
    written = write_report(told, where(record))
    watching.progress.stop()
    console = watching.console
    console.print(f"{watching.line(session)}; {session.ran} of them ran now", highlight=False, markup=False)
    closing(console, told)
    for line in told.older:
        console.print(f"older       {line}", highlight=False, markup=False, soft_wrap=True)
    for line in failed_lines(file.study.plan, ended(found)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: {written[0]}", highlight=False, markup=False)


def _close_early(watching: "Watching", error: HpsearchError, file: "StudyFile", where: "Where") -> None:
    """The same of a study that was refused after trials had begun; nothing where none had."""
    if watching.session is None:
        return
    watching.session.requeue()
    try:
        _close(watching, watching.session, file, where)
    except HpsearchError as second:
        echo(f"no report was written, because of {'this:' if str(second) == str(error) else second}", err=True)


def status(study: StudyPath, record: RecordPlace = DEFAULT, data: DataFolder = None, debug: Debug = False) -> None:
    """Show how far a study has come, who is running it, and why trials failed."""
    from hpsearch.cli import terminal
    from hpsearch.cli.console import Console
    from hpsearch.results.reasons import ended

    file = read_study(study, data)
    opened = open_record(record, None)
    found = replayed_of(file, opened)
    console = Console()
    trials = list(found.plan.trials())
    states = found.past.states(trials)
    counts = Counter(states[trial.key]["state"] if trial.key in states else "waiting" for trial in trials)
    named = ("complete", "running", "waiting", "failed", *(("stopped",) if counts["stopped"] else ()))
    holder = opened.holder()
    left = counts["running"] and not holder  # a driver that was killed leaves trials marked as running
    words = {"running": "interrupted"} if left else {}
    listed = ", ".join(f"{counts[state]} {words.get(state, state)}" for state in named)
    console.print(f"{file.name}: {listed}; {file.study.trials} wanted in total", highlight=False)
    console.print(holder or "not running now", highlight=False)
    terminal.say_older(console, opened, file, found)
    early = ended(found)
    failed = [each for each in early if each.state == "failed"]
    for each in failed[:LISTED]:
        console.print(
            f"failed {each.key[:12]} arm {each.arm!r} seed {each.seed}: {on_a_line(each.reason)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if len(failed) > LISTED:
        console.print(f"and {len(failed) - LISTED} more failed trials, listed in the report", highlight=False)
    for line in failed_lines(file.study.plan, early):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in terminal.said_of_rounds(found.plan):
        console.print(line, highlight=False, markup=False)
    for problem in found.plan.problems:
        console.print(problem, highlight=False, markup=False)
