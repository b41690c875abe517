"""The claims are the paper's cells, written down here a second time."""

import csv
from pathlib import Path

import pytest

from hpsearch.ablation import Arm
from hpsearch.study.file import read
from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import factor
from hpsearch.tricks import he2019

PAPER = "He et al. 2019 (arXiv:1812.01187)"
PUBLISHED = Path(__file__).parents[3] / "shared" / "facts" / "published_ladder.csv"

# tables 2, 4, 5 and 6: top-1 and top-5 after each rung
LADDER = {
    "linear scaling, batch 1024": (75.17, 92.54, 4),
    "warmup": (75.93, 92.84, 4),
    "zero gamma": (76.37, 92.96, 4),
    "no bias decay": (76.03, 92.86, 4),
    "half precision": (76.21, 92.97, 4),
    "ResNet-B": (76.66, 93.28, 5),
    "ResNet-C": (76.87, 93.48, 5),
    "ResNet-D": (77.16, 93.52, 5),
    "cosine decay": (77.91, 93.81, 6),
    "label smoothing": (78.31, 94.09, 6),
}
BASELINE = (75.87, 92.70)
AT_256 = {"warmup": (0.16, 0.11), "zero gamma": (0.16, 0.22), "no bias decay": (-0.03, -0.06), "half precision": (-0.01, 0.12)}
TRICKS = {trick.name: trick for trick in he2019.stack}


def claimed(trick, metric, over):
    (claim,) = (c for c in trick.claims if c.metric == metric and c.over.startswith(over))
    return claim


def test_the_stack_is_the_papers_ladder():
    assert list(TRICKS) == list(LADDER)
    first, five = BASELINE
    for trick in he2019.stack:
        first += trick.claims[0].value
        five += trick.claims[1].value
        assert (first, five) == pytest.approx(LADDER[trick.name][:2]), trick.name
        assert [claim.metric for claim in trick.claims[:2]] == ["top1", "top5"]


@pytest.mark.parametrize("name", LADDER)
def test_each_claim_names_its_table(name):
    assert {claim.source for claim in TRICKS[name].claims} == {f"{PAPER}, Table {LADDER[name][2]}"}


@pytest.mark.parametrize("name", AT_256)
def test_both_columns_of_table_4_are_there(name):
    for metric, value in zip(("top1", "top5"), AT_256[name], strict=True):
        assert claimed(TRICKS[name], metric, "batch 256").value == value
        assert claimed(TRICKS[name], metric, "batch 1024").value


def test_mixup_says_that_its_number_holds_80_more_epochs():
    claim = he2019.mixup_for_200_epochs.claims[0]
    assert claim.value == 0.84
    assert "120 to 200 epochs" in claim.note
    assert he2019.mixup_for_200_epochs.settings == {"mixup": 0.2, "epochs": 200, "warmup_of": 120}
    assert he2019.mixup.settings == {"mixup": 0.2}
    assert he2019.longer.settings == {"epochs": 200, "warmup_of": 120}


@pytest.mark.parametrize("trick", [he2019.mixup, he2019.longer])
def test_what_the_paper_has_no_cell_for_claims_nothing_and_says_so(trick):
    assert trick.claims == ()
    assert "the paper has no cell" in trick.why


def test_mixup_is_claimed_without_distillation_and_with_it():
    values = [(claim.metric, claim.value) for claim in he2019.mixup_for_200_epochs.claims]
    assert values == [("top1", 0.84), ("top5", 0.49), ("top1", 0.62), ("top5", 0.27)]


def test_the_claims_agree_on_how_mixup_and_distillation_overlap():
    # a 2 x 2 has one interaction, whichever of the two it is asked of: 79.29 - 79.15 - 78.67 + 78.31
    for trick in (he2019.distillation, he2019.mixup_for_200_epochs):
        alone, together = (claim.value for claim in trick.claims if claim.metric == "top1")
        assert together - alone == pytest.approx(-0.22)
    assert "0.22 less" in he2019.distillation.claims[2].note


def test_distillation_carries_both_of_its_rows():
    values = [(claim.metric, claim.value) for claim in he2019.distillation.claims]
    assert values == [("top1", 0.36), ("top5", 0.27), ("top1", 0.14), ("top5", 0.05)]
    teacher = he2019.distillation.settings["teacher"]
    assert teacher.settings["depth"] == 152
    assert teacher.follows == ("epochs", "mixup", "warmup_of")


def test_the_errata_are_notes():
    notes = " ".join(claim.note for trick in (*he2019.stack, he2019.mixup_for_200_epochs) for claim in trick.claims)
    for erratum in (
        "the text says 0.9",
        "tables 8 and 9 print 78.34",
        "tables 8 and 9 print 79.16",
        "the text says first and second",
        "the text gives 0.5 for the whole table at batch 1024 over the baseline, its cells 0.34",
        "the caption says one by one",
        "equations 3 and 4 print p for q",
    ):
        assert erratum in notes


def test_the_whole_stack_is_the_papers_recipe():
    recipe = Arm(he2019.stack).over(Recipe(data=digits()))
    assert (recipe.batch_size, recipe.warmup, recipe.schedule, recipe.smoothing) == (1024, 5 / 120, "cosine", 0.1)
    assert (recipe.zero_gamma, recipe.precision) == (True, "fp16")
    assert not (recipe.decay_biases)
    assert not (recipe.decay_gammas)
    assert not (recipe.decay_betas)
    assert (recipe.downsample_in, recipe.deep_stem, recipe.pool_in_shortcut) == ("3x3", True, True)


def test_every_arm_of_imagenets_study_warms_up_for_the_commands_5_epochs():
    # --warmup-epochs 5 whether --num-epochs is 120 or 200: 5 x 1,251 steps of 1,024 images
    study = read(Path(__file__).parents[2] / "studies" / "bag_of_tricks_imagenet.py").study
    recipes = [study.config(arm) for arm in study.plan.arms] + [trial.config for trial in study.teachers]
    warming = {(recipe.epochs, warm_steps(recipe, 1251)) for recipe in recipes if recipe.warmup}
    assert warming == {(120, 6255), (200, 6255)}
    assert len({recipe.epochs for recipe in recipes if recipe.depth == 152}) == 2


def warm_steps(recipe, per_epoch):
    """Steps before the peak, counted along the schedule."""
    steps = recipe.epochs * per_epoch
    rates = [factor(recipe, i / steps, 1 / steps) for i in range(6256)]
    return next((i for i, rate in enumerate(rates) if rate > 1 - 1e-9), len(rates)) + (recipe.warmup_form == "paper")


def test_the_rungs_go_from_753_to_7929():
    rungs = {rung.rung: rung for rung in he2019.ladder}
    assert (rungs["0"].top1, rungs["13"].top1) == (75.3, 79.29)
    assert (rungs["12a"].over, rungs["12b"].over) == ("11", "11")  # branches, not a stack


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published ladder lies outside the project")
def test_the_rungs_are_those_of_the_published_ladder():
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["rung"], float(r["top1_percent"]), float(r["top5_percent"]), r["over"] or None) for r in rows] == [
        (rung.rung, rung.top1, rung.top5, rung.over) for rung in he2019.ladder
    ]
    assert [r["source"] for r in rows] == [rung.source.split(", ")[-1] for rung in he2019.ladder]
