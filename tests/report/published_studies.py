"""Evidence of the studies of published ladders, from scores that no training made."""

import math
from functools import cache
from pathlib import Path

from synthetic import evidence, noise

from hpsearch.results.evidence import Evidence
from hpsearch.study import Trial
from hpsearch.study.file import read

STUDIES = Path(__file__).parents[2] / "studies"


def imagenet_score(trial: Trial, epoch: int | None = None) -> float:
    """The paper's own steps, a little noise, and a curve that rises to them."""
    c = trial.config
    score = 75.87 - 0.70 * (c.batch_size == 1024) + 0.76 * (c.warmup > 0) + 0.44 * c.zero_gamma - 0.34 * (not c.decay_biases)
    score += 0.18 * (c.precision == "fp16") + 0.45 * (c.downsample_in == "3x3") + 0.21 * c.deep_stem + 0.29 * c.pool_in_shortcut
    score += 0.75 * (c.schedule == "cosine") + 0.40 * (c.smoothing > 0) + 0.54 * (c.mixup > 0) + 0.30 * (c.epochs == 200)
    score += 0.36 * (c.teacher is not None) - 0.22 * (c.teacher is not None) * (c.mixup > 0)
    at = trial.epochs if epoch is None else epoch
    return score + 0.05 * noise(trial) - 60 * math.exp(-at / 12)


@cache
def of(name: str, stop: int | None = None) -> Evidence:
    """Evidence of a study file: everything run, or only so many trials."""
    file = read(STUDIES / f"{name}.py")
    metrics = {"top1": imagenet_score, "loss": lambda t, e: 0.9 + math.exp(-e / 20), "images_per_second": lambda t, e: 1200.0}
    return evidence(file.study, imagenet_score, stop, metrics, name=name, study_text=file.text)
