"""What the loop does with a recipe as a whole: steps, parts of a batch, layouts."""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch

from hpsearch.training import Recipe, digits, imagenet
from hpsearch.training.loop import train
from tests.coordinates.registry import check
from tests.training.fake_run import FakeRun, rows_of

SMALL = Recipe(data=digits(200), depth=14, width=8, stem="small", batch_size=32, epochs=2, learning_rate=0.01)


def losses(recipe):
    with tempfile.TemporaryDirectory() as folder:
        return [row["train_loss"] for row in rows_of(train, recipe, 0, FakeRun(Path(folder)))]


def largest(recipe, other):
    return max(abs(a / b - 1) for a, b in zip(losses(recipe), losses(other), strict=True))


@check("epochs", "batch_size", against="steps per epoch in gluon-cv's logs of ImageNet: 1,251 at batch 1,024, 5,004 at 256",
       measure="steps", bound=0)  # fmt: skip
def steps():
    counts = imagenet("/nowhere").counts()
    images = counts.train + counts.tuning  # a ragged last batch is left out, as by the loop
    rows = len(losses(replace(SMALL, epochs=3)))
    return abs(images // 1024 - 1251) + abs(images // 256 - 5004) + abs(rows - 3)


@check(
    "micro_batch",
    against="the whole batch at once, under ghost batch norm of as many images",
    measure="training loss after 8 steps, relative",
    bound=1e-4,
)
def parts():
    ghost = replace(SMALL, norm="ghost", norm_images=8, smoothing=0.1, mixup=0.2)
    return largest(replace(ghost, micro_batch=8), ghost)


@check("channels_last", against="the other layout", measure="training loss after 8 steps, relative", bound=1e-4)
def layout():
    return largest(replace(SMALL, channels_last=True), SMALL)


@check("compile", against="the network that is not compiled; traced by torch.compile, without inductor, which needs a compiler",
       measure="training loss after 8 steps, relative", bound=1e-4)  # fmt: skip
def compiled():
    torch._dynamo.reset()
    with patch.object(torch, "compile", partial(torch.compile, backend="aot_eager")):
        return largest(replace(SMALL, compile=True), SMALL)
