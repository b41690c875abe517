"""Pictures of a search by what they were given: every point once, nothing of trials that failed or were stopped."""

import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from reading import charts, tree
from stages import at
from synthetic import SPACE, evidence, full, loss, top1

from hpsearch import Choice, Integers, OneMinus, Round, Space, Tune, Uniform, ladder
from hpsearch.report import markdown, page
from hpsearch.report.blocks import Chart, Fold, Table
from hpsearch.report.sections.isolation import isolation, isolation_frame, slice_of
from hpsearch.report.sections.panels import axes, panels, points_frame
from hpsearch.report.sections.parallel import CLASSES, parallel
from hpsearch.report.sections.ranks import correlation, ranks_frame, ranks_table
from hpsearch.report.sections.search import WHOLE, search
from hpsearch.report.sections.zoom import leading, zoom
from hpsearch.report.words import unit
from hpsearch.results.points import boxes_of, dimensions, rounds_of, values_by_key

TOP1 = unit("top1")
THREE = (Round(points=24, epochs=4, keep=6), Round(points=12, epochs=8, keep=4), Round(points=8, epochs=8))
BRANCH = Space(momentum=OneMinus(10 ** Uniform(-2, -0.3)), warmup=Integers(0, 5))
BRANCHES = Space(learning_rate=10 ** Uniform(-2.5, 0.5), schedule=Choice("step", **{"cos<b>ine": BRANCH}))
NARROW = Space(learning_rate=10 ** Uniform(-3, -2), weight_decay=10 ** Uniform(-5, -4))


def made_of(space=SPACE, score=top1, rounds=THREE, **changes):
    return evidence(full(vary=None, tune=Tune(space, rounds), **changes), score)


def with_stopped(made, score=None):
    """Some complete trials of the search were stopped; what score they would have had must not matter."""
    frame = made.trials
    chosen = (frame["role"] == "search") & (frame["point"] % 4 == 3) & (frame["state"] == "complete")
    hidden = frame["score"].where(~chosen, score) if score else frame["score"].where(~chosen)
    return replace(made, trials=frame.assign(state=frame["state"].where(~chosen, "stopped"), score=hidden))


def partly(trial):
    return None if trial.config.learning_rate > 1 else top1(trial)


MADE = {
    "three rounds": lambda: made_of(),
    "branches": lambda: made_of(BRANCHES),
    "widened": lambda: made_of(NARROW),
    "stopped": lambda: with_stopped(made_of(score=partly)),
    "minimised": lambda: with_stopped(made_of(score=loss, metric="loss", goal="minimise")),
    "one round": lambda: made_of(rounds=Round(12, 3)),
    "None is an option": lambda: made_of(Space(learning_rate=10 ** Uniform(-2, 0), schedule=Choice(None, "cosine"))),
}


@pytest.fixture(scope="module", params=list(MADE))
def made(request):
    return MADE[request.param]()


def finished(made, state="complete"):
    trials = made.searched()
    return trials[(trials["state"] == state) & trials["round"].isin(rounds_of(made, "base"))]


def drawn(made):
    written = unit(made.study.metric)
    found = [draw(made, "base", 0, written) for draw in (panels, axes, isolation, parallel, zoom)]
    return [chart for chart in found if chart is not None]


def test_every_page_of_a_search_is_whole(made):
    text = page(made)
    for name, chart in charts(tree(text)).items():
        assert any(value is not None for trace in chart["data"] for value in trace["x"]), name
    assert len(text.encode()) < 6_000_000
    assert "object at 0x" not in text
    assert not re.search(r"\b(nan|NaN|<NA>)\b", markdown(made).replace("the loss is NaN", ""))


def test_charts_have_captions_words_and_a_form_for_narrow_screens(made):
    pictures = drawn(made)
    for chart in pictures:
        assert chart.caption.endswith((".", "…")), chart.name
        assert len(chart.alt) > 10
        assert chart.narrow
    assert len({chart.name for chart in pictures}) == len(pictures)


def test_domains_are_as_wide_as_the_search_looked(made):
    for label, domain in dimensions(made, "base").items():
        values = [point[label] for point in values_by_key(made).values() if label in point]
        assert all(0 <= domain.unit(value) <= 1 for value in values)


def test_a_widened_search_is_drawn_beyond_the_space_it_began_with():
    found = MADE["widened"]()
    assert dimensions(found, "base")["learning_rate"].high > 0.05
    assert dimensions(found, "base", 1)["learning_rate"].high < dimensions(found, "base")["learning_rate"].high
    box = zoom(found, "base", 0, TOP1)
    assert max(x for trace in box.figure.data for x in trace.x) > 0.05


def test_isolation_is_the_best_of_each_slice_by_brute_force(made):
    frame, domains, values = isolation_frame(made, "base"), dimensions(made, "base"), values_by_key(made)
    best = max if made.study.goal == "maximise" else min
    wanted = {}
    for line in finished(made).to_dict("records"):
        for label, value in values[line["key"]].items():
            wanted.setdefault((label, line["round"], slice_of(domains[label], value)), []).append(line["score"])
    got = {(line["parameter"], line["round"], line["slice"]): line for line in frame.to_dict("records")}
    assert {place: (line["trials"], line["score"]) for place, line in got.items()} == {
        place: (len(scores), best(scores)) for place, scores in wanted.items()
    }


def test_isolation_marks_how_many_trials_each_best_is_of(made):
    chart = isolation(made, "base", 0, TOP1)
    labels = [int(text) for trace in chart.figure.data if trace.text for text in trace.text]
    assert sum(labels) == sum(len(values_by_key(made)[key]) for key in finished(made)["key"])


def test_options_and_few_whole_numbers_have_a_slice_each():
    assert [slice_of(Choice("a", "b", "c"), option) for option in "abc"] == [0, 1, 2]
    assert [slice_of(Integers(0, 5), n) for n in range(6)] == list(range(6))
    assert {slice_of(Integers(0, 99), n) for n in range(100)} == set(range(8))
    assert [slice_of(10 ** Uniform(-4, 0), v) for v in (1e-4, 1.0)] == [0, 7]


def test_points_without_a_score_are_marked_beyond_the_worst_one(made):
    chart = axes(made, "base", 0, TOP1) or panels(made, "base", 0, TOP1)
    scores = finished(made)["score"]
    for state in ("failed", "stopped"):
        marks = [y for t in chart.figure.data if t.name == state and t.xaxis == "x" for y in t.y if y is not None]
        assert len(marks) == (made.searched()["state"] == state).sum()
        assert all(y > scores.max() if made.study.goal == "minimise" else y < scores.min() for y in marks)
    assert {state for state in ("failed", "stopped") if any(t.name == state for t in chart.figure.data)} == {
        state for state in made.searched()["state"] if state != "complete"
    }


def test_the_caption_counts_failed_and_stopped_points():
    found = MADE["stopped"]()
    states = found.searched()["state"].value_counts()
    caption = axes(found, "base", 0, TOP1).caption
    assert f"Crosses: {states['failed']} failed points." in caption
    assert f"Triangles: {states['stopped']} points stopped early." in caption


def test_what_a_stopped_trial_would_have_scored_changes_no_picture():
    one, other = (with_stopped(made_of(score=partly), score) for score in (None, 1e6))
    for draw in (isolation, parallel, zoom, panels, axes):
        assert draw(one, "base", 0, TOP1).data() == draw(other, "base", 0, TOP1).data()
    assert isolation_frame(one, "base").equals(isolation_frame(other, "base"))
    assert ranks_frame(one, "base").equals(ranks_frame(other, "base"))


def test_every_complete_point_is_one_line_through_all_axes(made):
    chart = parallel(made, "base", 0, TOP1)
    dims = len(dimensions(made, "base"))
    lines = [t for t in chart.figure.data if t.x and t.x[0] is not None]
    through = [x for t in lines for x in t.x]
    assert through.count(None) == len(finished(made))
    assert len(through) == len(finished(made)) * (dims + 2)
    assert all(x is None or -0.1 < x <= 1 for x in through)
    absent = sum(dims - len(values_by_key(made)[key]) for key in finished(made)["key"])
    assert sum(x is not None and x < 0 for x in through) == absent


def test_the_best_points_of_each_round_are_in_orange_and_end_best():
    found = MADE["three rounds"]()
    chart = parallel(found, "base", 0, TOP1)
    best = [t for t in chart.figure.data if t.line.color == "#d9601a"]
    assert [t.legendgroup for t in best] == ["round 1", "round 2", "round 3"]
    assert [sum(x is None for x in t.x) for t in best] == [24 // CLASSES, 12 // CLASSES, 2]
    assert max(x for t in best for x in t.x[3::5]) == 1.0
    top = finished(found)["score"].max()
    assert any(f"{top:.2f}" in text for t in best for text in t.text)


def test_parallel_coordinates_need_two_parameters_and_axis_plots_three_at_most():
    assert parallel(at("one-parameter"), "base", 0, TOP1) is None
    assert axes(at("one-parameter"), "base", 0, TOP1) is None
    assert axes(at("five-parameters"), "base", 0, TOP1) is None
    assert [draw(at("nothing-run"), "base", 0, TOP1) for draw in (panels, axes, isolation, parallel, zoom)] == [None] * 5


def test_the_zoom_draws_every_box_of_every_round():
    found = MADE["three rounds"]()
    chart = zoom(found, "base", 0, TOP1)
    x, y = leading(found, "base")
    boxes = [box for round_ in found.agenda.rounds if not round_.confirming for box in boxes_of(found, round_)]
    wanted = [sorted([*x.ends(box[x.name]), *y.ends(box[y.name])]) for box in boxes]
    rectangles = [t for t in chart.figure.data if t.mode == "lines"]
    assert np.array([sorted([*t.x[:2], *t.y[1:3]]) for t in rectangles]) == pytest.approx(np.array(wanted))
    assert (chart.figure.layout.xaxis.type, chart.figure.layout.yaxis.type) == ("log", "log")
    points = [t for t in chart.figure.data if t.mode == "markers"]
    assert sum(len(t.x) for t in points) == len(finished(found))


def test_the_zoom_takes_the_two_that_mattered_most_and_rounds_to_compare():
    assert [scale.name for scale in leading(MADE["widened"](), "base")] == ["learning_rate", "weight_decay"]
    assert zoom(MADE["one round"](), "base", 0, TOP1) is None
    assert zoom(MADE["branches"](), "base", 0, TOP1) is None  # the momentum exists only in one branch


def test_ranks_are_compared_over_the_points_that_ran_both_times():
    found = MADE["three rounds"]()
    frame = ranks_frame(found, "base")
    rows = found.rows[(found.rows["role"] == "search") & (found.rows["round"] == 1)].drop_duplicates(["key", "epoch"])
    early, late = (rows[rows["epoch"] == epoch].set_index("key")["top1"] for epoch in (1, 4))
    [first] = frame.query("early == 'round 1, epoch 1'").to_dict("records")
    assert first["late"] == "round 1, epoch 4"
    assert first["correlation"] == pytest.approx(early.corr(late, method="spearman"))
    assert first["points"] == 24
    carried = frame[frame["late"] == "round 2, 8 epochs"].to_dict("records")
    assert [(line["early"], line["points"]) for line in carried] == [("round 1, 4 epochs", 6)]
    again = frame[frame["late"] == "the mean of fresh seeds"].to_dict("records")
    assert [(line["early"], line["points"]) for line in again] == [("round 3, 8 epochs", found.study.tune.confirming.points)]


def test_perfect_and_reversed_ranks_are_told_apart():
    assert correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == 1
    assert correlation([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    assert correlation([1, 2, 3], [1, 2, 3]) is None
    assert correlation([1, 1, 1, 1], [1, 2, 3, 4]) is None


def test_the_table_of_ranks_leaves_out_what_too_few_points_say():
    assert ranks_table(at("nothing-run"), "base", 0) is None
    assert ranks_table(evidence(full(vary=None), metrics={}), "base", 0).frame["points"].min() >= 4
    assert ranks_table(at("whole"), "base", 0).frame["correlation"].notna().all()


def everything(blocks):
    return [inner for block in blocks for inner in ([block, *everything(block.blocks)] if isinstance(block, Fold) else [block])]


def test_the_section_opens_one_search_and_folds_the_others():
    made = at("own-search-for-each")
    blocks = search(made)
    opened = {block.name for block in blocks if isinstance(block, Chart | Table)}
    assert {"search-0", "axes-0", "importance-0", "pairs-0"} <= opened
    assert not any(re.search("-[1-9]$", name) for name in opened)
    within = {block.name for block in everything(blocks) if isinstance(block, Chart | Table)}
    for n in range(4):
        assert {f"{kind}-{n}" for kind in ("search", "axes", "importance", "isolation", "parallel", "zoom", "ranks")} <= within


def test_many_searches_are_drawn_in_brief(monkeypatch):
    monkeypatch.setattr(sys.modules[search.__module__], "WHOLE", 2)
    names = {block.name for block in everything(search(at("own-search-for-each"))) if isinstance(block, Chart)}
    assert names == {f"{kind}-0" for kind in ("axes", "importance", "isolation", "parallel", "zoom")} | {
        f"search-{n}" for n in range(4)
    }
    assert WHOLE >= 2


def test_hostile_options_stay_text():
    text = page(MADE["branches"]())
    assert "<b>ine" not in text
    assert "cos\\u0026lt;b\\u0026gt;ine" in text  # as plotly shows letters


def test_arms_with_searches_of_their_own_are_kept_apart():
    made = evidence(full(vary=ladder(full().plan.tricks[0]), tune=Tune(SPACE, Round(12, 2), confirm=None)))
    frames = [points_frame(made, arm.name) for arm in made.study.searches]
    assert [len(frame) for frame in frames] == [12, 12]
    assert not frames[0]["score"].equals(frames[1]["score"])
