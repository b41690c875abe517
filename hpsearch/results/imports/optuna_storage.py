"""An Optuna storage, opened for reading only: trials as runs, parameters and user attributes as columns, reports as steps."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import Refused
from hpsearch.results.imports.table import Table, as_logged
from hpsearch.results.urls import database, hidden, scrubbed

optuna.logging.set_verbosity(optuna.logging.ERROR)

SQLITE = b"SQLite format 3\x00"
BROKEN = {
    TrialState.FAIL: "Optuna has it as failed",
    TrialState.PRUNED: "Optuna has it as pruned",
    TrialState.RUNNING: "Optuna has it as still running",
}


def optuna_table(place: str) -> Table:
    """All trials of all studies in a storage, given as a URL or as a file.

    Columns: ``study``, ``trial`` (the run's name), ``state``, ``value`` (``value_0``, ``value_1``, ... where there are several
    objectives) in the line of the last step, ``step`` and ``intermediate`` (what the trial reported there), and one per
    parameter and user attribute.
    """
    lines: list[dict[str, Any]] = []
    broken: dict[str, str] = {}
    try:
        storage = _opened(place)
        for study in storage.get_all_studies():
            for trial in storage.get_all_trials(study._study_id):
                if trial.state == TrialState.WAITING:
                    continue
                name = f"{study.study_name}, trial {trial.number}"
                lines += _lines(name, study.study_name, trial)
                if trial.state in BROKEN:
                    broken[name] = BROKEN[trial.state]
        _close(storage)
    except Refused:
        raise
    except (OptunaError, RuntimeError, ImportError, ValueError, KeyError, OSError) as error:
        raise Refused(f"cannot read {hidden(place)} as an Optuna storage: {_cause(error)}") from error
    except Exception as error:  # SQLAlchemy's errors share no other base with the rest, and its door is elsewhere
        if not type(error).__module__.startswith("sqlalchemy"):
            raise
        raise Refused(f"cannot read {hidden(place)} as an Optuna storage: {_cause(error)}") from error
    if not lines:
        raise Refused(f"{hidden(place)} holds no Optuna trial that has begun: give another storage")
    file = _file(place)
    return Table("an Optuna storage", as_logged(lines), "trial", "step", broken=broken, files=(file,) if file else ())


def _lines(name: str, study: str, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
    common = {"study": study, "trial": name, "number": trial.number, "state": trial.state.name.lower()}
    settings = dict(trial.params)
    settings |= {key: value for key, value in trial.user_attrs.items() if key not in settings and _plain(value)}
    common |= {f"param_{key}" if key in (*common, "value", "step", "intermediate") else key: v for key, v in settings.items()}
    values = trial.values or []
    final = {"value": values[0]} if len(values) == 1 else {f"value_{n}": value for n, value in enumerate(values)}
    steps = sorted(trial.intermediate_values) or [0]
    for step in steps:
        line = common | {"step": step, "intermediate": trial.intermediate_values.get(step)}
        yield line | (final if step == steps[-1] else {})


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _opened(place: str) -> BaseStorage:
    file = _file(place)
    if file is None:
        kwargs = {"connect_args": {"options": "-c default_transaction_read_only=on"}} if place.startswith("postgresql") else {}
        return RDBStorage(place, engine_kwargs=kwargs, skip_table_creation=True)
    if not file.is_file():
        raise Refused(f"there is no file {file}: give the Optuna storage's own")
    with file.open("rb") as opened:
        if opened.read(len(SQLITE)) != SQLITE:
            return JournalStorage(JournalFileBackend(str(file)))
    place = f"file:{quote(str(file.resolve()))}?mode=ro"
    opener = {"creator": lambda: sqlite3.connect(place, uri=True, check_same_thread=False)}
    return RDBStorage("sqlite://", engine_kwargs=opener, skip_table_creation=True)


def _file(place: str) -> Path | None:
    """The file of an SQLite URL or a path; None for another database."""
    if "://" not in place:
        return Path(place)
    url = database(place)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _close(storage: BaseStorage) -> None:
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def _cause(error: BaseException) -> str:
    """The deepest error's first line: Optuna wraps what the database said."""
    deepest = error
    while (inner := getattr(deepest, "orig", None) or deepest.__cause__) is not None:
        deepest = inner
    return scrubbed(next(iter(str(deepest).strip().splitlines()), type(deepest).__name__))
