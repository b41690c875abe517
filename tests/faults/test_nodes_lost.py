"""Machines of a cluster are lost in the middle of a study: what ran there goes on elsewhere, once, and nothing is lost."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hpsearch.trials.cluster import lost
from tests.clusters import Cluster, waited
from tests.faults.test_driver_killed import check_nothing_ran_twice, done, ledger

STUDY = """
import os
import time
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    number: int = 0

def train(config, seed, epochs, run):
    for epoch in range(len(run.rows), epochs):
        while epoch == 1 and not Path("FOLDER/go").exists():
            time.sleep(0.02)  # the second epoch waits for the fault
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": config.number + 0.01 * seed}

study = Study(question="?", base=Config(), train=train, epochs=3, seeds=4, vary=ladder(Trick("one", {"number": 1})))
"""
FAST = {  # the head takes a silent node for dead after seconds
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(**FAST)
    try:
        for _ in range(3):
            cluster.start()
        yield cluster
    finally:
        cluster.close()


def run(cluster: Cluster, folder: Path, *options: str, study: bool = True) -> subprocess.Popen[str]:
    if study:
        (folder / "study.py").write_text(STUDY.replace("FOLDER", str(folder)))
    command = [sys.executable, "-m", "hpsearch", "run", str(folder / "study.py"), "--record", str(folder / "x.db")]
    return subprocess.Popen(
        [*command, "--address", cluster.address, *options],
        env=cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def starts(folder: Path) -> list[dict]:
    return [line for line in ledger(folder) if line["event"] == "start"]


def waiting_everywhere(folder: Path, nodes: int, trials: int) -> bool:
    """Whether so many trials have sealed their first epoch, on so many nodes."""
    begun = {line["key"] for line in ledger(folder) if line["event"] == "epoch"}
    return len(begun) >= trials and len({line["node"] for line in starts(folder) if line["key"] in begun}) == nodes


def check_one_at_a_time(lines: list[dict]) -> None:
    """No process does anything for a trial after another one has begun with it."""
    newest: dict[str, int] = {}
    for line in lines:
        if line["event"] == "start":
            newest[line["key"]] = line["process"]
        assert newest[line["key"]] == line["process"], f"{line['key']} was trained by two: {line}"


def check_all_done_once(folder: Path, said: str) -> None:
    lines = ledger(folder)
    trials = re.search(r"(\d+) of (\d+) trials done, 0 running, 0 failed", said)
    assert trials, said
    assert trials[1] == trials[2]
    assert len(done(folder)) == len(set(done(folder))) == int(trials[1])
    check_nothing_ran_twice(lines)
    check_one_at_a_time(lines)
    assert "Traceback" not in said, said


def node_of(folder: Path, cluster: Cluster, number: int) -> tuple[str, set[str]]:
    """The id of a node under which the ledger knows it, and the keys of the trials that wait on it."""
    running = {each.pid for each in cluster.processes(number)}
    own = [line for line in starts(folder) if line["process"] in running]
    assert own, "no trial runs on the node that is to be lost"
    ids = {line["node"] for line in own}
    assert len(ids) == 1
    return ids.pop(), {line["key"] for line in own} - set(done(folder))


def test_what_ran_on_a_machine_that_is_lost_goes_on_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    driver = run(cluster, tmp_path)
    try:
        waited(lambda: waiting_everywhere(tmp_path, 3, 6) or driver.poll() is not None, "trials on three nodes")
        lost, keys = node_of(tmp_path, cluster, 2)
        trained = [psutil.Process(line["process"]) for line in starts(tmp_path) if line["node"] == lost]
        cluster.signal(2, signal.SIGKILL, "raylet")
        psutil.wait_procs(trained, timeout=60)
        waited(lambda: cluster.name(2) not in cluster.alive(), "the head to know of it")  # else the study may end before
        (tmp_path / "go").touch()
        said, _ = driver.communicate(timeout=240)
    finally:
        driver.kill()
    assert driver.returncode == 0, said
    check_all_done_once(tmp_path, said)
    again = [line for line in starts(tmp_path) if line["attempt"] == 2]
    assert {line["key"] for line in again} == keys
    assert all(line["node"] != lost and line["after"] == 1 for line in again)
    assert f"the machine {cluster.name(2)} was lost" in said


def test_the_check_sees_a_trial_that_two_train() -> None:
    lines = [{"event": e, "key": "a", "process": p} for e, p in (("start", 1), ("epoch", 1), ("start", 2), ("epoch", 1))]
    with pytest.raises(AssertionError, match="trained by two"):
        check_one_at_a_time(lines)
    check_one_at_a_time(json.loads(json.dumps(lines[:3])))


@pytest.mark.full
@pytest.mark.parametrize("name", ["", "raylet"], ids=["all of it", "its raylet"])
def test_a_machine_that_stands_still_is_replaced_and_wakes_up_to_a_fence(cluster: Cluster, tmp_path: Path, name: str) -> None:
    driver = run(cluster, tmp_path)
    try:
        waited(lambda: waiting_everywhere(tmp_path, 3, 6) or driver.poll() is not None, "trials on three nodes")
        still, keys = node_of(tmp_path, cluster, 2)
        stopped = cluster.signal(2, signal.SIGSTOP, name)
        (tmp_path / "go").touch()  # others end, and what the node had begun with begins in their place
        waited(lambda: any(line["attempt"] == 2 for line in starts(tmp_path)) or driver.poll() is not None, "a second attempt")
        for each in stopped:
            with contextlib.suppress(psutil.Error):
                each.send_signal(signal.SIGCONT)
        said, _ = driver.communicate(timeout=240)
    finally:
        driver.kill()
    assert driver.returncode == 0, said
    check_all_done_once(tmp_path, said)
    again = [line for line in starts(tmp_path) if line["attempt"] == 2]
    assert {line["key"] for line in again} <= keys
    assert all(line["node"] != still for line in again)
    assert name or len(again) == len(keys)  # processes whose raylet alone stands still may end what they do


@pytest.mark.full
def test_a_lost_head_ends_the_run_in_words_and_another_cluster_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    driver = run(cluster, tmp_path)
    second = Cluster()
    try:
        waited(lambda: waiting_everywhere(tmp_path, 3, 6) or driver.poll() is not None, "trials on three nodes")
        cluster.signal(0, signal.SIGKILL)  # the head's machine, with its server
        said, _ = driver.communicate(timeout=90)
        assert (driver.returncode, said.strip().splitlines()[-1]) == (69, f"hpsearch: {lost(cluster.address)}")
        assert "Traceback" not in said, said
        second.start()
        before = len(starts(tmp_path))
        again = run(second, tmp_path)
        waited(lambda: len(starts(tmp_path)) >= before + 2 or again.poll() is not None, "trials on the second cluster")
        (tmp_path / "go").touch()  # machines of the first one may still wait for it too: what they wake up to is the fence
        said, _ = again.communicate(timeout=200)
        assert again.returncode == 0, said
    finally:
        second.close()
        driver.kill()
    check_all_done_once(tmp_path, said)
    assert all(line["after"] == 1 for line in starts(tmp_path)[before : before + 2])
