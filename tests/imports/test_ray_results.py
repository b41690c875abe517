"""Ray Tune's result files: a folder that Ray 2.60 wrote, kept as it was but for its pickles, and files its loggers write now."""

import math
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Refused
from hpsearch.results.imports import Columns, Question, imported, read
from hpsearch.results.inference import effects

WRITTEN = Path(__file__).parent / "ray_2_60"  # two optimisers, two seeds, three reports each; sgd failed under seed 1


def test_every_report_of_every_trial_is_a_line():
    table = read(str(WRITTEN))
    assert (table.kind, table.run, table.epoch, table.seconds) == (
        "a Ray Tune experiment",
        "trial",
        "training_iteration",
        "time_this_iter_s",
    )
    assert len(table.frame) == 3 + 3 + 2 + 3
    assert set(table.frame["config/opt"]) == {"sgd", "adam"}
    assert table.frame["config/nest/lr"].unique().tolist() == [0.1]
    assert table.frame["inner/f1"].unique().tolist() == [0.3]
    assert {"config", "pid"}.isdisjoint(table.frame.columns)
    assert math.isnan(table.frame["loss"].iloc[0])  # it was NaN when it was reported
    assert list(table.broken.values()) == ["ValueError: blew up"]


def test_its_seeds_pair_the_arms():
    table = read(str(WRITTEN))
    told = imported(
        table, str(WRITTEN), Columns(arm="config/opt", seed="config/seed", metric="acc"), Question(base="sgd"), ["import"]
    )
    assert told.study.paired
    scores = {(line["arm"], line["seed"]): line["score"] for line in told.trials.to_dict("records")}
    assert scores["adam", 1] == pytest.approx(0.76)
    assert math.isnan(scores["sgd", 1])
    assert told.trials["seconds"].notna().all()
    [effect] = effects(told)
    assert effect.name == "adam against sgd"
    assert effect.value == pytest.approx(0.05)


def test_progress_csv_stands_in_for_result_json(tmp_path):
    copy = tmp_path / "exp"
    shutil.copytree(WRITTEN, copy)
    whole = read(str(copy)).frame
    for path in copy.rglob("result.json"):
        path.unlink()
    found = read(str(copy)).frame
    assert set(whole.columns) == set(found.columns)
    same = [name for name in whole.columns if name not in ("loss", "date")]
    assert found[same].equals(whole[same]) or (found[same].astype(str) == whole[same].astype(str)).all(axis=None)


def test_one_trial_folder_is_an_experiment_of_one():
    [folder] = WRITTEN.glob("*adam,seed=0*")
    assert len(read(str(folder)).frame) == 3


class Planted:
    """What it would do if anybody unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_pickles_are_never_read(tmp_path):
    copy = tmp_path / "exp"
    shutil.copytree(WRITTEN, copy)
    for folder in (copy, *copy.iterdir()):
        for name in ("params.pkl", "tuner.pkl", "error.pkl"):
            (folder / name).write_bytes(pickle.dumps(Planted(tmp_path / "owned")))
    assert len(read(str(copy)).frame) == 11
    assert not (tmp_path / "owned").exists()
    pickle.loads((copy / "params.pkl").read_bytes())  # noqa: S301  (the plant is live)
    assert (tmp_path / "owned").exists()


def test_a_report_given_again_after_a_restore_counts(tmp_path):
    folder = tmp_path / "exp" / "trial_1"
    folder.mkdir(parents=True)
    (folder / "params.json").write_text('{"opt": "sgd"}')
    lines = [(1, 0.1), (2, 0.2), (2, 0.25), (3, 0.3)]
    (folder / "result.json").write_text(
        "".join(f'{{"training_iteration": {n}, "acc": {acc}}}\n' for n, acc in lines) + '{"acc": 0.'
    )
    assert read(str(tmp_path / "exp")).frame["acc"].tolist() == [0.1, 0.25, 0.3]  # the line cut off is left out


def test_broken_files_are_refused(tmp_path):
    folder = tmp_path / "exp" / "trial_1"
    folder.mkdir(parents=True)
    (folder / "params.json").write_text("{}")
    (folder / "result.json").write_text("")
    with pytest.raises(Refused, match=r"no trial below .* has reported a result: its result.json files are empty"):
        read(str(tmp_path / "exp"))
    (folder / "result.json").write_text('{"acc": \n{"acc": 1}\n')
    with pytest.raises(Refused, match=r"result.json, line 1 is not JSON"):
        read(str(tmp_path / "exp"))
    (folder / "params.json").write_text("{")
    (folder / "result.json").write_text('{"acc": 1}\n')
    with pytest.raises(Refused, match=r"params.json is not JSON"):
        read(str(tmp_path / "exp"))


class Trial:
    """As much of a trial as Ray's loggers ask for."""

    config = {"opt": "adam", "nest": {"lr": 0.1}}  # noqa: RUF012
    checkpoint = None
    trial_id = "abc"
    evaluated_params: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        self.local_path = str(folder)

    def init_local_path(self) -> None:
        Path(self.local_path).mkdir(parents=True, exist_ok=True)


def test_what_the_installed_ray_writes_is_read(tmp_path):
    logger = pytest.importorskip("ray.tune.logger", reason="needs ray")
    trial = Trial(tmp_path / "exp" / "train_abc")
    trial.init_local_path()
    for callback in (logger.JsonLoggerCallback(), logger.CSVLoggerCallback()):
        callback.log_trial_start(trial)
        for n in (1, 2):
            result = {"acc": 0.5 * n, "loss": math.nan, "training_iteration": n, "config": trial.config, "inner": {"f1": 0.25}}
            callback.log_trial_result(n, trial, result)
        callback.log_trial_end(trial)
    assert (tmp_path / "exp" / "train_abc" / "params.pkl").exists()
    frame = read(str(tmp_path / "exp")).frame
    assert frame[["trial", "config/opt", "config/nest/lr", "acc", "inner/f1", "training_iteration"]].values.tolist() == [
        ["train_abc", "adam", 0.1, 0.5, 0.25, 1],
        ["train_abc", "adam", 0.1, 1.0, 0.25, 2],
    ]
