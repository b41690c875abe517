"""What was launched before: a study that was changed, or renamed, uses the runs of its earlier versions that still fit."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpsearch.errors import Refused
from hpsearch.results.record import Record
from hpsearch.search import Tune
from hpsearch.study import Study
from hpsearch.values import STUDY, Known, from_json, to_json

Launch = Mapping[str, Any]


def launches(record: Record, study: Study, name: str) -> list[Launch]:
    """All launches of a study, the first one first: those under its name, and those of the file it is a copy of.

    A file is known as a copy by its study, which is the same but for the name of the file.
    """
    every = record.launches()
    names, studies = {name}, {_nameless(json.dumps(to_json(study)))}
    while True:
        found = [each for each in every if each["study"] in names or _nameless(each["study_json"]) in studies]
        more = {each["study"] for each in found} - names
        if not more:
            return found
        names |= more
        studies |= {_nameless(each["study_json"]) for each in found}


def _nameless(text: str) -> str:
    """A study's JSON without the name of the file in the names of its classes."""
    return re.sub(f'"{STUDY}[^:"]*:', '"', text)


def with_history(record: Record | None, study: Study, name: str) -> Study:
    """The study with the searches that the record holds of it from before it was changed to what it is now.

    Those are the searches launched before the present one first was, each once. So the answer stays the same however often the
    study is launched again.
    """
    if record is None or study.tune is None:
        return study
    former: dict[Tune, None] = {}
    for launch in launches(record, study, name):
        tune = _tune(record.parsed(launch["study_json"]), study.kinds)
        if tune == study.tune:
            break
        if tune is not None:
            former[replace(tune, earlier=())] = None
    if not former:
        return study
    return replace(study, tune=replace(study.tune, earlier=(*study.tune.earlier, *former)))


def _tune(told: Mapping[str, Any], known: frozenset[Known]) -> Tune | None:
    """The search of a launch; None where there was none or it holds classes of the user's own, which text cannot name."""
    try:
        tune = from_json(told["tune"], known)
    except Refused:
        return None
    return tune if isinstance(tune, Tune) else None
