"""The command line: ``hpsearch new | plan | run | status | report | show | rerun | export``, each given a study file.

Nothing heavy is imported here; every command imports what it needs when it is called.
"""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hpsearch.errors import HpsearchError, Refused

if TYPE_CHECKING:
    from hpsearch.record.evidence import Evidence
    from hpsearch.record.lookup import Found
    from hpsearch.record.record import Record
    from hpsearch.studyfile import StudyFile

EXIT_CODES = """
Exit codes: 0 done; 1 done, but some trials failed, or a trial that was rerun has other rows; 2 the input was refused, nothing was
run; 70 a fault of hpsearch itself;
75 another process is driving the record; 130 or 143 stopped by Ctrl-C or SIGTERM: run the same command again to go on.
"""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich would double the time it takes
    pretty_exceptions_enable=False,
    help="Which hyperparameters, and what is each trick really worth? Search, ablation and one offline report from one study file.",
    epilog=EXIT_CODES,
)

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="The study file, as in studies/quickstart.py.", show_default=False)
]
RecordPlace = Annotated[str, typer.Option("--record", help="The record: an SQLite file, or a URL of PostgreSQL.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder that $HPSEARCH_DATA stands for in the study file.")]
TrialFolder = Annotated[
    Path | None,
    typer.Option("--folder", help="For checkpoints; shared by all machines. [default: beside the record]"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of every error, also of a mistake in the input.")]
TrialWords = Annotated[
    list[str],
    typer.Argument(
        metavar="[STUDY] KEY",
        help="The trial's key, or its first 6 digits or more, as the report lists them; before it the study file, where it does "
        "not lie where it was run from.",
        show_default=False,
    ),
]
Place = "runs/hpsearch.db"


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. No KeyboardInterrupt: typer and Ray Tune have their own ideas about those."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.exit_code = 128 + number


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="STUDY", help="The file to write.", show_default=False)],
    own: Annotated[bool, typer.Option("--own", help="A study of your own training function.")] = False,
) -> None:
    """Write a study file to start from."""
    if path.exists():
        raise Refused(f"{path} exists: name another file, or remove it")
    if path.suffix != ".py":
        raise Refused(f"a study file is a Python file, got {path}: let its name end in .py")
    template = Path(__file__).parent / "templates" / ("own_function.py" if own else "digits.py")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error
    typer.echo(f"wrote {path}; next: hpsearch plan {path}")


@app.command()
def plan(
    study: StudyPath,
    record: RecordPlace = Place,
    data: DataFolder = None,
    slots: Annotated[int | None, typer.Option(help="Trials at a time, for the hours.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Run two epochs of the base now, to estimate hours.")] = False,
    gpu: Annotated[str | None, typer.Option(help="Estimate hours for this GPU (H100, A100, ...) from published speeds.")] = None,
    debug: Debug = False,
) -> None:
    """Print what a study will run and cost, and what its seeds can resolve. Runs nothing."""
    from rich.console import Console

    from hpsearch import gpus, launch, terminal
    from hpsearch.record.frames import replay
    from hpsearch.record.history import with_history

    file = _read(study, data)
    device = gpus.gpu(gpu) if gpu else None
    known = _record_if_any(record)
    agenda, _ = replay(known, with_history(known, file.study, file.name))
    trials = list(agenda.trials())
    states = known.states(trial.key for trial in trials) if known else {}
    console = Console()
    terminal.show_plan(console, file.study, agenda, states, file.name)
    if missing := launch.missing_data(file):
        console.print(f"data        not ready to run: {missing}", highlight=False)
    seconds = _measured(file) if measure else None
    slots = slots or launch.resources(1, None, None, False, None).slots
    if device is not None:
        console.print(terminal.hours_on(device, gpus.hours(file.study, device)), highlight=False)
    else:
        console.print(terminal.hours(file.study, trials, states, slots, seconds), highlight=False)
    console.print(_resolution(file, known), highlight=False)


@app.command()
def run(
    study: StudyPath,
    record: RecordPlace = Place,
    folder: TrialFolder = None,
    data: DataFolder = None,
    here: Annotated[bool, typer.Option("--here", help="In this process, one trial after another, without Ray.")] = False,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster; without it a local Ray is started and ended.")] = None,
    cpus: Annotated[float, typer.Option(help="CPUs per trial; its threads are the whole part.")] = 1,
    gpus: Annotated[float | None, typer.Option(help="GPUs per trial, fractions too. [default: 1 where there is one]")] = None,
    slots: Annotated[int | None, typer.Option(help="Trials at a time. [default: as many as fit this machine]")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed trials again.")] = False,
    out: Annotated[Path | None, typer.Option(help="The report. [default: STUDY.html beside the record]")] = None,
    debug: Debug = False,
) -> None:
    """Run a study, or go on with it: finished trials are never repeated. Ends in the report."""
    from rich.console import Console

    from hpsearch import launch, terminal

    _stop_on_signals()
    file = _read(study, data)
    options = launch.Options(
        record, folder, launch.cache_folder(), here, address, launch.resources(cpus, gpus, slots, here, address), retry_failed
    )
    console = Console()
    with terminal.Watching(console) as watching:
        session = launch.run(file, options, watching, watching.doing)
        watching.doing("writing the report")
        told = _evidence(file, _record(record, folder))
        written = _write_report(told, out or _beside(record, file))
    console.print(f"{watching.line(session)}; {session.ran} of them ran now", highlight=False)
    _closing(console, told)
    console.print(f"report: {written[0]}", highlight=False)
    if session.plan.problems and not session.plan.measurements:
        raise Refused(session.plan.problems[0])
    raise typer.Exit(1 if session.failed else 0)


@app.command()
def status(study: StudyPath, record: RecordPlace = Place, data: DataFolder = None, debug: Debug = False) -> None:
    """Say how far a study is, who is running it, and why trials failed."""
    from rich.console import Console

    from hpsearch import terminal

    file = _read(study, data)
    opened = _record(record, None)
    told = _evidence(file, opened)
    console = Console()
    counts = told.trials.drop_duplicates("key")["state"].value_counts()
    named = ("complete", "running", "waiting", "failed", *(("stopped",) if counts.get("stopped") else ()))
    states = ", ".join(f"{counts.get(state, 0)} {state}" for state in named)
    console.print(f"{file.name}: {states}; {file.study.trials} wanted in all", highlight=False)
    console.print(opened.holder() or "nobody is running it now", highlight=False)
    failed = told.trials[told.trials["state"] == "failed"].drop_duplicates("key")
    for key, arm, seed, reason in failed[["key", "arm", "seed", "reason"]].to_numpy().tolist():
        console.print(f"failed {key[:12]} arm {arm!r} seed {seed}: {reason}", highlight=False, markup=False)
    for line in terminal.said_of_rounds(told.agenda):
        console.print(line, highlight=False, markup=False)
    for problem in told.agenda.problems:
        console.print(problem, highlight=False, markup=False)


@app.command()
def report(
    study: StudyPath,
    record: RecordPlace = Place,
    data: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="The HTML file; .md and .csv go beside it. [default: beside the record]")] = None,
    tables: Annotated[
        Path | None, typer.Option(help="Folder for every table, trial and epoch as CSV and Parquet, and as Markdown and LaTeX.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of what the record holds: one HTML file that needs no network, with .md and .csv beside it."""
    file = _read(study, data)
    told = _evidence(file, _record_if_any(record))
    for path in _write_report(told, out or _beside(record, file)):
        typer.echo(path)
    if tables is not None:
        typer.echo(f"{_write_tables(told, tables)} files in {tables}; all tables at once: cd {tables} && pdflatex all.tex")


@app.command()
def show(
    trial: TrialWords,
    record: RecordPlace = Place,
    folder: TrialFolder = None,
    data: DataFolder = None,
    debug: Debug = False,
) -> None:
    """Say everything the record holds of one trial: its settings, rows and files, and where it stands in the study."""
    from hpsearch.record import lookup

    file, opened, found = _trial(trial, record, folder, data)
    for heading, text in lookup.told(found, _evidence(file, opened)):
        typer.echo(f"{heading:<22}  {text}")


@app.command()
def rerun(
    trial: TrialWords,
    record: RecordPlace = Place,
    folder: TrialFolder = None,
    data: DataFolder = None,
    cpus: Annotated[float, typer.Option(help="CPUs, as in the run that is repeated; threads are the whole part.")] = 1,
    gpus: Annotated[float | None, typer.Option(help="GPUs. [default: as the trial had, where this machine has one]")] = None,
    debug: Debug = False,
) -> None:
    """Train one trial of the record again, here, and say whether its rows are the same. The record stays as it is."""
    from hpsearch import launch
    from hpsearch.trials import again

    _stop_on_signals()
    file, _, found = _trial(trial, record, folder, data)
    had_one = found.columns["device"] == "cuda" and launch.local_gpus() > 0
    resources = launch.resources(cpus, float(had_one) if gpus is None else gpus, None, True, None)
    if again.trial_of(found, file.study, file.known).key != found.key:
        typer.echo("the training code has changed since this trial ran: its rows may be others for that reason")
    launch.check_data(file)
    for source in file.sources:
        source.prepare(launch.cache_folder())
    typer.echo(f"training {found.key[:12]} for {found.columns['epochs']} epochs on {resources.device}, {resources.threads} threads")
    compared = again.rerun(
        found, file.study, file.known, launch.cache_folder(), resources, lambda epoch, row: typer.echo(f"epoch {epoch}")
    )
    for line in again.said(compared, found):
        typer.echo(line)
    raise typer.Exit(0 if compared.equal else 1)


@app.command()
def export(
    study: StudyPath,
    optuna: Annotated[str, typer.Option("--optuna", metavar="URL", help="Where to: sqlite:///runs/optuna.db", show_default=False)],
    record: RecordPlace = Place,
    data: DataFolder = None,
    follow: Annotated[float | None, typer.Option(help="Again every so many seconds, while somebody runs the record.")] = None,
    debug: Debug = False,
) -> None:
    """Write the search as Optuna studies, one per round, for optuna-dashboard and optuna.visualization."""
    import time

    from hpsearch.record import optuna_view
    from hpsearch.record.urls import hidden

    if follow is not None and not follow > 0:
        raise Refused(f"--follow takes seconds between two looks, more than 0, got {follow:g}")
    _stop_on_signals()
    file = _read(study, data)
    opened = _record(record, None)
    names: list[str] = []
    while True:
        running = opened.holder()  # asked first: what was told just before a run ended is still looked at
        known, names = names, optuna_view.export(_evidence(file, opened), optuna)
        for name in names:
            if name not in known:
                typer.echo(name)
        if not known:
            typer.echo(f"look at them with: optuna-dashboard {hidden(optuna)}")
        if follow is None or running is None:
            return
        time.sleep(follow)


def _read(path: Path, data: Path | None) -> "StudyFile":
    from hpsearch.studyfile import read

    if data is not None:
        if not data.is_dir():
            raise Refused(f"--data {data} is no folder: give the one that holds the images")
        os.environ["HPSEARCH_DATA"] = str(data.resolve())
    return read(path)


def _record(place: str, folder: Path | None) -> "Record":
    from hpsearch.record.record import Record

    return Record.open(place, folder)


def _trial(words: list[str], place: str, folder: Path | None, data: Path | None) -> "tuple[StudyFile, Record, Found]":
    """The trial of a key and its study: the file given before the key, else the one that was launched, where it still lies."""
    from hpsearch.record import lookup

    if len(words) > 2 or Path(words[-1]).is_file():
        raise Refused(f"give a trial's key, with its study file before it or without, got {' '.join(words)}")
    if len(words) == 2:
        file, opened = _read(Path(words[0]), data), _record(place, folder)
        return file, opened, lookup.find(opened, words[1])
    opened = _record(place, folder)
    found = lookup.find(opened, words[0])
    launched = lookup.launched(opened, found)
    files = [_read(each.study, data or each.data) for each in launched if each.study.is_file()]
    if not files:
        names = ", ".join(str(each.study) for each in launched) or "no study that the record has a launch of"
        raise Refused(f"{found.key[:12]} was trained for {names}, which is not here: give the study file before the key")
    if len(files) == 1:
        return files[0], opened, found
    wanting = (file for file in files if lookup.places(_evidence(file, opened), found.key))
    return next(wanting, files[0]), opened, found


def _record_if_any(place: str) -> "Record | None":
    """The record; None where no file is there yet."""
    return _record(place, None) if "://" in place or Path(place).exists() else None


def _beside(record: str, file: "StudyFile") -> Path:
    return (Path("runs") if "://" in record else Path(record).parent) / f"{file.name}.html"


def _evidence(file: "StudyFile", record: "Record | None") -> "Evidence":
    from hpsearch.record.frames import evidence

    return evidence(record, file.study, file.name, file.text)


def _write_report(told: "Evidence", out: Path) -> tuple[Path, ...]:
    from hpsearch.report import write

    try:
        return write(told, out)
    except OSError as error:
        raise Refused(f"cannot write the report to {out}: {error.strerror}; give another place with --out") from error


def _write_tables(told: "Evidence", folder: Path) -> int:
    from hpsearch.report import write_tables

    try:
        return len(write_tables(told, folder))
    except OSError as error:
        raise Refused(f"cannot write the tables to {folder}: {error.strerror}; give another folder with --tables") from error


def _closing(console: Any, told: "Evidence") -> None:
    """The effects in words, as the report's first lines."""
    from rich.table import Table
    from rich.text import Text

    from hpsearch.report.sections.effects import unit_of
    from hpsearch.statistics import effects

    digits, lines = unit_of(told).digits, Table.grid(padding=(0, 2))
    for effect in effects(told):
        value = "" if effect.value is None else f"{effect.value:+.{digits}f}"
        known = effect.low is not None and effect.high is not None
        interval = f"[{effect.low:+.{digits}f}, {effect.high:+.{digits}f}]" if known else ""
        lines.add_row(*(Text(text) for text in ("", effect.name, value, interval, effect.verdict)))
    console.print(lines)


def _measured(file: "StudyFile") -> float:
    """Seconds of the second epoch of the base, run now in a folder that is thrown away; the first pays for imports."""
    import tempfile
    import time

    from hpsearch import launch
    from hpsearch.trials.worker import Job, perform

    study = file.study
    for source in file.sources:
        source.prepare(launch.cache_folder())
    resources = launch.resources(1, None, None, True, None)
    with tempfile.TemporaryDirectory(prefix="hpsearch-measure-") as folder:
        trial = study.trial(study.base, 0, 2, "final")
        job = Job(trial, study.metric, Path(folder), launch.cache_folder(), resources.threads, resources.device, 0)
        told = [time.monotonic()]
        result = perform(job, study.train, lambda epoch, row: told.append(time.monotonic()))
    if result.state == "failed":
        raise Refused(f"two epochs of the base failed: {result.reason}")
    return told[2] - told[1]


def _resolution(file: "StudyFile", record: "Record | None") -> str:
    """The true differences the seeds resolve, in the metric's unit where seeds have run, else in their deviations."""
    from hpsearch.statistics import pooled_deviation, resolution

    study, seeds = file.study, file.study.most_seeds
    if not study.plan.contrasts:
        return "resolution  no differences are asked about"
    if seeds < 2:
        return "resolution  one seed carries no interval: nothing will be resolved"
    deviation = pooled_deviation(_evidence(file, record).measurements()) if record is not None else None
    sizes = sorted({f"{size:.2g}" for size in resolution(study.plan, seeds, deviation or 1.0)}, key=float)
    size = f"{sizes[0]} to {sizes[-1]}, row by row," if len(sizes) > 1 else sizes[0]
    unit = (
        f"of {study.metric}, at the deviation of {deviation:.3g} seen so far"
        if deviation
        else "times the deviation from seed to seed"
    )
    return f"resolution  {seeds} seeds resolve a difference of {size} {unit} (80 % power, 95 % for all rows together)"


def _stop_on_signals() -> None:
    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def main() -> NoReturn:
    """Run the command line; every error becomes a sentence and an exit code."""
    debug = "--debug" in sys.argv
    try:
        code = app(standalone_mode=False) or 0
    except Stopped as stop:
        typer.echo("stopped; run the same command again to go on", err=True)
        code = stop.exit_code
    except HpsearchError as error:
        if debug:
            traceback.print_exc()
        typer.echo(f"hpsearch: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code)


def _unexpected(error: Exception) -> int:
    """Usage errors of the command line, and faults of ours, which always show their traceback."""
    show = getattr(error, "show", None)
    if show is not None:  # click's own: it words and numbers its errors
        show()
        return int(getattr(error, "exit_code", 2))
    traceback.print_exc()
    typer.echo("hpsearch: this is a fault of hpsearch, not of your study; please report it with the lines above", err=True)
    return 70


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file, a folder, or an Optuna storage’s URL.", show_default=False)
    ],
    arm: Annotated[str, typer.Option(help="Column that names the arm; several with commas between them.", show_default=False)],
    metric: Annotated[str, typer.Option(help="Column of the score, or NAME=COLUMN; top1 is in percent.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The HTML file; .md and .csv go beside it.", show_default=False)],
    seed: Annotated[str | None, typer.Option(help="Column of seeds that arms share: runs are compared within a seed.")] = None,
    run: Annotated[str | None, typer.Option(help="Column that tells runs apart.")] = None,
    epoch: Annotated[str | None, typer.Option(help="Column that counts epochs or steps; a run scores by its last.")] = None,
    seconds: Annotated[str | None, typer.Option(help="Column of the seconds a line took.")] = None,
    arms: Annotated[str, typer.Option(help="Which arms and in which order, with commas between them.")] = "",
    where: Annotated[list[str] | None, typer.Option(help="Only lines with COLUMN=VALUE; may be given again.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Call an arm differently, ARM=TEXT; may be given again.")] = None,
    design: Annotated[str, typer.Option(help="against the base, each arm; or ladder, each arm and the one before.")] = "against",
    base: Annotated[str | None, typer.Option(help="The arm to compare with. [default: the first]")] = None,
    goal: Annotated[str, typer.Option(help="maximise or minimise.")] = "maximise",
    scale: Annotated[float, typer.Option(help="Multiplies the score.")] = 1.0,
    offset: Annotated[float, typer.Option(help="Is added to the score, after --scale.")] = 0.0,
    settings: Annotated[Path | None, typer.Option(help="A table with one line per run, joined by the run's name.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Makes columns of a run's name, '(?P<arm>.+)-(?P<seed>[0-9]+)'.")] = None,
    question: Annotated[str, typer.Option(help="In a sentence, what the results answer.")] = "",
    form: Annotated[
        str | None, typer.Option("--format", help="table, optuna, ray, wandb or tensorboard. [default: by what is there]")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of results made elsewhere: a table, an Optuna storage, Ray Tune, W&B or TensorBoard files."""
    from rich.console import Console

    from hpsearch.imports import Columns, Question, imported, read

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
    told = imported(table, source, wanted, asked, sys.argv[1:], out.stem)
    written = _write_report(told, out)
    console = Console()
    for problem in told.agenda.problems:
        console.print(problem, highlight=False, markup=False)
    _closing(console, told)
    console.print(f"report: {written[0]}", highlight=False)


if __name__ == "__main__":
    main()
