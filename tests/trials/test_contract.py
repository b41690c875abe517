"""The law of the trial contract: whatever a training function does, its trial says so in words, and no other trial is harmed."""

import json
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hpsearch import Choice, Round, Space, Study, Trick, Tune, one_at_a_time
from hpsearch.cli.main import main
from hpsearch.errors import Refused, Stopped
from hpsearch.results.record import Record
from hpsearch.trials.here import run_here
from hpsearch.trials.on_ray import run_on_ray
from hpsearch.trials.session import Resources, Session
from hpsearch.trials.worker import ask_to_stop, perform
from tests.trials import misbehaviours
from tests.trials.helpers import job
from tests.trials.misbehaviours import EPOCHS, FAILING, TABLE

FILE = """
from hpsearch import Study, Trick, one_at_a_time
from tests.trials.misbehaviours import TABLE, Config, train
tricks = [Trick(f"arm {place}", {"does": name}) for place, name in enumerate(TABLE) if name != "good"]
study = Study(question="Does it hold?", train=train, base=Config(), vary=one_at_a_time(*tricks), epochs=3, seeds=2, metric="acc")
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[int, str, str]]]:
    """The study of all misbehaviours, run as a user runs it, then looked at; exit code, output and complaints by command."""
    folder = tmp_path_factory.mktemp("contract")
    (folder / "law.py").write_text(FILE)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HPSEARCH_CACHE", str(folder / "cache"))
        patch.setenv("COLUMNS", "200")
        told = {name: give(patch, folder, *words.split()) for name, words in COMMANDS.items()}
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return folder, told


COMMANDS = {"run": "run law.py --here", "again": "run law.py --here", "status": "status law.py"}


def give(patch: pytest.MonkeyPatch, folder: Path, *words: str) -> tuple[int, str, str]:
    """A command with its output in files, in UTF-8 and strict, as on a terminal."""
    patch.setattr(sys, "argv", ["hpsearch", *words])
    with open(folder / "out", "w", encoding="utf-8") as out, open(folder / "err", "w", encoding="utf-8") as err:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as left:
            main()
        assert sys.stdout is out
        assert not out.closed
    return int(left.value.code or 0), (folder / "out").read_text(encoding="utf-8"), (folder / "err").read_text(encoding="utf-8")


def states(folder: Path) -> dict[str, list]:
    """What the record says of the trials of every misbehaviour."""
    record = Record.open(str(folder / "runs" / "hpsearch.db"))
    keys = [key for state in ("complete", "failed", "stopped", "waiting", "running") for key in record.keys(state)]
    found: dict[str, list] = {}
    rows = record.rows(keys)
    for key, state in record.states(keys).items():
        found.setdefault(json.loads(state["config"])["does"], []).append((state, rows.get(key, [])))
    return found


def test_the_study_goes_on_to_its_end_and_says_so(ran) -> None:
    folder, told = ran
    code, said, complaint = told["run"]
    assert (code, complaint) == (1, "")
    done = f"{2 * len(TABLE)} of {2 * len(TABLE)} trials done, 0 running, {2 * len(FAILING)} failed"
    last = next(line for line in reversed(said.splitlines()) if line.startswith(done))
    assert " left" not in last
    assert "--retry-failed" in said
    for kind in ("html", "md", "csv"):
        assert (folder / "runs" / f"law.{kind}").stat().st_size > 1000
    code, said, _ = told["again"]
    assert code == 1
    assert "; 0 of them ran now" in said
    code, said, complaint = told["status"]
    assert (code, complaint) == (0, "")
    assert f"{2 * len(TABLE) - 2 * len(FAILING)} complete, 0 running, 0 waiting, {2 * len(FAILING)} failed" in said


def test_nothing_that_a_terminal_obeys_is_printed(ran) -> None:
    _, told = ran
    for _, said, complaint in told.values():
        assert [c for c in said + complaint if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160] == []


@pytest.mark.parametrize("name", TABLE)
def test_a_trial_ends_as_the_table_says_with_a_reason_and_whole_rows(ran, name: str) -> None:
    _, state, phrase = TABLE[name]
    mine = states(ran[0])[name]
    assert len(mine) == 2
    for told, rows in mine:
        assert told["state"] == state
        assert phrase in told["reason"]
        assert bool(told["reason"]) == (state == "failed")
        assert len(told["reason"]) < 2_200
        assert [epoch for epoch, _ in rows] == list(range(1, len(rows) + 1))
        if state == "complete":
            assert len(rows) == EPOCHS
            assert rows[-1][1]["acc"] == pytest.approx(60 if name == "will not close" else 62)
        json.dumps([row for _, row in rows], allow_nan=False).encode()  # strict JSON, in whatever encoding


def test_what_stands_beside_the_score_is_recorded(ran) -> None:
    found = {name: [row for _, row in mine[0][1]] for name, mine in states(ran[0]).items()}
    assert found["NaN beside"][0] | {"acc": 0} == {"acc": 0, "auc": "nan", "top": "1e+308", "low": "-inf", "many": [1.0, "nan"]}
    assert found["every second"] == [{"acc": 60.0, "b": 1.0}, {"b": 2.0}, {"acc": 62.0}]
    assert found["texts"][0]["best"] == "yes"
    assert found["texts"][0]["note"] == r"\x1b[31m[red]<b>\udcff\x00"
    assert found["texts"][0]["flag"] is True
    assert found["nests"][0]["nest"] == {"a": {"1": [1, 2]}}
    assert found["mutates"][2] == {"acc": 62.0, "curve": [1.0, "later", "later"]}
    assert found["torch"][0] == {"acc": 60.0, "v": [1.0, 1.0]}
    assert found["names of ours"][0]["epoch"] == 0
    assert max(len(json.dumps(row)) for rows in found.values() for row in rows) < 60_000


def run(study: Study, folder: Path, on_ray: bool = False, slots: int = 1) -> Session:
    record = Record.open(str(folder / "runs" / "hpsearch.db"), create=True)
    with record.driver("test") as driver:
        session = Session(driver, study, Resources(1, 0, slots), folder / "cache", lambda session: None)
        run_on_ray(session, None) if on_ray else run_here(session)
    return session


def of_arms(*names: str, seeds: int = 4, base: str = "text") -> Study:
    tricks = [Trick(f"{place}", {"does": name}) for place, name in enumerate(names)]
    return Study(
        question="?", train=misbehaviours.train, base=misbehaviours.Config(base), vary=one_at_a_time(*tricks), epochs=EPOCHS,
        seeds=seeds, metric="acc",
    )  # fmt: skip


def of_sizes(**more: object) -> Study:
    """Two arms that do the same, and break the contract in it."""
    return Study(question="?", train=sized, base=Sized("text"), epochs=EPOCHS, seeds=4, metric="acc", **more)


def check_three_alike_end_it(folder: Path, on_ray: bool) -> None:
    with pytest.raises(Refused, match=r"metric 'acc' is '93\.1' in epoch 3: it must be a number.*the first 3 trials"):
        run(of_sizes(vary=one_at_a_time(Trick("large", {"size": 1}))), folder, on_ray)
    assert {told["state"] for mine in states(folder).values() for told, _ in mine} == {"waiting"}
    assert Record.open(str(folder / "runs" / "hpsearch.db")).holder() is None


def test_three_trials_that_break_the_contract_alike_end_the_study_and_wait(tmp_path: Path) -> None:
    for _ in range(2):  # they run again, and find the same; on Ray: test_executors.py
        check_three_alike_end_it(tmp_path, on_ray=False)


def test_of_one_arm_alone_three_are_enough_where_there_is_no_other(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the first 3 trials"):
        run(of_sizes(tune=Tune(Space(size=Choice(1, 2, 3, 4, 5)), Round(points=5, epochs=EPOCHS))), tmp_path)


@pytest.mark.parametrize(
    ("names", "base"),
    [(("good",), "text"), (("early",), "text"), (("early", "NaN"), "list"), (("ValueError",), "sys.exit(0)")],
    ids=["one keeps it", "two ways", "three ways", "no breach"],
)
def test_fewer_or_other_breaches_end_only_their_trials(tmp_path: Path, names: tuple[str, ...], base: str) -> None:
    study = of_arms(*names, seeds=2, base=base)
    session = run(study, tmp_path)
    assert session.done
    ended = {name: {told["state"] for told, _ in mine} for name, mine in states(tmp_path).items()}
    assert ended == {name: {TABLE[name][1]} for name in (base, *names)}


def test_an_arm_that_breaks_it_alone_is_not_taken_for_the_study(tmp_path: Path) -> None:
    """Its four trials come first: after the third, a trial of the other arm shows that the contract can be kept."""
    tune = Tune(Space(size=Choice(1, 2, 3, 4, 5)), Round(points=5, epochs=EPOCHS))
    session = run(of_sizes(vary=one_at_a_time(Trick("good", {"does": "good"})), tune=tune), tmp_path)
    assert session.done
    assert {name: {told["state"] for told, _ in mine} for name, mine in states(tmp_path).items()} == {
        "text": {"failed"}, "good": {"complete"},
    }  # fmt: skip
    assert "round 1 of the search for arm 'base' ended with no finished trial" in session.plan.problems[0]


@dataclass(frozen=True)
class Sized:
    does: str
    size: int = 0


def sized(config, seed, epochs, run):
    return misbehaviours.train(config, seed, epochs, run)


@pytest.mark.parametrize(
    ("row", "state", "phrase"),
    [
        ({"top1": 1.0}, "failed", "the row of epoch 2 has no metric 'cost', which the study judges: it has top1"),
        ({"top1": 1.0, "cost": float("nan")}, "failed", "metric 'cost' is nan in epoch 2"),
        ({"top1": 1.0, "cost": "1"}, "failed", "metric 'cost' is '1' in epoch 2: it must be a number"),
        ({"top1": 1.0, "cost": 1}, "complete", ""),
    ],
)
def test_metrics_that_the_study_judges_must_be_there_in_the_last_epochs(tmp_path: Path, row: dict, state: str, phrase: str) -> None:
    def train(config, seed, epochs, run):
        yield {"top1": 1.0, "cost": float("inf")}  # not read
        yield row
        yield {"top1": 1.0, "cost": 1.0}

    result = perform(replace(job(tmp_path), also=("cost",), last=2), train, lambda epoch, row: None)
    assert (result.state, result.reason) == (state, phrase)


def test_a_training_without_epochs_returns_one_mapping(tmp_path: Path) -> None:
    result = perform(job(tmp_path, epochs=1), lambda config, seed, epochs, run: {"top1": 3}, lambda epoch, row: None)
    assert (result.state, result.rows) == ("complete", ({"top1": 3},))


def counting(config, seed, epochs, run):
    """The callback form with checkpoints, in a loop that a framework owns."""
    number = json.loads(run.latest.read_text()) if run.latest else 0
    each = run.callback()
    for _ in range(len(run.rows), epochs):
        number += 1
        with run.saving() as path:
            path.write_text(json.dumps(number))
        each({"top1": float(number)})
    with run.keeping("weights.pt") as path:
        path.write_text(str(number))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_the_callback_form_resumes_after_the_last_sealed_epoch(tmp_path: Path, epoch: int) -> None:
    def tell(told: int, row: object) -> None:
        if told == epoch:
            raise Killed

    with pytest.raises(Killed):
        perform(job(tmp_path), counting, tell)
    told = []
    result = perform(job(tmp_path, term=2), counting, lambda n, row: told.append(n))
    assert (result.state, [row["top1"] for row in result.rows], told) == ("complete", [1, 2, 3], [1, 2, 3])
    starts = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines() if '"start"' in line]
    assert starts[-1]["after"] == epoch
    assert [name for name, *_ in result.artefacts] == (["weights.pt"] if epoch < 3 else [])  # all rows were there: nothing ran


def test_the_callback_form_is_stopped_by_a_rule(tmp_path: Path) -> None:
    def tell(epoch: int, row: object) -> None:
        if epoch == 2:
            ask_to_stop(tmp_path, job(tmp_path).trial.key, 2, "too slow")

    result = perform(job(tmp_path), counting, tell)
    assert (result.state, result.reason, len(result.rows)) == ("stopped", "too slow", 2)


def test_what_the_driver_raises_is_not_the_trials_doing(tmp_path: Path) -> None:
    """Also where the training function swallows it."""

    def swallowing(config, seed, epochs, run):
        try:
            run.report({"top1": 1.0})
        except BaseException:
            return

    def tell(epoch: int, row: object) -> None:
        raise SystemExit(0)  # as Ray Tune does to a run that is to end

    with pytest.raises(SystemExit):
        perform(job(tmp_path), swallowing, tell)
    assert not (job(tmp_path).home / "result.json").exists()


def signalling(config, seed, epochs, run):
    for _ in range(epochs):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            yield {"top1": 1.0}
        except BaseException:  # a loop that skips broken batches, too broadly
            yield {"top1": 2.0}


def interrupting(config, seed, epochs, run):
    os.kill(os.getpid(), signal.SIGINT)
    yield {"top1": 1.0}


def test_ctrl_c_ends_a_run_whose_handler_is_pythons_own(tmp_path: Path) -> None:
    study = replace(of_arms("numpy", base="good"), metric="top1")
    object.__setattr__(study, "train", interrupting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(study, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not list(tmp_path.rglob("result.json"))  # it is no trial's failure


@pytest.mark.parametrize("train", [signalling, lambda *given: list(signalling(*given))], ids=["yields", "returns"])
def test_a_signal_stops_the_run_also_where_a_training_function_swallows_it(tmp_path: Path, train) -> None:
    def handler(number: int, frame: object) -> None:
        raise Stopped(number)

    study = replace(of_arms("numpy", base="good"), metric="top1")
    object.__setattr__(study, "train", train)
    before = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(Stopped):
            run(study, tmp_path)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
