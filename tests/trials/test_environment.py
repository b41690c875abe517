"""What the environment says is looked at before it is believed."""

import os
import tempfile
from pathlib import Path

import pytest

from hpsearch.errors import Refused
from hpsearch.kept import cache_folder
from hpsearch.trials import launch, on_ray
from hpsearch.trials.launch import Options, check_gpu, local_gpus, resources, unused_cluster


@pytest.fixture
def devices(tmp_path, monkeypatch):
    """A machine with the devices that are named."""
    monkeypatch.setattr(launch, "DEVICES", tmp_path)
    return lambda *names: [(tmp_path / name).touch() for name in names]


@pytest.mark.parametrize(
    "visible", [None, "", "0", "0,1", "NoDevFiles", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "-1", "x", " "]
)
def test_a_machine_without_a_gpu_trains_on_the_cpu(visible, devices, monkeypatch):
    devices("nvidiactl", "null")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local_gpus() == 0
    assert resources(1, None, None, True, None).device == "cpu"
    with pytest.raises(Refused, match=r"a trial asks for 1 GPUs and this machine has 0"):
        resources(1, 1, None, True, None)


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        (None, 2),
        ("", 0),
        ("0", 1),
        ("1,0", 2),
        ("0,5", 1),
        ("5,0", 0),
        ("NoDevFiles", 0),
        ("GPU-8932f937", 1),
        ("0,-1,1", 1),
        (" 1 ", 1),
    ],
)
def test_gpus_are_those_that_cuda_counts(visible, seen, devices, monkeypatch):
    devices("nvidia0", "nvidia1", "nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local_gpus() == seen


def test_a_gpu_that_torch_cannot_use_is_refused_once(tmp_path, monkeypatch):
    from hpsearch.study.file import read
    from hpsearch.training import devices as found

    path = tmp_path / "mine.py"
    path.write_text(
        "from hpsearch import Study, ladder\nfrom hpsearch.training import Recipe, digits\nfrom hpsearch.tricks.he2019 import cosine\n"
        "study = Study(question='?', base=Recipe(data=digits(), epochs=1, stem='small'), vary=ladder(cosine), seeds=2)\n"
    )
    monkeypatch.setattr(found, "gpus", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-gone")
    options = Options(str(tmp_path / "h.db"), None, tmp_path, True, None, launch.Resources(1, 1, 1), False)
    with pytest.raises(Refused, match=r"PyTorch can use none, with CUDA_VISIBLE_DEVICES=GPU-gone: give --gpus 0"):
        launch.run(read(path), options, lambda session: None)
    assert not (tmp_path / "h.db").exists()
    monkeypatch.setattr(found, "gpus", lambda: 1)
    check_gpu(read(path), options)


def test_a_cluster_named_only_in_the_environment_is_not_joined_in_silence(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert unused_cluster(None) == "RAY_ADDRESS=10.0.0.1:6379 is not used: give --address to run on that cluster"
    assert unused_cluster("h:1") == "RAY_ADDRESS=10.0.0.1:6379 is not used: --address h:1 is"
    assert unused_cluster("auto") == unused_cluster("10.0.0.1:6379") == ""
    monkeypatch.setenv("RAY_ADDRESS", "")
    assert unused_cluster(None) == ""


def test_a_long_temporary_folder_is_not_used_for_sockets(monkeypatch):
    for name in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    assert on_ray.short_folder() is None
    longest = "/" + "x" * (on_ray.LONGEST - 1)
    monkeypatch.setenv("TMPDIR", longest)
    assert on_ray.short_folder() is None
    assert len(longest) + len("/ray/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store_0") == 107
    monkeypatch.setenv("TMPDIR", longest + "x")
    assert on_ray.short_folder() == "/tmp/ray"
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(Refused, match=rf"^TMPDIR has {on_ray.LONGEST + 1} characters, and Ray's sockets have room for"):
        on_ray.short_folder()
    monkeypatch.setenv("RAY_TMPDIR", "/" + "ü" * 60)
    with pytest.raises(Refused, match=r"^RAY_TMPDIR has 121 characters"):
        on_ray.short_folder()


def test_nobodys_home_is_said(monkeypatch):
    for name in ("HPSEARCH_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder().name == "hpsearch"

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(Refused, match=r"there is no home directory to keep decoded data in: set HPSEARCH_CACHE"):
        cache_folder()
    assert tempfile.gettempdir()
