"""Why trials ended early: those that failed, were stopped or ended the study, and their reasons, grouped."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hpsearch.results.replay import Place, Replayed, places

BROKE = "broke the contract of a training function in the same way"  # what trials did that ended the study and wait again
NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)*(?:e[-+]?[0-9]+)?")


@dataclass(frozen=True)
class Ended:
    """A trial that failed, was stopped, or ended the study and waits again; with the first arm it belongs to."""

    key: str
    arm: str
    seed: int
    state: str
    reason: str


@dataclass(frozen=True)
class Reason:
    """Trials that ended alike: their reasons differ at most in their numbers."""

    state: str
    text: str  # of the first of them
    keys: tuple[str, ...]
    arms: tuple[str, ...]


def ended(found: Replayed) -> list[Ended]:
    """Trials of a study that failed, were stopped or ended the study, each once."""
    first: dict[str, Place] = {}
    for place in places(found.plan):
        first.setdefault(place.trial.key, place)
    states = found.past.states([place.trial for place in first.values()])
    told = ((place, states.get(key, {})) for key, place in first.items())
    return [
        Ended(place.trial.key, place.arm, place.trial.seed, state["state"], state["reason"])
        for place, state in told
        if state.get("state") in ("failed", "stopped") or (state.get("state") == "waiting" and state["reason"])
    ]


def grouped(trials: Iterable[Ended]) -> list[Reason]:
    """Their reasons, the most frequent first; of equally frequent ones the one that came first.

    >>> a, b = (Ended(key, "base", 0, "failed", f"NaN in epoch {key}") for key in "12")
    >>> [(each.text, each.keys) for each in grouped([a, b])]
    [('NaN in epoch 1', ('1', '2'))]
    """
    groups: dict[tuple[str, str], list[Ended]] = {}
    for trial in trials:
        groups.setdefault((trial.state, NUMBER.sub("…", trial.reason)), []).append(trial)
    found = [
        Reason(state, of[0].reason, tuple(each.key for each in of), tuple(dict.fromkeys(each.arm for each in of)))
        for (state, _), of in groups.items()
    ]
    return sorted(found, key=lambda each: -len(each.keys))
