"""What the terminal shows: a plan's tables, a live line while a study runs, and plain lines where nobody watches."""

import statistics
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hpsearch.ablation import Teacher
from hpsearch.protocol import is_tuning
from hpsearch.report.words import compact, seeds_each, short_names, verdict
from hpsearch.report.words import span as domain_span
from hpsearch.search.box import Move
from hpsearch.study import Study, Trial, different, needed
from hpsearch.study.agenda import Agenda
from hpsearch.trials.session import Session

if TYPE_CHECKING:
    from hpsearch.results.record import Record
    from hpsearch.results.replay import Replayed
    from hpsearch.study.file import StudyFile

LINE_EVERY = 15.0  # seconds between plain lines


def span(seconds: float) -> str:
    """A duration in the unit a person would use.

    >>> [span(s) for s in (4, 75, 5400, 200_000)]
    ['4 s', '1 min 15 s', '1.5 h', '56 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{seconds / 3600:.1f} h" if seconds < 36_000 else f"{seconds / 3600:.0f} h"


class Watching:
    """Shows a session as it goes: one live line on a terminal, a plain line now and then where output is piped."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = time.monotonic()
        self.said = 0.0
        self.told: set[str] = set()  # lines about rounds, each printed once
        self.session: Session | None = None  # once a trial was begun
        self.progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[line]}", markup=False),
            TimeElapsedColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self.task = self.progress.add_task("starting", line="", total=None)

    def __enter__(self) -> "Watching":
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def doing(self, what: str) -> None:
        """Name the step before the first trial."""
        self.progress.update(self.task, description=what)
        if not self.console.is_terminal:
            self.console.print(f"{what} ...")

    def say(self, sentence: str) -> None:
        """Print a sentence that cannot wait."""
        self.console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    def __call__(self, session: Session) -> None:
        self.session, line = session, self.line(session)
        done = len(session.scores)
        for news in (*session.warnings, *said_of_rounds(session.plan)):
            if news not in self.told:
                self.told.add(news)
                self.say(news)
        self.progress.update(self.task, description="running", line=line, completed=done, total=session.total)
        if not self.console.is_terminal and time.monotonic() - self.said > LINE_EVERY:
            self.said = time.monotonic()
            self.console.print(line, highlight=False, soft_wrap=True)

    def line(self, session: Session) -> str:
        """Trials done, running, failed, the best so far, time left."""
        best = "none yet" if session.best is None else f"{session.best:.2f}"
        parts = [
            f"{len(session.scores)} of {session.total} trials done",
            f"{len(session.running)} running",
            f"{session.failed} failed",
            *([f"{session.set_back} to be run again"] if session.set_back else []),
            f"best {session.study.metric} {best}",
        ]
        left = self._left(session)
        return ", ".join(parts) + (f", about {span(left)} left" if left and left >= 1 else "")

    def _left(self, session: Session) -> float | None:
        """Seconds: epochs still wanted over epochs per second so far, in this session; None where nothing is left or known."""
        seen, left = sum(session.epochs.values()), session.epochs_left
        if not left or not seen or not session.ran:
            return None
        return left * (time.monotonic() - self.began) / seen


def show_plan(console: Console, study: Study, plan: Agenda, states: Mapping[str, Mapping[str, Any]], name: str) -> None:
    """Print what a study will run: arms, rounds, cost, what is done."""
    console.print(Text.assemble((name, "bold"), ": ", study.question))
    if study.plan.tricks:
        console.print(_tricks(study))
        console.print(_arms(study))
    if study.teachers:
        console.print(_teachers(study))
    if study.tune:
        console.print(_rounds(study))
        if study.tune.waste:
            console.print(study.tune.waste, highlight=False)
    trials = list(plan.trials())
    finished = _finished(trials, states)
    console.print(f"contrasts   {len(study.plan.contrasts)}", highlight=False)
    console.print(f"seeds       {seeds_each(study.seeds)} per arm, none of them used for tuning", highlight=False)
    console.print(f"trials      {study.trials} wanted, {len(finished)} done", highlight=False)
    spent = sum(t.epochs for t in finished)
    limit = f", budget {study.budget:,}" if study.budget else ""
    console.print(f"epochs      {study.cost:,} in total, {spent:,} done{limit}", highlight=False)


def say_older(console: Console, record: "Record | None", file: "StudyFile", found: "Replayed") -> None:
    """Say which finished trials were made differently than they would be now, and what has to be decided about them."""
    from hpsearch.results.edits import used
    from hpsearch.results.question import question

    asked = question(record, found, file.name, file.path)
    for line in (*used(found.past), *([asked] if asked else [])):
        console.print(f"older       {line}", highlight=False, markup=False, soft_wrap=True)


def _finished(trials: list[Trial], states: Mapping[str, Mapping[str, Any]]) -> list[Trial]:
    return [trial for trial in trials if states.get(trial.key, {}).get("state") in ("complete", "failed", "stopped")]


def _tricks(study: Study) -> Table:
    table = Table("trick", "sets", "published", title="Tricks", title_justify="left", box=None, pad_edge=False)
    for trick in study.plan.tricks:
        sets = _settings(trick.settings)
        claim = f"{trick.claims[0].value:+.2f} over {trick.claims[0].over}" if trick.claims else ""
        table.add_row(trick.name, sets, claim)
    return table


def _arms(study: Study) -> Table:
    names = short_names(study.plan)
    table = Table("arm", "tricks", "epochs", title="Arms", title_justify="left", box=None, pad_edge=False)
    for arm in study.plan.arms:
        table.add_row(names[arm.name], str(len(arm.tricks)), str(study.length(study.config(arm))))
    return table


def _settings(settings: Mapping[str, Any]) -> str:
    """Fields and values on a line.

    >>> _settings({"warmup": 5 / 120, "schedule": "cosine"})
    "warmup=0.0417, schedule='cosine'"
    """
    return ", ".join(f"{name}={_setting(value)}" for name, value in settings.items())


def _setting(value: Any) -> str:
    if isinstance(value, Teacher):
        return "one of the teachers below"
    return compact(value) if isinstance(value, float) else repr(value)


def _teachers(study: Study) -> Table:
    """Trainings whose weights arms learn from, and how many arms share each."""
    students = [{trial.key for trial in needed(study.student(arm, 0, "final"))} for arm in study.plan.arms]
    table = Table("teacher", "epochs", "arms", title="Teachers", title_justify="left", box=None, pad_edge=False)
    for teacher in study.teachers:
        written = _settings(different(teacher.config, study.base)) or "the base"
        shared = sum(teacher.key in keys for keys in students)
        table.add_row(written, str(teacher.epochs), "search" if is_tuning(teacher.held_out) else str(shared))
    return table


def _rounds(study: Study) -> Table:
    tune = study.tune
    title = f"Search, {tune.whom}" if tune else ""
    table = Table("round", "points", "epochs", "kept", title=title, title_justify="left", box=None, pad_edge=False, min_width=48)
    for number, each in enumerate(tune.rounds if tune else (), start=1):
        table.add_row(str(number), str(each.points), str(each.epochs), str(tune.keep(number - 1) if tune else 0))
    again = tune.confirming if tune else None
    if tune and again:
        runs = f"{again.points} x {again.seeds} seed{'s' if again.seeds > 1 else ''}"
        table.add_row("confirm", runs, str(tune.rounds[-1].epochs), "1")
    return table


def said_of_rounds(plan: Agenda) -> list[str]:
    """A line for every end of a range that was widened, and one for every round that ended: what is said of its dimensions."""
    several = len({round_.arm for round_ in plan.rounds}) > 1
    lines = []
    for round_ in plan.rounds:
        name = "confirming round" if round_.confirming else f"round {round_.index + 1}"
        where = f"{name} of {round_.arm.name!r}" if several else name
        lines += [f"{where}: {_moved(move)}" for step in round_.steps for move in step.moves]
        if round_.verdicts:
            lines.append(f"{where} ended: " + "; ".join(f"{each.label} {verdict(each)}" for each in round_.verdicts))
    return lines


def _moved(move: Move) -> str:
    before, after = domain_span(move.before), domain_span(move.after)
    return f"{move.label} is best at the {move.side} end of its range, {before}; the range is widened to {after}"


def hours(study: Study, trials: list[Trial], states: Mapping[str, Mapping[str, Any]], slots: int, measured: float | None) -> str:
    """What remains, in hours, from seconds per epoch: measured now, or the median of what the record holds."""
    ran = [(t, states[t.key]) for t in trials if states.get(t.key, {}).get("state") == "complete"]
    known = [state["seconds"] / trial.epochs for trial, state in ran]
    per_epoch = measured if measured is not None else statistics.median(known) if known else None
    if per_epoch is None:
        return "hours       unknown before the first trial: `hpsearch plan --measure` runs two epochs of the base to find out"
    spent = sum(t.epochs for t in _finished(trials, states))
    left = max(0, study.cost - spent)
    if left == 0:
        return "hours       nothing left to run"
    source = f"median of {len(known)} trials in the record" if measured is None else "measured now, the second epoch of the base"
    return f"hours       {left * per_epoch / slots / 3600:.2f} left on {slots} slots, at {per_epoch:.3g} s per epoch ({source})"
