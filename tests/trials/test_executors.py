"""Both executors, on the same trials: equal rows to the bit, lost workers recovered, nothing run twice.

What other files say of one executor is said of Ray here, so that it is started once.
"""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from hpsearch.ablation import Teacher, Trick, leave_one_out, one_at_a_time
from hpsearch.errors import Refused
from hpsearch.results.record import Record
from hpsearch.search import Confirm, Median, Round, Tune
from hpsearch.space import Choice, Space, Uniform
from hpsearch.study import Study
from hpsearch.training import Recipe, digits
from hpsearch.trials import on_ray as door
from hpsearch.trials.here import run_here
from hpsearch.trials.on_ray import run_on_ray
from hpsearch.trials.session import Resources, Session
from hpsearch.trials.worker import home
from tests.faults.test_driver_killed import check_nothing_ran_twice, ledger
from tests.trials import helpers
from tests.trials.helpers import Config
from tests.trials.misbehaviours import TABLE
from tests.trials.taught import Pupil, learn
from tests.trials.test_contract import check_three_alike_end_it, of_arms, states
from tests.trials.test_contract import run as run_contract
from tests.trials.test_stopped_trials import Climb, climb

pytestmark = pytest.mark.usefixtures("one_ray")
CLOCK = ("seconds", "images_per_second")


def run(study: Study, folder: Path, on_ray: bool, slots: int = 2) -> tuple[Record, Session]:
    record = Record.open(str(folder / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, study, Resources(1, 0, slots), folder / "cache", lambda session: None)
        if not session.done:
            run_on_ray(session, None) if on_ray else run_here(session)
    return record, session


def starts(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "trials" / "ledger.jsonl").read_text().splitlines()]
    return [line["key"] for line in lines if line["event"] == "start"]


def small_study(**changes: Any) -> Study:
    base = Recipe(data=digits(images=120), epochs=2, batch_size=16, depth=14, width=8, stem="small")
    tricks = leave_one_out(Trick("cosine", {"schedule": "cosine"}), Trick("mixup", {"mixup": 0.2}))
    tune = Tune(
        Space(learning_rate=10 ** Uniform(-2, 0)),
        rounds=(Round(points=3, epochs=1, keep=1), Round(points=2, epochs=2)),
        arms="base",
    )
    return Study(**{"question": "?", "base": base, "vary": tricks, "tune": tune, "seeds": 2, **changes})


def told(record: Record, session: Session) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Rows by trial, without what the clock says."""
    rows = record.rows(session.scores)
    return {key: [(n, {m: v for m, v in row.items() if m not in CLOCK}) for n, row in each] for key, each in rows.items()}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    """The small study run in this process: where, its rows, and the trials in the order they were started."""
    folder = tmp_path_factory.mktemp("here")
    return folder, told(*run(small_study(), folder, on_ray=False)), starts(folder)


def test_both_executors_give_the_same_rows_to_the_bit(here: tuple[Path, dict[str, Any], list[str]], tmp_path: Path) -> None:
    _, rows, started = here
    record, session = run(small_study(), tmp_path, on_ray=True)
    assert told(record, session) == rows
    for each in (started, starts(tmp_path)):
        assert len(each) == len(set(each)) == 11 == session.total


def test_a_trial_has_the_threads_it_was_given_whatever_the_process_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    search = Tune(Space(rate=Uniform(0, 1)), rounds=Round(points=1, epochs=1))
    try:
        record, session = run(
            Study(question="?", base=Config(), train=helpers.threads, tune=search, epochs=1), tmp_path, on_ray=False
        )
    finally:
        torch.set_num_threads(before)
    rows = next(iter(record.rows(session.scores).values()))
    assert [(row["top1"], row["omp"]) for _, row in rows] == [(1, 1)]


def test_a_changed_study_runs_only_what_the_change_adds(here: tuple[Path, dict[str, Any], list[str]], tmp_path: Path) -> None:
    folder, _, before = here
    shutil.copytree(folder, tmp_path / "again")
    _, again = run(small_study(), tmp_path / "again", on_ray=False)
    assert (again.ran, starts(tmp_path / "again")) == (0, before)
    _, more = run(small_study(seeds=3), tmp_path / "again", on_ray=False)
    assert more.ran == 3  # one more seed of three arms
    assert len(starts(tmp_path / "again")) == len(set(starts(tmp_path / "again"))) == len(before) + 3


def dying_study(*kinds: str) -> Study:
    tune = Tune(Space(kind=Choice(*kinds)), rounds=Round(points=len(kinds), epochs=3))
    return Study(question="?", base=Config(), train=helpers.dying, tune=tune, seeds=1, epochs=3)


def test_a_worker_that_dies_costs_the_epoch_it_was_in_and_one_that_always_dies_its_trial(tmp_path: Path) -> None:
    """Both in one search, so that Ray is started once: a trial that can be saved is, and the other does not end the study."""
    record, session = run(dying_study("once", "always"), tmp_path, on_ray=True)
    states = record.states(session.scores)
    kinds = {key: json.loads(state["config"])["kind"] for key, state in states.items()}
    assert sorted((kinds[key], state["state"]) for key, state in states.items() if state["epochs"] == 3 and key in session.scores) == [
        ("always", "failed"), ("once", "complete"), ("once", "complete"),
    ]  # fmt: skip
    assert session.failed == 1
    assert all("died 3 times" in state["reason"] for key, state in states.items() if kinds[key] == "always")
    assert {len(rows) for key, rows in record.rows(session.scores).items() if kinds[key] == "once"} == {3}
    lines = [json.loads(line) for line in (tmp_path / "trials" / "ledger.jsonl").read_text().splitlines()]
    again = [line["after"] for line in lines if line["event"] == "start" and line["attempt"] >= 2]
    assert again
    assert set(again) == {1}  # each attempt goes on after the epoch that was sealed


def test_a_diverged_trial_is_never_the_best(tmp_path: Path) -> None:
    tune = Tune(Space(kind=Choice("nan", "infinite")), rounds=Round(points=2, epochs=2))  # of the score, of the loss
    study = Study(question="?", base=Config(), train=helpers.misbehaving, tune=tune, seeds=1, epochs=2)
    record, session = run(study, tmp_path, on_ray=False)
    assert session.best is None
    assert {state["fault"] for state in record.states(session.scores).values()} == {"diverged"}


@pytest.mark.parametrize("on_ray", [False, True])
def test_trials_that_fall_behind_are_stopped_on_both_executors(tmp_path: Path, on_ray: bool) -> None:
    tune = Tune(Space(rate=Uniform(0, 1)), Round(10, 8), stopping=Median(after=2), confirm=Confirm(2, 1))
    study = Study(question="?", base=Climb(pause=0.1 * on_ray), train=climb, tune=tune, seeds=1, epochs=2)
    record, session = run(study, tmp_path, on_ray)
    stopped = set(record.keys("stopped"))
    assert stopped
    assert stopped == session.stopped
    assert all(2 <= len(rows) < 8 for rows in record.rows(stopped).values())
    assert (session.failed, session.done, session.total) == (0, True, 10 + 2 + 1)
    kept = [round_.trials[k].key for round_ in session.plan.rounds for k in round_.kept or ()]
    assert stopped.isdisjoint(kept)


SOME = ["ValueError", "sys.exit(0)", "own", "surrogate", "text raises", "list", "reports", "swallows everything", "texts"]


def test_the_contract_holds_on_ray(tmp_path: Path) -> None:
    assert run_contract(of_arms(*SOME, base="good", seeds=2), tmp_path, on_ray=True).done
    found = states(tmp_path)
    assert set(found) == {"good", *SOME}
    for name, mine in found.items():
        _, state, phrase = TABLE[name]
        assert [(told["state"], phrase in told["reason"]) for told, _ in mine] == [(state, True)] * 2


def test_three_trials_that_break_the_contract_alike_end_the_study_on_ray(tmp_path: Path) -> None:
    check_three_alike_end_it(tmp_path, on_ray=True)


@pytest.fixture(scope="module", params=[False, True], ids=["here", "on ray"])
def taught(
    request: pytest.FixtureRequest, one_ray: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Study, Record, Session]:
    """Students of a teacher, and of another that fails."""
    folder = tmp_path_factory.mktemp("taught")
    tricks = Trick("taught", {"teacher": Teacher({"size": 10})}), Trick("lost", {"teacher": Teacher({"kind": "fails"})})
    study = Study(question="?", train=learn, base=Pupil(), vary=one_at_a_time(*tricks), seeds=3, epochs=2)
    return folder, study, *run(study, folder, request.param)


def test_the_teacher_runs_once_before_all_its_students(taught: tuple[Path, Study, Record, Session]) -> None:
    folder, study, record, session = taught
    (teacher,) = [trial for trial in study.teachers if trial.config.size == 10]
    lines = ledger(folder)
    check_nothing_ran_twice(lines)
    students = [study.student(study.plan.arms[1], seed, "final").key for seed in range(3)]
    order = [(line["event"], line["key"]) for line in lines]
    assert order.count(("start", teacher.key)) == 1
    assert all(order.index(("done", teacher.key)) < order.index(("start", key)) for key in students)
    weights = {key: json.loads((home(record.folder, key) / "weights.pt").read_text()) for key in (teacher.key, *students)}
    assert [weights[key]["above"] for key in students] == [weights[teacher.key]] * 3
    assert {session.scores[key] for key in students} == {11.0}


def test_students_of_a_failed_teacher_fail_without_running_and_the_rest_goes_on(
    taught: tuple[Path, Study, Record, Session],
) -> None:
    folder, study, record, session = taught
    (key,) = [trial.key for trial in study.teachers if trial.config.kind == "fails"]
    students = {study.student(study.plan.arms[2], seed, "final").key for seed in range(3)}
    assert session.failed == 1 + 3
    states = record.states([key, *students])
    assert "no lesson today" in states[key]["reason"]
    assert {states[student]["reason"] for student in students} == {
        f"the trial {key} it was to learn from failed: see its reason, fix the cause and run with --retry-failed"
    }
    assert not students & {line["key"] for line in ledger(folder)}
    assert len([score for score in session.scores.values() if score is not None]) == 3 + 3 + 1


def test_more_gpus_than_ray_has_are_refused(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, small_study(), Resources(1, 64, 1), tmp_path, lambda session: None)
        with pytest.raises(Refused, match=r"a trial needs 64 GPUs and the machines of this Ray have 0"):
            run_on_ray(session, None)


def test_a_signal_is_not_raised_inside_ray_and_ends_the_run_between_its_calls() -> None:
    class Stopped(BaseException):
        pass

    def handler(number: int, frame: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with door._signals_noted(-1):
            assert not door._LeaveOnError(-1).stop_all()
            os.kill(os.getpid(), signal.SIGTERM)  # in one of Ray's calls it would be lost, or abort the process
            with pytest.raises(door._Leaving):
                door._LeaveOnError(-1).stop_all()
        assert isinstance(door._errors.pop(-1), Stopped)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
