"""Evidence of results made elsewhere: what statistics and reports read, with the source's hash in place of a record."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hpsearch.results.evidence import MEASUREMENT, Evidence
from hpsearch.results.imports.columns import Columns, Runs, tidy
from hpsearch.results.imports.elsewhere import Elsewhere, Imported, Question, base_of, labelled, not_here, plan
from hpsearch.results.imports.origin import provenance
from hpsearch.results.imports.table import Table
from hpsearch.results.urls import hidden
from hpsearch.study.agenda import Agenda


def imported(
    table: Table, source: str, columns: Columns, question: Question, command: Sequence[str], name: str | None = None
) -> Evidence:
    """The evidence in a table; ``command`` is what the user gave, for the provenance, ``name`` stands above the report."""
    runs = tidy(table, columns)
    called = labelled(runs.arms, question.labels)
    asked = plan(list(called.values()), question, base_of(question, called))
    called = {arm: label for label in (arm.name for arm in asked.arms) for arm in called if called[arm] == label}
    trials = _trials(runs, called, table.broken)
    each = trials.groupby("arm").size()
    study = Elsewhere(
        question=question.text or f"How does {runs.metric} differ between {_listed(list(called.values()))}?",
        base=Imported(),
        vary=asked,
        train=not_here,
        seeds=int(each.max()),
        fewest=int(each.min()),
        epochs=int(trials["epochs"].max()),
        metric=runs.metric,
        goal="minimise" if question.goal == "minimise" else "maximise",
        pairs=runs.paired,
        clock=runs.epoch or "epoch",
    )
    problems = (*table.notes, *uneven(trials, study))
    agenda = Agenda((), (), problems, settled=True)
    public = [hidden(word) if word == source else word for word in command]
    told = provenance(table, hidden(source), runs, columns, called, public)
    return Evidence(name or _name(source), study, agenda, trials, _rows(runs, called), told, "")


def _trials(runs: Runs, called: Mapping[str, str], broken: Mapping[str, str]) -> pd.DataFrame:
    """One line per run, arms in their order; a run without a finite metric in its last line has failed."""
    lines = []
    for run, mine in runs.lines.groupby("run", sort=False):
        last = mine.iloc[-1]
        score = float(last[runs.metric])
        reason = broken.get(str(run)) or _why_none(score, runs, last)
        ids: dict[str, Any] = {"key": run, "role": MEASUREMENT, "arm": called[last["arm"]], "round": None, "point": None}
        lines.append(
            ids
            | {"seed": int(last["seed"]), "epochs": len(mine) if runs.epoch else 0, "state": "failed" if reason else "complete"}
            | {"reason": reason, "score": None if reason else score, "seconds": mine["seconds"].sum(min_count=1)}
            | {"attempts": None, "host": "", "device": ""}
        )
    order = {label: place for place, label in enumerate(called.values())}
    frame = pd.DataFrame(lines).sort_values("arm", key=lambda arm: arm.map(order), kind="stable").reset_index(drop=True)
    return frame.astype({"round": "Int64", "point": "Int64", "attempts": "Int64", "score": "float64", "seconds": "float64"})


def _why_none(score: float, runs: Runs, last: "pd.Series[Any]") -> str:
    """Why a run has no score; empty where it has one.

    A run may be whole in every other way: it is never given an earlier epoch's value instead, which would hide that it diverged.
    """
    if math.isfinite(score):
        return ""
    what = "missing" if math.isnan(score) else "infinite"
    return f"{runs.metric} is {what}" + (f" in its last line, {runs.epoch} {last['epoch']}" if runs.epoch else "")


def _rows(runs: Runs, called: Mapping[str, str]) -> pd.DataFrame:
    """One line per epoch; none where no run has more than one."""
    lines = runs.lines
    frame = pd.DataFrame({"key": lines["run"], "role": MEASUREMENT, "arm": lines["arm"].map(called), "round": pd.NA})
    frame[["seed", "epoch", *runs.logged]] = lines[["seed", "epoch", *runs.logged]]
    several = bool(lines.duplicated("run").any())
    return frame.iloc[: len(frame) if several else 0].astype({"round": "Int64"})


def uneven(trials: pd.DataFrame, study: Elsewhere) -> tuple[str, ...]:
    """Warnings where a score is not of the same epoch: within an arm, or from arm to arm."""
    done = trials[trials["state"] == "complete"]
    spans = {arm: (int(epochs.min()), int(epochs.max())) for arm, epochs in done.groupby("arm", sort=False)["epochs"]}
    within = [f"{arm!s} {low:,} to {high:,}" for arm, (low, high) in spans.items() if low < high]
    said = []
    if within:
        said.append(f"Runs of one arm have different numbers of {study.clock}s ({'; '.join(within)}): each is scored by its last.")
    elif len(set(spans.values())) > 1:
        each = "; ".join(f"{arm!s} {high:,}" for arm, (_, high) in spans.items())
        said.append(
            f"The arms were trained for different numbers of {study.clock}s ({each}): a difference between them includes that."
        )
    return tuple(said)


def _name(source: str) -> str:
    return source.rstrip("/").rpartition("/")[2].split(".")[0] or "imported"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
