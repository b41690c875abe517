"""What was searched before: a study that was changed uses the runs of its earlier versions that still fit."""

import json
from dataclasses import replace

from hpsearch.errors import Refused
from hpsearch.results.record import Record
from hpsearch.search import Tune
from hpsearch.study import Study
from hpsearch.values import from_json


def with_history(record: Record | None, study: Study, name: str) -> Study:
    """The study with the searches that the record holds of it from before it was changed to what it is now.

    Those are the searches launched under its name before the present one first was, each once. So the answer stays the same
    however often the study is launched again.
    """
    if record is None or study.tune is None:
        return study
    former: dict[Tune, None] = {}
    for launch in record.launches(name):
        tune = _tune(launch["study_json"])
        if tune == study.tune:
            break
        if tune is not None:
            former[replace(tune, earlier=())] = None
    if not former:
        return study
    return replace(study, tune=replace(study.tune, earlier=(*study.tune.earlier, *former)))


def _tune(text: str) -> Tune | None:
    """The search of a launch; None where there was none or it holds classes of the user's own, which text cannot name."""
    try:
        tune = from_json(json.loads(text)["tune"])
    except Refused:
        return None
    return tune if isinstance(tune, Tune) else None
