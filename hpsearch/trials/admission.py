"""Entering trials in the record: with what the user decided about older ones, and never in the place of one of another meaning."""

import json
from collections.abc import Sequence

from hpsearch.errors import Undecided
from hpsearch.results import schema
from hpsearch.results.contents import contents, other_values
from hpsearch.results.driver import Driver, now
from hpsearch.results.older import Past
from hpsearch.study import Trial
from hpsearch.trials.sealed import read_json, write_json
from hpsearch.trials.worker import home
from hpsearch.values import digest


def admit(driver: Driver, past: Past, trials: Sequence[Trial]) -> None:
    """Enter trials that are to run, and what was decided about older ones; refused while something is undecided."""
    if asked := past.of(""):
        raise Undecided(
            f"the study now asks for trials that are finished, {len(asked)} of them, but were made differently than they would be "
            "now: run the same command again to see how, and add --again or --keep"
        )
    decide(driver, past)
    for trial in trials:
        make_room(driver, past, trial)
    driver.want(trials)
    driver.add(schema.contents, [{"key": trial.key, **contents(trial)} for trial in trials])


def decide(driver: Driver, past: Past) -> None:
    """Write down what was decided, and the contents of trials that an earlier version recorded without them."""
    lines = [
        {"kind": c.kind, "older": c.older, "present": c.present, "verdict": verdict, "told": c.words, "taken": now()}
        for c, verdict in past.taken.items()
    ]
    driver.add(schema.decisions, lines)
    driver.add(schema.contents, [{"key": key, **digests} for key, digests in past.read.items()])
    past.decided |= past.taken
    past.taken, past.read = {}, {}


def make_room(driver: Driver, past: Past, trial: Trial) -> None:
    """Set a trial aside that has this one's key and other values, since a default has another meaning now: nothing is lost.

    Its files move first: were the record changed first and the driver killed, its sealed result would be taken for this trial's.
    """
    text = past.config_of(trial.key)
    if text is None or not other_values(json.loads(text), trial.config):
        return
    other = digest([trial.key, text])[:32]
    old, new = home(driver.record.folder, trial.key), home(driver.record.folder, other)
    if old.exists() and not new.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
    if (told := read_json(new / "result.json")) and told["key"] != other:
        artefacts = [
            [name, path.replace(trial.key, other).replace(f"{trial.key[:2]}/", f"{other[:2]}/", 1), *rest]
            for name, path, *rest in told["artefacts"]
        ]
        write_json(new / "result.json", {**told, "key": other, "artefacts": artefacts})
    driver.set_aside(trial.key, other)
