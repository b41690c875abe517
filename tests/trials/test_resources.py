"""What a trial may be given: refused where the machine, or a training, could not use it."""

import pytest

from hpsearch.errors import Refused
from hpsearch.trials import launch


@pytest.mark.parametrize(("here", "address"), [(True, None), (False, None), (False, "auto")])
@pytest.mark.parametrize("gpus", [2, 1.5, 64])
def test_more_than_one_gpu_is_refused_however_many_there_are(monkeypatch, gpus, here, address):
    monkeypatch.setattr(launch, "local_gpus", lambda: 8)
    with pytest.raises(Refused, match=f"trains on one GPU, got --gpus {gpus:g}: .* take --gpus 1, and --slots"):
        launch.resources(1, gpus, None, here, address)


@pytest.mark.parametrize("gpus", [1, 0.25, 0])
def test_one_gpu_or_a_part_of_it_is_granted(monkeypatch, gpus):
    monkeypatch.setattr(launch, "local_gpus", lambda: 8)
    assert launch.resources(1, gpus, 1, False, None).gpus == gpus


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(launch, "local_gpus", lambda: 0)
    with pytest.raises(Refused, match="a trial is to have 1 GPUs and this machine has 0"):
        launch.resources(1, 1, None, False, None)
