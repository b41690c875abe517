"""Adopting older trials: a few are trained again by the present code, and where their rows are bitwise identical, all are used."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.errors import Refused
from hpsearch.results import lookup, schema
from hpsearch.results.driver import now
from hpsearch.results.lookup import Found
from hpsearch.results.older import Match
from hpsearch.results.record import Record
from hpsearch.results.replay import Replayed
from hpsearch.trials.again import Compared

PROVED = 3  # trials that are trained again, unless the user says otherwise


@dataclass(frozen=True)
class Proof:
    """One older trial and what came of training it again."""

    found: Found
    compared: Compared

    @property
    def lacking(self) -> tuple[str, ...]:
        """Metrics that the older rows have and those of now do not: one that is only new does not contradict the older rows."""
        return tuple(name for name in self.compared.only_once if any(name in row for row in self.found.rows))

    @property
    def holds(self) -> bool:
        """Whether all that the record has of the trial was reproduced, to the bit."""
        return self.compared.epochs == len(self.found.rows) > 0 and not self.compared.differs and not self.lacking


def taken_over(found: Found, now_wanted: Replayed) -> list[Match]:
    """The trials of the same older code that the study wants and that nothing but the code tells from the present ones."""
    code = found.columns["code"]
    matches = now_wanted.past.matches.values()
    return [m for m in matches if [cause.kind for cause in m.causes] == ["code"] and m.causes[0].older == code]


def chosen(found: Found, record: Record, matches: Sequence[Match], number: int) -> list[str]:
    """Keys of the trials to train again: the one that was named, then the cheapest, of another config each as far as they go."""
    states = record.states(match.place for match in matches)
    cheapest = sorted(states.values(), key=lambda state: (state["seconds"] or 0.0, state["key"]))
    named = {"key": found.key, "config": found.columns["config"]}
    configs: dict[str, list[str]] = {}
    for state in (named, *cheapest):
        configs.setdefault(state["config"], []).append(state["key"])
    first = [keys[0] for keys in configs.values()]
    others = [key for keys in configs.values() for key in keys[1:]]
    return list(dict.fromkeys((*first, *others)))[:number]


def prove(record: Record, keys: Sequence[str], train: Callable[[Found], Compared], tell: Callable[[Proof], None]) -> list[Proof]:
    """Train those trials again, one after another, until one contradicts its rows."""
    proofs: list[Proof] = []
    for key in keys:
        found = lookup.find(record, key)
        proofs.append(Proof(found, train(found)))
        tell(proofs[-1])
        if not proofs[-1].holds:
            break
    return proofs


def adopt(record: Record, proofs: Sequence[Proof], older: str, present: str) -> None:
    """Write down that the older code is equal to the present one, and the trials that showed it; no row is touched."""
    line = {"kind": "code", "older": older, "present": present, "verdict": "adopted", "taken": now()}
    with record.driver("hpsearch rerun --adopt") as driver:
        driver.add(schema.decisions, [{**line, "told": json.dumps([proof.found.key for proof in proofs])}])


def check(found: Found, present: str) -> None:
    """Refuse a trial that cannot show that an older code is equal to the present one."""
    if found.columns["code"] == present:
        raise Refused(f"{found.key[:12]} was made by the present training code, so there is nothing to adopt: leave --adopt out")
    if found.columns["state"] != "complete":
        raise Refused(f"{found.key[:12]} is {found.columns['state']}, so its rows prove nothing: name a trial that is complete")
