"""A process that was taken for dead and wakes up writes nothing over the one that replaced it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch.study import Limits
from hpsearch.trials.fence import Fence, Superseded
from hpsearch.trials.supervisor import Supervisor, packed
from hpsearch.trials.worker import perform, sealed_result
from tests.trials.helpers import Config, job


def replaced(config: Config, seed: int, epochs: int, run: Any) -> Iterator[dict[str, float]]:
    """Another attempt begins in its second epoch."""
    for epoch in range(1, epochs + 1):
        if epoch == 2:
            Fence(run.folder, 1)
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(epoch)}


def replaced_at_the_end(config: Config, seed: int, epochs: int, run: Any) -> None:
    for epoch in range(1, epochs + 1):
        run.report({"top1": float(epoch)})
    Fence(run.folder, 1)


def test_an_attempt_that_was_replaced_seals_no_checkpoint_and_no_result(tmp_path: Path) -> None:
    told: list[int] = []
    asked = job(tmp_path)
    with pytest.raises(Superseded):
        perform(asked, replaced, lambda epoch, row: told.append(epoch))
    assert told == [1]
    assert sorted(path.name for path in asked.home.glob("checkpoint-*")) == ["checkpoint-000001", "checkpoint-000001.json"]
    assert sealed_result(asked.folder, asked.trial.key) is None


def test_nor_at_its_very_end(tmp_path: Path) -> None:
    asked = job(tmp_path)
    with pytest.raises(Superseded):
        perform(asked, replaced_at_the_end, lambda epoch, row: None)
    assert sealed_result(asked.folder, asked.trial.key) is None


def test_its_supervisor_does_not_try_it_again(tmp_path: Path) -> None:
    asked = job(tmp_path)
    supervisor = Supervisor(packed(replaced), Limits())
    try:
        with pytest.raises(Superseded):
            supervisor.run(asked, lambda epoch, row: None)
    finally:
        supervisor.close()
    assert (asked.home / "attempts").read_text().split() == ["1", "1"]  # its own, and the one that replaced it
