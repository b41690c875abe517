"""Images that decoding has reduced are never enlarged again: the size to store is named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from hpsearch.errors import Refused
from hpsearch.training import Recipe, cifar10, gluoncv, image_folder, imagenet, imagenette, paper, preset
from hpsearch.training.data.reading import reader
from hpsearch.training.images.inputs import plain
from hpsearch.tricks import torchvision2021

PRESETS = {"paper": paper, "gluoncv": gluoncv, "torchvision": torchvision2021.baseline}
REDUCED = {
    "folder": lambda size: image_folder("/nowhere", size),
    "imagenette": lambda size: imagenette(size=size),
}


@pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("made", REDUCED.values(), ids=REDUCED)
def test_a_published_protocol_refuses_too_small_a_store_and_names_the_size(settings, made):
    sentence = "test_resize=256 would enlarge images that the data set has reduced to size=224 pixels: give the data set size=256"
    with pytest.raises(Refused, match=sentence):
        preset(settings, made(224))
    assert preset(settings, made(256)).test_resize == 256


@pytest.mark.parametrize("field", ["train_size", "test_size", "test_resize"])
@pytest.mark.parametrize("made", REDUCED.values(), ids=REDUCED)
def test_every_size_is_at_most_what_is_stored(made, field):
    base = Recipe(data=made(64))
    assert getattr(replace(base, **{field: 64}), field) == 64
    with pytest.raises(Refused, match=rf"{field}=65 would enlarge images .* give the data set size=65, or lower {field}"):
        replace(base, **{field: 65})


@pytest.mark.parametrize("data", [image_folder("/nowhere", 224, streamed=True), imagenet("/nowhere"), cifar10()])
def test_what_nothing_was_thrown_away_of_may_be_enlarged(data):
    assert preset(paper, data).test_resize == 256


def test_the_size_that_is_named_gives_the_pixels_of_the_protocol(tmp_path):
    generator = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            pixels = generator.integers(0, 256, (90 + 10 * i, 120, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    recipe = Recipe(data=image_folder(tmp_path / "data", 64), train_size=56, test_resize=64, test_size=56)
    images = recipe.data.load(tmp_path / "cache")
    (ours,) = plain(recipe, reader(images, "cpu", 1), [torch.arange(1)])
    protocol = v2.Compose([v2.Resize(64), v2.CenterCrop(56), v2.PILToTensor()])
    files = sorted((tmp_path / "data").rglob("*.png"))
    theirs = torch.stack([protocol(Image.open(file)) for file in files]).float()
    assert (theirs - ours).abs().amax((1, 2, 3)).min() == 0  # one of them is ours, to the level
