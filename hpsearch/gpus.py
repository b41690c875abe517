"""How long a study of our own recipes would take on a GPU one may not have: published throughputs, scaled by multiply-adds."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from hpsearch.ablation import Trained
from hpsearch.errors import Refused, did_you_mean
from hpsearch.study import Study, Trial

if TYPE_CHECKING:
    from hpsearch.training import Recipe

REFERENCE = 4.089e9  # multiply-adds of ResNet-50-B at 224 pixels, which the throughputs are of
FORWARD = 1 / 3  # share of a training step that is the forward pass: backward costs twice as much


@dataclass(frozen=True)
class Gpu:
    """Images per second that one GPU trains ResNet-50 on, at 224 pixels in mixed precision."""

    name: str
    images_per_second: int
    source: str


GPUS = (
    Gpu("H200", 3079, "Lambda deeplearning-benchmark, PyTorch, AMP"),
    Gpu("H100", 2790, "Lambda deeplearning-benchmark, H100 SXM, PyTorch, AMP"),
    Gpu("H100-PCIe", 1976, "Lambda deeplearning-benchmark, PyTorch, AMP"),
    Gpu("A100", 2470, "NVIDIA DeepLearningExamples, A100 80 GB, PyTorch, AMP, DALI"),
    Gpu("L40", 1990, "MLPerf Training 3.0, 10 x L40 by xFusion, MXNet, divided by 10"),
    Gpu("RTX-3090", 1218, "timm's benchmark-train-amp-nhwc-pt112-cu113-rtx3090"),
    Gpu("A30", 1532, "MLPerf Training 3.0, 8 x A30 by xFusion, MXNet, divided by 8"),
    Gpu("L4", 736, "MLPerf Training 3.0, 6 x L4 by xFusion, MXNet, divided by 6"),
)


def gpu(name: str) -> Gpu:
    """The GPU of that name, whatever its case.

    >>> gpu("h100").images_per_second
    2790
    """
    known = {each.name.lower(): each for each in GPUS}
    if name.lower() not in known:
        names = [each.name for each in GPUS]
        raise Refused(f"no published speed of a GPU {name!r} is known here: {did_you_mean(name, names)}")
    return known[name.lower()]


def hours(study: Study, device: Gpu) -> float:
    """Hours of one such GPU for all trials of a study, as if none had run: searches, teachers, and every seed of every arm."""
    if study.train is not None:
        raise Refused("--gpu knows what our own recipes cost, not a training function of one's own: try --measure")
    searched = [
        (study.student(arm, 0, "tuning"), round_) for arm in study.searches for round_ in (study.tune.rounds if study.tune else ())
    ]
    seconds = sum(round_.points * round_.epochs * _epoch(trial, device) for trial, round_ in searched)
    seconds += sum(trial.epochs * _epoch(trial, device) for trial in study.teachers)
    measured = [study.student(arm, 0, "final") for arm in study.plan.arms]
    seconds += study.seeds * sum(trial.epochs * _epoch(trial, device) for trial in measured)
    return seconds / 3600


def _epoch(trial: Trial, device: Gpu) -> float:
    """Seconds of one epoch: learn from every image, ask the teacher, score the held-out ones."""
    recipe = trial.config
    counts = recipe.data.counts()
    learned = counts.train + (counts.tuning if trial.held_out == "final" else 0)
    scored = counts.tuning if trial.held_out == "tuning" else counts.final
    at_train, at_test = recipe.train_size or counts.size, recipe.test_size or counts.size
    work = learned * _work(recipe, counts, at_train) + FORWARD * scored * _work(recipe, counts, at_test)
    if isinstance(recipe.teacher, Trained):
        work += FORWARD * learned * _work(recipe.teacher.config, counts, at_train)
    return float(work / REFERENCE / device.images_per_second)


def _work(recipe: "Recipe", counts: Any, size: int) -> int:
    from hpsearch.training.models.weights import NETWORK

    return _multiply_adds(tuple(getattr(recipe, name) for name in NETWORK), counts.channels, counts.classes, size)


@cache
def _multiply_adds(network: tuple[Any, ...], channels: int, classes: int, size: int) -> int:
    from hpsearch.training import Recipe, digits
    from hpsearch.training.models.resnet import multiply_adds
    from hpsearch.training.models.weights import NETWORK

    fields: dict[str, Any] = dict(zip(NETWORK, network, strict=True))
    return multiply_adds(Recipe(data=digits(), **fields), channels, classes, size)
