"""How long a study of our own recipes would take on a GPU one may not have: published throughputs, scaled by multiply-adds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from hpsearch.ablation import Trained
from hpsearch.errors import Refused
from hpsearch.study import Study, Trial

if TYPE_CHECKING:
    from hpsearch.training import Recipe
    from hpsearch.training.parts.literals import Precision

REFERENCE = 4.089e9  # multiply-adds of ResNet-50-B at 224 pixels, which the throughputs are of
FORWARD = 1 / 3  # share of a training step that is the forward pass: backward costs twice as much


LAMBDA = "Lambda's deeplearning-benchmark, PyTorch"


@dataclass(frozen=True)
class Gpu:
    """Images per second that one GPU trains ResNet-50 on at 224 pixels, as published: a person's loop, not the fastest there is.

    Code that is tuned to the GPU is faster: NVIDIA's trains 2,470 images a second on an A100 and 1,200 on a V100
    (DeepLearningExamples, with DALI), MLPerf Training 3.0 has 3,576 on an A100 and 7,007 on an H100.
    """

    name: str
    half: int  # in mixed precision
    full: int  # of an fp32 network, whose convolutions torch computes in TF32 where the GPU can; a V100 cannot
    source: str

    def images_per_second(self, precision: "Precision") -> int:
        """Of a recipe with this ``precision``."""
        match precision:
            case "fp32":
                return self.full
            case "bf16" | "fp16":
                return self.half
            case _:
                assert_never(precision)


# from one benchmark, so that two GPUs can be compared; files pytorch-train-throughput(-v2)-fp16.csv and -fp32.csv
GPUS = (
    Gpu("H200", 3079, 2259, f"{LAMBDA}, v2"),
    Gpu("H100", 2790, 1895, f"{LAMBDA}, v2, H100 SXM"),
    Gpu("H100-PCIe", 1976, 1248, f"{LAMBDA}, v2"),
    Gpu("A100", 1582, 1066, f"{LAMBDA}, A100 80 GB SXM"),
    Gpu("A100-PCIe", 1527, 1014, f"{LAMBDA}, A100 80 GB PCIe"),
    Gpu("RTX-4090", 1301, 721, LAMBDA),
    Gpu("RTX-6000-Ada", 1146, 647, LAMBDA),
    Gpu("RTX-A6000", 916, 514, LAMBDA),
    Gpu("RTX-3090", 905, 513, LAMBDA),
    Gpu("V100", 833, 369, f"{LAMBDA}, V100 16 GB"),
    Gpu("A10", 638, 349, LAMBDA),
)


def gpu(name: str) -> Gpu:
    """The GPU of that name, whatever its case.

    >>> gpu("h100").images_per_second("fp16")
    2790
    """
    known = {each.name.lower(): each for each in GPUS}
    if name.lower() not in known:
        raise Refused(f"no published speed of a GPU {name!r} is known here: take one of {', '.join(each.name for each in GPUS)}")
    return known[name.lower()]


Seconds = tuple[float, float]  # of one epoch: to learn, to score


def hours(study: Study, device: Gpu) -> float:
    """Hours of one such GPU for all trials of a study, as if none had run and images were always there in time."""
    return sum(epochs * sum(network(trial, device)) for trial, epochs in runs(study)) / 3600


def runs(study: Study) -> Iterator[tuple[Trial, int]]:
    """What a study trains, each with its epochs in all: searches, teachers, and every seed of every arm.

    A teacher in a file is not counted, for how large it is stands only in the file.
    """
    if study.train is not None:
        raise Refused("--gpu knows what our own recipes cost, not a training function of one's own: try --measure")
    for arm in study.searches:
        for round_ in study.tune.rounds if study.tune else ():
            yield study.student(arm, 0, "tuning"), round_.points * round_.epochs
    yield from ((trial, trial.epochs) for trial in study.teachers)
    for trial in (study.student(arm, 0, "final") for arm in study.plan.arms):
        yield trial, trial.epochs * study.most_seeds


def network(trial: Trial, device: Gpu) -> Seconds:
    """Seconds of one epoch on the GPU: to learn from every image and ask the teacher, to score the held-out ones."""
    from hpsearch.training.images.remarks import learned_images, scored_images

    recipe = trial.config
    counts = recipe.data.counts()
    learned, scored = learned_images(recipe, counts, trial.held_out), scored_images(recipe, counts, trial.held_out)
    at_train, at_test = recipe.train_size or counts.size, recipe.test_size or counts.size
    work: float = learned * _work(recipe, counts, at_train)
    if isinstance(recipe.teacher, Trained):
        work += FORWARD * learned * _work(recipe.teacher.config, counts, at_train)
    speed = REFERENCE * device.images_per_second(recipe.precision)
    return float(work / speed), float(FORWARD * scored * _work(recipe, counts, at_test) / speed)


def _work(recipe: "Recipe", counts: Any, size: int) -> int:
    from hpsearch.training.images.recipe import network_of

    return network_of(recipe).multiply_adds(counts.channels, counts.classes, size)
