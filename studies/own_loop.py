"""The parts of our training in a loop of one's own: schedule, optimiser, losses and mixup, over one's own network and data.

hpsearch run studies/own_loop.py        on two cores in about a minute
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn

from hpsearch import Run, Study, Trick, ladder
from hpsearch.training.parts.initialisation import initialise
from hpsearch.training.parts.literals import Initialisation
from hpsearch.training.parts.losses import loss, smoothed
from hpsearch.training.parts.mixing import mixed
from hpsearch.training.parts.optimisers import Optimiser, groups, optimiser, steer
from hpsearch.training.parts.schedules import Schedule, factor

BATCH = 32


@dataclass(frozen=True)
class Config:
    optimiser: Optimiser = "momentum"
    rate: float = 0.05  # at the peak
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Schedule = "constant"
    warmup: float = 0.0  # share of training
    initialisation: Initialisation = "xavier"
    smoothing: float = 0.0
    mixup: float = 0.0  # alpha


def train(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    pixels, labels = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    pixels = pixels.float().reshape(-1, 1, 8, 8) / 16
    start, end = (900, 1200) if run.held_out == "tuning" else (1200, 1797)  # learn from those before, score on those between
    generator = torch.Generator().manual_seed(seed)
    model: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    initialise(model, config.initialisation, generator)
    mover = optimiser(
        groups(model, config.weight_decay, biases=False), config.optimiser, rate=config.rate, momentum=config.momentum
    )
    steps = start // BATCH
    for epoch in range(epochs):
        for i, part in enumerate(torch.randperm(start, generator=generator)[: steps * BATCH].split(BATCH)):
            progress = (epoch * steps + i) / (epochs * steps)
            rate = config.rate * factor(progress, schedule=config.schedule, warmup=config.warmup)
            steer(mover, rate, config.momentum)
            targets = smoothed(labels[part], 10, config.smoothing)
            x, targets = mixed(pixels[part], targets, config.mixup, 0.0, "permutation", generator)
            mover.zero_grad()
            loss(model(x), targets).backward()
            mover.step()
        with torch.no_grad():
            right = model(pixels[start:end]).argmax(1) == labels[start:end]
        yield {"accuracy": 100 * right.double().mean().item(), "learning_rate": rate}


tricks = (
    Trick("cosine", {"schedule": "cosine", "warmup": 0.1}),
    Trick("smoothing", {"smoothing": 0.1}),
    Trick("mixup", {"mixup": 0.2}),
)
study = Study(
    question="What is each trick worth in a loop of one's own?",
    train=train,
    base=Config(),
    vary=ladder(*tricks),
    epochs=10,
    seeds=5,
    metric="accuracy",
)
