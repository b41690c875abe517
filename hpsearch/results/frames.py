"""From the record to evidence: tidy frames of what one study wanted and got."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hpsearch.protocol import Recorded, Row
from hpsearch.results.edits import used
from hpsearch.results.evidence import Evidence
from hpsearch.results.history import launches, with_history
from hpsearch.results.older import Past
from hpsearch.results.record import Record
from hpsearch.results.replay import Place, Replayed, places, replayed
from hpsearch.space import Choice
from hpsearch.study import Study
from hpsearch.values import field_at

TRIAL = ("key", "role", "arm", "round", "point", "seed", "epochs")
ROW = ("key", "role", "arm", "round", "seed", "epoch")
STATE = ("state", "reason", "score", "seconds", "attempts", "host", "device")
OLDER = {"kept": "older, kept", "adopted": "older, adopted"}  # how a trial is marked that was made otherwise than it would be now


def evidence(record: Record | None, study: Study, name: str, text: str, found: Replayed | None = None) -> Evidence:
    """Everything the record holds about a study; a study never run gives frames of waiting trials.

    ``found`` is the study as it was replayed, where the caller has it already.
    """
    former = launches(record, study, name) if record else []
    found = found or replayed(record, with_history(record, study, name))
    past, filled = found.past, places(found.plan)
    launch = next((each for each in reversed(former) if each["study"] == name), former[-1] if former else None)
    older = tuple(used(past))
    return Evidence(
        name=name,
        study=found.study,
        agenda=found.plan,
        trials=_trials(filled, past, found.scores, found.study),
        rows=_rows(filled, past.rows([place.trial for place in filled])),
        provenance=_provenance(record, launch, older),
        study_text=launch["study_text"] if launch else text,
        older=older,
    )


def _trials(filled: list[Place], past: Past, scores: Mapping[str, float | None], study: Study) -> pd.DataFrame:
    tuned = study.tune.space.names if study.tune else ()
    states = past.states([place.trial for place in filled])
    lines = []
    for place in filled:
        trial, values = place.trial, place.values
        known = states.get(trial.key, {"state": "waiting"})
        line: dict[str, Any] = {"key": trial.key, "role": place.role, "arm": place.arm, "round": place.round}
        line |= {"point": place.point, "seed": trial.seed, "epochs": trial.epochs, "score": scores.get(trial.key)}
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


def _rows(filled: list[Place], rows: Mapping[str, list[tuple[int, Row]]]) -> pd.DataFrame:
    lines = []
    for place in filled:
        ids = {"key": place.trial.key, "role": place.role, "arm": place.arm, "round": place.round, "seed": place.trial.seed}
        for epoch, row in rows.get(place.trial.key, ()):
            metrics = {name: value for name, value in row.items() if _drawn(name, value)}
            lines.append({**ids, "epoch": epoch, **metrics})
    frame = pd.DataFrame(lines, columns=None if lines else list(ROW))
    return frame.astype({"round": "Int64"})


def _drawn(name: str, value: Recorded) -> bool:
    """Whether a metric gets a column: numbers do, unless their name is that of a column that says whose row it is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and name not in ROW


def _provenance(record: Record | None, launch: Mapping[str, Any] | None, older: tuple[str, ...]) -> dict[str, str]:
    if launch is None or record is None:
        return {}
    told: dict[str, str] = record.parsed(launch["provenance"])
    return {
        **told,
        "launched": launch["started"],
        "ended": f"{launch['ended']}, {launch['outcome']}" if launch["ended"] else "still running, or killed",
        "study file": f"sha256 {launch['study_hash']}",
        "training code": f"sha256 {launch['code']} (code reached from the training function, without comments and formatting)",
        **({"older results": "; ".join(older)} if older else {}),
    }
