"""Trials that need another trial's weights, really run: in this process, on Ray, and killed in between."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch import Round, Space, Study, Teacher, Trick, Tune, Uniform, ladder, one_at_a_time
from hpsearch.report import write
from hpsearch.results.frames import evidence
from hpsearch.results.record import Record
from hpsearch.trials.session import Resources, Session
from hpsearch.trials.worker import home, perform
from tests.faults.test_driver_killed import check_nothing_ran_twice, ledger, wait_for
from tests.trials.taught import Pupil, learn
from tests.trials.test_executors import run

taught = Trick("taught", {"teacher": Teacher({"size": 10})})


def study(**changes):
    return Study(
        **{"question": "?", "train": learn, "base": Pupil(), "vary": one_at_a_time(taught), "seeds": 3, "epochs": 2, **changes}
    )


def weights(record, key):
    return json.loads((home(record.folder, key) / "weights.pt").read_text())


def test_students_wait_for_their_teacher_while_others_run(tmp_path):
    asked = study()
    (teacher,) = asked.teachers
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, asked, Resources(1, 0, 9), tmp_path / "cache", lambda session: None)
        jobs = []
        while (job := session.ask()) is not None:
            jobs.append(job)
        assert len(jobs) == 3 + 1  # the base under three seeds, and the teacher
        assert not session.exhausted
        assert all(not job.needs for job in jobs)
        for job in jobs:
            if job.trial.key == teacher.key:
                session.tell(perform(job, learn, lambda epoch, row: None))
        students = [session.ask() for _ in range(3)]
        assert [job.needs for job in students] == [{"teacher": teacher.key}] * 3
        assert session.ask() is None


def test_a_teacher_of_tuning_students_has_not_seen_what_they_are_scored_on(tmp_path):
    tune = Tune(Space(rate=10 ** Uniform(-2, 0)), rounds=(Round(points=3, epochs=1),), arms="stack")
    asked = study(vary=ladder(taught), tune=tune)
    record, session = run(asked, tmp_path, False)
    assert len(session.scores) == asked.trials == 3 + 6 + 2
    seen = [weights(record, key) for key in session.scores]
    assert all(each["above"]["held_out"] == each["held_out"] for each in seen if each["above"])
    assert {each["held_out"] for each in seen if not each["above"] and each["known"] == 10} == {"tuning", "final"}


def test_a_chain_of_teachers(tmp_path):
    chain = Trick("chain", {"teacher": Teacher({"size": 10, "teacher": Teacher({"size": 100})})})
    _, session = run(study(vary=ladder(chain)), tmp_path, False)
    assert sorted(set(session.scores.values())) == [1, 100, 110, 111]


def test_a_teacher_that_kept_no_weights_is_named(tmp_path):
    empty = Trick("empty", {"teacher": Teacher({"kind": "keeps nothing"})})
    record, session = run(study(vary=ladder(empty)), tmp_path, False)
    reasons = {state["reason"] for state in record.states(session.scores).values() if state["state"] == "failed"}
    assert len(reasons) == 1
    assert "kept no weights.pt to learn from: let its training write one with run.keeping('weights.pt')" in reasons.pop()


def test_damaged_weights_are_noticed(tmp_path):
    asked = study(seeds=2)
    record, session = run(asked, tmp_path, False)
    (teacher,) = asked.teachers
    (home(record.folder, teacher.key) / "weights.pt").write_text('{"known": 10000}')
    record.engine.dispose()
    record, session = run(study(seeds=3), tmp_path, False)  # a seed more asks for the weights again
    failed = [state["reason"] for state in record.states(session.scores).values() if state["state"] == "failed"]
    assert len(failed) == 1
    assert "are missing or damaged" in failed[0]


def test_teachers_are_counted_and_named_but_enter_no_table(tmp_path):
    asked = study()
    record, _ = run(asked, tmp_path, False)
    told = evidence(record, asked, "x", "")
    assert set(told.trials["role"]) == {"teacher", "measurement"}
    assert len(told.measurements()) == 6
    assert set(told.measurements()["arm"]) == {"base", "taught"}
    _, text, *_ = write(told, tmp_path / "x.html")
    written = text.read_text()
    assert "1 teacher was trained first, once, and is shared by all students under all seeds: the base with size 10" in written
    assert "teacher 1" in written


STUDY = """
from hpsearch import Study, Teacher, Trick, one_at_a_time
from tests.trials.taught import Pupil
from slow import learn
study = Study(question="?", train=learn, base=Pupil(), vary=one_at_a_time(Trick("taught", {"teacher": Teacher({"size": 10})})),
              seeds=2, epochs=2)
"""
SLOW = """
import time
from tests.trials.taught import learn as quick
def learn(config, seed, epochs, run):
    allowed = run.cache / ("students" if config.teacher else "go")
    if config.teacher:
        (run.cache / "taught").touch()
    for row in quick(config, seed, epochs, run):
        while not allowed.exists():
            time.sleep(0.05)
        yield row
"""


@pytest.mark.parametrize(
    ("when", "executor"), [("while the teacher runs", ["--slots", "1"]), ("between teacher and students", ["--here"])]
)
def test_killed_and_started_again_the_teacher_is_not_run_again(when, executor, tmp_path):
    """One moment on Ray, whose start costs more than all trials, and the other without it: who is trained first is for the session to say."""
    (tmp_path / "mine.py").write_text(STUDY)
    (tmp_path / "slow.py").write_text(SLOW)
    cache = tmp_path / "cache"
    cache.mkdir()
    environment = {**os.environ, "HPSEARCH_CACHE": str(cache), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-m", "hpsearch", "run", "mine.py", "--record", "runs/x.db", *executor]
    place = tmp_path / "runs"

    def events(kind):
        return [line for line in ledger(place) if line["event"] == kind]

    first = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    if when == "while the teacher runs":
        wait_for(lambda: bool(events("start")), first)
    else:
        (cache / "go").touch()
        wait_for((cache / "taught").exists, first)  # the first student has its teacher's weights
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (cache / "go").touch()
    (cache / "students").touch()
    second = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "5 of 5 trials done, 0 running, 0 failed" in second.stdout
    check_nothing_ran_twice(ledger(place))
    assert len(events("done")) == 5
    assert len(list((place / "trials").glob("*/*/weights.pt"))) == 5  # beside the record, wherever Ray's workers stand


def test_the_record_is_where_the_command_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = Record.open("runs/x.db", create=True)
    assert record.folder == tmp_path / "runs" / "trials"
    assert Path(record.folder).is_absolute()
