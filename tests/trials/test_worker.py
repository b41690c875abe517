"""One trial: what is sealed when, what a broken or stopped training function leaves, how it goes on."""

import hashlib
import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from hpsearch.errors import Refused
from hpsearch.search import Divergence
from hpsearch.trials.attempt import Attempt
from hpsearch.trials.sealed import read_json, write_json
from hpsearch.trials.surplus import SURPLUS
from hpsearch.trials.worker import ATTEMPTS, ask_to_stop, perform, sealed_result
from tests.trials import helpers
from tests.trials.helpers import Config, counting, job


class Stop(BaseException):
    """The process is gone: nothing of ours may catch it."""


def ledger(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def stopped_after(epoch: int):
    def tell(told: int, row: object) -> None:
        if told == epoch:
            raise Stop

    return tell


def test_a_finished_trial_is_sealed_with_all_its_rows(tmp_path: Path) -> None:
    told = []
    result = perform(job(tmp_path), counting, lambda epoch, row: told.append((epoch, row)))
    assert result.state == "complete"
    assert told == [(n, {"top1": n, "curve": [n, 0]}) for n in (1, 2, 3)]
    assert sealed_result(tmp_path, result.key) == result
    assert [path.name for path in job(tmp_path).home.glob("checkpoint-*")] == []


def test_a_finished_trial_is_not_run_again(tmp_path: Path) -> None:
    first = perform(job(tmp_path), counting, lambda epoch, row: None)
    assert perform(job(tmp_path), helpers.raising, lambda epoch, row: None) == first


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_killed_trial_goes_on_after_the_last_sealed_epoch(tmp_path: Path, epoch: int) -> None:
    with pytest.raises(Stop):
        perform(job(tmp_path, epochs=4), counting, stopped_after(epoch))
    told = []
    result = perform(job(tmp_path, epochs=4, term=2), counting, lambda n, row: told.append(n))
    assert [row["top1"] for row in result.rows] == [1, 2, 3, 4]
    assert told == [1, 2, 3, 4]  # sealed rows are told again, so that the record misses none
    assert next(line["after"] for line in reversed(ledger(tmp_path)) if line["event"] == "start") == epoch


def asking(folder: Path, asked: int, at: int):
    def tell(epoch: int, row: object) -> None:
        if epoch == at:
            ask_to_stop(folder, job(folder).trial.key, asked, "too slow")

    return tell


def test_a_trial_asked_to_stop_ends_after_its_epoch_with_the_rows_it_has(tmp_path: Path) -> None:
    result = perform(job(tmp_path), counting, asking(tmp_path, asked=2, at=2))
    assert (result.state, result.fault, result.reason) == ("stopped", "stopped", "too slow")
    assert [row["top1"] for row in result.rows] == [1, 2]
    assert sealed_result(tmp_path, result.key) == result
    assert perform(job(tmp_path, term=2), counting, lambda epoch, row: None) == result
    assert [path.name for path in job(tmp_path).home.glob("checkpoint-*")] == []


@pytest.mark.parametrize(("asked", "at", "rows"), [(1, 2, 2), (2, 1, 2), (3, 1, 3), (3, 3, 3), (1, 3, 3)])
def test_word_to_stop_that_comes_early_waits_and_one_that_comes_late_counts_at_once(tmp_path: Path, asked, at, rows) -> None:
    result = perform(job(tmp_path), counting, asking(tmp_path, asked, at))
    assert len(result.rows) == rows
    assert result.state == ("complete" if rows == 3 else "stopped")  # after its last epoch it is whole


def test_a_trial_whose_driver_died_before_it_stopped_ends_at_the_same_epoch(tmp_path: Path) -> None:
    def tell(epoch: int, row: object) -> None:
        if epoch == 2:
            ask_to_stop(tmp_path, job(tmp_path).trial.key, 2, "too slow")
            raise Stop

    with pytest.raises(Stop):
        perform(job(tmp_path), counting, tell)
    result = perform(job(tmp_path, term=2), counting, lambda epoch, row: None)
    assert (result.state, [row["top1"] for row in result.rows]) == ("stopped", [1, 2])


def growing(config, seed, epochs, run):
    for epoch in range(len(run.rows) + 1, epochs + 1):
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": 1.0, "loss": 2.0**epoch}


@pytest.mark.parametrize("killed", [None, 1, 2])
def test_a_loss_that_grows_past_a_multiple_of_the_first_ends_the_trial(tmp_path: Path, killed: int | None) -> None:
    ours = replace(job(tmp_path, epochs=6), divergence=Divergence(multiple=5))
    if killed:
        with pytest.raises(Stop):
            perform(ours, growing, stopped_after(killed))
    result = perform(replace(ours, term=2), growing, lambda epoch, row: None)
    assert (result.state, result.fault) == ("failed", "diverged")
    assert result.reason == "metric 'loss' is 16 in epoch 4, more than 5 times the 2 of epoch 1"
    assert [row["loss"] for row in result.rows] == [2, 4, 8, 16]


@pytest.mark.parametrize("rule", [None, Divergence("cost", 2), Divergence(multiple=100)])
def test_where_no_rule_is_broken_the_trial_goes_on(tmp_path: Path, rule: Divergence | None) -> None:
    result = perform(replace(job(tmp_path, epochs=6), divergence=rule), growing, lambda epoch, row: None)
    assert (result.state, len(result.rows)) == ("complete", 6)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "missing"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    with pytest.raises(Stop):
        perform(job(tmp_path, epochs=5), counting, stopped_after(3))
    newest = job(tmp_path, epochs=5).home / "checkpoint-000003"
    whole = newest.read_bytes()
    {
        "truncated": lambda: newest.write_bytes(whole[:-1]),
        "flipped": lambda: newest.write_bytes(bytes([whole[0] ^ 1]) + whole[1:]),
        "empty": lambda: newest.write_bytes(b""),
        "missing": newest.unlink,
    }[damage]()
    result = perform(job(tmp_path, epochs=5, term=2), counting, lambda n, row: None)
    assert [row["top1"] for row in result.rows] == [1, 2, 3, 4, 5]
    assert [line["after"] for line in ledger(tmp_path) if line["event"] == "start"] == [0, 2]


def test_a_torn_result_is_no_result(tmp_path: Path) -> None:
    perform(job(tmp_path), counting, lambda epoch, row: None)
    sealed = job(tmp_path).home / "result.json"
    sealed.write_text(sealed.read_text()[:-20])
    assert sealed_result(tmp_path, job(tmp_path).trial.key) is None


def test_sealed_json_knows_when_it_was_changed(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"score": 71.5})
    assert read_json(tmp_path / "a.json") == {"score": 71.5}
    (tmp_path / "a.json").write_text((tmp_path / "a.json").read_text().replace("71.5", "79.3"))
    assert read_json(tmp_path / "a.json") is None


@pytest.mark.parametrize(
    ("kind", "fault", "reason"),
    [
        ("nothing more", "contract", "yielded 1 of the 2 epochs it was asked for"),
        ("no mapping", "contract", "gave a list of 1 for epoch 2: it must be a mapping of metrics"),
        ("missing metric", "contract", "the row of epoch 2 has no metric 'top1', which the study scores: it has loss"),
        ("nan", "diverged", "metric 'top1' is nan in epoch 2"),
        ("text", "contract", "metric 'top1' is '93.1' in epoch 2: it must be a number"),
        ("none", "contract", "metric 'top1' is None in epoch 2: it must be a number"),
        ("bool", "contract", "metric 'top1' is True in epoch 2: it must be a number"),
    ],
)
def test_a_row_that_is_no_row_is_named(tmp_path: Path, kind: str, fault: str, reason: str) -> None:
    result = perform(job(tmp_path, Config(kind=kind), epochs=2), helpers.misbehaving, lambda epoch, row: None)
    assert (result.state, result.fault) == ("failed", fault)
    assert reason in result.reason
    assert [row["top1"] for row in result.rows] == [1.0]
    assert sealed_result(tmp_path, result.key) == result


def test_a_function_that_yields_nothing_is_named(tmp_path: Path) -> None:
    result = perform(job(tmp_path), helpers.returning, lambda epoch, row: None)
    assert result.fault == "contract"
    assert "returned {'top1': 1.0}: it must yield a mapping per epoch" in result.reason


def test_an_exception_is_the_trials_result_with_its_traceback(tmp_path: Path) -> None:
    result = perform(job(tmp_path), helpers.raising, lambda epoch, row: None)
    assert (result.state, result.fault, result.reason) == ("failed", "error", "RuntimeError: the disk caught fire")
    assert "in raising" in result.detail


def test_a_function_is_asked_for_no_more_epochs_than_wanted(tmp_path: Path) -> None:
    def endless(config, seed, epochs, run):
        epoch = 0
        while True:
            epoch += 1
            if epoch > epochs:
                raise AssertionError("asked for more than it was given")
            yield {"top1": 1.0}

    assert perform(job(tmp_path), endless, lambda epoch, row: None).state == "complete"


def looped(rows):
    """A generator whose loop is so long."""

    def train(config, seed, epochs, run):
        other = iter(range(99))  # no loop of its
        for epoch in rows(epochs):
            for _batch in range(7):
                next(other)
            yield {"top1": float(epoch)}

    return train


def delegating(config, seed, epochs, run):
    yield from looped(lambda epochs: range(epochs + 1))(config, seed, epochs, run)


def reporting(more):
    def train(config, seed, epochs, run):
        for epoch in range(epochs + more):
            run.report({"top1": float(epoch)})

    return train


LOOPS = {
    "two more": (looped(lambda epochs: range(epochs + 2)), True),
    "more in a list": (looped(lambda epochs: [0.0] * (epochs + 1)), True),
    "in a generator of its": (delegating, True),
    "reports one more": (reporting(1), True),
    "as many": (looped(range), False),
    "as many in a list": (looped(lambda epochs: [0.0] * epochs), False),
    "nobody knows": (looped(lambda epochs: count()), False),
    "reports as many": (reporting(0), False),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_that_is_too_long_is_remarked_and_its_trial_is_whole(tmp_path: Path, name: str) -> None:
    train, longer = LOOPS[name]
    result = perform(job(tmp_path), train, lambda epoch, row: None)
    assert (result.state, result.reason, len(result.rows)) == ("complete", "", job(tmp_path).trial.epochs)
    assert result.remark == (SURPLUS if longer else "")
    assert sealed_result(tmp_path, job(tmp_path).trial.key) == result  # also where the driver died before it was told


def test_a_trial_that_failed_is_not_remarked_for_its_loop(tmp_path: Path) -> None:
    def nan(config, seed, epochs, run):
        for _ in range(epochs + 2):
            yield {"top1": float("nan")}

    result = perform(job(tmp_path), nan, lambda epoch, row: None)
    assert (result.state, result.remark) == ("failed", "")


def test_a_worker_that_dies_in_every_attempt_takes_its_trial_with_it(tmp_path: Path) -> None:
    for _ in range(ATTEMPTS):
        with pytest.raises(Stop):
            perform(job(tmp_path), counting, stopped_after(1))
        (job(tmp_path).home / "checkpoint-000001").unlink()
    result = perform(job(tmp_path), counting, lambda epoch, row: None)
    assert (result.state, result.fault) == ("failed", "died")
    assert "died 3 times" in result.reason


def test_a_new_driver_counts_attempts_anew(tmp_path: Path) -> None:
    for _ in range(ATTEMPTS):
        with pytest.raises(Stop):
            perform(job(tmp_path), counting, stopped_after(1))
    assert perform(job(tmp_path, term=2), counting, lambda epoch, row: None).state == "complete"


def test_an_artefact_is_sealed_and_listed(tmp_path: Path) -> None:
    def keeping(config, seed, epochs, run):
        with run.keeping("weights.pt") as path:
            path.write_bytes(b"weights")
        yield {"top1": 1.0}

    result = perform(job(tmp_path, epochs=1), keeping, lambda epoch, row: None)
    [(name, path, digest, size)] = result.artefacts
    assert (name, size) == ("weights.pt", 7)
    assert (tmp_path / path).read_bytes() == b"weights"
    assert digest == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "", "a" * 65, "checkpoint-000001", ".hidden", "a/b"])
def test_an_artefacts_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    attempt = Attempt(tmp_path, "final", 1, "cpu", tmp_path)
    with pytest.raises(Refused, match="an artefact's name is"), attempt.keeping(name):
        pass


def test_saving_without_writing_is_refused(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, "final", 1, "cpu", tmp_path)
    with pytest.raises(Refused, match="without writing a file"), attempt.saving():
        pass
