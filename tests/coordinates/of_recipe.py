"""What the loop does with a recipe as a whole: steps, parts of a batch, layouts."""

import math
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from torch.utils.data import BatchSampler, DataLoader

from hpsearch.training import Recipe, digits, imagenet
from hpsearch.training.images import loop
from tests.coordinates.of_optimisation import apart, by_loop, by_torch, largest, worst
from tests.coordinates.registry import check
from tests.training.fake_run import FakeRun, rows_of

SMALL = Recipe(
    data=digits(80),  # 60 images to learn from, 3 steps
    depth=14,
    width=8,
    stem="small",
    batch_size=16,
    epochs=2,
    learning_rate=0.002,  # weights move by 0.02; at 0.02, batch norms of few values blow rounding up, in plain torch just so
    scaling="none",
    schedule="constant",
    optimiser="sgd",
    weight_decay=0.0,
)
AFTER = "losses and weights after 6 steps of training, float32"


def difference(ours: Recipe, theirs: Recipe = SMALL) -> float:
    """The largest difference of losses and weights between our loop and one of plain torch."""
    got = by_loop(ours)
    expected = by_torch(theirs, lambda model: torch.optim.SGD(model.parameters(), 1.0), [SMALL.learning_rate] * 6)
    return worst(largest(got[0], expected[0]), apart(got[1], expected[1]))


def steps(recipe: Recipe) -> tuple[int, int]:
    """How often the loop moves the weights, and how many rows it yields."""
    with tempfile.TemporaryDirectory() as folder, patch.object(loop, "steer", wraps=loop.steer) as steered:
        rows = rows_of(loop.train, recipe, 0, FakeRun(Path(folder)))
    return steered.call_count, len(rows)


@check("epochs", "batch_size", against="torch's DataLoader(drop_last=True), which leaves out a ragged last batch",
       measure="steps and rows of 1 and 3 epochs over 60 images, batches of 7 to 60", bound=0)  # fmt: skip
def the_loop_takes_as_many_steps_as_torchs_loader() -> float:
    wrong = 0
    for batch, epochs in ((7, 1), (16, 3), (25, 1), (60, 1)):
        taken, rows = steps(replace(SMALL, batch_size=batch, epochs=epochs))
        loader = DataLoader(list(range(60)), batch_size=batch, drop_last=True)  # type: ignore[arg-type]
        wrong += abs(taken - epochs * len(loader)) + abs(rows - epochs)
    return float(wrong)


@check("epochs", "batch_size", against="gluon-cv's logs of ImageNet: 1,251 steps per epoch at batch 1,024, 5,004 at 256",
       measure="steps per epoch of torch's BatchSampler(drop_last=True) over as many images as we count", bound=0)  # fmt: skip
def imagenet_has_the_images_of_the_logs() -> float:
    counts = imagenet("/nowhere").counts()
    images = range(counts.train + counts.tuning)
    return float(sum(abs(len(BatchSampler(images, batch, drop_last=True)) - n) for batch, n in ((1024, 1251), (256, 5004))))


@check("micro_batch", against="a loop of plain torch over whole batches, under ghost batch norm of as many images as a part has",
       measure=AFTER, bound=1e-5)  # fmt: skip
def parts_sum_to_the_batch() -> float:
    ghost = replace(SMALL, norm="ghost", norm_images=8)
    return worst(difference(replace(SMALL, micro_batch=8), ghost), difference(replace(ghost, micro_batch=8), ghost))


@check("channels_last", against="a loop of plain torch in the other layout", measure=AFTER, bound=1e-5)
def the_layout_changes_nothing() -> float:
    return difference(replace(SMALL, channels_last=True))


@check("compile", against="a loop of plain torch; traced by torch.compile, without inductor, which needs a compiler",
       measure=AFTER, bound=1e-5)  # fmt: skip
def compiling_changes_nothing() -> float:
    torch._dynamo.reset()
    with patch.object(torch, "compile", side_effect=partial(torch.compile, backend="aot_eager")) as compiled:
        seen = difference(replace(SMALL, compile=True))
    return seen if compiled.call_count == 1 else math.inf
