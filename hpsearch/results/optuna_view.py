"""A view for Optuna's tools: one Optuna study per search and round, rebuilt from the record at any time.

The record stays the only truth. A view is brought up to date in place where the record has only grown, so that an open dashboard
keeps its page; where a finished trial was taken back (``--retry-failed``) or the points have changed, that study is written anew.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import OptunaError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.errors import Refused
from hpsearch.protocol import larger_is_better
from hpsearch.results.evidence import SEARCH, Evidence
from hpsearch.results.points import dimensions, unfolded_rounds, values_by_key
from hpsearch.results.urls import database, hidden, scrubbed
from hpsearch.space import Domain, OneMinus

optuna.logging.set_verbosity(optuna.logging.ERROR)  # it reports every study it makes

STATES = {
    "waiting": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "failed": TrialState.FAIL,
    "stopped": TrialState.PRUNED,
}
MARK = "written by"  # user attribute of the studies that are ours to change
BUSY = 60  # seconds a write waits for a dashboard that reads
Attributes = dict[str, Any]


def export(evidence: Evidence, url: str) -> list[str]:
    """Bring the Optuna studies of a search up to date in a database of their own; their names, in the order of rounds."""
    if evidence.study.tune is None:
        raise Refused("the study has no search to show: give it tune=Tune(Space(...), rounds=...)")
    place = _place(url)
    try:
        storage = RDBStorage(place, engine_kwargs=_patience(place))
        try:
            return list(_export(evidence, storage))
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, OptunaError, ImportError, RuntimeError) as error:
        raise Refused(f"cannot write Optuna's view to {hidden(url)}: {_cause(error)}; give another place with --optuna") from error


def study_names(evidence: Evidence) -> dict[tuple[str, int], str]:
    """The name of the Optuna study of every search (by arm) and round that has begun: letters and a few signs, each name once."""
    trials = evidence.searched()
    names: dict[tuple[str, int], str] = {}
    for arm, number in trials[["arm", "round"]].drop_duplicates().itertuples(index=False):
        name = f"{_safe(evidence.name)} · {_safe(arm)} · round {number}"
        alike = sum(other == name or other.startswith(f"{name} (") for other in names.values())
        names[str(arm), int(number)] = f"{name} ({alike + 1})" if alike else name
    return names


def trials_of(evidence: Evidence, arm: str, number: int) -> list[FrozenTrial]:
    """The trials of one round in the order of its points, as Optuna's: natural values, scores per epoch, where they come from."""
    trials, points, curves = evidence.searched(), values_by_key(evidence), _curves(evidence)
    distributions = {label: distribution(domain) for label, domain in dimensions(evidence, arm, number).items()}
    mine = trials[(trials["arm"] == arm) & (trials["round"] == number)]
    return [_trial(line, points[line["key"]], distributions, curves.get(line["key"], {})) for line in mine.to_dict("records")]


def distribution(domain: Domain) -> BaseDistribution:
    """Optuna's form of a domain, in natural values.

    >>> from hpsearch.space import Choice, LogUniform
    >>> distribution(LogUniform(1e-3, 0.1))
    FloatDistribution(high=0.1, log=True, low=0.001, step=None)
    >>> distribution(Choice("step", (1, 2)))
    CategoricalDistribution(choices=('step', '(1, 2)'))
    """
    options = getattr(domain, "options", None)
    if options is not None:
        return CategoricalDistribution([plain(option) for option in options])
    low, high = domain.value(0.0), domain.value(1.0)
    if not isinstance(low, int | float) or isinstance(low, bool) or low == high:
        return CategoricalDistribution([plain(low)])
    if isinstance(low, int):
        return IntDistribution(low, high, log=domain.logarithmic)
    return FloatDistribution(low, high, log=domain.logarithmic)


def plain(option: Any) -> bool | int | float | str | None:
    """An option as Optuna can keep it: other values by how they are written."""
    return option if option is None or isinstance(option, bool | int | float | str) else repr(option)


def _safe(text: str) -> str:
    return re.sub(r"[^\w .,:+=()-]+", "_", " ".join(text.split()))[:150] or "_"


def _curves(evidence: Evidence) -> dict[str, dict[int, float]]:
    """The study's metric by key and epoch."""
    rows, metric = evidence.rows, evidence.study.metric
    if metric not in rows.columns:
        return {}
    mine = rows[rows["role"] == SEARCH].dropna(subset=[metric]).drop_duplicates(["key", "epoch"])
    curves: dict[str, dict[int, float]] = {}
    for key, epoch, value in zip(mine["key"], mine["epoch"], mine[metric], strict=True):
        curves.setdefault(key, {})[int(epoch)] = float(value)
    return curves


def _trial(
    line: Mapping[Hashable, Any], point: Mapping[str, Any], distributions: Mapping[str, BaseDistribution], curve: dict[int, float]
) -> FrozenTrial:
    state = STATES[line["state"]]
    told: Attributes = {name: line[name] for name in ("key", "seed", "epochs")}
    told |= {"reason": line["reason"]} if line["reason"] else {}
    seconds = 0.0 if pd.isna(line["seconds"]) else float(line["seconds"])
    told |= {"seconds": seconds} if state.is_finished() else {}
    own = {name: found for name, found in distributions.items() if name in point}
    made = create_trial(
        state=state,
        value=float(line["score"]) if state == TrialState.COMPLETE else None,
        params={name: _told(point[name], found) for name, found in own.items()},
        distributions=own,
        user_attrs=told,
        intermediate_values={} if state == TrialState.WAITING else curve,
    )
    if made.datetime_complete is not None:  # the record knows how long a trial took, Optuna asks when it began
        made.datetime_start = made.datetime_complete - timedelta(seconds=seconds)
    return made


def _told(value: Any, found: BaseDistribution) -> Any:
    return plain(value) if isinstance(found, CategoricalDistribution) else value


def _export(evidence: Evidence, storage: RDBStorage) -> Iterator[str]:
    standing = {study.study_name: study._study_id for study in storage.get_all_studies()}
    for (arm, number), name in study_names(evidence).items():
        attributes = _attributes(evidence, arm, number)
        _write(storage, standing.get(name), name, _direction(evidence), attributes, trials_of(evidence, arm, number))
        yield name


def _direction(evidence: Evidence) -> StudyDirection:
    return StudyDirection.MAXIMIZE if larger_is_better(evidence.study.goal) else StudyDirection.MINIMIZE


def _attributes(evidence: Evidence, arm: str, number: int) -> Attributes:
    study, rounds = evidence.study, list(unfolded_rounds(evidence, arm, number))
    boxes = [str(step.box) for round_ in rounds for step in round_.steps if step.box is not None]
    made: Attributes = {MARK: "hpsearch export", "question": study.question, "metric": study.metric, "arm": arm, "round": number}
    made |= {"epochs": rounds[0].epochs, "where this round looked": list(dict.fromkeys(boxes))}
    if rounds[0].confirming:
        made["what this round is"] = "the best points of the round before, run again under fresh seeds"
    for name, domain in dimensions(evidence, arm, number).items():
        if isinstance(domain, OneMinus):
            made[f"how {name} was searched"] = f"as 1 - {name}, {domain.rest}; its values are shown as they are"
    return made


def _write(
    storage: RDBStorage, at: int | None, name: str, direction: StudyDirection, attributes: Attributes, trials: Sequence[FrozenTrial]
) -> None:
    """Bring one Optuna study to the trials given, in place where it can be."""
    old: list[FrozenTrial] = []
    if at is not None:
        if MARK not in storage.get_study_user_attrs(at):
            raise Refused(f"the storage has a study {name!r} that hpsearch did not write: give another place with --optuna")
        old = storage.get_all_trials(at, deepcopy=False)
        if storage.get_study_directions(at) != [direction] or not _grown(old, trials):
            storage.delete_study(at)
            at, old = None, []
    if at is None:
        at = storage.create_new_study([direction], study_name=name)
    told = storage.get_study_user_attrs(at)
    for key in attributes:
        if key not in told or told[key] != attributes[key]:
            storage.set_study_user_attr(at, key, attributes[key])
    for before, now in zip(old, trials, strict=False):
        if not before.state.is_finished():
            _advance(storage, before, now)
    for trial in trials[len(old) :]:
        storage.create_new_trial(at, template_trial=trial)


def _grown(old: Sequence[FrozenTrial], new: Sequence[FrozenTrial]) -> bool:
    """Whether the new trials are the old ones, further on: what Optuna calls finished cannot be changed."""
    return len(old) <= len(new) and all(_further(before, now) for before, now in zip(old, new, strict=False))


def _further(before: FrozenTrial, now: FrozenTrial) -> bool:
    if (before.params, before.distributions) != (now.params, now.distributions):
        return False
    if not before.state.is_finished():
        epochs = before.intermediate_values.keys() <= now.intermediate_values.keys()
        return epochs and before.user_attrs.items() <= now.user_attrs.items()
    kept = (before.state, before.values, before.user_attrs, before.intermediate_values)
    return kept == (now.state, now.values, now.user_attrs, now.intermediate_values)


def _advance(storage: RDBStorage, before: FrozenTrial, now: FrozenTrial) -> None:
    number = before._trial_id
    for epoch, value in now.intermediate_values.items():
        if before.intermediate_values.get(epoch) != value:
            storage.set_trial_intermediate_value(number, epoch, value)
    for key, value in now.user_attrs.items():
        if key not in before.user_attrs:
            storage.set_trial_user_attr(number, key, value)
    if before.state == TrialState.WAITING != now.state:
        storage.set_trial_state_values(number, TrialState.RUNNING)  # so that it has a beginning
    if now.state not in (before.state, TrialState.RUNNING):
        storage.set_trial_state_values(number, now.state, now.values)


def _place(url: str) -> str:
    """The URL, once it is known that a view may be written there."""
    if "://" not in url:
        raise Refused(f"--optuna takes a URL such as sqlite:///runs/optuna.db, got {hidden(url)!r}")
    place = database(url)
    try:
        engine = create_engine(place)
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        raise Refused(f"cannot use {hidden(url)} for Optuna's view: {_cause(error)}; give another place with --optuna") from error
    if {"stamp", "driver"} <= tables:
        where = "give it a database of its own with --optuna, as in sqlite:///runs/optuna.db"
        raise Refused(f"{hidden(url)} is a record of hpsearch, and Optuna's view must not be written into it: {where}")
    return place.render_as_string(hide_password=False)  # Optuna fills in what stands in braces, which are written %7B here


def _patience(url: str) -> dict[str, Any]:
    parsed: URL = make_url(url)
    return {"connect_args": {"timeout": BUSY}} if parsed.get_backend_name() == "sqlite" else {"pool_pre_ping": True}


def _cause(error: BaseException) -> str:
    """The first line of what the database said."""
    deepest = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return scrubbed(next(iter(str(deepest).strip().splitlines()), type(deepest).__name__))
