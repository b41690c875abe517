"""From evidence to effects: which scores enter, several metrics, seeds that follow, and the study's own fields."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpsearch import Refused, Seeds, Study, Trick, ladder
from hpsearch.results.inference import effects, goal_of, scores_of, variance_note
from hpsearch.statistics import NO_LARGER, NOT_LOOKED_AT, effects_of


@dataclass(frozen=True)
class Config:
    x: int = 0


def train(config: Config, seed: int, epochs: int, run: Any) -> Iterator[dict[str, float]]:
    yield {}


STUDY = Study(
    question="Does it help?",
    base=Config(),
    vary=ladder(Trick("a", {"x": 1})),
    train=train,
    epochs=3,
    seeds=5,
    also=(("loss", "minimise"), ("speed", "maximise")),
)


@dataclass(eq=False)
class Told:
    study: Study
    rows: pd.DataFrame
    trials: pd.DataFrame

    def measurements(self) -> pd.DataFrame:
        return self.trials


def evidence(study: Study = STUDY, seeds: int = 5, worth: float = 3.0) -> Told:
    rng, trials, rows = np.random.default_rng(1), [], []
    for arm, gain in (("base", 0.0), ("a", worth)):
        for seed in range(seeds):
            curve = 70 + gain + 0.3 * rng.standard_normal(3)
            key = f"{arm} {seed}"
            trials.append((key, arm, seed, "complete", curve[-1]))
            rows += [(key, epoch + 1, top1, -top1 / 10 + epoch) for epoch, top1 in enumerate(curve)]
    measured = pd.DataFrame(trials, columns=["key", "arm", "seed", "state", "score"])
    told = pd.DataFrame(rows, columns=["key", "epoch", "top1", "loss"]).sample(frac=1, random_state=0)
    return Told(study, told, measured)


def test_the_score_is_judged_by_the_studys_own_goal():
    [effect] = effects(evidence())
    assert effect == effects_of(STUDY.plan, scores_of(evidence()))[0]
    assert effect.verdict == "helps"


def test_other_metrics_are_the_last_epoch_and_have_their_own_direction():
    told = evidence()
    found = scores_of(told, "loss")
    last = told.rows[told.rows["epoch"] == 3].set_index("key")["loss"]
    assert found["score"].tolist() == last[told.measurements()["key"]].tolist()
    [effect] = effects(told, metric="loss")
    assert effect.value == pytest.approx(-effects(told)[0].value / 10)
    assert effect.verdict == "helps"  # a smaller loss


def test_another_metric_is_the_median_of_the_last_epochs_where_the_score_is():
    told = evidence(replace(STUDY, last=3))
    middle = told.rows.groupby("key")["loss"].median()
    assert scores_of(told, "loss")["score"].tolist() == middle[told.measurements()["key"]].tolist()


def test_a_metric_that_nothing_has_reported_is_not_measured():
    assert [effect.verdict for effect in effects(evidence(), metric="speed")] == ["not measured"]


def test_a_metric_that_the_study_does_not_name_is_refused():
    with pytest.raises(Refused, match=r"no metric 'los': did you mean 'loss'\?; name it in Study.also"):
        effects(evidence(), metric="los")
    assert (goal_of(STUDY), goal_of(STUDY, "loss"), goal_of(STUDY, "top1")) == ("maximise", "minimise", "maximise")


def test_the_margin_is_the_scores_own():
    told = evidence(replace(STUDY, margin=5.0))
    assert [effect.verdict for effect in effects(told)] == [NO_LARGER]
    assert [effect.verdict for effect in effects(told, metric="loss")] == ["helps"]


def test_seeds_that_follow_the_results_judge_every_metric_at_the_same_look():
    study = replace(STUDY, seeds=Seeds(3, 9, until=1e-6, spending="Pocock"))
    told = evidence(study, seeds=9, worth=9.0)
    [score], [loss] = effects(told), effects(told, metric="loss")
    assert score.verdict == loss.verdict == "helps"
    assert score.seeds == loss.seeds == 3
    early = evidence(study, seeds=2)
    assert [effect.verdict for effect in effects(early)] == [NOT_LOOKED_AT]


def test_failed_trials_end_a_look_and_enter_no_table():
    study = replace(STUDY, seeds=Seeds(3, 9, until=1e-6, spending="Pocock"))
    told = evidence(study, seeds=3, worth=900.0)
    measured = told.measurements()
    measured.loc[measured["key"] == "a 1", ["state", "score"]] = ["failed", np.nan]
    [effect] = effects(told)
    assert effect.seeds == 2
    running = replace(told, trials=measured.replace({"state": {"failed": "running"}}))
    assert effects(running)[0].verdict == NOT_LOOKED_AT


def test_the_note_says_whose_spread_it_is():
    assert variance_note(evidence()) == "There are two arms, so their difference is taken seed by seed and no variance is pooled."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 0.0}, "Study.margin is a positive number in the unit of 'top1', or None, got 0.0"),
        ({"margin": float("nan")}, "Study.margin is a positive number"),
        ({"margin": True}, "Study.margin is a positive number"),
        ({"last": 0}, "Study.last is how many of the last epochs the score is the median of, 1 to 3, got 0"),
        ({"last": 4}, "1 to 3, got 4"),
        ({"last": True}, "1 to 3, got True"),
        ({"also": (("loss", "minimise"), ("loss", "maximise"))}, "Study.also names 'loss', which is judged already"),
        ({"also": (("top1", "maximise"),)}, "Study.also names 'top1', which is judged already"),
        ({"also": (("loss", "less"),)}, "Study.also needs 'maximise' or 'minimise' for 'loss', got 'less'"),
        ({"also": ("loss",)}, r"Study.also is pairs of a metric and 'maximise' or 'minimise', got 'loss'"),
    ],
)
def test_the_studys_fields_refuse_nonsense(changes, message):
    with pytest.raises(Refused, match=message):
        replace(STUDY, **changes)
