"""Readings, interactions and notes: frames by equality with numbers worked out here, pictures by what they were given."""

import re
from dataclasses import replace

import pytest
from reading import texts, tree
from synthetic import AVERAGE, COSINE, MIXUP, SMOOTHING, TRICKS, WARMUP, evidence, full

from hpsearch import (
    Plan,
    Trick,
    factorial,
    first_and_last,
    fractional_factorial,
    ladder,
    leave_one_out,
    one_at_a_time,
    orders,
    plackett_burman,
)
from hpsearch.ablation.families import READINGS
from hpsearch.report.blocks import Chart, Heading, Text
from hpsearch.report.sections.order_effects import LOOKS, gap_words, interactions_frame, notes, readings_frame
from hpsearch.report.sections.order_effects import orders as section
from hpsearch.report.words import unit
from hpsearch.results.inference import effects
from hpsearch.statistics import Effect

THREE = (COSINE, WARMUP, SMOOTHING)
HEADING = Heading("What the designs can distinguish")
EVIL = '<img src=x onerror="alert(1)"> {{7*7}}'


def study(plan, **changes):
    return evidence(full(vary=plan, tune=None, **changes))


@pytest.fixture(scope="module")
def everything():
    return study(ladder(*THREE) | first_and_last(*THREE) | orders(*THREE, n=2) | factorial(*THREE))


def test_readings_stand_in_the_order_of_the_ladder_and_of_the_places(everything):
    frame = readings_frame(everything.study.plan, effects(everything))
    assert frame["trick"].tolist() == [trick.name for trick in THREE for _ in range(5)]
    assert frame["reading"].tolist() == ["alone", "in the ladder", "mean over orders", "main effect", "in the full stack"] * 3


def test_readings_are_the_effects_of_their_contrasts(everything):
    estimated = {(e.design, e.name): e for e in effects(everything)}
    frame = readings_frame(everything.study.plan, list(estimated.values()))
    line = frame[(frame["trick"] == "warmup") & (frame["reading"] == "mean over orders")].iloc[0]
    effect = estimated["orders", "warmup, mean over 2 orders"]
    assert (line["difference"], line["low"], line["high"], line["verdict"]) == (
        effect.value,
        effect.low,
        effect.high,
        effect.verdict,
    )
    first, last = (frame[(frame["trick"] == "cosine decay") & (frame["reading"] == r)] for r in ("alone", "in the ladder"))
    assert first["difference"].item() == last["difference"].item()  # the first rung is the trick alone


def test_a_trick_read_in_one_way_only_is_left_out():
    made = study(ladder(*THREE) | one_at_a_time(WARMUP, MIXUP))
    assert set(readings_frame(made.study.plan, effects(made))["trick"]) == {"warmup"}
    alone = study(ladder(*THREE))
    assert readings_frame(alone.study.plan, effects(alone)).empty
    assert section(alone) == ()


def test_a_reading_over_a_stack_says_so():
    made = study(one_at_a_time(WARMUP) | (ladder(COSINE) >> (one_at_a_time(WARMUP) | orders(WARMUP, MIXUP, n=2))))
    frame = readings_frame(made.study.plan, effects(made))
    assert frame[["contrast", "over"]].to_numpy().tolist() == [
        ["warmup alone", "base"],
        ["warmup alone, over cosine decay", "cosine decay"],
        ["warmup, mean over all 2 orders", "cosine decay"],
    ]


def test_every_design_that_asks_of_a_trick_has_a_reading():
    plans = [ladder(*THREE), leave_one_out(*THREE), one_at_a_time(*THREE), factorial(*THREE), orders(*THREE, n=2)]
    plans += [first_and_last(*THREE), fractional_factorial(*THREE, resolution=3), plackett_burman(*TRICKS)]
    assert {c.design for plan in plans for c in plan.contrasts if c.trick} == set(READINGS)
    assert set(LOOKS) == set(READINGS.values())


def test_a_family_of_ones_own_is_read_and_drawn_under_its_name():
    alone = one_at_a_time(*THREE)
    own = Plan((), tuple(replace(c, name=f"{c.name} again", design="fold-over") for c in alone.contrasts))
    made = study(ladder(*THREE) | own)
    frame = readings_frame(made.study.plan, effects(made))
    assert frame["reading"].tolist() == ["in the ladder", "fold-over"] * 3
    [chart] = [block for block in section(made) if isinstance(block, Chart)]
    assert [(trace.name, len(trace.x)) for trace in chart.figure.data] == [("in the ladder", 3), ("fold-over", 3)]


def test_interactions_are_those_of_the_factorial(everything):
    frame = interactions_frame(everything.study.plan, effects(everything))
    assert frame[["design", "over", "first", "second"]].to_numpy().tolist() == [
        ["factorial", "base", "cosine decay", "warmup"],
        ["factorial", "base", "cosine decay", "label smoothing"],
        ["factorial", "base", "warmup", "label smoothing"],
    ]
    estimated = {e.name: e.value for e in effects(everything)}
    assert frame["difference"].tolist() == [estimated[name] for name in frame["contrast"]]


def test_the_square_of_interactions_is_its_own_mirror(everything):
    frame = interactions_frame(everything.study.plan, effects(everything))
    [chart] = [block for block in section(everything) if isinstance(block, Chart) and block.name == "interactions-1"]
    heat, words = chart.figure.data
    cells = [[heat.z[row][column] for column in range(3)] for row in range(3)]
    assert cells == [[cells[column][row] for column in range(3)] for row in range(3)]
    assert [cells[n][n] for n in range(3)] == [None] * 3
    assert cells[0][1:] + cells[1][2:] == frame["difference"].tolist()
    written = dict(zip(zip(words.y, words.x, strict=True), words.text, strict=True))
    starred = {(0, 1): 0, (0, 2): 1, (1, 2): 2}
    for place, line in starred.items():
        resolved = frame["verdict"][line] in ("helps", "hurts")
        assert written[place] == written[place[::-1]]
        assert written[place].endswith("*") is resolved


def test_interactions_over_another_stack_have_a_square_of_their_own():
    made = study(factorial(*THREE) | (ladder(MIXUP) >> factorial(COSINE, WARMUP)))
    names = [block.name for block in section(made) if isinstance(block, Chart)]
    captions = [block.caption for block in section(made) if isinstance(block, Chart) and block.name.startswith("interactions")]
    assert [name for name in names if name.startswith("interactions")] == ["interactions-1", "interactions-2"]
    assert captions[0].startswith("Interactions of two tricks, from the factorial: ")
    assert captions[1].startswith("Interactions of two tricks, from the factorial over mixup: ")


def test_a_fraction_leaves_the_cells_empty_that_it_cannot_tell():
    made = study(fractional_factorial(*TRICKS, resolution=3) | factorial(COSINE, WARMUP))
    assert len(interactions_frame(made.study.plan, effects(made))) == 1


def gap(name, value, low, high, verdict):
    return Effect(name, "last minus first", value, low, high, 5, verdict)


def test_gaps_are_told_in_a_sentence():
    top1 = unit("top1")
    resolved = gap("mixup, full stack minus alone", -0.3, -0.5, -0.1, "hurts")
    open_ = gap("warmup, full stack minus alone", 0.1, -0.1, 0.3, "not resolved")
    assert gap_words([resolved, open_], top1) == (
        Text("Worth a different amount in the full stack than alone: “mixup, full stack minus alone”, −0.30 points."),
    )
    assert gap_words([open_], top1) == (Text("No trick was shown to be worth a different amount in the full stack than alone."),)
    assert gap_words([Effect("+ a", "ladder", 0.3, 0.1, 0.5, 5, "helps")], top1) == ()
    assert gap_words([gap("a", None, None, None, "not measured")], top1) == ()


def test_notes_are_told_before_anything_ran():
    made = evidence(full(vary=orders(*THREE, n=2) | factorial(*THREE), tune=None), stop=0)
    assert section(made) == (HEADING, *(Text(note) for note in made.study.plan.notes))
    assert len(made.study.plan.notes) == 1


def test_many_notes_are_folded_behind_the_first():
    assert notes(ladder(*TRICKS)) == ()
    tricks = tuple(Trick(f"t{n}", {f"f{n}": 1}) for n in range(7))
    heading, first, fold = notes(fractional_factorial(*tricks, resolution=3))
    assert first.text.startswith("The fraction of resolution III has 8 of the 128 arms")
    assert (heading, fold.title) == (HEADING, "7 more notes")
    assert all("cannot be distinguished from the interactions" in block.text for block in fold.blocks)


@pytest.mark.parametrize(
    "plan",
    [
        ladder(*TRICKS) | leave_one_out(*TRICKS),
        first_and_last(COSINE, WARMUP),
        orders(*THREE, n=6) | ladder(*THREE),
        fractional_factorial(*TRICKS, resolution=5),
        plackett_burman(*TRICKS) | one_at_a_time(*TRICKS),
        factorial(AVERAGE, MIXUP),
    ],
)
@pytest.mark.parametrize("stop", [None, 0, 7, 22])
def test_every_block_can_be_written_at_every_stage(plan, stop):
    made = evidence(full(vary=plan, tune=None), stop=stop)
    for block in section(made):
        assert block.markdown()
        root = tree(str(block.html()))
        assert not re.search(r"\b(nan|None)\b", " ".join(node.words() for node in root.all("figcaption") + root.all("p")))
        if isinstance(block, Chart):
            assert "NaN" not in block.alt
            assert block.data()


def test_hostile_names_stay_text():
    tricks = tuple(Trick(f"{t.name} {EVIL}", t.settings) for t in THREE)
    made = study(first_and_last(*tricks) | factorial(*tricks) | orders(*tricks, n=2))
    for block in section(made):
        assert not {node.tag for node in tree(str(block.html())).all()} & {"img"}
        if isinstance(block, Chart):
            assert all("<" not in re.sub("</?(br|b|extra)>", "", text) for text in texts(block.data()))


def test_a_metric_to_be_minimised_keeps_its_own_sign():
    made = study(factorial(*THREE), metric="loss", goal="minimise")
    frame = readings_frame(made.study.plan, effects(made))
    assert frame.empty
    pairs = interactions_frame(made.study.plan, effects(made))
    assert pairs["difference"].tolist() == [e.value for e in effects(made) if " x " in e.name]
