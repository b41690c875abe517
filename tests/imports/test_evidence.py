"""Evidence and pages of results made elsewhere: scores, pairs, warnings, origin, and text that means harm."""

import hashlib
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import ttest_ind

from hpsearch import Refused
from hpsearch.report import csv, markdown, page
from hpsearch.report.sections import SECTIONS
from hpsearch.report.sections.imported import last_epochs_frame
from hpsearch.results.evidence import Evidence
from hpsearch.results.imports import Columns, Question, Table, imported, read
from hpsearch.results.inference import effects

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from reading import charts, texts, tree

PLAIN = Columns(arm="arm", metric="acc")
LADDER = Question(design="ladder")


def table(frame: dict[str, list[Any]], **changes: Any) -> Table:
    return Table("a tidy CSV table", pd.DataFrame(frame), **changes)


def told(frame: dict[str, list[Any]], columns: Columns = PLAIN, question: Question = Question(), **changes: Any) -> Evidence:  # noqa: B008
    return imported(table(frame, **changes), "runs.csv", columns, question, ["import", "runs.csv"])


FIVE = {"arm": ["a"] * 5 + ["b"] * 5, "acc": [1.0, 2.0, 3.0, 2.5, 2.0, 4.0, 5.0, 4.5, 6.0, 5.0]}
CURVE = {
    "arm": ["a"] * 8 + ["b"] * 8,
    "epoch": [*range(8)] * 2,
    "acc": [n / 10 for n in range(8)] + [n / 5 for n in range(8)],
    "loss": [9.0 - n for n in range(8)] * 2,
}


def test_the_difference_and_its_interval_are_welchs():
    evidence = told(FIVE)
    [effect] = effects(evidence)
    test = ttest_ind(FIVE["acc"][5:], FIVE["acc"][:5], equal_var=False)
    assert effect.name == "b against a"
    assert (effect.low, effect.high) == tuple(pytest.approx(end) for end in test.confidence_interval(0.95))
    assert csv(evidence).splitlines()[1].startswith("against a,b against a,2.8")
    assert "Welch" in markdown(evidence)


def test_seeds_of_the_source_pair_the_arms():
    frame = {**FIVE, "seed": [0, 1, 2, 3, 4] * 2}
    apart, paired = told(frame), told(frame, Columns(arm="arm", metric="acc", seed="seed"))
    assert (apart.study.paired, paired.study.paired) == (False, True)
    differences = pd.Series(FIVE["acc"][5:]) - pd.Series(FIVE["acc"][:5])
    [effect] = effects(paired)
    half = differences.std() / math.sqrt(5) * 2.7764451
    assert (effect.low, effect.high) == (pytest.approx(2.8 - half, rel=1e-5), pytest.approx(2.8 + half, rel=1e-5))
    [other] = effects(apart)
    assert (other.low, other.high) != (effect.low, effect.high)
    assert "seeds are blocks" in markdown(paired)
    assert "runs, not paired" in markdown(apart)
    assert "seeds are blocks" not in markdown(apart)


def test_every_verdict_on_one_run_says_that_it_carries_no_interval():
    evidence = told({**CURVE, "arm": ["a"] * 8 + ["b"] * 8}, Columns(arm="arm", metric="acc", epoch="epoch"), LADDER)
    assert {effect.verdict for effect in effects(evidence)} == {"one run gives no interval"}
    assert all(effect.value is not None and effect.low is None for effect in effects(evidence))
    said = markdown(evidence)
    assert "one run gives no interval" in said
    assert "(not the standard deviation from seed to seed)" in said
    frame = last_epochs_frame(evidence)
    assert frame["last"].tolist() == [0.7, 1.4]
    assert frame["mean"].round(9).tolist() == [0.5, 1.0]  # of the last five
    assert frame["sd"].round(9).tolist() == [pytest.approx(math.sqrt(0.025), abs=1e-6), pytest.approx(math.sqrt(0.1), abs=1e-6)]
    assert frame[["low", "high"]].round(9).to_numpy().tolist() == [[0.3, 0.7], [0.6, 1.4]]


def test_a_ladder_asks_each_arm_and_the_one_before_it():
    evidence = told({"arm": ["c", "b", "a", "c", "b", "a"], "acc": [1.0, 2, 4, 1, 2, 5]}, replace(PLAIN, arms="a,b,c"), LADDER)
    assert [(effect.name, effect.value) for effect in effects(evidence)] == [
        ("b over a", -2.5),
        ("c over b", -1.0),
        ("all 2 steps together", -3.5),
    ]


def test_the_base_stands_first_and_labels_stand_for_arms():
    question = Question(base="b", labels=("b=the base", "a=x = y"))
    evidence = told(FIVE, PLAIN, question)
    assert [arm.name for arm in evidence.study.plan.arms] == ["the base", "x = y"]
    assert [effect.name for effect in effects(evidence)] == ["x = y against the base"]
    assert evidence.trials["arm"].tolist() == ["the base"] * 5 + ["x = y"] * 5
    assert told(FIVE, PLAIN, replace(question, base="the base")).study.plan == evidence.study.plan


def test_a_smaller_metric_can_be_better():
    assert effects(told(FIVE, PLAIN, Question(goal="minimise")))[0].verdict == "hurts"


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (math.nan, "acc is missing in its last line, epoch 7"),
        (math.inf, "acc is infinite in its last line, epoch 7"),
    ],
)
def test_a_run_without_the_metric_at_its_end_has_failed(last, reason):
    """And is not scored by an earlier epoch, which would hide that it diverged."""
    frame = {**CURVE, "acc": [*CURVE["acc"][:-1], last]}
    evidence = told(frame, Columns(arm="arm", metric="acc", epoch="epoch"))
    lost = evidence.trials[evidence.trials["arm"] == "b"].iloc[0]
    assert (lost["state"], lost["reason"]) == ("failed", reason)
    assert math.isnan(lost["score"])
    assert [effect.verdict for effect in effects(evidence)] == ["not measured"]
    assert reason in markdown(evidence)
    assert "No contrast has a run with a score in each of its arms." in markdown(evidence)


def test_an_empty_cell_of_a_table_is_a_failed_run():
    evidence = told({"arm": ["a", "a", "b", "b"], "acc": [1.0, math.nan, 2.0, 3.0]})
    assert evidence.trials[["key", "state", "reason"]].to_numpy().tolist()[1] == ["row 2", "failed", "acc is missing"]
    assert effects(evidence)[0].verdict == "one run gives no interval"


def test_runs_of_different_lengths_are_warned_of():
    frame = {"arm": ["a"] * 3 + ["b"] * 2, "epoch": [0, 1, 2, 0, 1], "acc": [1.0, 2.0, 3.0, 2.0, 4.0]}
    [said] = told(frame, Columns(arm="arm", metric="acc", epoch="epoch")).agenda.problems
    assert said == "The arms were trained for different numbers of epochs (a 3; b 2): a difference between them includes that."
    frame = {**frame, "arm": ["a"] * 5, "run": [0, 0, 0, 1, 1]}
    both = {name: [*cells, *cells] for name, cells in frame.items()} | {"arm": ["a"] * 5 + ["b"] * 5}
    evidence = told(both, Columns(arm="arm", metric="acc", epoch="epoch", run="run"))
    assert evidence.agenda.problems == (
        "Runs of one arm have different numbers of epochs (a 2 to 3; b 2 to 3): each is scored by its last.",
    )
    assert "a 2 to 3; b 2 to 3" in page(evidence)


def test_curves_are_drawn_where_there_are_epochs_and_only_there():
    drawn = charts(tree(page(told(CURVE, Columns(arm="arm", metric="acc", epoch="epoch")))))
    assert {"curve-acc-data", "curve-loss-data"} <= set(drawn)
    assert not [name for name in charts(tree(page(told(FIVE)))) if name.startswith("curve")]


def test_the_clock_is_the_sources_own():
    frame = {"arm": CURVE["arm"], "Step": CURVE["epoch"], "acc": CURVE["acc"]}
    drawn = charts(tree(page(told(frame, Columns(arm="arm", metric="acc", epoch="Step")))))
    assert drawn["curve-acc-data"]["layout"]["xaxis"]["title"]["text"] == "Step"


def test_sections_with_nothing_to_say_are_left_out():
    evidence = told(FIVE)
    left = {title for title, section in SECTIONS.items() if section(evidence)}
    assert left >= {"The answer", "The ablation in numbers", "The ablation in pictures", "Methods", "Where it comes from"}
    of_trials = {"The ladder", "Interactions and orders", "The search", "Learning curves", "What it cost", "What failed"}
    assert not left & of_trials
    for text in (page(evidence), markdown(evidence)):
        for word in ("hpsearch run", "hpsearch show", "hpsearch rerun", "Trial keys", "study file", "0 s", "Nothing was tuned"):
            assert word not in text


def test_settings_that_differ_with_the_arm_are_named():
    """A difference between arms holds whatever else differs between them."""
    frame = {**FIVE, "width": [1] * 5 + [2] * 5, "lr": [0.1] * 10, "machine": [*"vwxyz"] * 2, "empty": [math.nan] * 10}
    origin = told(frame).provenance
    assert origin["arms also differ in"] == "width (a: 1, b: 2)"
    assert origin["all runs share"] == "lr 0.1"


def test_provenance_names_files_by_their_hashes_and_hides_passwords(tmp_path):
    path = tmp_path / "runs.csv"
    pd.DataFrame(FIVE).to_csv(path, index=False)
    command = ["import", str(path), "--where", "a b"]
    origin = imported(read(str(path)), str(path), PLAIN, Question(), command).provenance
    assert origin["sha256"] == f"runs.csv {hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert origin["command"] == f"hpsearch import {path} --where 'a b'"
    url = "postgresql://me:secret@host/db"
    assert "secret" not in str(imported(table(FIVE), url, PLAIN, Question(), ["import", url]).provenance)


def test_many_files_have_one_hash_that_sees_each(tmp_path):
    for n in range(6):
        pd.DataFrame({"_step": [0, 1], "acc": [n / 10, n / 5]}).to_csv(tmp_path / f"{'ab'[n % 2]}-{n}.csv")
    columns = Columns(arm="arm", metric="acc")

    def origin() -> str:
        return imported(read(str(tmp_path), pattern="(?P<arm>.)-."), str(tmp_path), columns, Question(), []).provenance["sha256"]

    first = origin()
    assert "of the list of 6 files below" in first
    (tmp_path / "a-0.csv").write_text((tmp_path / "a-0.csv").read_text() + "\n")
    assert origin() != first


ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_text_that_means_harm_stays_text():
    frame = {
        "arm": [f"{ATTACK}{{{{x}}}} %{{y}}"] * 4 + ["</script><script>alert(1)</script>"] * 4,
        "run": [f"{ATTACK} {n}" for n in (0, 0, 1, 1, 2, 2, 3, 3)],
        ATTACK: [1.0, 2.0, 2.0, 3.0, 5.0, 6.0, 7.0, math.nan],
        f"loss {ATTACK}": [1.0, 2.0] * 4,
        "step": [0, 1] * 4,
        f"set {ATTACK}": [f"[x](javascript:alert(1)) {ATTACK}"] * 8,
    }
    made = told(frame, Columns(arm="arm", metric=f"top={ATTACK}", run="run", epoch="step"), Question(text=ATTACK))
    for evidence in (made, told(frame, Columns(arm="arm", metric=ATTACK, run="run", epoch="step"))):
        root = tree(page(evidence))
        assert root.all("img") == []
        assert len(root.all("script")) == 2 + len(charts(root))  # plotly, ours, and the charts' data
        assert "onerror" not in {name for node in root.all() for name in node.attributes}
        assert not [text for text in texts(list(charts(root).values())) if "<img" in text]  # plotly makes elements of some tags
        assert "<script" not in markdown(evidence)
        assert re.search(r"(?<!\\)\]\(javascript", markdown(evidence)) is None


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"goal": "maximize"}, "--goal is maximise or minimise, got 'maximize'"),
        ({"design": "laddr"}, "--design 'laddr' is not known: did you mean 'ladder'?"),
        ({"design": "ladder", "base": "a"}, "--base goes with --design against: a ladder compares each arm with the one before it"),
        ({"base": "c"}, "--base names 'c', which is not an arm: known are a, b"),
        ({"labels": ("c=C",)}, "--label takes ARM=TEXT, got 'c=C': known are a, b"),
        ({"labels": ("a=b",)}, "--label gives two arms one name: call them differently"),
        ({"text": "  "}, "--question is empty: say in one sentence what the results answer"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(question, said):
    with pytest.raises(Refused) as refused:
        told(FIVE, PLAIN, Question(**question))
    assert str(refused.value) == said


def test_nothing_of_it_can_be_run():
    evidence = told(FIVE)
    assert list(evidence.agenda.trials()) == []
    assert evidence.study.train is not None
    with pytest.raises(Refused, match="these results were made elsewhere, so nothing can be run here"):
        next(evidence.study.train(evidence.study.base, 0, 1, None))
