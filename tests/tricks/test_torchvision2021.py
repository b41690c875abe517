"""The steps of torchvision's post, written down here a second time."""

import pytest

from hpsearch.ablation import Arm
from hpsearch.training import digits, preset
from hpsearch.tricks.torchvision2021 import ACCURACIES, baseline, stack

STEPS = {  # increment of top-1
    "rate optimisations": 0.364,
    "TrivialAugment": 0.312,
    "600 epochs": 1.800,
    "random erasing": 0.190,
    "label smoothing": 0.318,
    "mixup": 0.118,
    "cutmix": 0.278,
    "weight decay tuning": 0.526,
    "FixRes": 0.160,
    "EMA": 0.254,
    "inference resize": 0.224,
    "repeated augmentation": 0.184,
}


def test_the_steps_and_what_they_add():
    assert {trick.name: trick.claims[0].value for trick in stack} == STEPS
    assert (ACCURACIES[0][0], ACCURACIES[-1][0], len(ACCURACIES)) == (76.130, 80.858, 13)
    assert sum(STEPS.values()) == pytest.approx(80.858 - 76.130)


def test_each_step_was_laid_over_the_one_before():
    before = ["the baseline", *STEPS][:-1]
    for trick, name in zip(stack, before, strict=True):
        assert {claim.over for claim in trick.claims} == {name}
        assert all("best of 3 runs" in claim.note for claim in trick.claims)


def test_the_baseline_and_the_last_step_are_the_posts_recipes():
    first = preset(baseline, digits())
    assert (first.batch_size, first.epochs, first.learning_rate, first.weight_decay) == (256, 90, 0.1, 1e-4)
    assert (first.optimiser, first.schedule, first.milestones) == ("momentum", "step", (1 / 3, 2 / 3))
    last = Arm(stack).over(first)
    assert last.learning_rate * 1024 / 256 == 0.5
    assert (last.mixup, last.cutmix, last.smoothing, last.erasing, last.repeats) == (0.2, 1.0, 0.1, 0.1, 4)
    assert (last.weight_decay, last.decay_gammas, last.decay_betas, last.decay_biases) == (2e-5, False, False, True)
    assert (last.trivial_augment, last.trivial_interpolation) == (True, "bilinear")
    assert last.warmup_share * last.epochs == pytest.approx(5)  # --lr-warmup-epochs 5 of 600 epochs too
    assert (last.train_size, last.test_size, last.test_resize) == (176, 224, 232)
