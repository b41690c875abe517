"""What a session says of its study: epochs left, warnings."""

import contextlib
from pathlib import Path

import pytest
from rich.console import Console

from hpsearch import Choice, Round, Space, Study, Tune
from hpsearch.cli import terminal
from hpsearch.results.record import Record
from hpsearch.trials.here import run_here
from hpsearch.trials.session import Resources, Session
from tests.trials import helpers
from tests.trials.helpers import Config

EPOCHS, POINTS = 5, 6
WHOLE = EPOCHS * (POINTS + 1)  # of the search's points and of the one seed that is measured


class Killed(BaseException):
    pass


def study(**changes: object) -> Study:
    tune = Tune(Space(rate=Choice(*(n / 10 for n in range(POINTS)))), Round(points=POINTS, epochs=EPOCHS), confirm=None)
    return Study(
        **{"question": "?", "base": Config(), "train": helpers.counting, "tune": tune, "seeds": 1, "epochs": EPOCHS, **changes}
    )


def left_after_each_row(folder: Path, asked: Study, rows: int | None = None) -> list[tuple[int, int]]:
    """Trials done and epochs left, each time something was told; killed after so many rows."""
    told: list[tuple[int, int]] = []
    record = Record.open(str(folder / "x.db"), create=True)
    with record.driver("test") as driver:

        def watch(session: Session) -> None:
            told.append((len(session.scores), session.epochs_left))
            if rows is not None and sum(session.epochs.values()) >= rows:
                raise Killed

        with contextlib.suppress(Killed):
            run_here(Session(driver, asked, Resources(1, 0, 1), folder / "cache", watch))
    return told


def test_epochs_left_count_down_to_none(tmp_path: Path) -> None:
    left = [epochs for _, epochs in left_after_each_row(tmp_path, study())]
    assert left[0] == WHOLE
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


@pytest.mark.parametrize("rows", [3, 11, 17])
def test_after_a_resume_the_epochs_that_stand_in_the_record_are_not_left(tmp_path: Path, rows: int) -> None:
    left_after_each_row(tmp_path, study(), rows)
    done, left = left_after_each_row(tmp_path, study())[0]
    assert (done, left) == (rows // EPOCHS, WHOLE - EPOCHS * (rows // EPOCHS))


def test_a_trial_that_failed_early_leaves_nothing(tmp_path: Path) -> None:
    left = [epochs for _, epochs in left_after_each_row(tmp_path, study(train=helpers.raising))]
    assert left[-1] == 0
    assert sorted(set(left), reverse=True)[:3] == [WHOLE, WHOLE - 1, WHOLE - EPOCHS]  # one row, then the error


def test_the_time_left_follows_the_epochs_and_is_not_said_where_nothing_is_left(tmp_path: Path, monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    left_after_each_row(tmp_path, study(), 2 * EPOCHS)
    watching, lines = terminal.Watching(Console(quiet=True)), []
    record = Record.open(str(tmp_path / "x.db"))
    with record.driver("test") as driver:

        def watch(session: Session) -> None:
            clock[0] = 60.0 * sum(session.epochs.values())  # a minute for each
            lines.append(watching.line(session))

        session = Session(driver, study(), Resources(1, 0, 1), tmp_path / "cache", watch)
        run_here(session)
        lines.append(watching.line(session))
    first = next(line for line in lines if line.startswith("3 of 7"))
    assert first.endswith(", about 20 min 0 s left")  # four trials of five epochs
    assert " left" not in lines[-1]


def test_a_metric_that_the_first_row_lacks_is_named_before_the_trials_fail(tmp_path: Path) -> None:
    told: list[list[str]] = []
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(
            driver, study(metric="top"), Resources(1, 0, 1), tmp_path, lambda session: told.append(session.warnings[:])
        )
        with pytest.raises(Exception, match="has no metric 'top'"):
            run_here(session)
    assert "the first row has no metric 'top', which the study scores (did you mean 'top1'?)" in session.warnings[0]
    assert told[1] == session.warnings
    assert len(session.warnings) == 1


def test_trials_that_no_executor_runs_any_more_go_first_and_in_their_order(tmp_path: Path) -> None:
    """A life of Ray that ended leaves several running: they are handed out again as they were, before all others."""
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, study(), Resources(1, 0, 3), tmp_path / "cache", lambda session: None)
        first = [session.ask().trial.key for _ in range(3)]
        session.requeue()
        assert session.running == {}
        again = [session.ask().trial.key for _ in range(POINTS)]
    assert len(set(first)) == 3
    assert again[:3] == first
    assert len(set(again)) == POINTS
