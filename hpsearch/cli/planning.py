"""``hpsearch plan``: what a study will run and cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.opening import read_study, record_if_any, replayed_of
from hpsearch.cli.options import DataFolder, Debug, RecordPlace, StudyPath
from hpsearch.errors import Refused
from hpsearch.kept import cache_folder
from hpsearch.results import DEFAULT

if TYPE_CHECKING:
    from hpsearch.cli.gpus import Gpu
    from hpsearch.results.replay import Replayed
    from hpsearch.study.file import StudyFile


def plan(
    study: StudyPath,
    record: RecordPlace = DEFAULT,
    data: DataFolder = None,
    slots: Annotated[int | None, typer.Option(help="Trials that run at a time, to estimate hours.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Run two epochs of the base now, to estimate hours.")] = False,
    gpu: Annotated[str | None, typer.Option(help="Estimate hours for this GPU (H100, A100, ...) from published speeds.")] = None,
    cpus: Annotated[int, typer.Option(min=1, help="CPUs per trial in the run, to estimate hours with --gpu.")] = 1,
    debug: Debug = False,
) -> None:
    """Print what a study will run and cost, and what its seeds can resolve. Runs nothing."""
    from hpsearch.cli import terminal
    from hpsearch.cli.console import Console
    from hpsearch.trials import launch

    file = read_study(study, data)
    device = _gpu(gpu) if gpu else None
    known = record_if_any(record)
    found = replayed_of(file, known)
    trials = list(found.plan.trials())
    states = found.past.states(trials)
    console = Console()
    terminal.show_plan(console, file.study, found.plan, states, file.name)
    terminal.say_older(console, known, file, found)
    if missing := launch.missing_data(file):
        console.print(f"data        not ready to run: {missing}", highlight=False)
    for remark in () if missing else launch.remarks(file, weights=False):
        console.print(f"note        {remark}", highlight=False, markup=False)
    seconds = _measured(file) if measure else None
    slots = slots or launch.resources(1, None, None, False, None).slots
    hours = terminal.hours(file.study, trials, states, slots, seconds) if device is None else _on_gpu(file, device, cpus)
    console.print(hours, highlight=False)
    console.print(_resolution(found), highlight=False)


def _gpu(name: str) -> "Gpu":
    from hpsearch.cli import gpus

    return gpus.gpu(name)


def _on_gpu(file: "StudyFile", device: "Gpu", cpus: int) -> str:
    """What remains, in hours of a GPU, and whether its input keeps up, a line each."""
    from hpsearch.cli import estimates

    said = estimates.said(estimates.estimate(file.study, device, cpus), device)
    return "\n".join(f"{label:<12}{line}" for label, line in zip(("hours", "input"), said, strict=True))


def _measured(file: "StudyFile") -> float:
    """Seconds of the second epoch of the base, run now in a folder that is thrown away; the first pays for imports."""
    import tempfile
    import time

    from hpsearch.trials import launch
    from hpsearch.trials.session import job
    from hpsearch.trials.worker import perform

    study = file.study
    for source in file.sources:
        source.prepare(cache_folder())
    resources = launch.resources(1, None, None, True, None)
    with tempfile.TemporaryDirectory(prefix="hpsearch-measure-") as folder:
        trial = study.trial(study.base, 0, 2, "final")
        told = [time.monotonic()]
        ours = job(trial, study, Path(folder), cache_folder(), resources, 0)
        result = perform(ours, study.train, lambda epoch, row: told.append(time.monotonic()))
    if len(told) < 3:
        raise Refused(f"two epochs of the base failed: {result.reason}")
    return told[2] - told[1]


def _resolution(found: "Replayed") -> str:
    """The true differences the seeds resolve, in the metric's unit where seeds have run, else in their standard deviations."""
    from hpsearch.statistics import deviation_of, resolution_kept

    study, seeds = found.study, found.study.most_seeds
    if not study.plan.contrasts:
        return "resolution  no differences are asked about"
    if seeds < 2:
        return "resolution  one seed gives no interval: nothing will be resolved"
    scores = {(m.arm.name, m.seed): found.scores.get(m.trial.key) for m in found.plan.measurements}
    deviation = deviation_of({place: score for place, score in scores.items() if score is not None})
    sizes = sorted({f"{size * (deviation or 1.0):.2g}" for size in resolution_kept(study.plan, seeds)}, key=float)
    size = f"{sizes[0]} to {sizes[-1]}, row by row," if len(sizes) > 1 else sizes[0]
    unit = (
        f"of {study.metric}, at the standard deviation of {deviation:.3g} seen so far"
        if deviation
        else "times the standard deviation from seed to seed"
    )
    return f"resolution  {seeds} seeds resolve a difference of {size} {unit} (80 % power, 95 % for all rows together)"
