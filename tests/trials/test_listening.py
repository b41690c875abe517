"""Nothing of a local run listens beyond this machine, as the system's own list of sockets says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.clusters import waited

LOOPBACK = re.compile(r"(127\.\d+\.\d+\.\d+|\[?::1\]?|\[?::ffff:127\.\d+\.\d+\.\d+\]?):\d+")

STUDY = """
import time
from dataclasses import dataclass
from pathlib import Path
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    a: int = 0

def train(config, seed, epochs, run):
    while not Path("FOLDER/looked").exists():
        time.sleep(0.02)
    yield {"top1": 1.0 + seed}

study = Study(question="?", base=Config(), train=train, epochs=1, seeds=2, vary=ladder(Trick("b", {"a": 1})))
"""


def listening(processes: set[int]) -> list[tuple[str, int]]:
    """Where those processes listen: address with port, and the process."""
    told = subprocess.run(["ss", "-H", "-ltnp"], capture_output=True, text=True, check=True).stdout
    lines = [(line.split()[3], int(number)) for line in told.splitlines() for number in re.findall(r"pid=(\d+)", line)]
    return [(where, number) for where, number in lines if number in processes]


@pytest.mark.skipif(not shutil.which("ss"), reason="ss, of iproute2, is not installed")
def test_a_local_run_listens_to_this_machine_alone(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(STUDY.replace("FOLDER", str(tmp_path)))
    words = ["run", str(tmp_path / "own.py"), "--record", str(tmp_path / "x.db"), "--slots", "2"]
    home = {**os.environ, "HOME": str(tmp_path)}
    out = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen([sys.executable, "-m", "hpsearch", *words], env=home, **out)
    ledger = tmp_path / "trials" / "ledger.jsonl"
    try:
        waited(lambda: driver.poll() is not None or (ledger.exists() and ledger.read_text().count('"start"') == 2), "two trials")
        assert driver.poll() is None
        own = {driver.pid} | {each.pid for each in psutil.Process(driver.pid).children(recursive=True)}
        found = listening(own)
        (tmp_path / "looked").touch()
        assert driver.wait(timeout=120) == 0
    finally:
        driver.kill()
    assert len(found) >= 5, "Ray's servers were not found at all"
    assert [where for where, _ in found if not LOOPBACK.fullmatch(where)] == []
    assert not (tmp_path / ".ray").exists(), "a token was left in a file"


@pytest.mark.parametrize("where", ["*:6379", "0.0.0.0:80", "192.0.2.2:34969", "[::]:22", ":::22"])
def test_the_check_sees_a_door_to_the_network(where: str) -> None:
    assert not LOOPBACK.fullmatch(where)
    assert LOOPBACK.fullmatch("[::ffff:127.0.0.1]:6379")
