"""Optuna storages that Optuna itself wrote: in SQLite and in a journal, opened for reading only."""

import hashlib
import math
from pathlib import Path

import optuna
import pytest

from hpsearch import Refused
from hpsearch.results.imports import Columns, Question, Table, imported, read
from hpsearch.results.imports.optuna_storage import _opened

optuna.logging.set_verbosity(optuna.logging.ERROR)


def searched(storage: object, directions: tuple[str, ...] = ("maximize",), trials: int = 8) -> None:
    """A study of three steps per trial, in which one trial fails and one is pruned."""
    study = optuna.create_study(
        storage=storage, study_name="tiny", directions=directions, sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: optuna.Trial) -> float | tuple[float, ...]:
        optimiser = trial.suggest_categorical("optimiser", ["sgd", "adam"])
        rate = trial.suggest_float("value", 0.01, 0.1)  # a parameter called as the result is
        trial.set_user_attr("seed", trial.number // 2)
        if len(directions) > 1:
            return rate, 1.0
        for step in range(3):
            trial.report(0.1 * step + rate, step)
        if trial.number == 3:
            raise ValueError("blew up")
        if trial.number == 4:
            raise optuna.TrialPruned
        return 0.5 + 0.25 * (optimiser == "adam") + rate

    study.optimize(objective, n_trials=trials, catch=(ValueError,))
    study.enqueue_trial({"optimiser": "sgd", "value": 0.05})  # waits, and is no run


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("optuna") / "tiny.db"
    searched(f"sqlite:///{path}")
    return path.rename(path.with_name("odd #1?%.db"))  # all of which mean something in a URL


def checked(table: Table) -> None:
    assert (table.kind, table.run, table.epoch) == ("an Optuna storage", "trial", "step")
    frame = table.frame
    assert len(frame) == 24
    assert set(frame["optimiser"]) == {"sgd", "adam"}
    assert frame["number"].tolist() == [n for n in range(8) for _ in range(3)]
    assert frame["seed"].tolist() == [n // 2 for n in range(8) for _ in range(3)]
    first = frame.iloc[:3]
    assert first["value"].tolist()[:2] == [None, None]  # the result stands where the trial ended
    rate = first["param_value"].iloc[0]
    assert math.isclose(first["value"].iloc[2], 0.5 + 0.25 * (first["optimiser"].iloc[0] == "adam") + rate)
    assert [math.isclose(value, 0.1 * n + rate) for n, value in enumerate(first["intermediate"])] == [True] * 3
    assert table.broken == {"tiny, trial 3": "Optuna has it as failed", "tiny, trial 4": "Optuna has it as pruned"}


def test_a_file_is_read_and_left_as_it_is(sqlite):
    before = hashlib.sha256(sqlite.read_bytes()).hexdigest()
    sqlite.chmod(0o444)
    checked(read(str(sqlite)))
    assert hashlib.sha256(sqlite.read_bytes()).hexdigest() == before
    assert [path.name for path in sqlite.parent.iterdir()] == [sqlite.name]


def test_a_url_of_sqlite_is_read(tmp_path):
    searched(f"sqlite:///{tmp_path / 'a.db'}")
    table = read(f"sqlite:///{tmp_path / 'a.db'}")
    checked(table)
    assert table.files == (tmp_path / "a.db",)


def test_a_journal_is_read(tmp_path):
    path = tmp_path / "journal.log"
    searched(optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path))))
    before = path.read_bytes()
    checked(read(str(path)))
    assert path.read_bytes() == before


def test_several_objectives_have_a_column_each(tmp_path):
    searched(f"sqlite:///{tmp_path / 'a.db'}", ("maximize", "minimize"), trials=2)
    assert read(str(tmp_path / "a.db")).frame["value_1"].tolist() == [1.0, 1.0]


def test_trials_that_failed_or_were_pruned_have_no_score(sqlite):
    told = imported(read(str(sqlite)), str(sqlite), Columns(arm="optimiser", metric="intermediate"), Question(), ["import"])
    lost = told.trials[told.trials["state"] == "failed"]
    assert sorted(zip(lost["key"], lost["reason"], strict=True)) == [
        ("tiny, trial 3", "Optuna has it as failed"),
        ("tiny, trial 4", "Optuna has it as pruned"),
    ]
    assert lost["score"].isna().all()
    assert told.trials[told.trials["state"] == "complete"]["score"].notna().all()
    assert len(told.rows) == 24  # every step is drawn
    final = imported(read(str(sqlite)), str(sqlite), Columns(arm="optimiser", metric="value"), Question(), ["import"])
    assert final.rows.empty  # a result is no curve
    assert (final.trials["state"] == "complete").sum() == 6


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("sqlite:///nowhere.db", "there is no file nowhere.db: give the Optuna storage's own"),
        ("other.db", "cannot read other.db as an Optuna storage: no such table: version_info"),
        ("empty.db", "empty.db holds no Optuna trial that has begun: give another storage"),
        (
            "postgresql+psycopg://me:secret@127.0.0.1:1/db",
            "cannot read postgresql+psycopg://me:***@127.0.0.1:1/db as an Optuna storage: ",
        ),
        ("nosuch://place", "cannot read nosuch://place as an Optuna storage: Can't load plugin: sqlalchemy.dialects:nosuch"),
    ],
)
def test_what_is_no_storage_is_refused(tmp_path, monkeypatch, source, said):
    import sqlite3

    monkeypatch.chdir(tmp_path)
    if source == "other.db":
        with sqlite3.connect(source) as other:
            other.execute("create table a (b)")
    if source == "empty.db":
        optuna.create_study(storage="sqlite:///empty.db")
    with pytest.raises(Refused) as refused:
        read(source)
    assert str(refused.value).startswith(said)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "nowhere.db").exists()


def test_a_file_is_opened_for_reading_only(sqlite):
    sqlite.chmod(0o644)
    with pytest.raises(optuna.exceptions.StorageInternalError):
        optuna.create_study(storage=_opened(str(sqlite)), study_name="another")
