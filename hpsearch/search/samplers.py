"""Optuna's samplers by ask and tell, over a study rebuilt from what was told: nothing of Optuna's is kept."""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState, create_trial

from hpsearch.errors import Refused
from hpsearch.space import Choice, Domain, Integers, LogIntegers, Point, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings are about choices made here on purpose


def distribution(domain: Domain) -> BaseDistribution:
    """Optuna's form of a domain; real numbers stand in unit coordinates, so that logarithms and OneMinus carry over exactly."""
    if isinstance(domain, Choice):
        return CategoricalDistribution(range(len(domain.options)))
    if isinstance(domain, Integers | LogIntegers):
        return IntDistribution(domain.low, domain.high, log=isinstance(domain, LogIntegers))
    return FloatDistribution(0.0, 1.0)


def _encode(domain: Domain, value: object) -> object:
    if isinstance(domain, Choice):
        return domain.options.index(value)
    return value if isinstance(domain, Integers | LogIntegers) else domain.unit(value)


def _decode(domain: Domain, value: object) -> object:
    if isinstance(domain, Choice):
        return domain.options[int(value)]  # type: ignore[call-overload]
    return value if isinstance(domain, Integers | LogIntegers) else domain.value(float(value))  # type: ignore[arg-type]


def _sampler(kind: str, seed: int) -> BaseSampler:
    if kind == "tpe":
        return TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=0)
    if kind == "gp":
        return GPSampler(seed=seed, n_startup_trials=0, deterministic_objective=False)
    raise Refused(f"no Optuna sampler is known as {kind!r}: use tpe or gp")


def ask(kind: str, box: Space, points: Sequence[Point], scores: Sequence[float | None], count: int, seed: int) -> list[Point]:
    """``count`` new points of the box, given points with their scores (larger is better; None for a failed one)."""
    study = optuna.create_study(direction="maximize", sampler=_sampler(kind, seed))
    distributions = {name: distribution(domain) for name, domain in box.domains}
    for point, score in zip(points, scores, strict=True):
        params = {name: _encode(domain, point[name]) for name, domain in box.domains}
        state = TrialState.FAIL if score is None else TrialState.COMPLETE
        study.add_trial(create_trial(params=params, distributions=distributions, value=score, state=state))
    asked = [study.ask(distributions) for _ in range(count)]
    return [{name: _decode(domain, trial.params[name]) for name, domain in box.domains} for trial in asked]
