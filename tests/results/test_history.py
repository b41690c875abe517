"""A study that was changed: what its earlier versions ran is used again where it fits, and the answer stays the same."""

import json
import random
import shutil
import sys
from dataclasses import dataclass, replace

import pytest

from hpsearch import Integers, Round, Space, Study, Tune, Uniform
from hpsearch.results.frames import evidence
from hpsearch.results.history import with_history
from hpsearch.results.record import Record
from hpsearch.search import unfold
from hpsearch.space import Choice
from hpsearch.study.file import read
from hpsearch.trials.launch import Options
from hpsearch.trials.launch import run as launch
from hpsearch.trials.session import Resources
from hpsearch.values import to_json
from tests.search.test_unfold import finished

FILE = """
from hpsearch import Confirm, Round, Space, Study, Tune, Uniform
from tests.results.test_history import Config, train
study = Study(question="?", train=train, base=Config(), epochs=2, seeds=1, tune=Tune({}))
"""
FIRST = "Space(rate=Uniform(0.2, 0.6)), (Round(8, 1, keep=2), Round(6, 2)), confirm=None"
WIDER = "Space(rate=Uniform(0.1, 0.8)), (Round(8, 1, keep=2), Round(6, 2)), confirm=None"


@dataclass(frozen=True)
class Config:
    rate: float = 0.4  # best at 0.4
    kind: str = "a"


def train(config, seed, epochs, run):
    for epoch in range(1, epochs + 1):
        yield {"top1": epoch - (config.rate - 0.4) ** 2}


class Killed(BaseException):
    """The driver is gone: nothing of ours may catch it."""


def go(folder, tune, name="mine", after=None):
    """A launch of a study whose file says this search now; killed after so many rows, or else its session."""
    path = folder / f"{name}.py"
    path.write_text(FILE.format(tune))
    counted = []

    def watch(session):
        counted.append(session)
        assert session.total >= len(session.scores)
        if after is not None and sum(session.epochs.values()) >= after:
            raise Killed

    options = Options(str(folder / "x.db"), None, folder / "cache", True, None, Resources(1, 0, 1), False)
    try:
        return launch(read(path), options, watch, lambda text: None)
    except Killed:
        return None


def starts(folder):
    lines = [json.loads(line) for line in (folder / "trials" / "ledger.jsonl").read_text().splitlines()]
    return [line["key"] for line in lines if line["event"] == "start"]


def found(session):
    """Keys of the runs that rounds began with because an earlier search had left them."""
    return {trial.key for round_ in session.plan.rounds for trial in round_.trials[: round_.found]}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A record in which the first version ran to its end, and its session."""
    folder = tmp_path_factory.mktemp("first")
    return folder, go(folder, FIRST)


@pytest.fixture
def ran(first, tmp_path):
    shutil.copytree(first[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_runs_that_still_fit_a_changed_range_are_used_and_cost_nothing(first, ran):
    before = starts(ran)
    session = go(ran, WIDER)
    searched = {trial.key for round_ in first[1].plan.rounds for trial in round_.trials}
    assert found(session) == searched == set(before[:14])
    assert session.ran == len(starts(ran)) - len(before)
    assert session.ran - 1 <= 8 + 6  # and the measurement of the winner, unless it is the same
    assert len(set(starts(ran))) == len(starts(ran))
    assert session.total == len(session.scores) == len({trial.key for trial in session.plan.trials()})
    assert session.plan.looked >= searched


def test_the_answer_is_the_same_however_often_it_is_launched(ran):
    second, third = go(ran, WIDER), go(ran, WIDER)
    assert third.ran == 0
    assert third.plan == second.plan
    assert third.study == second.study
    told = evidence(Record.open(str(ran / "x.db")), read(ran / "mine.py").study, "mine", "")
    assert told.agenda == second.plan


@pytest.mark.parametrize("rows", [1, 7, 12, 20])
def test_a_version_killed_at_any_point_and_then_changed_gives_one_answer(tmp_path, rows):
    assert go(tmp_path, FIRST, after=rows) is None
    straight = tmp_path / "straight"
    shutil.copytree(tmp_path, straight, ignore=shutil.ignore_patterns("straight"))
    for more in (3, 9):
        assert go(tmp_path, WIDER, after=more) is None
    assert go(tmp_path, WIDER).plan == go(straight, WIDER).plan


def test_a_study_of_another_name_has_no_past(first, ran):
    session = go(ran, WIDER, name="other")
    assert session.study.tune.earlier == ()
    assert found(session) == set()
    assert not {trial.key for round_ in session.plan.rounds for trial in round_.trials} & first[1].scores.keys()


def test_an_old_version_launched_again_is_what_it_was(first, ran):
    go(ran, WIDER)
    again = go(ran, FIRST)
    assert (again.ran, again.plan) == (0, first[1].plan)


@pytest.mark.parametrize(
    ("change", "added"),
    [
        (("Round(6, 2)", "Round(6, 2), Round(4, 3)"), 4),
        (("confirm=None", "confirm=Confirm(2, 3)"), 6),
        (("Round(8, 1, keep=2), Round(6, 2)", "Round(8, 1, keep=2), Round(6, 2), Round(3, 2)"), 3),
    ],
)
def test_rounds_appended_to_a_finished_search_are_all_that_is_run(ran, change, added):
    session = go(ran, FIRST.replace(*change))
    searched = [trial for round_ in session.plan.rounds for trial in round_.trials]
    assert len(searched) == 14 + added
    assert added <= session.ran <= added + 1  # and the winner, if it is another
    assert found(session) == set()


def test_points_added_to_a_small_round_keep_those_it_had(tmp_path):
    go(tmp_path, "Space(rate=Uniform(0.2, 0.6)), Round(5, 2), confirm=None")
    session = go(tmp_path, "Space(rate=Uniform(0.2, 0.6)), Round(7, 2), confirm=None")
    assert len(session.plan.rounds[0].trials) == 7
    assert 2 <= session.ran <= 3


def test_a_record_of_two_changes_is_replayed_as_it_was_run(ran):
    second = go(ran, WIDER)
    third = go(ran, WIDER.replace("0.8", "0.7"))
    former = {trial.key for round_ in second.plan.rounds for trial in round_.trials if trial.config.rate <= 0.7}
    assert found(third) == former
    assert go(ran, WIDER.replace("0.8", "0.7")).ran == 0


def unstable(space, wider, score, kills):
    """The law as a check that reports: (runs told when the first version was killed, order) after which runs were dropped again.

    The first version is killed after so many runs and its range changed; then trials end in any order. A run that was once asked
    for must stay asked for, and all orders must ask for the same.
    """
    old = Tune(space, (Round(10, 1, keep=2), Round(6, 2)), confirm=None)
    new = replace(old, space=wider, confirm="auto", earlier=(old,))
    told, bad, ends = finished(old, score), [], {}
    for count in kills:
        known = dict(list(told.items())[:count])
        for order in range(2):
            end = finished(new, score, random.Random(order), slots=1 + 4 * order, told=known)
            asks = set(unfold(new, end).asks)
            if (end.keys() - known.keys()) - asks or ends.setdefault(count, asks) != asks:
                bad.append((count, order))
    return bad


def numbers(ask):
    return ask.epochs - (ask.point["x"] - 6) ** 2 + (ask.point["kind"] == "b")


REAL = (Space(x=Uniform(0, 9), kind=Choice("a", "b")), Space(x=Uniform(0, 12), kind=Choice("a", "b")))
WHOLE = (Space(x=Integers(1, 9), kind=Choice("a", "b")), Space(x=Integers(1, 12), kind=Choice("a", "b")))


@pytest.mark.parametrize("spaces", [REAL, WHOLE], ids=["real", "whole"])
def test_what_was_found_does_not_change_while_the_search_goes_on(spaces):
    assert unstable(*spaces, numbers, range(1, 16, 4)) == []


def test_the_law_of_what_was_found_reports_a_planted_fault(monkeypatch):
    module = sys.modules["hpsearch.search.unfolding"]
    honest = module.Walk

    def one_generation(tune, told, accepts, first, former):
        if not tune.earlier:
            return honest(tune, told, accepts, 0, former)
        former = unfold(replace(tune.earlier[0], earlier=()), told).asks
        return honest(tune, told, accepts, 0, tuple(ask for ask in former if told.get(ask) is not None))

    monkeypatch.setattr(module, "Walk", one_generation)
    assert unstable(*WHOLE, numbers, [1, 4]) != []


@pytest.mark.parametrize("number", range(0, 9, 2))
def test_what_was_found_has_a_say_in_every_decision_after(number):
    old = Tune(Space(x=Uniform(0, 9)), (Round(9, 1), Round(6, 2)), confirm=None)
    told = finished(old, lambda ask: 0.0)
    top = unfold(old, told).asks[number]
    new = Tune(Space(x=Uniform(-1, 10)), old.rounds, confirm=None, earlier=old)
    first, second = unfold(new, finished(new, lambda ask: 0.0, told=told | {top: 99.0})).rounds
    assert first.asks[first.kept[0]] == top
    assert all(top.point in step.box for step in first.steps if step.kind == "narrowed")
    assert top.point in second.box
    assert top.point in [ask.point for ask in second.asks]


def test_only_finished_runs_as_long_and_inside_the_range_are_found():
    old = Tune(Space(x=Uniform(0, 9)), (Round(9, 1), Round(6, 2)), confirm=None)
    told = finished(old, lambda ask: None if ask.point["x"] < 2 else -abs(ask.point["x"] - 6))
    new = Tune(Space(x=Uniform(1, 6)), (Round(9, 1), Round(6, 3)), confirm=None, earlier=old)
    rounds = unfold(new, finished(new, lambda ask: -ask.point["x"], told=told)).rounds
    fitting = [ask for ask, score in told.items() if ask.epochs == 1 and score is not None and 1 <= ask.point["x"] <= 6]
    assert len(fitting) > 2
    assert sorted(ask.items for ask in rounds[0].asks[: rounds[0].found]) == sorted(ask.items for ask in fitting)
    assert (len(rounds[0].asks), rounds[1].found, len(rounds[1].asks)) == (9 + len(fitting), 0, 6)


def test_without_a_record_a_search_or_launches_that_can_be_read_nothing_is_added(tmp_path):
    asked = Study(question="?", train=train, base=Config(), epochs=2, seeds=1, tune=Tune(Space(rate=Uniform(0.1, 1)), Round(3, 1)))
    record = Record.open(str(tmp_path / "x.db"), create=True)
    assert with_history(None, asked, "mine") is asked
    assert with_history(record, asked, "mine") is asked
    columns = {"study": "mine", "study_hash": "", "study_text": "", "code": "", "provenance": "{}"}
    with record.driver("test") as driver:
        written = to_json(asked)
        for tune in (None, {"is": "somebodys:own"}, {**written["tune"], "seed": 7}):
            driver.launched(**columns, study_json=json.dumps({**written, "tune": tune}))
    (former,) = with_history(record, asked, "mine").tune.earlier
    assert former == replace(asked.tune, seed=7)
    assert with_history(record, asked, "yours") is asked
