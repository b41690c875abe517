"""How many trials run at once, and what each gets."""

import pytest

from hpsearch.errors import Refused
from hpsearch.trials import launch


def machine(monkeypatch: pytest.MonkeyPatch, cores: int, cards: int) -> None:
    monkeypatch.setattr(launch, "local_cores", lambda: cores)
    monkeypatch.setattr(launch, "local_gpus", lambda: cards)


@pytest.mark.parametrize(
    ("cores", "cards", "cpus", "gpus", "slots", "share"),
    [
        (16, 2, 1, None, 2, 1),  # a whole GPU each, so as many as there are GPUs
        (16, 2, 1, 0.25, 8, 0.25),
        (16, 2, 4, 0.25, 4, 0.25),  # now the cores are fewer
        (16, 2, 1, 0, 16, 0),
        (16, 0, 1, None, 16, 0),
        (16, 4, 1, 1, 4, 1),
        (3, 8, 2, None, 1, 1),
        (16, 1, 1, 0.4, 2, 0.4),
    ],
)
def test_as_many_slots_as_cores_and_gpus_hold(monkeypatch, cores, cards, cpus, gpus, slots, share) -> None:
    machine(monkeypatch, cores, cards)
    found = launch.resources(cpus, gpus, None, False, None)
    assert (found.slots, found.gpus, found.device) == (slots, share, "cuda" if share else "cpu")
    assert found.slots * found.gpus <= cards
    assert found.slots * found.cpus <= cores
    assert launch.resources(cpus, gpus, None, True, None).slots == 1
    assert launch.resources(cpus, gpus, 1, False, None).slots == 1


def test_a_gpu_that_is_not_there_is_refused(monkeypatch) -> None:
    machine(monkeypatch, 16, 0)
    with pytest.raises(Refused, match="a trial asks for 1 GPUs and this machine has 0"):
        launch.resources(1, 1, None, False, None)


@pytest.mark.parametrize(("here", "address"), [(True, None), (False, None), (False, "auto")])
@pytest.mark.parametrize("gpus", [2, 1.5, 64])
def test_more_than_one_gpu_is_refused_however_many_there_are(monkeypatch, gpus, here, address) -> None:
    machine(monkeypatch, 16, 8)
    with pytest.raises(Refused, match=f"trains on one GPU, got --gpus {gpus:g}: .* use --gpus 1, and --slots"):
        launch.resources(1, gpus, None, here, address)
