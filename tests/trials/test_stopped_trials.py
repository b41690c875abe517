"""Trials ended early, really run: stopped by a rule or failed as diverged, kept out of everything, the same after a kill."""

import json
import random
import time
from dataclasses import dataclass

import pytest

from hpsearch import Halving, Median, Round, Space, Study, Trick, Tune, Uniform, ladder
from hpsearch.results.frames import evidence
from hpsearch.results.inference import effects
from hpsearch.results.record import Record
from hpsearch.search import Confirm, Divergence
from hpsearch.study.file import read
from hpsearch.trials import worker
from hpsearch.trials.here import run_here
from hpsearch.trials.launch import Options
from hpsearch.trials.launch import run as launch
from hpsearch.trials.session import Resources, Session


@dataclass(frozen=True)
class Climb:
    rate: float = 0.1  # best at 0.3
    level: float = 0.0
    saves: bool = True
    blows: bool = False  # its loss grows with the rate
    breaks: float = 2.0  # at rates above it fails
    pause: float = 0.0  # seconds per epoch


def climb(config, seed, epochs, run):
    noise = random.Random(f"{config.rate} {seed}").gauss(0, 0.05)
    for epoch in range(len(run.rows) + 1, epochs + 1):
        time.sleep(config.pause)  # for drivers that are told of a row while the next epoch runs
        if epoch == 2 and config.rate > config.breaks:
            raise RuntimeError("too fast")
        if config.saves:
            with run.saving() as path:
                path.write_text(str(epoch))
        loss = (1 + 2 * config.rate) ** epoch if config.blows else 1 / epoch
        yield {"top1": config.level + epoch * (1 - abs(config.rate - 0.3)) + noise, "loss": loss}


class Killed(BaseException):
    """The driver is gone: nothing of ours may catch it."""


def study(**changes):
    tune = Tune(Space(rate=Uniform(0, 1)), (Round(10, 4, keep=3), Round(8, 6)), stopping=Median(after=3), confirm=Confirm(2, 2))
    return Study(
        **{"question": "?", "train": climb, "base": Climb(), "vary": ladder(Trick("high", {"level": 1.0})), "tune": tune}
        | {"epochs": 6, "seeds": 2, **changes}
    )


def run(asked, folder, after=None):
    """A session in this process, killed after so many rows; False where it was."""
    record, rows = Record.open(str(folder / "x.db"), create=True), []

    def watch(session):
        rows.append(sum(session.epochs.values()))
        if after is not None and rows[-1] >= after and rows[-1] > rows[0]:
            raise Killed

    with record.driver("test") as driver:
        session = Session(driver, asked, Resources(1, 0, 1), folder / "cache", watch)
        try:
            run_here(session)
        except Killed:
            return record, None
    return record, session


def said(record):
    """All that the record says of every trial that a rule may end, by key."""
    keys = [key for state in ("complete", "failed", "stopped", "waiting", "running") for key in record.keys(state)]
    states, rows = record.states(keys), record.rows(keys)
    return {key: (state["state"], state["reason"], rows.get(key)) for key, state in states.items()}


def starts(folder):
    lines = [json.loads(line) for line in (folder / "trials" / "ledger.jsonl").read_text().splitlines()]
    return [line["key"] for line in lines if line["event"] == "start"]


def in_tables(told, stopped):
    """The law as a check that reports: places of a study's evidence in which a stopped trial stands as if it had finished."""
    found = [("score", key) for key in told.trials.dropna(subset="score")["key"] if key in stopped]
    found += [("measurement", key) for key in told.measurements()["key"] if key in stopped]
    found += [("kept", s.trials[k].key) for s in told.agenda.rounds for k in s.kept or () if s.trials[k].key in stopped]
    winners = [round_.winner for round_ in told.agenda.rounds]
    last = [round_.winner for round_ in told.agenda.rounds if round_.confirming]
    assert None not in winners
    assert [point for _, point in told.agenda.winners] == last
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that ran through, with its record."""
    folder = tmp_path_factory.mktemp("whole")
    record, session = run(study(), folder)
    return folder, record, session


def test_stopped_trials_stand_in_the_record_with_their_rows_and_the_reason(whole):
    _, record, session = whole
    stopped = [entry for entry in said(record).values() if entry[0] == "stopped"]
    assert len(stopped) > 3
    for _, reason, rows in stopped:
        epochs = [epoch for epoch, _ in rows]
        assert epochs == list(range(1, len(rows) + 1))
        assert 2 <= len(rows) < 6
        assert reason == f"below the median of its round at epoch {len(rows)}"
    assert session.stopped == set(record.keys("stopped"))
    assert session.failed == 0
    assert session.total == len(session.scores) == len(said(record))


def test_a_stopped_trial_is_never_kept_nor_a_winner_and_stands_in_no_table(whole):
    _, record, _ = whole
    told = evidence(record, study(), "x", "")
    assert in_tables(told, set(record.keys("stopped"))) == []
    (effect,) = effects(told)
    assert effect.value == pytest.approx(1.0, abs=0.5)
    assert effect.seeds == 2


def test_the_law_of_tables_reports_a_planted_fault(whole):
    _, record, session = whole
    told = evidence(record, study(), "x", "")
    assert in_tables(told, {key for key, score in session.scores.items() if score is not None}) != []


@pytest.mark.parametrize("rule", [Median(after=1, warmup=0), Halving(1, 2)])
def test_neither_confirming_nor_measured_trials_are_stopped(tmp_path, rule):
    asked = study(vary=None, tune=Tune(Space(rate=Uniform(0, 1)), (Round(12, 4),), stopping=rule, confirm=Confirm(3, 3)))
    record, session = run(asked, tmp_path)
    again = session.plan.rounds[-1].trials
    assert len(again) == 9
    free = [trial.key for trial in (*again, *(m.trial for m in session.plan.measurements))]
    assert {state["state"] for state in record.states(free).values()} == {"complete"}
    assert session.stopped


def test_a_stopped_trial_is_not_run_again(whole):
    folder, record, _ = whole
    before, entries = starts(folder), said(record)
    _, again = run(study(), folder)
    assert (again.ran, again.done, starts(folder)) == (0, True, before)
    assert said(record) == entries
    assert len(before) == len(set(before))


def other_than_straight(folder, saves, points):
    """The law as a check that reports: numbers of rows after which a kill led to another record than a run straight through."""
    tune = Tune(Space(rate=Uniform(0, 1)), (Round(7, 4),), stopping=Median(after=2), confirm=None)
    asked = study(vary=None, base=Climb(saves=saves), tune=tune, seeds=1)
    straight, session = run(asked, folder / "straight")
    assert session.stopped
    found = []
    for after in points:
        assert run(asked, folder / str(after), after)[1] is None
        record, done = run(asked, folder / str(after))
        assert done.done
        found += [after] if said(record) != said(straight) else []
    return found


@pytest.mark.parametrize("saves", [True, False], ids=["with checkpoints", "without"])
def test_killed_after_any_row_the_same_trials_are_stopped_at_the_same_epochs(tmp_path, saves):
    assert other_than_straight(tmp_path, saves, range(2, 24, 3 - saves)) == []


def test_the_law_of_kills_reports_a_planted_fault(tmp_path, monkeypatch):
    honest = worker.read_json

    def at_once(path):
        told = honest(path)
        return told | {"epoch": 0} if told and path.name == worker.STOP else told

    monkeypatch.setattr(worker, "read_json", at_once)
    assert other_than_straight(tmp_path, False, range(10, 24)) != []


FILE = """
from hpsearch import Median, Round, Space, Study, Tune, Uniform
from tests.trials.test_stopped_trials import Climb, climb
study = Study(question="?", train=climb, base=Climb(breaks=0.5), epochs=4, seeds=1,
              tune=Tune(Space(rate=Uniform(0, 1)), Round(10, 4), stopping=Median(after=2), confirm=None))
"""


def test_retrying_what_failed_leaves_what_was_stopped(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    options = [
        Options(str(tmp_path / "x.db"), None, tmp_path / "cache", True, None, Resources(1, 0, 1), retry) for retry in (False, True)
    ]
    first = launch(read(path), options[0], lambda session: None, lambda text: None)
    failed = {key for key, score in first.scores.items() if score is None} - first.stopped
    assert failed
    assert first.stopped
    second = launch(read(path), options[1], lambda session: None, lambda text: None)
    assert second.ran == len(failed) == first.failed == second.failed
    again = starts(tmp_path)[len(first.scores) :]
    assert set(again) == failed
    assert second.stopped == first.stopped


def test_a_trial_that_diverges_fails_with_the_reason_and_is_not_kept(tmp_path):
    asked = study(
        vary=None, base=Climb(blows=True), tune=Tune(Space(rate=Uniform(0, 1)), Round(8, 4)), divergence=Divergence(multiple=3)
    )
    record, session = run(asked, tmp_path)
    states = record.states(session.scores)
    blown = {key: state for key, state in states.items() if state["state"] == "failed"}
    assert 0 < len(blown) < len(states)
    assert session.failed == len(blown)
    assert {state["fault"] for state in blown.values()} == {"diverged"}
    for key, state in blown.items():
        rows = record.rows([key])[key]
        now, first, at = rows[-1][1]["loss"], rows[0][1]["loss"], len(rows)
        assert now > 3 * first
        assert state["reason"] == f"metric 'loss' is {now:.4g} in epoch {at}, more than 3 times the {first:.4g} of epoch 1"
    assert all(config["rate"] < 0.5 for config in (json.loads(states[m.trial.key]["config"]) for m in session.plan.measurements))


def test_a_study_may_let_trials_diverge(tmp_path):
    asked = study(vary=None, base=Climb(blows=True), tune=Tune(Space(rate=Uniform(0, 1)), Round(8, 4)), divergence=None)
    assert run(asked, tmp_path)[1].failed == 0
