"""A trial's end told twice, and a trial taken back: the record is as if it had been told once, or never begun."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.results.lookup import find
from hpsearch.results.record import Record
from tests.results.test_record import result, trial


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record.open(str(tmp_path / "x.db"), create=True)


def test_artefacts_of_a_trial_that_is_told_twice_stand_once(record: Record) -> None:
    """A driver that died between the seal and the record reads the result at its next launch, and tells it again."""
    told = replace(result(trial().key, 1.0, 2.0), artefacts=(("weights.pt", "/somewhere/weights.pt", "ab", 3),))
    with record.driver("test") as driver:
        driver.want([trial()])
        driver.finish(told)
        driver.finish(told)
    assert find(record, trial().key).artefacts == ("/somewhere/weights.pt",)


def test_a_failed_trial_put_back_has_no_reason_fault_or_row_left(record: Record) -> None:
    failed = replace(
        result(trial().key, 1.0, state="failed"), fault="raised", reason="the disk caught fire", detail="Traceback ..."
    )
    with record.driver("test") as driver:
        driver.want([trial()])
        driver.finish(failed)
        assert driver.reset(["failed"]) == 1
    (state,) = record.states([trial().key]).values()
    assert (state["state"], state["fault"], state["reason"], state["detail"]) == ("waiting", "", "", "")
    assert record.rows([trial().key]) == {}


def test_a_score_is_the_median_of_as_many_last_epochs_as_are_asked_for(record: Record) -> None:
    with record.driver("test") as driver:
        driver.want([replace(trial(), epochs=4)])
        key = replace(trial(), epochs=4).key
        driver.finish(result(key, 90.0, 1.0, 2.0, 9.0))
    assert [record.scores([key], "top1", last)[key] for last in (1, 2, 3, 4)] == [9.0, 5.5, 2.0, 5.5]


def test_the_last_launch_is_the_one_that_counts(record: Record) -> None:
    common = {"study": "a", "code": "c", "study_hash": "", "study_json": "{}", "provenance": "{}"}
    with record.driver("test") as driver:
        for text in ("first", "second"):
            driver.launched(**common, study_text=text)
    found = record.launch("a")
    assert found is not None
    assert found["study_text"] == "second"
    assert [launch["study_text"] for launch in record.launches()] == ["first", "second"]
