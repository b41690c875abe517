"""The claims are the paper's cells, written down here a second time."""

import pytest

from hpsearch.ablation import Arm, ladder
from hpsearch.training import Recipe, digits
from hpsearch.tricks import he2019

# the ladder of tables 2, 4, 5 and 6: top-1 after each rung
LADDER = {
    "large batch": 75.17,
    "warmup": 75.93,
    "zero gamma": 76.37,
    "no bias decay": 76.03,
    "half precision": 76.21,
    "ResNet-B": 76.66,
    "ResNet-C": 76.87,
    "ResNet-D": 77.16,
    "cosine decay": 77.91,
    "label smoothing": 78.31,
    "mixup": 79.15,
}
BASELINE = 75.87


def test_the_stack_is_the_papers_ladder():
    assert [trick.name for trick in he2019.stack] == list(LADDER)
    rung = BASELINE
    for trick in he2019.stack:
        rung += trick.claims[0].value
        assert rung == pytest.approx(LADDER[trick.name]), trick.name


@pytest.mark.parametrize(
    ("trick", "value"),
    [(he2019.warmup, 0.16), (he2019.zero_gamma, 0.16), (he2019.no_bias_decay, -0.03), (he2019.half_precision, -0.01)],
)
def test_the_second_claim_is_at_batch_256(trick, value):
    small = trick.claims[1]
    assert (small.value, small.over[:9], small.source) == (value, "batch 256", "He et al. 2019 (arXiv:1812.01187), Table 4")


@pytest.mark.parametrize(
    ("trick", "table"),
    [*((trick, 4) for trick in he2019.stack[:5]), *((trick, 5) for trick in he2019.stack[5:8])]
    + [(trick, 6) for trick in he2019.stack[8:]],
)
def test_each_claim_names_its_table(trick, table):
    assert {claim.source for claim in trick.claims} == {f"He et al. 2019 (arXiv:1812.01187), Table {table}"}
    assert {claim.metric for claim in trick.claims} == {"top1"}


def test_mixup_says_that_its_number_holds_80_more_epochs():
    assert "120 to 200 epochs" in he2019.mixup.claims[0].note
    assert he2019.mixup.settings == {"mixup": 0.2}


def test_the_whole_stack_is_the_papers_recipe():
    recipe = Arm(he2019.stack).over(Recipe(data=digits()))
    assert (recipe.batch_size, recipe.warmup * recipe.epochs, recipe.schedule) == (1024, pytest.approx(5), "cosine")
    assert (recipe.downsample_in, recipe.deep_stem, recipe.pool_in_shortcut) == ("3x3", True, True)
    assert (recipe.zero_gamma, recipe.decay_biases, recipe.precision) == (True, False, "fp16")
    assert (recipe.smoothing, recipe.mixup) == (0.1, 0.2)


def test_the_stack_makes_a_ladder():
    plan = ladder(*he2019.stack)
    assert len(plan.arms) == len(he2019.stack) + 1
