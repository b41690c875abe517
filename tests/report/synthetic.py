"""Evidence that no training made: studies whose scores are a formula, walked as the driver would walk them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from hpsearch import Claim, OneMinus, Round, Space, Study, Trial, Trick, Tune, Uniform, ladder, leave_one_out
from hpsearch.results.evidence import MEASUREMENT, SEARCH, Evidence
from hpsearch.study.agenda import Agenda, agenda
from hpsearch.values import digest, to_json

ROW_COLUMNS = ["key", "role", "arm", "round", "seed", "epoch", "train_loss", "loss", "top1", "top5", "images_per_second"]


@dataclass(frozen=True)
class Config:
    """A made-up recipe."""

    epochs: int = 12
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    momentum: float = 0.9
    schedule: str = "step"
    warmup: int = 0
    smoothing: float = 0.0
    mixup: float = 0.0
    average: float = 0.0
    width: int = 1


def train(config: Config, seed: int, epochs: int, run: Any) -> Iterator[dict[str, float]]:
    """Never run."""
    yield {"top1": 0.0}


def _claim(value: float, over: str, table: str = "Table 6") -> Claim:
    return Claim(value, over, f"He et al. (2019), {table}")


COSINE = Trick("cosine decay", {"schedule": "cosine"}, "No sudden drops.", (_claim(0.75, "ResNet-50-D"),))
WARMUP = Trick("warmup", {"warmup": 5}, "The first steps are small.", (_claim(0.16, "batch 256", "Table 4"),))
SMOOTHING = Trick("label smoothing", {"smoothing": 0.1}, "Targets are never certain.", (_claim(0.40, "cosine decay"),))
MIXUP = Trick("mixup", {"mixup": 0.2}, "Lines between images.", (_claim(0.84, "label smoothing"),))
AVERAGE = Trick("weight averaging", {"average": 0.99}, "The mean of the last weights.")
TRICKS = (COSINE, WARMUP, SMOOTHING, MIXUP, AVERAGE)
SPACE = Space(
    learning_rate=10 ** Uniform(-2.5, 0.5), weight_decay=10 ** Uniform(-5.5, -2.5), momentum=OneMinus(10 ** Uniform(-2, -0.3))
)
ROUNDS = (Round(points=24, epochs=2, keep=4), Round(points=10, epochs=6, keep=1))


def full(**changes: Any) -> Study:
    """Five tricks, a ladder and leave-one-out, a search shared from the base, five seeds."""
    given: dict[str, Any] = {
        "question": "What is each trick worth on EuroSAT, once the learning rate has been tuned again?",
        "base": Config(),
        "vary": ladder(*TRICKS) | leave_one_out(*TRICKS),
        "tune": Tune(SPACE, ROUNDS, arms="base"),
        "seeds": 5,
        "train": train,
    }
    return Study(**(given | changes))


def noise(trial: Trial, what: str = "") -> float:
    """A standard normal number that depends on nothing but the trial."""
    return _normal(trial.key, trial, what)


def _normal(key: str, trial: Trial, what: str, known: dict[tuple[str, str], float] = {}) -> float:  # noqa: B006
    """Kept by the trial's key: every epoch and metric asks, and writing a config down takes a millisecond."""
    if (key, what) not in known:
        content = [to_json(trial.config), trial.seed, trial.epochs, trial.held_out, what]
        known[key, what] = float(np.random.default_rng(int(digest(content)[:12], 16)).standard_normal())
    return known[key, what]


def top1(trial: Trial, epoch: int | None = None) -> float:
    """Percent: a hill in the tuned numbers, worth per trick, a rise over epochs, a block per seed, noise."""
    c, at = trial.config, epoch or trial.epochs
    hill = (math.log10(c.learning_rate) + 0.7) ** 2 * 3 + (math.log10(c.weight_decay) + 3.7) ** 2 * 1.5
    hill += (math.log10(1 - c.momentum) + 1.0) ** 2 * 2
    worth = 0.75 * (c.schedule == "cosine") + 0.10 * (c.warmup > 0) + 0.45 * (c.smoothing > 0) - 0.6 * (c.mixup > 0)
    worth += 0.05 * (c.average > 0)
    block = 0.15 * float(np.random.default_rng(trial.seed).standard_normal())
    rise = 100 * math.exp(-at / 3.5) / 3
    return (
        94.0
        - hill
        + worth
        + block
        - rise
        + 0.12 * noise(trial)
        + (0.3 * noise(trial, str(at)) if epoch and epoch < trial.epochs else 0)
    )


def loss(trial: Trial, epoch: int | None = None) -> float:
    """Nats: falls as the other rises."""
    return math.exp((90 - top1(trial, epoch)) / 12)


def walk(
    study: Study, score: Callable[[Trial], float | None] = top1, stop: int | None = None
) -> tuple[Agenda, dict[str, float | None]]:
    """Ask and tell until nothing is wanted, or until so many trials are done; a score of None is a failure."""
    scores: dict[str, float | None] = {}
    while True:
        wanted = agenda(study, scores)
        new = [trial for trial in wanted.trials() if trial.key not in scores]
        if not new or (stop is not None and len(scores) >= stop):
            return wanted, scores
        for trial in new[: None if stop is None else max(0, stop - len(scores))]:
            scores[trial.key] = score(trial)


def evidence(
    study: Study,
    score: Callable[[Trial], float | None] = top1,
    stop: int | None = None,
    metrics: Mapping[str, Callable[[Trial, int], float]] | None = None,
    reason: str = "ValueError: the loss is NaN in epoch 1",
    **changes: Any,
) -> Evidence:
    """Evidence of a walk, in the frames that ``hpsearch.results.evidence`` documents."""
    wanted, scores = walk(study, score, stop)
    if metrics is None:
        metrics = {
            "train_loss": lambda t, e: 1.1 * loss(t, e),
            "loss": loss,
            "top1": top1,
            "top5": lambda t, e: 99 + top1(t, e) / 100,
            "images_per_second": lambda t, e: 2400.0 + 50 * noise(t),
        }
    names = study.tune.space.names if study.tune else ()
    lines: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for round_ in wanted.rounds:
        for place, trial in enumerate(round_.trials):
            lines.append(_line(trial, SEARCH, round_.arm.name, scores, names, reason) | {"round": round_.index + 1, "point": place})
    for m in wanted.measurements:
        lines.append(_line(m.trial, MEASUREMENT, m.arm.name, scores, names, reason))
    trials = {t.key: t for t in wanted.trials()}
    for line in lines:
        for epoch in range(1, line["epochs"] + 1 if line["state"] == "complete" else 1):
            trial = trials[line["key"]]
            rows.append(
                {k: line.get(k) for k in ("key", "role", "arm", "round", "seed")}
                | {"epoch": epoch}
                | {n: f(trial, epoch) for n, f in metrics.items()}
            )
    columns = [
        "key",
        "role",
        "arm",
        "round",
        "point",
        "seed",
        "epochs",
        "state",
        "reason",
        "score",
        "seconds",
        "attempts",
        "host",
        "device",
        *names,
    ]
    whole = {"round": "Int64", "point": "Int64", "attempts": "Int64", "score": "float64", "seconds": "float64"}
    made = Evidence(
        "bag_of_tricks_eurosat",
        study,
        wanted,
        pd.DataFrame(lines, columns=columns).astype(whole),
        pd.DataFrame(rows, columns=["key", "role", "arm", "round", "seed", "epoch", *metrics]).astype({"round": "Int64"}),
        {
            "Command": "hpsearch run studies/bag_of_tricks_eurosat.py",
            "Commit": "52e1177, clean",
            "Device": "NVIDIA H100 80GB HBM3",
            "Host": "node-7, Linux 6.8, Python 3.11.9",
            "Libraries": "torch 2.11.0, numpy 2.4.6, pandas 3.1.1",
        },
        '"""A study file."""\n\nfrom hpsearch import Study\n\nstudy = Study(question="...", base=Config())\n',
    )
    return replace(made, **changes) if changes else made


def _line(
    trial: Trial, role: str, arm: str, scores: Mapping[str, float | None], names: tuple[str, ...], reason: str
) -> dict[str, Any]:
    done = trial.key in scores
    score = scores.get(trial.key)
    state = "waiting" if not done else "failed" if score is None else "complete"
    line: dict[str, Any] = {"key": trial.key, "role": role, "arm": arm, "round": None, "point": None, "seed": trial.seed}
    line |= {"epochs": trial.epochs, "state": state, "reason": reason if state == "failed" else "", "score": score}
    line |= {
        "seconds": 21.0 * trial.epochs if done else 0.0,
        "attempts": int(done),
        "host": "node-7" if done else "",
        "device": "cuda" if done else "",
    }
    return line | {name: getattr(trial.config, name) for name in names}


def surviving(lives: Callable[[Trial], bool]) -> Callable[[Trial], float | None]:
    """The usual score where a trial lives, a failure elsewhere."""
    return lambda trial: top1(trial) if lives(trial) else None
