"""Frames of the record: what a metric is called changes nothing of whose row it stands in."""

from pathlib import Path

from hpsearch.results.frames import ROW, evidence
from hpsearch.results.record import Record, Result
from hpsearch.study.agenda import agenda
from tests.report.synthetic import full


def test_metrics_called_like_our_columns_leave_them_as_they_are(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "x.db"), create=True)
    study = full(tune=None, seeds=2)
    odd = {name: -1.0 for name in (*ROW, "point", "state", "score")}
    with record.driver("test") as driver:
        trials = list(agenda(study, {}).trials())
        driver.want(trials)
        for trial in trials:
            rows = tuple({"top1": 50.0 + epoch, "loss": 1.0, **odd} for epoch in range(1, trial.epochs + 1))
            driver.finish(Result(trial.key, "complete", rows, 1.0, 1, "node", "cpu"))
    told = evidence(record, study, "odd", "")
    wanted = {(trial.key, trial.seed, epoch) for trial in trials for epoch in range(1, trial.epochs + 1)}
    assert set(zip(told.rows["key"], told.rows["seed"], told.rows["epoch"], strict=True)) == wanted
    assert set(told.rows["role"]) == {"measurement"}
    assert set(told.rows["arm"]) == {arm.name for arm in study.plan.arms}
    assert told.rows["round"].isna().all()
    assert (told.rows["score"] == -1.0).all()  # of no row of ours: a metric like any other
    assert (told.trials["score"] == 50.0 + told.trials["epochs"]).all()
    assert set(told.trials["state"]) == {"complete"}
