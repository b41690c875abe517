"""The searches ours is compared with, each as people run it, by one signature: task, budgets, seed to what it picks.

A budget is a number of full trainings. A search that needs no budget beforehand is run once, up to the largest, and read off at the
others. Every training has a seed of its own. Each search picks the configuration with its best observed score; a failed training is
told as failed, and costs as much as was asked for, except under ASHA, where it ends at the epoch in which it failed.

| name | what |
|---|---|
| ``random`` | uniform in unit coordinates, full trainings |
| ``sobol`` | one scrambled Sobol sequence, full trainings |
| ``tpe`` | ``optuna.samplers.TPESampler(seed=...)``, one full training after another; since Optuna 5 multivariate by default |
| ``tpe_independent`` | the same with ``multivariate=False``, the default before Optuna 5 |
| ``gp`` | ``optuna.samplers.GPSampler(seed=...)``, its defaults |
| ``asha`` | random search under Ray's ``AsyncHyperBandScheduler``, see there |
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import Task
from hpsearch.space import Choice, Domain, Integers, LogIntegers, LogUniform, OneMinus, Point

WORKERS = 4  # of ASHA: trainings at a time


@dataclass(frozen=True)
class Pick:
    """What a search picks, and the training epochs it took; no point where every training failed."""

    point: Point | None
    epochs: int


Picks = dict[int, Pick]  # by budget, in full trainings
Peer = Callable[[Task, Sequence[int], int], Picks]


def training_seeds(seed: int) -> Iterator[int]:
    """A seed for each training of a search."""
    rng = np.random.default_rng([seed, 1])
    while True:
        yield int(rng.integers(2**31))


def _read_off(task: Task, budgets: Sequence[int], points: Sequence[Point], scores: Sequence[float | None]) -> Picks:
    """The best observed score among the first so many full trainings; of equal ones the first."""
    picks = {}
    for budget in budgets:
        told = [(score, -index) for index, score in enumerate(scores[:budget]) if score is not None]
        picks[budget] = Pick(points[-max(told)[1]] if told else None, budget * task.full)
    return picks


def _drawn(units: NDArray[np.float64], task: Task, budgets: Sequence[int], seed: int) -> Picks:
    points = [task.space.point(tuple(row)) for row in units]
    scores = [task.score(point, each, task.full) for point, each in zip(points, training_seeds(seed), strict=False)]
    return _read_off(task, budgets, points, scores)


def random(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Uniform draws, all trained in full."""
    return _drawn(np.random.default_rng([seed, 0]).random((max(budgets), len(task.space))), task, budgets, seed)


def sobol(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Scrambled Sobol points (Owen 1998), all trained in full."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(task.space), scramble=True, rng=seed)
    return _drawn(sequence.random_base2(math.ceil(math.log2(max(budgets))))[: max(budgets)], task, budgets, seed)


def _suggest(trial: Any, name: str, domain: Domain) -> Any:
    """As people write it by hand: logarithms where the domain has them, 1 - x by suggesting x."""
    if isinstance(domain, Choice):
        return trial.suggest_categorical(name, domain.options)
    if isinstance(domain, OneMinus):
        return 1.0 - _suggest(trial, name, domain.rest)
    low, high = domain.low, domain.high  # type: ignore[attr-defined]
    if isinstance(domain, Integers | LogIntegers):
        return trial.suggest_int(name, low, high, log=isinstance(domain, LogIntegers))
    return trial.suggest_float(name, low, high, log=isinstance(domain, LogUniform))


def _optuna(sampler: Any, task: Task, budgets: Sequence[int], seed: int) -> Picks:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    points: list[Point] = []
    scores: list[float | None] = []
    for _, each in zip(range(max(budgets)), training_seeds(seed), strict=False):
        trial = study.ask()
        points.append({name: _suggest(trial, name, domain) for name, domain in task.space.domains})
        scores.append(task.score(points[-1], each, task.full))
        study.tell(trial, scores[-1], state=optuna.trial.TrialState.FAIL if scores[-1] is None else None)
    return _read_off(task, budgets, points, scores)


def tpe(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Optuna's TPE with its defaults (Watanabe 2023), which since version 5 means all parameters together."""
    from optuna.samplers import TPESampler

    return _optuna(TPESampler(seed=seed), task, budgets, seed)


def tpe_independent(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Optuna's TPE, one parameter at a time, as it was by default before Optuna 5."""
    from optuna.samplers import TPESampler

    return _optuna(TPESampler(seed=seed, multivariate=False), task, budgets, seed)


def gp(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Optuna's Gaussian process with its defaults."""
    import warnings

    import torch
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import GPSampler

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        sampler = GPSampler(seed=seed)
    return _optuna(sampler, task, budgets, seed)


def asha(task: Task, budgets: Sequence[int], seed: int) -> Picks:
    """Ray's asynchronous successive halving over random draws (Li et al. 2020); plain random search where there are no curves.

    The scheduler is Ray's own, with its defaults (grace period 1 epoch, reduction factor 4, one bracket) and ``max_t`` a full
    training. It is told a report after every epoch, of trainings on 4 simulated workers, all equally fast. The pick is that of
    ``get_best_result`` by default, the best last report, however short the training; those still running count.
    """
    if not task.fidelities:
        return random(task, budgets, seed)
    from ray.tune.schedulers import AsyncHyperBandScheduler
    from ray.tune.schedulers.trial_scheduler import TrialScheduler

    scheduler: Any = AsyncHyperBandScheduler(time_attr="epoch", metric="score", mode="max", max_t=task.full)
    rng, seeds, numbers = np.random.default_rng([seed, 2]), training_seeds(seed), itertools.count()
    last: dict[int, tuple[float, Point]] = {}  # by trial, of those that have not failed

    def start(now: int) -> tuple[int, int, int, Point, int, Any]:
        number, point = next(numbers), task.space.point(tuple(rng.random(len(task.space))))
        trial = SimpleNamespace(trial_id=number)
        scheduler.on_trial_add(None, trial)
        return now + 1, number, 1, point, next(seeds), trial

    running = [start(0) for _ in range(WORKERS)]
    heapq.heapify(running)  # by time, then number: which never ties
    picks: Picks = {}
    for spent in range(1, max(budgets) * task.full + 1):
        now, number, epoch, point, each, trial = running[0]
        score = task.score(point, each, epoch)
        if score is None:
            last.pop(number, None)
            scheduler.on_trial_remove(None, trial)
        else:
            last[number] = (score, point)
            action = scheduler.on_trial_result(None, trial, {"epoch": epoch, "score": score})
        over = score is None or action == TrialScheduler.STOP
        heapq.heapreplace(running, start(now) if over else (now + 1, number, epoch + 1, point, each, trial))
        if spent % task.full == 0 and spent // task.full in budgets:
            best = max(last.items(), key=lambda item: (item[1][0], -item[0]), default=None)
            picks[spent // task.full] = Pick(best[1][1] if best else None, spent)
    return picks


PEERS: dict[str, Peer] = {each.__name__: each for each in (random, sobol, tpe, tpe_independent, gp, asha)}
