"""A cluster whose machines do not see the same trials' folder is refused before anything is trained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.trials import shared
from tests.clusters import Cluster
from tests.faults.test_driver_killed import ledger
from tests.faults.test_nodes_lost import run, starts

HIDDEN = 'mount -t tmpfs none "$1" && shift && exec "$@"'  # a folder of a machine's own in the place of ours


def hiding(folder: Path) -> list[str]:
    """A command that starts another one which sees its own empty folder there."""
    return ["unshare", "--mount", "sh", "-c", HIDDEN, "sh", str(folder)]


def may_mount(folder: Path) -> bool:
    """Whether this machine lets us have mounts of our own."""
    if sys.platform != "linux" or os.geteuid():
        return False
    return subprocess.run([*hiding(folder), "true"], capture_output=True, check=False).returncode == 0


def test_a_machine_sees_the_file_that_another_one_left(tmp_path: Path) -> None:
    with shared.marked(tmp_path / "trials") as name:
        assert shared.fault(tmp_path / "trials", name) == ""
        assert "does not see the trials' folder" in shared.fault(tmp_path / "other", name, seconds=0)
    assert list((tmp_path / "trials").iterdir()) == []


def test_a_folder_of_its_own_is_seen(tmp_path: Path) -> None:
    """The same path, another filesystem."""
    if not may_mount(tmp_path):
        pytest.skip("mounting is not allowed here")
    look = "import sys; from pathlib import Path; from hpsearch.trials.shared import fault; print(fault(Path(sys.argv[1]), sys.argv[2], 0))"
    with shared.marked(tmp_path) as name:
        command = [*hiding(tmp_path), sys.executable, "-c", look, str(tmp_path), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(
        f"does not see the trials' folder {tmp_path}: give a path that all machines share with --folder"
    )


@pytest.mark.full
def test_machines_need_the_trials_folder_and_nothing_else_of_the_drivers(tmp_path: Path) -> None:
    """First a node without the driver's temporary folder, which trains; then one without the trials' folder, which is refused."""
    if not may_mount(tmp_path):
        pytest.skip("mounting is not allowed here")
    own, trials = tmp_path / "own", tmp_path / "trials"
    own.mkdir()
    trials.mkdir()
    (tmp_path / "go").touch()
    cluster = Cluster()
    cluster.environment["TMPDIR"] = str(own)
    try:
        cluster.start(cpus=1)
        cluster.start(*hiding(own), cpus=1)
        said, _ = (driver := run(cluster, tmp_path)).communicate(timeout=200)
        assert driver.returncode == 0, said
        assert len({line["node"] for line in starts(tmp_path)}) == 2
        before = len(ledger(tmp_path))
        cluster.start(*hiding(trials))
        study = tmp_path / "study.py"
        study.write_text(study.read_text().replace("seeds=4", "seeds=5"))
        said, _ = (driver := run(cluster, tmp_path, study=False)).communicate(timeout=200)
    finally:
        cluster.close()
    assert driver.returncode == 2, said
    assert (
        f"({cluster.name(2)}) does not see the trials' folder {trials}: give a path that all machines share with --folder" in said
    )
    assert "Traceback" not in said
    assert len(ledger(tmp_path)) == before, "something was trained"
    assert [each.name for each in trials.glob(".shared-*")] == []
