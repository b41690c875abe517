"""What the statistics say reaches the page: tests behind verdicts, margins, other metrics, seeds that follow the results."""

from dataclasses import replace
from math import isnan

import pytest
from reading import tree
from stages import at
from synthetic import AVERAGE, COSINE, MIXUP, WARMUP, evidence, full, loss, top1

from hpsearch import Seeds, ladder
from hpsearch.report import page
from hpsearch.report.blocks import Fold, Table, Text
from hpsearch.report.needed import seconds_in_all, seconds_needed
from hpsearch.report.sections.answer import answer
from hpsearch.report.sections.contrasts import ablation, certainty_table, effects_frame
from hpsearch.report.sections.intervals import forest
from hpsearch.report.sections.ladder import steps_frame
from hpsearch.report.sections.methods import methods
from hpsearch.report.words import hours as words_of
from hpsearch.report.words import seeds_each, unit
from hpsearch.results.inference import effects
from hpsearch.statistics import NO_LARGER


@pytest.fixture(scope="module")
def within():
    return evidence(full(vary=ladder(COSINE, AVERAGE, MIXUP), tune=None, seeds=12, margin=0.3))


def test_every_row_says_whose_spread_it_rests_on_and_how_sure_it_is():
    estimated = effects(at("whole"))
    frame = effects_frame(estimated)
    for name in ("method", "df", "error", "p_holm", "p_exact", "p_floor"):
        assert frame[name].tolist() == [getattr(e, name) for e in estimated]
    [fold] = [b for b in ablation(at("whole")) if isinstance(b, Fold) and b.title.startswith("How sure")]
    [table] = fold.blocks
    assert table.name == "tests"
    assert {"method", "error", "df", "shown p", "shown p_holm", "shown p_exact"} <= {c.key for c in table.columns}
    assert "shown p_margin" not in {c.key for c in table.columns}  # nobody gave a margin
    assert all(cell == "< 0.0001" or float(cell) >= 1e-4 for cell in table.frame["shown p"])


def test_no_tests_are_shown_where_there_is_no_interval():
    assert not [b for b in ablation(at("one-seed")) if isinstance(b, Fold) and b.title.startswith("How sure")]
    assert certainty_table([], unit("top1")).frame.empty


def test_what_is_not_resolved_says_what_it_would_take_in_seeds_and_in_hours():
    made = at("whole")
    estimated = effects(made)
    frame = effects_frame(estimated, seconds_needed(made, estimated))
    seconds = made.measurements().groupby("arm")["seconds"].median()
    most = {}
    for effect, contrast, hours in zip(estimated, made.study.plan.contrasts, frame["hours_needed"], strict=True):
        if effect.verdict != "not resolved" or effect.seeds_needed is None:
            assert isnan(hours)
            continue
        more = {arm.name: effect.seeds_needed - made.study.seeds for arm, weight in contrast.weights if weight}
        assert hours == pytest.approx(sum(seconds[arm] * n for arm, n in more.items()) / 3600)
        most |= {arm: max(n, most.get(arm, 0)) for arm, n in more.items()}
    assert most
    whole = sum(seconds[arm] * n for arm, n in most.items())
    assert seconds_in_all(made, estimated) == pytest.approx(whole)
    assert whole < frame["hours_needed"].sum() * 3600  # arms are shared
    assert f"{words_of(whole)} more of training in all" in " ".join(b.text for b in answer(made) if isinstance(b, Text))
    [table] = [b for b in ablation(made) if isinstance(b, Table) and b.name == "effects"]
    assert [bool(cell) for cell in table.frame["training"]] == [not isnan(hours) for hours in frame["hours_needed"]]


def test_seeds_that_failed_are_lacking_too():
    made = at("some-failed")
    estimated = effects(made)
    there = made.measurements().dropna(subset=["score"]).groupby("arm")
    count, seconds = there.size(), there["seconds"].median()
    checked = 0
    for effect, contrast, told in zip(estimated, made.study.plan.contrasts, seconds_needed(made, estimated), strict=True):
        if told is not None:
            arms = [arm.name for arm, weight in contrast.weights if weight]
            assert told == pytest.approx(sum((effect.seeds_needed - count[arm]) * seconds[arm] for arm in arms))
            checked += len({count[arm] for arm in arms}) > 1
    assert checked


def test_where_nobody_took_the_time_no_hours_are_told():
    made = at("whole")
    untimed = replace(made, trials=made.trials.assign(seconds=float("nan")))
    estimated = effects(untimed)
    assert set(seconds_needed(untimed, estimated)) == {None}
    [table] = [b for b in ablation(untimed) if isinstance(b, Table) and b.name == "effects"]
    assert "training" not in {c.key for c in table.columns}


def test_a_margin_is_drawn_counted_and_put_into_words(within):
    verdicts = [e.verdict for e in effects(within)]
    assert NO_LARGER in verdicts
    said = " ".join(b.text for b in answer(within) if isinstance(b, Text))
    assert f"1 shows {NO_LARGER}" in said
    shapes = forest(effects_frame(effects(within)), unit("top1"), 0.3).figure.layout.shapes
    assert [(s.x0, s.x1) for s in shapes if s.type == "rect"] == [(-0.3, 0.3)]
    assert "shows no difference larger than the margin of 0.3 where two one-sided tests say so" in methods(within)[0].text
    table = certainty_table(effects(within), unit("top1"))
    assert "shown p_margin" in {c.key for c in table.columns}
    assert tree(page(within))


def test_other_metrics_have_tables_of_their_own_in_their_own_unit():
    made = evidence(full(vary=ladder(COSINE, WARMUP), tune=None, seeds=4, also=(("loss", "minimise"), ("top5", "maximise"))))
    folds = {b.title: b.blocks[0] for b in ablation(made) if isinstance(b, Fold) and b.title.startswith("The same")}
    assert list(folds) == ["The same contrasts in loss", "The same contrasts in top-5 accuracy"]
    table = folds["The same contrasts in loss"]
    assert isinstance(table, Table)
    assert table.name == "effects-0"
    assert table.frame["difference"].tolist() == [e.value for e in effects(made, metric="loss")]
    assert tree(page(made))


def test_seeds_that_follow_the_results_are_told_as_a_range_and_the_page_is_whole():
    made = evidence(full(vary=ladder(COSINE, WARMUP), tune=None, seeds=Seeds(start=3, most=9, until=0.05)))
    assert seeds_each(made.study.seeds) == "3 to 9"
    assert "3 seeds at first, and more, up to 9, where a row was not resolved" in methods(made)[0].text
    assert (
        "is analysed after 3, 6 and 9 seeds, and all looks share the error rate of 5 %, by O'Brien-Fleming" in methods(made)[0].text
    )
    assert tree(page(made))
    assert steps_frame(made)["difference"].notna().sum() == 2
    before = evidence(full(vary=ladder(COSINE, WARMUP), tune=None, seeds=Seeds(start=3, most=9, until=0.05)), stop=0)
    assert "3 to 9 seeds each" in " ".join(b.text for b in answer(before) if isinstance(b, Text))


def test_a_score_that_is_a_median_of_the_last_epochs_is_said_to_be_one():
    made = evidence(full(vary=ladder(COSINE), tune=None, seeds=3, last=5))
    assert "top-1 accuracy as the median of the last 5 epochs" in methods(made)[0].text


def test_noisier_arms_are_named_where_the_methods_are():
    made = evidence(
        full(vary=ladder(COSINE, WARMUP, MIXUP), tune=None, seeds=8),
        lambda t: top1(t) + (6 * ((t.seed * 7919) % 13 / 13 - 0.5) if t.config.mixup else 0),
        metrics={"loss": loss},
    )
    first, *notes = methods(made)
    assert "rows with a noisier arm have their own interval" in first.text
    assert "Noisier than the other arms" in " ".join(note.text for note in notes)
