"""The ladder: the published one as the facts have it, the measured one beside it, and the same numbers everywhere."""

import csv
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from published_studies import of
from reading import charts, pipe_tables, tree
from stages import at
from synthetic import COSINE, SMOOTHING, WARMUP, evidence, full

from hpsearch import Claim, Trick, ladder, leave_one_out, one_at_a_time
from hpsearch.report import markdown, page
from hpsearch.report.blocks import Chart, Fold, Table
from hpsearch.report.published import LADDERS, climbed, compared, published
from hpsearch.report.sections.ladder import ladder as section
from hpsearch.report.sections.ladder import reached, rungs_frame, steps_frame
from hpsearch.report.sections.waterfall import waterfall
from hpsearch.report.words import unit
from hpsearch.results.inference import effects
from hpsearch.study.file import read
from hpsearch.tricks import he2019, torchvision2021

STUDIES = Path(__file__).parents[2] / "studies"
FACTS = Path(__file__).parents[3] / "shared" / "facts" / "published_ladder.csv"

# rung, top-1, top-5, over: tables 2, 4, 5 and 6 of He et al. 2019, written down here a second time
PRINTED = [
    ("0", 75.3, 92.2, ""),
    ("1", 75.87, 92.70, ""),
    ("2", 75.17, 92.54, "1"),
    ("3", 75.93, 92.84, "2"),
    ("4", 76.37, 92.96, "3"),
    ("5", 76.03, 92.86, "4"),
    ("6", 76.21, 92.97, "5"),
    ("7", 76.66, 93.28, "6"),
    ("8", 76.87, 93.48, "7"),
    ("9", 77.16, 93.52, "8"),
    ("10", 77.91, 93.81, "9"),
    ("11", 78.31, 94.09, "10"),
    ("12a", 78.67, 94.36, "11"),
    ("12b", 79.15, 94.58, "11"),
    ("13", 79.29, 94.63, "12b"),
]
HE, TORCHVISION = LADDERS


def test_the_table_holds_the_papers_cells():
    frame = rungs_frame(HE)
    assert list(zip(frame["rung"], frame["top1"], frame["top5"], frame["over"], strict=True)) == PRINTED
    assert frame["step"].dropna().tolist() == [-0.7, 0.76, 0.44, -0.34, 0.18, 0.45, 0.21, 0.29, 0.75, 0.4, 0.36, 0.84, 0.14]


@pytest.mark.skipif(not FACTS.is_file(), reason="the facts lie beside the project, not in it")
def test_the_table_holds_the_facts():
    known = [(r["rung"], float(r["top1_percent"]), float(r["top5_percent"]), r["over"]) for r in csv.DictReader(FACTS.open())]
    assert known == PRINTED


def test_every_rung_has_its_source_and_what_is_known_to_be_wrong_with_it():
    frame = rungs_frame(HE).set_index("rung")
    assert all(source.startswith("He et al. 2019 (arXiv:1812.01187), Table ") for source in frame["source"])
    for rung, words in {
        "0": "0.57 of its 3.99 points come from a different implementation",
        "2": "the text says 0.9, the table's cells differ by 0.70",
        "5": "lowers the published number",
        "8": "stride 2 in the first convolution only",
        "11": "tables 8 and 9 print 78.34",
        "12b": "includes going from 120 to 200 epochs",
        "13": "teacher trained with mixup as well",
    }.items():
        assert words in frame.loc[rung, "errata"]


def test_before_any_run_the_report_shows_the_published_ladder_as_a_table_and_a_waterfall():
    made = of("bag_of_tricks_imagenet", 0)
    blocks = section(made)
    [table] = [b for b in blocks if isinstance(b, Table)]
    [chart] = [b for b in blocks if isinstance(b, Chart)]
    assert len(table.frame) == len(PRINTED)
    bars = next(t for t in chart.figure.data if t.type == "bar")
    ends = [round(base + size, 2) for base, size in zip(bars.base, bars.x, strict=True)]
    assert ends == [top1 for _, top1, _, over in PRINTED if over]
    starts = {rung: top1 for rung, top1, _, _ in PRINTED}
    assert [round(base, 2) for base in bars.base] == [starts[over] for _, _, _, over in PRINTED if over]
    [roots] = [t for t in chart.figure.data if t.type == "scatter" and t.mode == "markers+text"]
    assert list(roots.x) == [75.3, 75.87]
    assert "75.30" in chart.alt
    assert "79.29" in chart.alt
    root = tree(page(made))
    assert "waterfall-data" in charts(root)
    assert next(rows for rows in pipe_tables(markdown(made)) if "Top-1, %" in rows[0])[-1]["Top-1, %"] == "79.29"


def test_with_runs_every_rung_of_the_published_ladder_has_a_measured_level_beside_it():
    made = of("bag_of_tricks_imagenet")
    frame = steps_frame(made).set_index("rung")
    assert list(frame.index) == [rung for rung, *_ in PRINTED]
    assert frame["mean"].drop("0").notna().all()
    assert pd.isna(frame.loc["0", "end"])
    assert frame["claim"].dropna().tolist() == rungs_frame(HE)["step"].dropna().tolist()
    assert (frame["end"] - frame["published"]).drop("0").abs().max() < 0.2
    assert frame.loc["12a", "start"] == frame.loc["12b", "start"] == frame.loc["11", "end"]
    assert frame.loc["13", "start"] == frame.loc["12b", "end"]
    assert set(frame["beside"].drop(["0", "1"])) <= {"agrees", "disagrees", "cannot tell at this size"}


def test_steps_are_the_contrasts_of_the_table_and_levels_climb_by_them():
    made = of("bag_of_tricks_imagenet")
    frame = steps_frame(made)
    by_name = {e.name: e for e in effects(made)}
    asked = frame[frame["asked"] & frame["difference"].notna()]
    assert len(asked) == 10
    for line in asked.to_dict("records"):
        effect = by_name[f"+ {line['step']}"]
        assert (line["difference"], line["low"], line["high"]) == (effect.value, effect.low, effect.high)
    assert (frame["start"] + frame["difference"] - frame["end"]).dropna().abs().max() < 1e-9


def test_where_seeds_are_missing_levels_climb_by_the_corrected_steps_and_not_by_raw_means():
    frame = steps_frame(at("some-failed"))
    assert (frame["start"] + frame["difference"] - frame["end"]).dropna().abs().max() < 1e-9
    assert (frame["end"] - frame["mean"]).abs().max() > 1e-6


def test_steps_the_plan_does_not_ask_for_have_intervals_that_hold_together_with_its_own():
    frame = steps_frame(of("bag_of_tricks_imagenet")).set_index("rung")
    assert [rung for rung, asked in frame["asked"].items() if not asked] == ["12a", "12b", "13"]
    wide = frame["high"] - frame["low"]
    assert wide["12a"] > wide["11"]  # the same spread and seeds, a larger family
    assert not frame.loc["12a", "asked"]
    [table] = [b for b in section(of("bag_of_tricks_imagenet")) if isinstance(b, Table)]
    assert "marked *" in table.note
    assert [name for name in table.shown()["c0"] if name.endswith(" *")] == [
        "12a distillation *",
        "12b mixup, 200 epochs *",
        "13 distillation and mixup *",
    ]


def test_the_measured_waterfall_is_given_what_the_frame_holds():
    frame = steps_frame(of("bag_of_tricks_imagenet"))
    drawn = waterfall(frame, HE, unit("top1")).figure
    measured = next(t for t in drawn.data if t.type == "bar" and t.xaxis == "x2")
    known = frame[frame["difference"].notna()]
    assert list(measured.x) == known["difference"].tolist()
    assert list(measured.base) == known["start"].tolist()
    [whiskers] = [t for t in drawn.data if t.error_x.array is not None]
    assert list(whiskers.x) == known["end"].tolist()
    assert list(whiskers.error_x.array) == pytest.approx((known["high"] - known["difference"]).tolist())
    assert list(whiskers.error_x.arrayminus) == pytest.approx((known["difference"] - known["low"]).tolist())


def test_both_ends_of_both_ladders_and_the_claims_are_counted_in_words():
    frame = steps_frame(of("bag_of_tricks_imagenet"))
    said = reached(frame, unit("top1"))
    top = frame["end"].dropna().iloc[-1]
    assert said.startswith(
        f"As published the ladder goes from 75.30 to 79.29 %, as measured from {frame['end'].iloc[1]:.2f} to {top:.2f} %."
    )
    counts = frame["beside"].value_counts()
    agree, disagree, open_ = (counts.get(key, 0) for key in ("agrees", "disagrees", "cannot tell at this size"))
    assert agree + disagree + open_ == 13
    words = f"Of 13 steps {agree} agree with the sign of their claims, {disagree} disagree, and for {open_} it cannot be told at this size."
    assert said.endswith(words)
    before = reached(steps_frame(of("bag_of_tricks_imagenet", 0)), unit("top1"))
    assert before == "As published the ladder goes from 75.30 to 79.29 %."


def test_half_a_ladder_is_drawn_as_far_as_it_was_measured():
    frame = steps_frame(of("bag_of_tricks_imagenet", 7)).set_index("rung")
    assert frame["mean"].notna().sum() > 0
    assert section(of("bag_of_tricks_imagenet", 7))


def test_a_study_that_renames_and_shrinks_the_tricks_still_climbs_the_ladder():
    names = {"linear scaling, batch 1024": "linear scaling, batch 64"}
    rungs = [replace(trick, name=names.get(trick.name, trick.name)) for trick in he2019.stack]
    found, placed = climbed(ladder(*rungs))
    assert found is HE
    assert list(placed) == [str(n) for n in range(1, 12)]
    assert placed["2"].name == "linear scaling, batch 64"


def test_another_order_or_a_part_of_the_tricks_climbs_no_published_ladder():
    assert climbed(ladder(he2019.cosine, he2019.warmup, he2019.zero_gamma)) is None
    assert climbed(ladder(*he2019.stack[1:])) is None  # from the second step on
    assert climbed(one_at_a_time(*he2019.stack)) is None
    assert published(ladder(he2019.cosine)) == (HE,)
    made = evidence(full(vary=ladder(COSINE, WARMUP) | leave_one_out(COSINE, WARMUP, SMOOTHING), tune=None, seeds=3))
    assert steps_frame(made)["step"].tolist() == ["base", "+ cosine decay", "+ warmup"]


def test_quickstart_shows_the_published_ladder_folded():
    file = read(STUDIES / "quickstart.py")
    made = evidence(file.study, lambda t: 90.0 + t.seed % 7, stop=0)
    [fold] = section(made)
    assert isinstance(fold, Fold)
    assert "a different data set, a different network and a different budget" in fold.blocks[0].text


def test_torchvisions_ladder_is_known_and_climbed():
    file = read(STUDIES / "torchvision_ladder.py")
    found, placed = climbed(file.study.plan)
    assert found is TORCHVISION
    assert list(placed) == [str(n) for n in range(13)]
    assert [rung.top1 for rung in torchvision2021.ladder] == [top1 for top1, _ in torchvision2021.ACCURACIES]


def test_data_network_and_budget_are_stated_beside_the_claims():
    imagenet = read(STUDIES / "bag_of_tricks_imagenet.py").study
    assert compared(imagenet, HE).endswith("ResNet-50 on ImageNet, 120 epochs: the same data set, network and budget.")
    shorter = replace(imagenet, base=replace(imagenet.base, epochs=30, depth=26))
    assert "a different network and a different budget, so only agreement in sign" in compared(shorter, HE)
    assert "a different data set" not in compared(shorter, HE)
    assert "trains its own function" in compared(full(), HE)


def test_a_small_study_says_that_it_cannot_tell():
    claimed = replace(WARMUP, claims=(Claim(0.16, "batch 256", "He et al. (2019), Table 4"),))
    made = evidence(full(vary=ladder(COSINE, claimed), tune=None, seeds=2))
    line = steps_frame(made).set_index("step").loc["+ warmup"]
    assert (line["verdict"], line["beside"]) == ("not resolved", "cannot tell at this size")


def test_a_ladder_without_a_paper_is_drawn_with_the_claims_as_diamonds():
    made = at("whole")
    frame = steps_frame(made)
    assert frame["step"].tolist()[0] == "base"
    drawn = waterfall(frame, None, unit("top1")).figure
    [diamonds] = [t for t in drawn.data if t.name == "published step"]
    assert list(diamonds.x) == (frame["start"] + frame["claim"]).dropna().tolist()
    [numbers] = [t for t in drawn.data if t.type == "scatter" and t.mode == "text"]
    places = dict(zip(numbers.y, numbers.x, strict=True))
    assert all(places[row] >= x for row, x in zip(diamonds.y, diamonds.x, strict=True))  # a number begins beyond the diamond


def test_a_study_of_another_metric_keeps_the_published_ladder_apart_from_its_own():
    file = read(STUDIES / "bag_of_tricks_imagenet.py")
    study = replace(file.study, metric="loss", goal="minimise")
    made = evidence(study, lambda t: 1.0 + 0.01 * (t.seed % 5), metrics={"loss": lambda t, e: 1.0})
    frame = steps_frame(made)
    assert frame["beside"].eq("").all()
    assert waterfall(frame, HE, unit("loss", 0.01)).figure.layout.xaxis2.title.text == "measured loss"


def test_a_trick_that_hurts_by_its_claim_is_told_apart_from_one_that_helps():
    gains = waterfall(steps_frame(of("bag_of_tricks_imagenet", 0)), HE, unit("top1")).figure
    bars = next(t for t in gains.data if t.type == "bar")
    hollow = [bars.marker.color[n] for n, size in enumerate(bars.x) if size < 0]
    assert len(hollow) == 2
    assert set(hollow) == {"rgba(0,0,0,0)"}


def test_hostile_names_stay_text_on_the_ladder():
    evil = Trick("<b>x</b> %{y} &", {"schedule": "cosine"}, claims=(Claim(0.5, "<i>", "<u>"),))
    text = page(evidence(full(vary=ladder(evil, WARMUP), tune=None, seeds=2)))
    assert "<b>x" not in text
