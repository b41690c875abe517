"""Hours of a study on a GPU one may not have: what network and input take, which of the two binds, and what would lift it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.cli.gpus import Gpu, Seconds, network, runs
from hpsearch.study import Study, Trial

if TYPE_CHECKING:
    from hpsearch.training import Recipe

# images per second of CPU time of one thread, in this package's own loop (benchmarks/input_speed.py: AMD EPYC, Zen 5, 2026-11)
DECODING = 251  # a JPEG of 500 x 375 pixels and 100 kB, as ImageNet's, decoded, cut and resized to 224
TRIVIAL = 368  # TrivialAugment of an image of 224 pixels; in proportion to the pixels
SOURCE = "CPU time of one core of an AMD EPYC, benchmarks/input_speed.py"
PIXELS = 224**2


@dataclass(frozen=True)
class Estimate:
    """Hours of all trials, as if none had run."""

    hours: float
    network: float  # hours that the GPU alone would take
    cores: int  # of each trial
    decoding: bool  # whether decoding files slows some training down, which more cores would lift
    trivial: bool  # whether the GPU waits for TrivialAugment on its one core, which they would not

    @property
    def bound(self) -> bool:
        """Whether the input, not the GPU, decides some of the hours."""
        return self.hours > self.network


def estimate(study: Study, device: Gpu, cores: int) -> Estimate:
    """The hours of ``gpus.hours`` where the input keeps up with the network, and longer where it does not."""
    total = alone = 0.0
    decoding = trivial = False
    for trial, epochs in runs(study):
        on_gpu, read, augment = network(trial, device), *reading(trial, cores)
        turns = (on_gpu[0] + augment, on_gpu[1])
        total += epochs * sum(max(pair) for pair in zip(turns, read, strict=True))
        alone += epochs * sum(on_gpu)
        slow = tuple(one > other for one, other in zip(read, turns, strict=True))
        decoding |= any(slow)
        trivial |= augment > 0 and not slow[0]
    return Estimate(total / 3600, alone / 3600, cores, decoding, trivial)


def reading(trial: Trial, cores: int) -> tuple[Seconds, float]:
    """Seconds of one epoch: of CPU time over all cores, to learn from and to score; and of TrivialAugment, while the GPU waits.

    Files are decoded ahead by as many threads as a trial has cores. TrivialAugment goes image by image on one of them and takes
    turns with the GPU, which hands it each batch and has to end the step before for that. Decoded images are cut on the GPU, which
    is not counted.
    """
    from hpsearch.training.images.remarks import learned_images, scored_images

    recipe = trial.config
    counts = recipe.data.counts()
    learned, scored = learned_images(recipe, counts, trial.held_out), scored_images(recipe, counts, trial.held_out)
    decode, augment = _each(recipe)
    return (learned * (decode + augment) / cores, scored * decode / cores), learned * augment


def _each(recipe: "Recipe") -> Seconds:
    """CPU time of an image: to decode it, to augment it."""
    size = recipe.train_size or recipe.data.counts().size  # type: ignore[attr-defined]
    augment = size**2 / PIXELS / TRIVIAL if recipe.trivial_augment else 0.0
    return 1 / DECODING if decodes(recipe) else 0.0, augment


def decodes(recipe: "Recipe") -> bool:
    """Whether files are decoded whenever they are needed."""
    from hpsearch.training import ImageNet

    return isinstance(recipe.data, ImageNet) or getattr(recipe.data, "streamed", False)


def said(found: Estimate, device: Gpu) -> Iterable[str]:
    """The lines of ``plan --gpu``: hours, where they come from, which side binds, what would lift it."""
    yield (
        f"{rounded(found.hours)} on one {device.name} with {found.cores} core{'s' if found.cores > 1 else ''} for each trial, for "
        f"all trials, finished ones included: an estimate from {device.half:,} images/s in half precision and {device.full:,} in "
        f"fp32 of ResNet-50 at 224 pixels ({device.source}), scaled by multiply-adds; small networks and small images run slower "
        "than that"
    )
    if not found.bound:
        yield "the network is the bottleneck: the input keeps up with it"
        return
    causes = [f"{DECODING} images/s per core for decoding files"] if found.decoding else []
    trivial = f"{TRIVIAL} images/s for TrivialAugment at 224 pixels, on one core, whatever --cpus is, while the GPU waits"
    causes += [trivial] if found.trivial else []
    lifts = ["more --cpus, or images that are decoded once (image_folder without streamed)"] if found.decoding else []
    lifts += ["a smaller train_size, or arms without TrivialAugment"] if found.trivial else []
    larger = found.decoding or found.hours > 2 * found.network
    yield (
        f"{'the input is the bottleneck' if larger else 'the network waits for the input'}: the GPU alone would take "
        f"{rounded(found.network)} hours; {' and '.join(causes)} ({SOURCE}); what would help: {'; '.join(lifts)}"
    )


def rounded(hours: float) -> str:
    """As exact as an estimate deserves.

    >>> [rounded(hours) for hours in (0.02, 3.62, 1142.3)]
    ['less than 0.1', '3.6', '1,142']
    """
    return "less than 0.1" if hours < 0.1 else f"{hours:.1f}" if hours < 10 else f"{hours:,.0f}"
