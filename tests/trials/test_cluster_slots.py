"""How many trials run at a time on a cluster: more would only be jobs that wait, and a trial of a lost machine stood behind them."""

from typing import Any

import pytest

from hpsearch.trials import cluster
from hpsearch.trials.session import Resources


def node(address: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "NodeManagerHostname": "h", "NodeManagerAddress": address, "NodeID": address, "Resources": resources}


NODES = [node("1", CPU=8, GPU=2), node("2", CPU=5), node("3", CPU=0, memory=1e9), node("4", alive=False, CPU=64)]


@pytest.mark.parametrize(
    ("cpus", "gpus", "asked", "slots"),
    [(1, 0, 0, 13), (2, 0, 0, 6), (8, 0, 0, 1), (1, 1, 0, 2), (1, 0.25, 0, 8), (1, 0, 3, 3), (1, 0, 40, 40), (64, 0, 0, 1)],
)
def test_as_many_as_fit_on_each_machine_or_as_were_asked_for(cpus, gpus, asked, slots, monkeypatch) -> None:
    monkeypatch.setattr(cluster.ray, "nodes", lambda: NODES)
    assert cluster.slots(Resources(cpus, gpus, asked)) == slots


def test_machines_on_which_no_trial_fits_need_not_share_the_folder(monkeypatch) -> None:
    monkeypatch.setattr(cluster.ray, "nodes", lambda: NODES)
    assert list(cluster.machines(Resources(1, 0, 0))) == ["h (1)", "h (2)"]
