"""Every state a study can be in when somebody asks for its report."""

from collections.abc import Callable
from functools import cache

from synthetic import COSINE, MIXUP, ROUNDS, SPACE, TRICKS, evidence, full, loss, noise, top1

from hpsearch import Choice, Integers, Space, Trial, Tune, Uniform, factorial, ladder, one_at_a_time
from hpsearch.report import page
from hpsearch.results.evidence import Evidence

RATE = Space(learning_rate=10 ** Uniform(-2.5, 0.5))
FIVE = Tune(SPACE | Space(width=Integers(1, 4), warmup=Integers(0, 5)), ROUNDS)


def some_fail(trial: Trial) -> float | None:
    """About one trial in five fails."""
    return None if noise(trial, "fails") > 1.0 else top1(trial)


STAGES: dict[str, Callable[[], Evidence]] = {
    "whole": lambda: evidence(full()),
    "nothing-run": lambda: evidence(full(), stop=0),
    "in-the-search": lambda: evidence(full(), stop=10),
    "half-measured": lambda: evidence(full(), stop=60),
    "one-seed": lambda: evidence(full(), stop=34 + 10),
    "no-search": lambda: evidence(full(tune=None)),
    "tune-only": lambda: evidence(full(vary=None)),
    "minimised": lambda: evidence(full(metric="loss", goal="minimise"), score=loss),
    "some-failed": lambda: evidence(full(), score=some_fail),
    "all-failed": lambda: evidence(full(), score=lambda trial: None),
    "no-metrics": lambda: evidence(full(), metrics={}),
    "own-search-for-each": lambda: evidence(full(tune=Tune(SPACE, ROUNDS), vary=ladder(*TRICKS[:3]))),
    "one-parameter": lambda: evidence(full(vary=ladder(TRICKS[0]), tune=Tune(RATE, ROUNDS))),
    "a-choice": lambda: evidence(
        full(vary=None, tune=Tune(RATE | Space(schedule=Choice("step", "cosine")), ROUNDS)), score=some_fail
    ),
    "five-parameters": lambda: evidence(full(vary=None, tune=FIVE)),
    "factorial": lambda: evidence(full(tune=None, vary=factorial(*TRICKS[:3]))),
    "one-contrast": lambda: evidence(full(tune=None, vary=one_at_a_time(TRICKS[0]))),
    "no-spread": lambda: evidence(full(tune=None), score=lambda trial: 5.0),
}


def five_parameters_minimised() -> Evidence:
    """Two stages in one: a browser takes seconds for each page."""
    return evidence(full(vary=ladder(COSINE, MIXUP), tune=FIVE, metric="loss", goal="minimise"), score=loss)


@cache
def at(stage: str) -> Evidence:
    """Evidence of a stage, made once."""
    return STAGES[stage]()


@cache
def page_at(stage: str) -> str:
    """The page of a stage, made once."""
    return page(at(stage))
