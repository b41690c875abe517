"""What an edit of a study costs: finished trials that would be repeated, or are no longer asked for, and what to decide."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

from hpsearch.errors import Refused
from hpsearch.results.edits import counted, why
from hpsearch.results.history import launches, with_history
from hpsearch.results.record import DEFAULT, Record
from hpsearch.results.replay import Replayed, replayed


def question(record: Record | None, found: Replayed, name: str, path: Path | None = None) -> str:
    """What the user has to decide before the study at ``path`` runs, with the options; empty where there is nothing."""
    if record is None:
        return ""
    asked = found.past.of("")
    said = []
    if asked:
        one = next((m.place for m in asked if any(c.kind == "code" for c in m.causes)), "")
        file = shlex.quote(str(path or f"{name}.py"))
        command = f"hpsearch rerun {file} {one[:12]} --adopt{_where(record)}"
        adopt = f"; `{command}` trains a few of them again and adopts all if the rows are identical"
        said.append(
            f"{counted(len(asked))} of {name} {'was' if len(asked) == 1 else 'were'} made by "
            f"{why(record, found.study, asked)} and would be repeated: "
            f"`--again` trains them anew, `--keep` uses the old results{adopt if one else ''}"
        )
    if lost := abandoned(record, found, name):
        said.append(lost)
    return "; ".join(said).replace("made by other data", "made with other data").replace("made by another", "made under another")


def _where(record: Record) -> str:
    """The option that names the record, where it is not the default one."""
    return "" if record.place == DEFAULT else f" --record {shlex.quote(record.place)}"


def abandoned(record: Record, found: Replayed, name: str) -> str:
    """How many finished trials a changed metric or direction no longer asks for; empty where there are none."""
    study = found.study
    before = next((each for each in reversed(launches(record, study, name))), None)
    told = json.loads(before["study_json"]) if before else {}
    then = {key: told.get(key, getattr(study, key)) for key in ("metric", "goal", "last")}
    changed = [f"{key} was {value!r} and is {getattr(study, key)!r}" for key, value in then.items() if value != getattr(study, key)]
    if not changed:
        return ""
    try:
        former = replayed(record, with_history(record, replace(study, also=(), margin=None, **then), name))
    except Refused:  # what was asked then can be asked no more
        return ""
    lost = former.scores.keys() - {trial.key for trial in found.plan.trials()}
    if not lost:
        return ""
    return (
        f"{', '.join(changed)}: the search takes another course, and {counted(len(lost))} of {name} "
        f"{'is' if len(lost) == 1 else 'are'} no longer asked for (kept in the record): `--again` and `--keep` both "
        "continue the search as it is asked for now and train what it lacks; or change it back"
    )
