"""A small config, training functions that behave and misbehave, and a job to run them in."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.protocol import Run
from hpsearch.study import Trial
from hpsearch.trials.worker import Job


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    kind: str = "good"


def job(folder: Path, config: Any = Config(), epochs: int = 3, seed: int = 0, term: int = 1) -> Job:
    return Job(Trial(config, seed, epochs, "final", "code"), "top1", folder, folder / "cache", 1, "cpu", term)


def counting(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, Any]]:
    """Yields 1, 2, 3, ...; its checkpoint is the last number, so a resume that loses or repeats an epoch shows."""
    number = json.loads(run.latest.read_text()) if run.latest else 0
    for _ in range(len(run.rows), epochs):
        number += 1
        with run.saving() as path:
            path.write_text(json.dumps(number))
        yield {"top1": float(number), "curve": np.array([number, seed])}


def misbehaving(config: Config, seed: int, epochs: int, run: Run) -> Iterator[Any]:
    """Does in epoch 2, its last but for the first kind, what its config says."""
    yield {"top1": 1.0}
    yield from {
        "nothing more": (),
        "no mapping": ([1.0],),
        "missing metric": ({"loss": 1.0},),
        "nan": ({"top1": float("nan")},),
        "infinite": ({"top1": 1.0, "loss": float("-inf")},),
        "text": ({"top1": "93.1"},),
        "none": ({"top1": None},),
        "bool": ({"top1": True},),
    }[config.kind]


def raising(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    yield {"top1": 1.0}
    raise RuntimeError("the disk caught fire")


def returning(config: Config, seed: int, epochs: int, run: Run) -> Any:
    return {"top1": 1.0}


def dying(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    """Its process is killed in epoch 2: every time, or only the first."""
    for epoch in range(len(run.rows) + 1, epochs + 1):
        marker = run.cache / f"died-{config.kind}"
        if epoch == 2 and (config.kind == "always" or not marker.exists()):
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(epoch)}


def threads(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    """Says how many threads torch has, and how many a library would take that is imported now."""
    import torch

    yield {"top1": float(torch.get_num_threads()), "omp": float(os.environ["OMP_NUM_THREADS"])}
