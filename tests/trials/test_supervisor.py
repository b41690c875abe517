"""What a training does to its process costs its own trial only, and is told as it was."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest

from hpsearch.results.record import Result
from hpsearch.study import Limits
from hpsearch.study.limits import DEFAULT
from hpsearch.trials.child import STACK
from hpsearch.trials.supervisor import Supervisor, memory
from hpsearch.trials.worker import sealed_result
from tests.trials import misbehaving
from tests.trials.helpers import Config, counting, job


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """Runs a trial of a kind under one supervisor per training function and limits."""
    kept: dict[Any, Supervisor] = {}

    def run(train: Callable, kind: str = "good", limits: Limits = DEFAULT, seed: int = 0, fresh: bool = False, epochs: int = 3):
        one = kept.setdefault((train, fresh), Supervisor(cloudpickle.dumps(train), limits, fresh))
        told: list[int] = []
        result = one.run(job(tmp_path, Config(kind=kind), epochs, seed), lambda epoch, row: told.append(epoch))
        assert told[-len(result.rows) :] == list(range(1, len(result.rows) + 1))
        assert sealed_result(tmp_path, result.key) == result
        return result

    yield run
    for each in kept.values():
        each.close()


def test_rows_and_result_are_those_of_the_same_trial_in_this_process(supervised, tmp_path) -> None:
    from hpsearch.trials.worker import perform

    here = perform(job(tmp_path / "here"), counting, lambda epoch, row: None)
    apart = supervised(counting)
    assert (apart.rows, apart.state, apart.attempts) == (here.rows, "complete", 1)


@pytest.mark.parametrize("how", misbehaving.HANGS)
def test_a_training_that_hangs_once_is_ended_and_goes_on_from_its_checkpoint(how, supervised) -> None:
    result = supervised(misbehaving.hanging, how, Limits(silence=4))  # longer than a loaded machine ever stalls
    assert (result.state, result.attempts) == ("complete", 2)
    processes = [row["process"] for row in result.rows]
    assert processes[0] != processes[1] == processes[2]  # epoch 1 was not trained again


@pytest.mark.parametrize("how", ["sleep", "hold the lock"])
def test_one_that_always_hangs_fails_with_the_place_where_it_stood(how, supervised, tmp_path) -> None:
    result = supervised(misbehaving.hanging, f"{how}, always", Limits(silence=2))
    assert (result.state, result.fault, result.attempts) == ("failed", "silence", 3)
    assert "its worker died 3 times; the last time, nothing was heard of it for 2 s, its limit, after epoch 1" in result.reason
    assert misbehaving.HANGS[how].__name__ in result.detail
    assert (job(tmp_path, Config(kind=f"{how}, always")).home / STACK).is_file()


def test_memory_beyond_its_limit_fails_the_trial_at_once(supervised) -> None:
    result = supervised(misbehaving.growing, limits=Limits(memory="600MB"))
    assert (result.state, result.fault, result.attempts, len(result.rows)) == ("failed", "memory", 1, 1)
    said = re.fullmatch(r"out of memory: it took ([0-9.]+) GB after epoch 1, and its limit is 0\.6 GB", result.reason)
    assert said
    assert 0.6 < float(said[1]) < 3  # it would have taken 4


def test_time_beyond_its_limit_fails_the_trial_at_once(supervised) -> None:
    result = supervised(misbehaving.hanging, "sleep, always", Limits(time=2))
    assert (result.state, result.fault, result.attempts) == ("failed", "time", 1)
    assert result.reason == "it took longer than its limit of 2 s and had told epoch 1"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("exit 0", "its process ended with exit code 0 after epoch 1"),
        ("exit 3", "its process ended with exit code 3 after epoch 1"),
        ("segfault", "its process was ended by signal 11 (SIGSEGV) after epoch 1"),
        ("abort", "its process was ended by signal 6 (SIGABRT) after epoch 1"),
        ("kill", "its process was ended by signal 9 (SIGKILL), which the system sends when memory runs out, after epoch 1"),
        ("closes all files", "after epoch 1"),
        ("leaves a child", "its process ended with exit code 4 after epoch 1"),
    ],
)
def test_a_crash_is_a_failed_trial_that_says_how_it_ended(kind, said, supervised) -> None:
    result = supervised(misbehaving.crashing, kind, epochs=2)
    assert (result.state, result.fault, result.attempts) == ("failed", "died", 3)
    assert result.reason.startswith("its worker died 3 times; the last time, ")
    assert said in result.reason


def test_a_process_is_kept_for_the_next_trial_and_finds_nothing_of_the_last(supervised) -> None:
    supervised(misbehaving.leaving, "good", epochs=2)  # imports what a process that is kept imports at its start
    first = supervised(misbehaving.leaving, "all that can be set", seed=1, epochs=2)
    kept = supervised(misbehaving.leaving, "good", seed=2, epochs=2)
    fresh = supervised(misbehaving.leaving, "good", seed=3, epochs=2, fresh=True)
    rows = [dict(each.rows[0]) for each in (first, kept, fresh)]
    drawn = [row.pop("drawn") for row in rows]
    processes = [row.pop("process") for row in rows]
    assert rows[0] == rows[1] == rows[2]
    assert processes[0] == processes[1] != processes[2]
    assert len({tuple(each) for each in drawn}) == 3  # every seed draws its own


def test_one_seed_draws_the_same_in_a_kept_and_in_a_fresh_process(supervised, tmp_path) -> None:
    supervised(misbehaving.leaving, "all that can be set", epochs=2)
    kept = supervised(misbehaving.leaving, "good", seed=5, epochs=2).rows[0]["drawn"]
    (job(tmp_path, Config(), 2, 5).home / "result.json").unlink()
    assert supervised(misbehaving.leaving, "good", seed=5, epochs=2, fresh=True).rows[0]["drawn"] == kept


def test_what_cannot_be_set_again_ends_the_process(supervised) -> None:
    supervised(misbehaving.leaving, epochs=2)
    rows = [supervised(misbehaving.leaving, kind, seed=1, epochs=2).rows[0] for kind in ("a thread", "good")]
    assert rows[0]["process"] != rows[1]["process"]
    assert rows[0]["threads"] == rows[1]["threads"] == 1


def test_a_function_that_cannot_be_read_there_fails_with_the_reason(tmp_path) -> None:
    class Unreadable:
        def __reduce__(self):
            return (__import__, ("a_module_that_is_not_there",))

    supervisor = Supervisor(cloudpickle.dumps(Unreadable()), Limits())
    result = supervisor.run(job(tmp_path), lambda epoch, row: None)
    supervisor.close()
    assert (result.state, result.attempts) == ("failed", 1)
    assert "cannot be read in a process of its own: ModuleNotFoundError: No module named" in result.reason


def test_what_telling_raises_is_no_result_and_ends_the_process(tmp_path) -> None:
    def tell(epoch: int, row: object) -> None:
        raise ConnectionError("the record does not answer")

    supervisor = Supervisor(cloudpickle.dumps(counting), Limits())
    with pytest.raises(ConnectionError):
        supervisor.run(job(tmp_path), tell)
    assert sealed_result(tmp_path, job(tmp_path).trial.key) is None
    assert not psutil.Process().children(recursive=True)


ORPHAN = """
import sys
from pathlib import Path
import cloudpickle
from hpsearch.study import Limits
from hpsearch.study.limits import DEFAULT
from hpsearch.trials.supervisor import Supervisor
from tests.trials import misbehaving
from tests.trials.helpers import Config, job
folder = Path(sys.argv[1])
Supervisor(cloudpickle.dumps(misbehaving.hanging), Limits()).run(
    job(folder, Config(kind="hold the lock, always")), lambda epoch, row: print(int(row["process"]), flush=True)
)
"""


def test_the_process_that_trains_dies_with_its_supervisor(tmp_path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as supervisor:
        assert supervisor.stdout
        trains = psutil.Process(int(supervisor.stdout.readline()))
        assert trains.ppid() == supervisor.pid
        os.kill(supervisor.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while trains.is_running() and trains.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between looks at the condition


def test_memory_counts_what_a_training_starts_and_shared_pages_once() -> None:
    block = bytearray(os.urandom(1)) * 200_000_000
    before = memory(os.getpid())
    pids = []
    for _ in range(3):  # which share the block with us
        if not (pid := os.fork()):
            signal.pause()
        pids.append(pid)
    try:
        assert memory(os.getpid()) < before + 150_000_000
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert len(block) == 200_000_000
