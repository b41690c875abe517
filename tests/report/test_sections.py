"""Numbers of the sections, by equality with numbers worked out here; pictures, by what they were given."""

import math
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from stages import at, some_fail
from synthetic import COSINE, MIXUP, SPACE, WARMUP, evidence, full, top1

from hpsearch import Choice, OneMinus, Round, Space, Tune, Uniform, ladder
from hpsearch.report.blocks import Chart, Fold, Table, Text
from hpsearch.report.sections import SECTIONS
from hpsearch.report.sections.answer import answer, effects_words, facts, planned_words, progress, search_words
from hpsearch.report.sections.contrasts import ablation, arms_frame, claims_frame, effects_frame
from hpsearch.report.sections.cost import cost_frame
from hpsearch.report.sections.curves import curves, curves_frame, metrics_to_show
from hpsearch.report.sections.failures import failures_frame
from hpsearch.report.sections.intervals import forest, intervals, seeds_frame
from hpsearch.report.sections.methods import methods
from hpsearch.report.sections.panels import Scale, panels, points_frame
from hpsearch.report.sections.reproduction import keys_frame
from hpsearch.report.sections.search import edges, rounds_frame, whose, winners_frame
from hpsearch.report.words import unit
from hpsearch.results.inference import effects
from hpsearch.statistics import Effect

RATE = Space(learning_rate=10 ** Uniform(-2.5, 0.5))
TWO = (Round(points=4, epochs=2, keep=2), Round(points=3, epochs=3))


def small(**changes):
    return full(vary=ladder(COSINE, WARMUP), tune=Tune(RATE, TWO, arms="base"), seeds=2, **changes)


@pytest.fixture(scope="module")
def made():
    return evidence(small())


def test_arms_are_means_and_deviations_of_their_measurements(made):
    frame = arms_frame(made)
    trials = {m.seed: m.trial for m in made.agenda.measurements if m.arm.name == "base"}
    scores = pd.Series([top1(trials[seed]) for seed in (0, 1)])
    assert frame["arm"].tolist() == ["base", "cosine decay", "cosine decay + warmup"]
    assert frame.loc[0, ["mean", "sd", "n"]].tolist() == pytest.approx([scores.mean(), scores.std(), 2])


def test_means_over_unequal_seeds_say_that_they_do_not_subtract_to_the_differences():
    [uneven] = [b for b in ablation(at("some-failed")) if isinstance(b, Table) and b.name == "arms"]
    [even] = [b for b in ablation(at("whole")) if isinstance(b, Table) and b.name == "arms"]
    assert "corrected for the seeds they lack" in uneven.note
    assert even.note == ""
    means = uneven.frame["mean"].tolist()
    steps = [e.value for e in effects(at("some-failed")) if e.design == "ladder"]
    rungs = [after - before for before, after in pairwise(means[: len(steps) + 1])]
    assert max(abs(rung - step) for rung, step in zip(rungs, steps, strict=True)) > 0.001


def test_tuning_scores_enter_no_table(made):
    moved = made.trials.assign(score=made.trials["score"].where(made.trials["role"] == "measurement", 1e6))
    other = evidence(small(), trials=moved)
    assert arms_frame(other).equals(arms_frame(made))
    assert effects_frame(effects(other)).equals(effects_frame(effects(made)))
    assert seeds_frame(other).equals(seeds_frame(made))
    assert curves_frame(other, "top1").equals(curves_frame(made, "top1"))


def test_progress_counts_each_trial_once(made):
    assert progress(made) == (13, 0, 13)
    assert dict(facts(made)) == {
        "trials done": "13 of 13",
        "failed": "0",
        "arms": "3",
        "seeds per arm": "2",
        "training time": "31 min",
    }


def test_before_anything_ran_the_plan_is_told():
    assert planned_words(at("nothing-run")) == (
        "Planned: one search of 36 trials over learning_rate, momentum and weight_decay and 10 arms with 5 seeds each, "
        "720 epochs in all."
    )
    assert answer(at("nothing-run"))[0] == Text("Nothing has run yet: 0 of 86 trials done.", "warning")


def test_an_unfinished_study_says_so_and_a_finished_one_does_not():
    assert answer(at("half-measured"))[0] == Text("This study is not finished: 60 of 86 trials done.", "warning")
    assert not [b for b in answer(at("whole")) if isinstance(b, Text) and b.kind == "warning"]
    assert not [b for b in answer(at("some-failed")) if isinstance(b, Text) and b.kind == "warning"]


def effect(name, value, verdict, needed=None):
    return Effect(name, "ladder", value, value - 0.1, value + 0.1, 5, verdict, seeds_needed=needed)


def test_the_answer_names_the_best_the_worst_and_the_open():
    said = effects_words(
        [
            effect("+ a", 0.3, "helps"),
            effect("+ b", 0.5, "helps"),
            effect("+ c", -0.4, "hurts"),
            effect("+ d", 0.05, "not resolved", 30),
            effect("+ e", 0.001, "not resolved"),
            effect("all 5 together", 0.9, "helps"),
        ],
        unit("top1"),
    )
    assert said == [
        "The whole stack helps: “all 5 together”, +0.90 points (95 % interval +0.80 to +1.00); "
        "what helped most is “+ b”, +0.50 points (95 % interval +0.40 to +0.60).",
        "Of 6 contrasts, 3 help, 1 hurts and 2 are not resolved; "
        "what hurts most is “+ c”, −0.40 points (95 % interval −0.50 to −0.30).",
        "Not resolved: “+ d” and “+ e”; 30 seeds per arm would resolve effects of the size seen, "
        "and for 1 of them even 1,000 seeds would not be enough.",
    ]


def test_where_smaller_is_better_the_best_is_the_most_negative():
    estimated = effects(at("minimised"))
    words = " ".join(effects_words(estimated, unit("loss", 0.01)))
    best = min((e for e in estimated if not e.name.startswith("all ")), key=lambda e: e.value)
    assert best.value < 0
    assert f"hat helped most is “{best.name}”, −0.0" in words


def test_the_search_section_tells_the_winner(made):
    [line] = winners_frame(made).to_dict("records")
    last = made.searched().query("round == 2").sort_values("score", ascending=False).iloc[0]
    assert line["arm"] == "base"
    assert (line["score"], line["learning_rate"]) == (last["score"], last["learning_rate"])
    assert search_words(made) == [f"The search chose learning_rate {last['learning_rate']:.3g}."]


def test_the_winning_score_is_in_the_metrics_own_direction():
    winner = winners_frame(at("minimised")).iloc[0]
    again = at("minimised").searched().query("round >= 2 and learning_rate == @winner.learning_rate")["score"]
    assert (winner["score"], winner["runs"]) == (pytest.approx(again.mean()), len(again)) == (pytest.approx(again.mean()), 2)
    others = at("minimised").searched().query("round == 3 and learning_rate != @winner.learning_rate")["score"]
    assert again.mean() < others.min()


def test_rounds_count_points_and_show_the_box_they_looked_in(made):
    frame = rounds_frame(made)
    assert frame[["round", "points", "epochs", "done", "failed", "kept"]].values.tolist() == [
        [1, 4, 2, 4, 0, 2],
        [2, 3, 3, 3, 0, 1],
    ]
    assert frame["box learning_rate"].iloc[0] == "0.00316 to 3.16"
    assert frame["best"].tolist() == [made.searched().query(f"round == {n}")["score"].max() for n in (1, 2)]


def test_who_was_searched_is_told(made):
    assert whose(made).startswith("One search, of “base”, is shared by all arms")
    assert whose(at("own-search-for-each")).startswith("Every arm has its own search")


def test_a_winner_at_the_end_of_its_range_is_pointed_out():
    narrow = Space(learning_rate=10 ** Uniform(-3, -2))  # the hill is at 0.2
    told = evidence(full(vary=ladder(COSINE), tune=Tune(narrow, Round(48, 2)), seeds=2))
    ran = told.searched().sort_values("score").groupby("arm", sort=False)["learning_rate"].last()  # the best of each arm
    high = 10 ** (math.log10(0.178) - 0.1 * math.log10(0.178 / 0.001))  # the last tenth of the range, as it was widened
    words = (
        "The best learning_rate of the last round for “{}” lies at the high end of its range (0.001 to 0.178): the best may lie "
    )
    named = [arm for arm in ("base", "cosine decay") if words.format(arm) + "beyond it, so widen it or add a round." in edges(told)]
    assert len(named) == len(edges(told)) > 0
    assert all(ran[arm] > high for arm in named)
    closed = Space(learning_rate=10 ** Uniform(-3, -2, most=-2))
    [base, _] = edges(evidence(full(vary=ladder(COSINE), tune=Tune(closed, Round(48, 2)), seeds=2)))
    assert "lies at the high end of its range (0.001 to 0.01): a hard limit" in base
    assert edges(evidence(full(vary=ladder(COSINE), tune=Tune(RATE, Round(32, 2)), seeds=2))) == []


def test_curves_are_mean_and_range_over_seeds(made):
    frame = curves_frame(made, "top1")
    rows = made.rows[(made.rows["role"] == "measurement") & (made.rows["arm"] == "cosine decay") & (made.rows["epoch"] == 7)][
        "top1"
    ]
    [line] = frame.query("arm == 'cosine decay' and epoch == 7").to_dict("records")
    assert (line["mean"], line["low"], line["high"], line["n"]) == pytest.approx((rows.mean(), rows.min(), rows.max(), 2))
    assert frame["arm"].unique().tolist() == ["base", "cosine decay", "cosine decay + warmup"]


def test_curves_show_the_score_and_the_losses_and_what_is_positive_may_be_logarithmic(made):
    assert metrics_to_show(made) == ["top1", "loss", "train_loss"]
    drawn = [block for block in curves(made) if isinstance(block, Chart)]
    assert [chart.log for chart in drawn] == [True, True, True]
    ended = replace(made, rows=made.rows.assign(loss=made.rows["loss"].where(made.rows["epoch"] > 1, 0.0)))
    assert [block.log for block in curves(ended) if isinstance(block, Chart)] == [True, False, True]


def test_cost_adds_up(made):
    frame = cost_frame(made)
    assert frame["part"].tolist() == ["search, round 1", "search, round 2", "base", "cosine decay", "cosine decay + warmup"]
    assert frame["trials"].tolist() == [4, 3, 2, 2, 2]
    assert frame["epochs"].tolist() == [8, 9, 24, 24, 24]
    assert frame["hours"].sum() == pytest.approx(made.trials["seconds"].sum() / 3600)


def test_trials_that_stages_share_are_paid_for_once(made):
    doubled = evidence(
        small(), trials=pd.concat([made.trials, made.trials.iloc[:2]]), rows=pd.concat([made.rows, made.rows.iloc[:2]])
    )
    assert cost_frame(doubled).equals(cost_frame(made))
    assert progress(doubled) == progress(made)


def test_failures_are_listed_with_reason_and_key():
    made = evidence(small(), score=some_fail)
    failed = made.trials[made.trials["state"] == "failed"]
    frame = failures_frame(made)
    assert len(frame) == len(failed) > 0
    assert frame["key"].tolist() == failed["key"].tolist()
    assert set(frame["reason"]) == {"ValueError: the loss is NaN in epoch 1"}


def test_claims_are_all_listed(made):
    assert claims_frame(made)[["trick", "claim", "over"]].values.tolist() == [
        ["cosine decay", 0.75, "ResNet-50-D"],
        ["warmup", 0.16, "batch 256"],
    ]


def test_keys_name_every_measurement(made):
    assert sorted(keys_frame(made)["key"]) == sorted(m.trial.key for m in made.agenda.measurements)


def test_the_forest_is_given_what_the_frame_holds():
    frame = effects_frame(effects(at("whole")))
    drawn = forest(frame, unit("top1")).figure
    points = sorted(
        (x, x - low, x + high)
        for t in drawn.data
        if t.name != "published claim"
        for x, low, high in zip(t.x, t.error_x.arrayminus, t.error_x.array, strict=True)
    )
    known = sorted(zip(frame["difference"], frame["low"], frame["high"], strict=True))
    assert [end for point in points for end in point] == pytest.approx([end for point in known for end in point])
    [claims] = [t for t in drawn.data if t.name == "published claim"]
    assert sorted(claims.x) == sorted(frame["claim"].dropna())


def test_arms_of_no_score_are_not_drawn():
    assert intervals(at("nothing-run")) == ()
    assert all(isinstance(block, Chart) for block in intervals(at("one-seed")))


def test_the_search_is_drawn_with_every_point_and_a_cross_for_each_failure():
    made = evidence(full(vary=None), score=some_fail)
    frame = points_frame(made, "base")
    chart = panels(made, "base", 0, unit("top1"))
    first = [t for t in chart.figure.data if t.xaxis == "x" and t.x[0] is not None]
    crosses = [t for t in first if t.name == "failed"]
    assert sum(len(t.x) for t in first) == len(frame)
    assert sum(len(t.x) for t in crosses) == (frame["state"] == "failed").sum() > 0


def test_axes_follow_their_domains():
    momentum = Scale("momentum", OneMinus(10 ** Uniform(-2, -1)))
    assert momentum.at(0.99) == pytest.approx(0.01)
    assert momentum.axis()["type"] == "log"
    left, right = momentum.axis()["range"]
    assert left > right  # turned round: large momentum to the right
    assert Scale("schedule", Choice("step", "cosine")).axis()["ticktext"] == ["step", "cosine"]
    assert "type" not in Scale("x", Uniform(0, 1)).axis()
    box = SPACE.around([{"learning_rate": 0.1, "weight_decay": 1e-4, "momentum": 0.9}], 0.1)["momentum"]
    low, high = momentum.ends(box)
    assert low > 0.1 > high


def test_methods_say_what_was_held_out(made):
    said = " ".join(block.text for block in methods(made))
    for words in (
        "We tuned learning_rate, once for all arms, on the base, with sobol proposals",
        "seeds are blocks",
        "95 % intervals are simultaneous",
        "final held-out set",
        "no tuning seed appears in them",
        "2 seeds",
    ):
        assert words in said


def test_sections_without_anything_to_say_are_left_out():
    silent = {title for title, section in SECTIONS.items() if not section(at("nothing-run"))}
    assert silent >= {"The ladder", "The ablation in pictures", "Learning curves", "What it cost", "What failed"}
    assert not silent & {"The answer", "The ablation in numbers", "The search", "Methods", "Where it comes from"}
    assert "The search" in {title for title, section in SECTIONS.items() if not section(at("no-search"))}


def _blocks(blocks):
    return [inner for block in blocks for inner in ([block, *_blocks(block.blocks)] if isinstance(block, Fold) else [block])]


def test_names_of_blocks_are_unique_over_sections():
    named = [b.name for section in SECTIONS.values() for b in _blocks(section(at("some-failed"))) if isinstance(b, Table | Chart)]
    assert len(named) == len(set(named))


def test_a_mixed_up_sign_would_be_noticed():
    frame = effects_frame(effects(at("whole")))
    [mixup] = frame.query(f"contrast == '+ {MIXUP.name}'").to_dict("records")
    assert (mixup["verdict"], mixup["beside_claim"]) == ("hurts", "disagrees")
    assert mixup["difference"] < mixup["high"] < 0
