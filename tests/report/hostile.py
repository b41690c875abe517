"""Evidence with a payload in every place into which a user, a data set or an error can put text."""

from dataclasses import dataclass, replace
from typing import Any

from payloads import PAYLOADS
from synthetic import evidence, surviving, top1, train

from hpsearch import Choice, Claim, Round, Space, Study, Trick, Tune, Uniform, factorial, ladder, leave_one_out
from hpsearch.results.evidence import Evidence

FIELDS = ("question", "trick", "why", "claim", "design", "option", "metric", "speed", "reason", "name", "provenance", "study file")


@dataclass(frozen=True)
class Config:
    """A recipe whose settings may be texts."""

    epochs: int = 4
    rate: float = 0.1
    schedule: str = "step"
    first: str = ""
    second: str = ""
    third: str = ""
    warmup: int = 0
    smoothing: float = 0.0
    mixup: float = 0.0
    average: float = 0.0
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    momentum: float = 0.9


def hostile(payload: str) -> Evidence:
    """A study with searches, failures, curves, claims and interactions, all of whose texts are the payload."""
    text = " ".join(payload.split())
    claim = Claim(0.5, text, text, note=text)
    tricks = [Trick(f"{n} {text}", {field: text}, text, (claim,)) for n, field in enumerate(("first", "second", "third"))]
    plan = ladder(*tricks) | leave_one_out(*tricks) | factorial(*tricks[:2])
    plan = replace(
        plan, contrasts=tuple(replace(c, design=c.design if n % 3 else f"{c.design} {text}") for n, c in enumerate(plan.contrasts))
    )
    space = Space(rate=10 ** Uniform(-2, 0), schedule=Choice("step", payload))
    rounds = (Round(points=10, epochs=2, keep=2), Round(points=6, epochs=3))
    study = Study(
        question=payload, base=Config(), train=train, vary=plan, tune=Tune(space, rounds, arms="base"), seeds=3, metric=payload
    )
    metrics: dict[str, Any] = {payload: score, f"loss {payload}": lambda t, e: 1.0 + e, f"{payload}_per_second": lambda t, e: 5.0}
    return evidence(
        study,
        surviving(lambda trial: trial.seed % 4 != 3),
        metrics=metrics,
        reason=payload,
        name=payload,
        provenance={payload: payload, "command": f"hpsearch run '{payload}"},
        study_text=payload,
    )


def score(trial: Any, epoch: int | None = None) -> float:
    """The usual formula, told apart by the number of tricks."""
    return top1(trial, epoch) + 0.3 * sum(bool(getattr(trial.config, name)) for name in ("first", "second", "third"))


CASES = {f"payload {n}": payload for n, payload in enumerate(PAYLOADS, start=1)}
