"""``hpsearch report``, ``hpsearch export`` and ``hpsearch import``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.opening import beside, evidence_of, open_record, read_study, record_if_any
from hpsearch.cli.options import BESIDE, DataFolder, Debug, RecordPlace, StudyPath, a_path
from hpsearch.cli.screen import echo
from hpsearch.cli.writing import closing, refuse_overwriting, sources, write_report, write_tables
from hpsearch.errors import Refused
from hpsearch.results import DEFAULT


def report(
    study: StudyPath,
    record: RecordPlace = DEFAULT,
    data: DataFolder = None,
    out: Annotated[Path | None, typer.Option(callback=a_path, help=f"The HTML file; .md and .csv go beside it. {BESIDE}")] = None,
    tables: Annotated[
        Path | None,
        typer.Option(callback=a_path, help="Folder for every table, trial and epoch as CSV, Parquet, Markdown and LaTeX."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of what the record holds: one HTML file that needs no network, with .md and .csv beside it."""
    from hpsearch.results import health

    file = read_study(study, data)
    opened = record_if_any(record)
    if opened is not None:
        health.check(opened)  # a wrong number must not be printed
    target = out or beside(record, file, opened)
    refuse_overwriting(target, sources(record, file))
    told = evidence_of(file, opened)
    for path in write_report(told, target):
        echo(path)
    if tables is not None:
        echo(f"{write_tables(told, tables)} files in {tables}; all tables at once: cd {tables} && pdflatex all.tex")


def export(
    study: StudyPath,
    optuna: Annotated[str, typer.Option("--optuna", metavar="URL", help="Write to: sqlite:///runs/optuna.db", show_default=False)],
    record: RecordPlace = DEFAULT,
    data: DataFolder = None,
    follow: Annotated[float | None, typer.Option(help="Repeat every so many seconds while the record is being run.")] = None,
    debug: Debug = False,
) -> None:
    """Write the search as Optuna studies, one per round, for optuna-dashboard and optuna.visualization."""
    import time

    from hpsearch.results import optuna_view
    from hpsearch.results.urls import hidden

    if follow is not None and not follow > 0:
        raise Refused(f"--follow takes the seconds between two exports, more than 0, got {follow:g}")
    file = read_study(study, data)
    opened = open_record(record, None)
    names: list[str] = []
    while True:
        running = opened.holder()  # asked first: what was told just before a run ended is still looked at
        known, names = names, optuna_view.export(evidence_of(file, opened), optuna)
        for name in names:
            if name not in known:
                echo(name)
        if not known:
            echo(f"view them with: optuna-dashboard {hidden(optuna)}")
        if follow is None or running is None:
            return
        time.sleep(follow)


def import_(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file, a folder, or an Optuna storage’s URL.", show_default=False)
    ],
    arm: Annotated[str, typer.Option(help="Column that names the arm; several separated by commas.", show_default=False)],
    metric: Annotated[str, typer.Option(help="Column of the score, or NAME=COLUMN; top1 is in percent.", show_default=False)],
    out: Annotated[Path, typer.Option(callback=a_path, help="The HTML file; .md and .csv go beside it.", show_default=False)],
    seed: Annotated[str | None, typer.Option(help="Column of the seeds that arms share: runs are compared within a seed.")] = None,
    run: Annotated[str | None, typer.Option(help="Column that identifies the run.")] = None,
    epoch: Annotated[str | None, typer.Option(help="Column that counts epochs or steps; the last is a run's score.")] = None,
    seconds: Annotated[str | None, typer.Option(help="Column of the seconds that each row took.")] = None,
    arms: Annotated[str, typer.Option(help="Which arms, and in which order, separated by commas.")] = "",
    where: Annotated[list[str] | None, typer.Option(help="Only rows with COLUMN=VALUE; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Rename an arm, ARM=TEXT; may be repeated.")] = None,
    design: Annotated[str, typer.Option(help="against: each arm with the base; ladder: each arm with the one before.")] = "against",
    base: Annotated[str | None, typer.Option(help="The arm to compare with. [default: the first]")] = None,
    goal: Annotated[str, typer.Option(help="maximise or minimise.")] = "maximise",
    scale: Annotated[float, typer.Option(help="Multiplies the score.")] = 1.0,
    offset: Annotated[float, typer.Option(help="Added to the score, after --scale.")] = 0.0,
    settings: Annotated[Path | None, typer.Option(help="A table with one row per run, joined by the run's name.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Columns from a run's name, '(?P<arm>.+)-(?P<seed>[0-9]+)'.")] = None,
    question: Annotated[str, typer.Option(help="The question that the results answer, in a sentence.")] = "",
    form: Annotated[
        str | None, typer.Option("--format", help="table, optuna, ray, wandb or tensorboard. [default: detected]")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of results made elsewhere: a table, an Optuna storage, Ray Tune, W&B or TensorBoard files."""
    from hpsearch.cli.console import Console
    from hpsearch.results.imports import Columns, Question, imported, read

    wanted = Columns(
        arm=arm,
        arms=arms,
        metric=metric,
        seed=seed,
        run=run,
        epoch=epoch,
        seconds=seconds,
        where=tuple(where or ()),
        scale=scale,
        offset=offset,
    )
    asked = Question(text=question, goal=goal, design=design, base=base, labels=tuple(label or ()))
    table = read(source, form, settings, pattern, run)
    refuse_overwriting(out, table.files)
    told = imported(table, source, wanted, asked, sys.argv[1:], out.stem)
    written = write_report(told, out)
    console = Console()
    for problem in told.agenda.problems:
        console.print(problem, highlight=False, markup=False)
    closing(console, told)
    console.print(f"report: {written[0]}", highlight=False)
