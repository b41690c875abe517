"""The best score that the closing line of a run names: the largest or the smallest, as the study's goal has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch import Choice, Round, Space, Study, Tune
from hpsearch.results.record import Record
from hpsearch.trials.here import run_here
from hpsearch.trials.session import Resources, Session
from tests.trials.helpers import Config

RATES = (0.3, 0.1, 0.2)


def scoring(config: Config, seed: int, epochs: int, run: object) -> Iterator[dict[str, float]]:
    yield {"loss": config.rate}


@pytest.mark.parametrize(("goal", "best"), [("maximise", max(RATES)), ("minimise", min(RATES))])
def test_the_best_score_is_the_best_in_the_direction_of_the_metric(tmp_path: Path, goal: str, best: float) -> None:
    tune = Tune(Space(rate=Choice(*RATES)), Round(points=3, epochs=1), confirm=None)
    asked = Study(question="?", base=Config(), train=scoring, metric="loss", goal=goal, tune=tune, seeds=1, epochs=1)
    record = Record.open(str(tmp_path / "x.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, asked, Resources(1, 0, 1), tmp_path / "cache", lambda session: None)
        assert session.best is None
        run_here(session)
    assert session.best == best
