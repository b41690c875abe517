"""docs/slurm.sh with stand-ins for what SLURM has: stopped in the middle it is requeued, and the next job goes on."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.clusters import Cluster, waited
from tests.docs.commands import DOCS, commands
from tests.faults.test_driver_killed import check_nothing_ran_twice, done, ledger
from tests.faults.test_nodes_lost import STUDY, check_one_at_a_time, starts

SCRIPT = DOCS / "slurm.sh"
SRUN = """#!/bin/sh
echo "$@" >> "$SEEN/srun"
while case "$1" in --*) true;; *) false;; esac; do shift; done
case "$1" in hostname) echo 127.0.0.2;; *) exec "$@";; esac
"""
SCONTROL = """#!/bin/sh
echo "$@" >> "$SEEN/scontrol"
case "$1" in show) printf '%s\\n' n1 n2 n3;; esac
"""


def test_it_is_a_script_that_bash_reads_and_asks_to_be_told_before_its_end() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    asked = [line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith("#SBATCH")]
    assert {"--requeue", "--signal=B:TERM@120", "--nodes=3", "--dependency=singleton"} <= set(asked)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_job_that_is_stopped_goes_on_in_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(STUDY.replace("FOLDER", str(tmp_path)))
    seen = tmp_path / "seen"
    seen.mkdir()
    path = f"{commands(tmp_path / 'bin', srun=SRUN, scontrol=SCONTROL)}:{os.environ['PATH']}"
    runs = tmp_path / "runs"

    def job(number: int, cluster: Cluster) -> subprocess.Popen[str]:
        slurm = {"SLURM_JOB_ID": str(number), "SLURM_JOB_NODELIST": "n[1-3]", "SLURM_CPUS_PER_TASK": "2", "SEEN": str(seen)}
        kept = {name: value for name, value in cluster.marked.items() if not name.startswith("RAY_AUTH")}
        return subprocess.Popen(
            ["bash", str(SCRIPT), "study.py"],
            cwd=tmp_path,
            env={**kept, **slurm, "PATH": path, "RAY_TMPDIR": str(cluster.folder), "TMPDIR": str(cluster.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    clusters = [Cluster(), Cluster()]
    number = os.getpid() % 20000  # from which the script takes its port
    try:
        first = job(number, clusters[0])
        waited(lambda: len({line["node"] for line in starts(runs)}) == 3 or first.poll() is not None, "trials on three nodes", 200)
        first.send_signal(signal.SIGTERM)
        said, _ = first.communicate(timeout=120)
        assert (first.returncode, (seen / "scontrol").read_text().splitlines()[-1]) == (143, f"requeue {number}"), said
        assert (runs / "hpsearch.db").is_file()
        clusters[0].close()
        before = len(done(runs))
        (tmp_path / "go").touch()
        second = job(number, clusters[1])
        said, _ = second.communicate(timeout=240)
        assert second.returncode == 0, said
    finally:
        for cluster in clusters:
            cluster.close()
    assert before < 8 == len(done(runs)) == len(set(done(runs)))
    check_nothing_ran_twice(ledger(runs))
    check_one_at_a_time(ledger(runs))
    assert (runs / "study.html").is_file()
    assert sum("ray start" in line for line in (seen / "srun").read_text().splitlines()) == 6
    assert "Traceback" not in said
