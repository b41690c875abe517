"""From the record to evidence: tidy frames of what one study wanted and got."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from hpsearch.results.evidence import MEASUREMENT, SEARCH, TEACHER, Evidence
from hpsearch.results.history import with_history
from hpsearch.results.record import Record
from hpsearch.run import Recorded, Row
from hpsearch.study import Study, Trial
from hpsearch.study.agenda import Agenda, Memo, agenda

TRIAL = ("key", "role", "arm", "round", "point", "seed", "epochs")
ROW = ("key", "role", "arm", "round", "seed", "epoch")
STATE = ("state", "reason", "score", "seconds", "attempts", "host", "device")


def evidence(record: Record | None, study: Study, name: str, text: str) -> Evidence:
    """Everything the record holds about a study; a study never run gives frames of waiting trials."""
    study = with_history(record, study, name)
    plan, scores = replay(record, study)
    entries = list(_entries(plan))
    keys = {trial.key for _, trial in entries}
    states = record.states(keys) if record else {}
    rows = record.rows(keys) if record else {}
    launch = record.launch(name) if record else None
    return Evidence(
        name=name,
        study=study,
        agenda=plan,
        trials=_trials(entries, states, scores, study),
        rows=_rows(entries, rows),
        provenance=_provenance(launch),
        study_text=launch["study_text"] if launch else text,
    )


def replay(record: Record | None, study: Study) -> tuple[Agenda, dict[str, float | None]]:
    """The agenda as the record determines it, and the scores it rests on."""
    scores: dict[str, float | None] = {}
    memo = Memo(study)
    while True:
        plan = agenda(study, scores, memo)
        keys = {trial.key for trial in plan.trials()} | plan.looked
        found = record.scores(keys, study.metric, study.last) if record else {}
        if len(found) == len(scores):
            return plan, scores
        scores = found


Entry = tuple[dict[str, Any], Trial]  # identifying columns, trial


def _entries(plan: Agenda) -> list[Entry]:
    entries: list[Entry] = []
    for round_ in plan.rounds:
        for place, (trial, point) in enumerate(zip(round_.trials, round_.points, strict=True)):
            ids = {"role": SEARCH, "arm": round_.arm.name, "round": round_.index + 1, "point": place}
            entries.append((ids | {"values": point}, trial))
    for number, trial in enumerate(plan.teachers, start=1):
        entries.append(({"role": TEACHER, "arm": f"teacher {number}", "round": None, "point": None}, trial))
    for m in plan.measurements:
        entries.append(({"role": MEASUREMENT, "arm": m.arm.name, "round": None, "point": None}, m.trial))
    return entries


def _trials(entries: list[Entry], states: Mapping[str, Any], scores: Mapping[str, float | None], study: Study) -> pd.DataFrame:
    tuned = study.tune.space.names if study.tune else ()
    lines = []
    for ids, trial in entries:
        known = states.get(trial.key, {"state": "waiting"})
        ids = dict(ids)
        values = ids.pop("values", None)
        line = {**ids, "key": trial.key, "seed": trial.seed, "epochs": trial.epochs, "score": scores.get(trial.key)}
        line |= {name: known.get(name) for name in STATE if name != "score"}
        line |= {name: getattr(trial.config, name) if values is None else values.get(name) for name in tuned}
        lines.append(line)
    frame = pd.DataFrame(lines, columns=[*TRIAL, *STATE, *tuned])
    whole = {"round": "Int64", "point": "Int64", "attempts": "Int64", "score": "float64", "seconds": "float64"}
    return frame.astype(whole).fillna({"reason": "", "host": "", "device": ""})


def _rows(entries: list[Entry], rows: Mapping[str, list[tuple[int, Row]]]) -> pd.DataFrame:
    lines = []
    for ids, trial in entries:
        for epoch, row in rows.get(trial.key, ()):
            metrics = {name: value for name, value in row.items() if _drawn(name, value)}
            line = {"key": trial.key, "role": ids["role"], "arm": ids["arm"], "round": ids["round"], "seed": trial.seed}
            lines.append({**line, "epoch": epoch, **metrics})
    frame = pd.DataFrame(lines, columns=None if lines else list(ROW))
    return frame.astype({"round": "Int64"})


def _drawn(name: str, value: Recorded) -> bool:
    """Whether a metric gets a column: numbers do, unless their name is that of a column that says whose row it is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and name not in ROW


def _provenance(launch: Mapping[str, Any] | None) -> dict[str, str]:
    if launch is None:
        return {}
    told: dict[str, str] = json.loads(launch["provenance"])
    return {
        **told,
        "launched": launch["started"],
        "ended": f"{launch['ended']}, {launch['outcome']}" if launch["ended"] else "still running, or killed",
        "study file": f"sha256 {launch['study_hash']}",
        "training code": f"sha256 {launch['code']} (code reached from the training function, without comments and formatting)",
    }
