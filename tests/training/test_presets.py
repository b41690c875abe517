"""The two presets, written down a second time from the paper and its code."""

import pytest

from hpsearch.training import digits, gluoncv, imagenet, paper, preset

SHARED = {
    "crop": "resized",
    "least_area": 0.08,
    "flip": True,
    "pca_noise": 0.1,
    "train_size": 224,
    "test_resize": 256,
    "test_size": 224,
    "pixels": "recordio",
}
PAPER = {"colour": "paper", "initialisation": "xavier", "warmup_form": "paper", "smoothing_form": "paper", "partner": "permutation"}
CODE = {"colour": "gluoncv", "initialisation": "msra", "warmup_form": "code", "smoothing_form": "code", "partner": "reversal"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (paper, {**SHARED, **PAPER, "hard_weight": 1.0, "soft_weight": 1.0}),
        (gluoncv, {**SHARED, **CODE, "hard_weight": 0.5, "soft_weight": 0.5}),
    ],
    ids=["paper", "gluoncv"],
)
def test_says_what_was_written_and_what_was_run(settings, expected):
    assert dict(settings) == expected
    recipe = preset(settings, imagenet("/data"))
    assert {name: getattr(recipe, name) for name in expected} == expected
    assert (recipe.epochs, recipe.batch_size, recipe.optimiser, recipe.learning_rate) == (120, 256, "nag", 0.1)


def test_presets_cannot_be_changed():
    with pytest.raises(TypeError):
        paper["flip"] = False
    assert preset(paper, digits()).flip is True
