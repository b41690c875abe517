"""Optuna's samplers by ask and tell, over a study rebuilt from what was told: nothing of Optuna's is kept."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, assert_never

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.errors import Refused
from hpsearch.search.proposals import LEARNING, Learner
from hpsearch.space import Choice, Dimension, Domain, Integers, LogIntegers, Point, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings are about choices made here on purpose


def distribution(domain: Domain) -> FloatDistribution | IntDistribution | CategoricalDistribution:
    """Optuna's form of a domain; real numbers stand in unit coordinates, so that logarithms and OneMinus carry over exactly."""
    if isinstance(domain, Choice):
        return CategoricalDistribution(range(len(domain.options)))
    if isinstance(domain, Integers | LogIntegers):
        return IntDistribution(domain.low, domain.high, log=isinstance(domain, LogIntegers))
    return FloatDistribution(0.0, 1.0)


def _encode(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.options.index(value)
    return value if isinstance(domain, Integers | LogIntegers) else domain.unit(value)


def _decode(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    return value if isinstance(domain, Integers | LogIntegers) else domain.value(float(value))


class _Cma(CmaEsSampler):
    """CMA-ES over the numbers that every point has; Optuna's own would stop learning when the parameters of the points differ."""

    def __init__(self, box: Space, seed: int) -> None:
        self._always = _always(box)
        rest = TPESampler(seed=seed, n_startup_trials=0)
        super().__init__(seed=seed, n_startup_trials=0, independent_sampler=rest, warn_independent_sampling=False)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._always


def _always(box: Space) -> dict[str, BaseDistribution]:
    labelled = zip(box.labels, box.dimensions, strict=True)
    return {label: distribution(each.domain) for label, each in labelled if not each.when and not isinstance(each.domain, Choice)}


def _sampler(kind: Learner, box: Space, seed: int) -> BaseSampler:
    branched = any(each.when for each in box.dimensions)
    if kind not in LEARNING:
        raise Refused(f"no Optuna sampler is known as {kind!r}: use tpe, gp or cmaes")
    match kind:
        case "tpe":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # of group
                return TPESampler(seed=seed, multivariate=True, group=branched, constant_liar=True, n_startup_trials=0)
        case "gp":  # a branch's dimensions, which the process cannot hold, are left to TPE
            rest = TPESampler(seed=seed, n_startup_trials=0) if branched else None
            return GPSampler(seed=seed, n_startup_trials=0, deterministic_objective=False, independent_sampler=rest)
        case "cmaes":
            if find_spec("cmaes") is None:
                raise Refused("proposals by CMA-ES need the package cmaes: pip install cmaes")
            if len(_always(box)) < 2:
                raise Refused(f"cmaes needs two dimensions of numbers that every point has, got {len(_always(box))}: use tpe or gp")
            return _Cma(box, seed)
        case _:
            assert_never(kind)


def ask(
    kind: Learner,
    box: Space,
    points: Sequence[Point],
    scores: Sequence[float | None],
    count: int,
    seed: int,
    pending: Sequence[Point] = (),
) -> list[Point]:
    """``count`` new points of the box by ``tpe``, ``gp`` or ``cmaes``; equal arguments give equal points.

    Given are points with their scores (larger is better, None for a failed one) and the ``pending`` points that run and have no
    score yet, so that TPE and the Gaussian process keep away from them. Points outside the box are left out.
    """
    study = optuna.create_study(direction="maximize", sampler=_sampler(kind, box, seed))
    told = [(point, score) for point, score in zip(points, scores, strict=True) if point in box]
    running = [point for point in pending if point in box]
    match kind:
        case "cmaes":
            _replay(study, box, told, running)
        case "tpe" | "gp":
            for point, score in told:
                study.add_trial(_trial(box, point, TrialState.FAIL if score is None else TrialState.COMPLETE, score))
            for point in running:
                study.add_trial(_trial(box, point, TrialState.RUNNING))
        case _:
            assert_never(kind)
    return [_drawn(study.ask(), box) for _ in range(count)]


def _trial(box: Space, point: Point, state: TrialState, score: float | None = None) -> FrozenTrial:
    params = _params(box, point)
    domains = {label: each.domain for label, each in zip(box.labels, box.dimensions, strict=True)}
    return create_trial(
        params=params, distributions={label: distribution(domains[label]) for label in params}, value=score, state=state
    )


def _replay(study: optuna.Study, box: Space, told: Sequence[tuple[Point, float | None]], running: Sequence[Point]) -> None:
    """The told points asked and told again in order: CMA-ES leaves its generation and its state on each trial it was asked for."""
    scores: Mapping[int, float | None] = dict(enumerate(score for _, score in told))
    for number, point in enumerate([*(point for point, _ in told), *running]):
        study.enqueue_trial(_params(box, point))
        trial = study.ask()
        _ = trial.relative_params  # drawn only when read: that marks the generation, and ends one that is whole
        _drawn(trial, box)  # the point that was enqueued
        if number in scores:
            study.tell(trial, scores[number], TrialState.FAIL if scores[number] is None else TrialState.COMPLETE)


def _params(box: Space, point: Point) -> dict[str, Any]:
    """What Optuna calls the params of a point: its dimensions by label, encoded."""
    params: dict[str, Any] = {}

    def choose(number: int, dimension: Dimension) -> Any:
        params[box.labels[number]] = _encode(dimension.domain, point[dimension.name])
        return point[dimension.name]

    box.assemble(choose)
    return params


def _drawn(trial: Trial, box: Space) -> Point:
    """The point that a trial's sampler suggests: outer choices first, then only what they open."""
    return box.assemble(lambda number, dimension: _suggested(trial, box.labels[number], dimension.domain))


def _suggested(trial: Trial, label: str, domain: Domain) -> Any:
    form = distribution(domain)
    if isinstance(form, CategoricalDistribution):
        return _decode(domain, trial.suggest_categorical(label, form.choices))
    if isinstance(form, IntDistribution):
        return _decode(domain, trial.suggest_int(label, form.low, form.high, log=form.log))
    return _decode(domain, trial.suggest_float(label, form.low, form.high))
