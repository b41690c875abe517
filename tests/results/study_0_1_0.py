"""The study that made the record beside this file, as it was written for hpsearch 0.1.0."""

import random
from dataclasses import dataclass

from hpsearch import Study, Trick, ladder


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False


def train(config, seed, epochs, run):
    noise = random.Random(seed)
    for epoch in range(epochs):
        yield {"accuracy": 50.0 + (10 + noise.random()) * config.wide - config.rate + noise.random(), "loss": 1 / (epoch + 1)}


study = Study(
    question="Does width help?",
    base=Config(),
    train=train,
    vary=ladder(Trick("wide", {"wide": True})),
    seeds=2,
    epochs=2,
    metric="accuracy",
)
