"""From the record to evidence: tidy frames of what one study wanted and got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpsearch.protocol import Recorded, Row
from hpsearch.results.edits import used
from hpsearch.results.evidence import MEASUREMENT, SEARCH, TEACHER, Evidence
from hpsearch.results.history import launches, with_history
from hpsearch.results.older import Past, Verdict
from hpsearch.results.record import Record
from hpsearch.space import Choice
from hpsearch.study import Study, Trial
from hpsearch.study.agenda import Agenda, Memo, agenda
from hpsearch.values import field_at

TRIAL = ("key", "role", "arm", "round", "point", "seed", "epochs")
ROW = ("key", "role", "arm", "round", "seed", "epoch")
STATE = ("state", "reason", "score", "seconds", "attempts", "host", "device")
OLDER = {"kept": "older, kept", "adopted": "older, adopted"}  # how a trial is marked that was made otherwise than it would be now


def evidence(record: Record | None, study: Study, name: str, text: str) -> Evidence:
    """Everything the record holds about a study; a study never run gives frames of waiting trials."""
    former = launches(record, study, name) if record else []
    found = replayed(record, with_history(record, study, name))
    study, plan, past, entries = found.study, found.plan, found.past, list(_entries(found.plan))
    wanted = [trial for _, trial in entries]
    launch = next((each for each in reversed(former) if each["study"] == name), former[-1] if former else None)
    older = tuple(used(past))
    return Evidence(
        name=name,
        study=study,
        agenda=plan,
        trials=_trials(entries, past, found.scores, study),
        rows=_rows(entries, past.rows(wanted)),
        provenance=_provenance(launch, older),
        study_text=launch["study_text"] if launch else text,
        older=older,
    )


@dataclass(frozen=True)
class Replayed:
    """A study as far as the record determines it."""

    study: Study
    plan: Agenda
    scores: dict[str, float | None]  # that it rests on
    past: Past  # where the record has its trials


def replay(record: Record | None, study: Study) -> tuple[Agenda, dict[str, float | None]]:
    """The agenda as the record determines it, and the scores it rests on."""
    found = replayed(record, study)
    return found.plan, found.scores


def replayed(record: Record | None, study: Study, decision: Verdict = "") -> Replayed:
    """The same, with where the record has the trials; ``decision`` is what becomes of older ones that nobody decided about."""
    past = Past(record, study, decision)
    scores: dict[str, float | None] = {}
    memo = Memo(study)
    while True:
        plan = agenda(study, scores, memo)
        trials = list(plan.trials())
        former = plan.looked - {trial.key for trial in trials}
        found = past.scores(trials) | (record.scores(former, study.metric, study.last) if record and former else {})
        if len(found) == len(scores):
            return Replayed(study, plan, scores, past)
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


def _trials(entries: list[Entry], past: Past, scores: Mapping[str, float | None], study: Study) -> pd.DataFrame:
    tuned = study.tune.space.names if study.tune else ()
    states = past.states([trial for _, trial in entries])
    lines = []
    for ids, trial in entries:
        known = states.get(trial.key, {"state": "waiting"})
        ids = dict(ids)
        values = ids.pop("values", None)
        line = {**ids, "key": trial.key, "seed": trial.seed, "epochs": trial.epochs, "score": scores.get(trial.key)}
        line["older"] = OLDER.get(past.verdict(trial.key), "")
        line |= {name: known.get(name) for name in STATE if name != "score"}
        line |= {name: field_at(trial.config, name) if values is None else values.get(name) for name in tuned}
        lines.append(line)
    frame = pd.DataFrame(lines, columns=[*TRIAL, *STATE, "older", *tuned])
    options = {each.name for each in study.tune.space.parameters if isinstance(each.domain, Choice)} if study.tune else set()
    for name in options:  # None may be one of them, and is no missing number
        frame[name] = pd.Series([line[name] for line in lines], dtype=object)
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


def _provenance(launch: Mapping[str, Any] | None, older: tuple[str, ...]) -> dict[str, str]:
    if launch is None:
        return {}
    told: dict[str, str] = json.loads(launch["provenance"])
    return {
        **told,
        "launched": launch["started"],
        "ended": f"{launch['ended']}, {launch['outcome']}" if launch["ended"] else "still running, or killed",
        "study file": f"sha256 {launch['study_hash']}",
        "training code": f"sha256 {launch['code']} (code reached from the training function, without comments and layout)",
        **({"older results": "; ".join(older)} if older else {}),
    }
