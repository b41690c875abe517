"""Optuna's view: what the record holds and nothing else, in place while it grows, never in the record itself."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState
from sqlalchemy import create_engine, inspect

from hpsearch import Choice, OneMinus, Refused, Round, Space, Study, Trial, Tune, Uniform
from hpsearch.results import optuna_view
from hpsearch.results.evidence import Evidence
from hpsearch.results.frames import evidence
from hpsearch.results.optuna_view import export, study_names, trials_of
from hpsearch.results.points import values_by_key
from hpsearch.results.record import Driver, Record, Result
from hpsearch.results.replay import replayed
from hpsearch.search import Confirm
from hpsearch.space import Domain, Integers, LogIntegers
from tests.report.synthetic import full, loss, top1

SPACE = Space(learning_rate=10 ** Uniform(-2.5, 0.5), momentum=OneMinus(10 ** Uniform(-2, -0.3)), schedule=Choice("step", "cosine"))
ROUNDS = (Round(points=6, epochs=3, keep=2), Round(points=4, epochs=4))
NAMES = ["small · base · round 1", "small · base · round 2"]


def study(**changes: Any) -> Study:
    return full(**{"vary": None, "tune": Tune(SPACE, ROUNDS, confirm=None, ahead=0), "seeds": 1} | changes)


def fails(trial: Trial) -> bool:
    return trial.config.learning_rate > 0.3


def told(trial: Trial) -> Result:
    rows = [{"top1": top1(trial, epoch), "loss": loss(trial, epoch)} for epoch in range(1, trial.epochs + 1)]
    state = "failed" if fails(trial) else "complete"
    rows = rows[:1] if fails(trial) else rows
    return Result(trial.key, state, tuple(rows), 30.0, 1, "node", "cpu", reason="diverged" if fails(trial) else "")


def drive(driver: Driver, asked: Study, most: int = 1000) -> None:
    """Finish so many trials, and leave the next one with one row."""
    done = 0
    while True:
        found = replayed(driver.record, asked)
        plan, scores = found.plan, found.scores
        driver.want(list(plan.trials()))
        ready = [trial for trial in plan.trials() if trial.key not in scores]
        if not ready:
            return
        driver.start(ready[0].key)
        if done == most:
            driver.row(ready[0].key, 1, {"top1": top1(ready[0], 1)})
            return
        driver.finish(told(ready[0]))
        done += 1


def seen(record: Record, asked: Study) -> Evidence:
    return evidence(record, asked, "small", "")


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record.open(str(tmp_path / "x.db"), create=True)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a record in which the whole search has run."""
    folder = tmp_path_factory.mktemp("driven")
    with Record.open(str(folder / "x.db"), create=True).driver("test") as driver:
        drive(driver, study())
    return folder


@pytest.fixture
def whole(driven: Path, tmp_path: Path) -> Record:
    """A copy of it, to be read and written."""
    shutil.copytree(driven, tmp_path, dirs_exist_ok=True)
    return Record.open(str(tmp_path / "x.db"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/optuna.db"


def loaded(url: str, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=url)


def ids(url: str) -> dict[str, int]:
    return {found.study_name: found._study_id for found in optuna.get_all_study_summaries(url)}


def agree(made: Evidence, url: str) -> None:
    """Every trial of the search stands in its study, with the record's values."""
    frame, curves = made.searched(), made.rows.set_index(["key", "epoch"])["top1"].to_dict()
    points = values_by_key(made)
    for (arm, number), name in study_names(made).items():
        mine = frame[(frame["arm"] == arm) & (frame["round"] == number)].to_dict("records")
        trials = loaded(url, name).trials
        assert [t.number for t in trials] == [line["point"] for line in mine]
        assert [t.state for t in trials] == [optuna_view.STATES[line["state"]] for line in mine]
        assert [t.value for t in trials] == [line["score"] if line["state"] == "complete" else None for line in mine]
        assert [t.params for t in trials] == [points[line["key"]] for line in mine]
        assert [t.user_attrs["key"] for t in trials] == [line["key"] for line in mine]
        for trial, line in zip(trials, mine, strict=True):
            assert trial.intermediate_values == {e: value for (key, e), value in curves.items() if key == line["key"]}


@pytest.mark.parametrize("most", [0, 3, 6, 8, 1000])
def test_the_view_says_what_the_record_says(record: Record, url: str, most: int) -> None:
    with record.driver("test") as driver:
        drive(driver, study(), most)
        made = seen(record, study())
        assert export(made, url) == NAMES[: 1 if most < 6 else 2]
        agree(made, url)
    assert {t.state for t in loaded(url, NAMES[0]).trials} - {TrialState.WAITING} <= set(optuna_view.STATES.values())


def test_while_the_search_runs_the_same_studies_grow(record: Record, url: str) -> None:
    with record.driver("test") as driver:
        first: dict[str, int] = {}
        for _ in range(11):
            drive(driver, study(), 1)
            made = seen(record, study())
            export(made, url)
            agree(made, url)
            assert first.items() <= ids(url).items()
            first = ids(url)
    assert list(first) == NAMES
    final = loaded(url, NAMES[0])
    assert {t.state for t in final.trials} == {TrialState.COMPLETE, TrialState.FAIL}
    assert all(t.user_attrs["seconds"] == 30.0 and t.datetime_start is not None for t in final.trials)


def test_writing_the_same_again_changes_nothing(whole: Record, url: str, tmp_path: Path) -> None:
    export(seen(whole, study()), url)
    before = (tmp_path / "optuna.db").read_bytes()
    export(seen(whole, study()), url)
    assert (tmp_path / "optuna.db").read_bytes() == before


def test_a_trial_taken_back_is_written_anew(whole: Record, url: str) -> None:
    with whole.driver("test") as driver:
        export(seen(whole, study()), url)
        assert driver.reset(["failed"]) > 0
    made = seen(whole, study())
    export(made, url)
    agree(made, url)
    assert TrialState.WAITING in {t.state for t in loaded(url, NAMES[0]).trials}


def test_natural_values_scales_and_where_they_come_from(whole: Record, url: str) -> None:
    made = seen(whole, study())
    export(made, url)
    found = loaded(url, NAMES[0])
    trial = found.trials[0]
    assert trial.distributions["learning_rate"] == optuna.distributions.FloatDistribution(10**-2.5, 10**0.5, log=True)
    assert trial.distributions["schedule"] == optuna.distributions.CategoricalDistribution(["step", "cosine"])
    assert trial.distributions["momentum"].log is False
    assert trial.distributions["momentum"].low == 1 - 10**-0.3
    assert (trial.user_attrs["seed"], trial.user_attrs["epochs"]) == (1_000_000, 3)
    assert found.user_attrs["how momentum was searched"].startswith("as 1 - momentum, LogUniform(low=0.01")
    assert (found.user_attrs["round"], found.user_attrs["arm"], found.user_attrs["metric"]) == (1, "base", "top1")
    failed = [t for t in found.trials if t.state == TrialState.FAIL]
    assert {t.user_attrs["reason"] for t in failed} == {"diverged"}
    assert (trial.datetime_complete - trial.datetime_start).total_seconds() == 30


@pytest.mark.parametrize(("domain", "logarithmic"), [(Integers(1, 64), False), (LogIntegers(1, 64), True)])
def test_whole_numbers_keep_their_scale(domain: Domain, logarithmic: bool) -> None:
    found = optuna_view.distribution(domain)
    assert isinstance(found, optuna.distributions.IntDistribution)
    assert (found.low, found.high, found.log) == (1, 64, logarithmic)


def test_a_trial_that_waits_has_no_curve_also_where_it_began_while_the_record_was_read(record: Record, url: str) -> None:
    """States are read before rows; Optuna's queue would otherwise hold a trial that has begun."""
    with record.driver("test") as driver:
        drive(driver, study(), 2)
    made = seen(record, study())
    assert TrialState.RUNNING in {trial.state for trial in trials_of(made, "base", 1)}
    before = replace(made, trials=made.trials.replace({"state": {"running": "waiting"}}))
    export(before, url)
    assert [t.intermediate_values for t in loaded(url, NAMES[0]).trials if t.state == TrialState.WAITING] == [{}] * 4
    export(made, url)
    agree(made, url)


@pytest.mark.parametrize(("goal", "metric"), [("maximise", "top1"), ("minimise", "loss")])
def test_the_best_is_the_records_best_and_no_failed_or_stopped_trial(record: Record, url: str, goal: str, metric: str) -> None:
    asked = study(goal=goal, metric=metric)
    with record.driver("test") as driver:
        drive(driver, asked)
    made = seen(record, asked)
    frame = made.trials
    chosen = frame["score"][(frame["round"] == 1) & frame["score"].notna()]
    halted = chosen.idxmax() if goal == "maximise" else chosen.idxmin()
    frame = frame.assign(score=frame["score"].drop(halted), state=frame["state"].where(frame.index != halted, "stopped"))
    made = replace(made, trials=frame)
    export(made, url)
    found = loaded(url, NAMES[0])
    assert [t.number for t in found.trials if t.state == TrialState.PRUNED] == [frame.loc[halted, "point"]]
    left = chosen.drop(halted)
    assert found.best_value == (left.max() if goal == "maximise" else left.min())
    assert len(found.trials[frame.loc[halted, "point"]].intermediate_values) == 3


def test_a_direction_that_was_turned_round_is_turned_in_the_view(record: Record, url: str) -> None:
    with record.driver("test") as driver:
        drive(driver, study(), 3)
    for goal in ("maximise", "minimise"):
        export(seen(record, study(goal=goal)), url)
        view = loaded(url, NAMES[0])
        assert view.direction.name == goal.replace("ise", "IZE").upper()
        assert sum(trial.state == TrialState.COMPLETE for trial in view.trials) > 0


def test_searches_of_every_arm_have_studies_of_their_own_whatever_they_are_called(record: Record, url: str) -> None:
    made = seen(record, study())
    strange = ["a · b/c\n", "a _ b_c", "x" * 300, "Größe + α (2)"]
    names = study_names(replace(made, trials=pd.concat([made.trials.assign(arm=arm) for arm in strange])))
    assert names["a · b/c\n", 1] == "small · a _ b_c · round 1"
    assert names["a _ b_c", 1] == "small · a _ b_c · round 1 (2)"
    assert names["Größe + α (2)", 1] == "small · Größe + α (2) · round 1"
    assert len(set(names.values())) == 4
    assert max(map(len, names.values())) < 400


def test_a_parameter_that_is_not_active_is_left_out(record: Record, url: str) -> None:
    space = Space(schedule=Choice("step", cosine=Space(momentum=Uniform(0.5, 0.9))))
    asked = study(tune=Tune(space | Space(learning_rate=10 ** Uniform(-2, 0)), Round(8, 2)))
    with record.driver("test") as driver:
        drive(driver, asked)
    export(seen(record, asked), url)
    trials = loaded(url, NAMES[0]).trials
    assert {("momentum" in t.params, t.params["schedule"]) for t in trials} == {(True, "cosine"), (False, "step")}


def test_points_beyond_the_space_it_began_with_are_shown(record: Record, url: str) -> None:
    narrow = Space(learning_rate=10 ** Uniform(-3, -2), momentum=Uniform(0.8, 0.9))  # the best is 0.2
    asked = study(tune=Tune(narrow, (Round(24, 2), Round(8, 3)), confirm=Confirm(2, 2)))
    with record.driver("test") as driver:
        drive(driver, asked)
    made = seen(record, asked)
    assert len(export(made, url)) == 3
    agree(made, url)
    last = loaded(url, NAMES[1])
    assert max(t.params["learning_rate"] for t in last.trials) > 0.01
    assert last.trials[0].distributions["learning_rate"].high > 0.01
    assert loaded(url, "small · base · round 3").user_attrs["what this round is"].startswith("the best points of the round before")


def test_a_record_is_never_written_into(place: str) -> None:
    record = Record.open(place, create=True)
    url = place if "://" in place else f"sqlite:///{place}"

    def tables() -> set[str]:
        with create_engine(url).connect() as connection:
            return set(inspect(connection).get_table_names())

    before = tables()
    with pytest.raises(Refused, match="is a record of hpsearch, and Optuna's view must not be written into it"):
        export(seen(record, study()), url)
    assert tables() == before


def test_a_view_may_stand_in_any_database(record: Record, place: str) -> None:
    url = place if "://" in place else f"sqlite:///{place}.optuna"
    with record.driver("test") as driver:
        drive(driver, study(), 3)
        export(seen(record, study()), url)
        drive(driver, study())
    export(seen(record, study()), url)
    agree(seen(record, study()), url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("optuna.db", "--optuna takes a URL such as sqlite:///runs/optuna.db, got 'optuna.db'"),
        ("sqlite://", "would exist only in this process"),
        ("sqlite:////proc/none/x.db", "cannot use sqlite:////proc/none/x.db for Optuna's view: unable to open database file"),
        ("nosuch://x", "cannot use nosuch://x for Optuna's view"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", r"me:\*\*\*@127.0.0.1:1/x for Optuna's view"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_sentence(record: Record, url: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        export(seen(record, study()), url)
    assert len(str(refused.value).splitlines()) == 1
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_left_as_it_is(record: Record, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database, and long enough to be looked at as one " * 40)
    with pytest.raises(Refused, match="file is not a database"):
        export(seen(record, study()), f"sqlite:///{tmp_path}/notes.txt")
    assert (tmp_path / "notes.txt").read_text().startswith("no database")


def test_a_study_without_a_search_is_refused(record: Record, url: str, tmp_path: Path) -> None:
    asked = full(tune=None)
    with pytest.raises(Refused, match="the study has no search to show"):
        export(seen(record, asked), url)
    assert not (tmp_path / "optuna.db").exists()


def test_somebody_elses_study_of_the_same_name_is_left_alone(record: Record, url: str) -> None:
    theirs = optuna.create_study(storage=url, study_name=NAMES[0])
    theirs.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(Refused, match="that hpsearch did not write"):
        export(seen(record, study()), url)
    assert [t.value for t in loaded(url, NAMES[0]).trials] == [1.0]


@contextmanager
def dashboard(url: str) -> Iterator[str]:
    """The address of a real optuna-dashboard over a storage, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), "--host", "127.0.0.1", "--port", str(port), url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: asked(f"{address}/api/studies") is not None)
            yield address
        finally:
            server.terminate()


def asked(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError):
        return None


def wait_for(true: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def listed(address: str) -> dict[str, list[tuple[int, str, Any, dict[str, float]]]]:
    """Number, state, value and numeric parameters of every trial, by study, as the dashboard's own page asks for them."""
    found = {}
    for each in asked(f"{address}/api/studies")["study_summaries"]:
        trials = asked(f"{address}/api/studies/{each['study_id']}")["trials"]
        found[each["study_name"]] = [
            (t["number"], t["state"], t.get("values"), {p["name"]: p["param_internal_value"] for p in t["params"]}) for t in trials
        ]
    return found


def expected(made: Evidence) -> dict[str, list[tuple[int, str, Any, dict[str, float]]]]:
    return {
        name: [
            (
                n,
                t.state.name.capitalize(),
                [t.value] if t.value is not None else None,
                {k: t.distributions[k].to_internal_repr(v) for k, v in t.params.items()},
            )
            for n, t in enumerate(trials_of(made, *which))
        ]
        for which, name in study_names(made).items()
    }


def test_the_dashboard_lists_the_trials_while_the_search_runs_and_after(record: Record, url: str) -> None:
    with record.driver("test") as driver:
        drive(driver, study(), 4)
        export(seen(record, study()), url)
        with dashboard(url) as address:
            during = listed(address)
            assert during == expected(seen(record, study()))
            assert [line[1] for line in during[NAMES[0]]].count("Running") == 1
            assert list(during) == NAMES[:1]
            drive(driver, study())
            export(seen(record, study()), url)
            wait_for(lambda: listed(address) == expected(seen(record, study())), 20)  # it remembers trials for two seconds
            assert list(listed(address)) == NAMES
