"""What goes wrong outside a trial is never its result, whatever its training function catches: it passes through, and the trial goes on later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch.errors import Unanswered
from hpsearch.protocol import Row, Run
from hpsearch.trials.worker import perform, sealed_result
from tests.trials.helpers import Config, counting, job


def saved(run: Run, epoch: int) -> dict[str, float]:
    with run.saving() as path:
        path.write_text(str(epoch))
    return {"top1": float(epoch)}


def reporting(config: Config, seed: int, epochs: int, run: Run) -> None:
    for epoch in range(len(run.rows) + 1, epochs + 1):
        run.report(saved(run, epoch))


def swallowing(config: Config, seed: int, epochs: int, run: Run) -> None:
    for epoch in range(len(run.rows) + 1, epochs + 1):
        try:
            run.report(saved(run, epoch))
        except Exception:
            continue


def swallowing_all(config: Config, seed: int, epochs: int, run: Run) -> None:
    for epoch in range(len(run.rows) + 1, epochs + 1):
        try:
            run.report(saved(run, epoch))
        except BaseException:
            continue


def giving_up(config: Config, seed: int, epochs: int, run: Run) -> None:
    try:
        reporting(config, seed, epochs, run)
    except Exception:
        return


def raising_its_own(config: Config, seed: int, epochs: int, run: Run) -> None:
    try:
        reporting(config, seed, epochs, run)
    except Exception:
        raise ValueError("the logger broke") from None


def cleaning_up(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, Any]]:
    try:
        yield from counting(config, seed, epochs, run)
    finally:
        raise ValueError("and the clean-up broke as well")


@pytest.mark.parametrize("train", [counting, reporting, swallowing, swallowing_all, giving_up, raising_its_own, cleaning_up])
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_record_that_does_not_answer_is_no_result_of_the_trial(tmp_path: Path, train: Any, epoch: int) -> None:
    outage = Unanswered("the record has not answered for 600 s")

    def tell(told: int, row: Row) -> None:
        if told == epoch:
            raise outage

    with pytest.raises(Unanswered) as raised:
        perform(job(tmp_path), train, tell)
    assert raised.value is outage
    assert sealed_result(tmp_path, job(tmp_path).trial.key) is None
    told: list[int] = []
    result = perform(job(tmp_path, term=2), train, lambda number, row: told.append(number))
    assert (result.state, [row["top1"] for row in result.rows]) == ("complete", [1.0, 2.0, 3.0])
    assert told == [1, 2, 3]
