"""What an edit of a study costs: finished trials that would be repeated, or are no longer asked for, and what to decide."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch.errors import Refused
from hpsearch.results.edits import counted, why, worded
from hpsearch.results.history import launches, with_history
from hpsearch.results.older import Match
from hpsearch.results.record import Record
from hpsearch.results.replay import Replayed, replayed
from hpsearch.results.urls import record_option


def question(record: Record | None, found: Replayed, name: str, path: Path | None = None) -> str:
    """What the user has to decide before the study at ``path`` runs, with the options; empty where there is nothing."""
    if record is None:
        return ""
    said = []
    if found.past.of(""):
        asked, lacking = _asked(record, found)
        options = _options(
            record, asked, shlex.quote(str(path or f"{name}.py")), bool(found.study.tune and found.study.tune.earlier)
        )
        said.append(
            f"{counted(len(asked))} of {name} {'was' if len(asked) == 1 else 'were'} made by "
            f"{why(record, found.study, asked)} and would be repeated: `--again` trains them anew"
            + (f"; they cannot be used, for {lacking}" if lacking else options)
            + _declined(len(found.past.of("again")))
        )
    if lost := abandoned(record, found, name):
        said.append(lost)
    return worded("; ".join(said))


def _asked(record: Record, found: Replayed) -> tuple[list[Match], str]:
    """The trials that a decision is asked about, and why they could not be used; empty where they could.

    Were they used, a search would go on from them: so all that it then finds is counted, not its first round alone.
    """
    try:
        past = replayed(record, found.study, "kept").past
    except Refused as refusal:  # they lack the metric that the study now scores
        return found.past.of(""), str(refusal)
    return [match for match in past.of("kept") if any(cause in past.taken for cause in match.causes)], ""


def _options(record: Record, asked: Sequence[Match], file: str, searched: bool) -> str:
    """What else may become of older trials than to be trained anew, and what that would mean.

    ``searched``: the study was searched before in another way, and those runs were used under the code and data that made them.
    """
    defaults = dict.fromkeys(cause.words for match in asked for cause in match.causes if cause.kind == "default")
    keep = ", `--keep` uses the old results"
    if defaults:
        keep += " in their place, so give it only if this makes no difference to them (the report marks them)"
    one = next((match.place for match in asked if [cause.kind for cause in match.causes] == ["code"]), "")
    command = f"hpsearch rerun {file} {one[:12]} --adopt{record_option(record.place)}"
    adopt = f"; `{command}` trains a few of them again and adopts all if the rows are identical" if one else ""
    earlier = "; runs that only its earlier searches asked for are not among them, and are used no more" if searched else ""
    return keep + adopt + earlier


def _declined(number: int) -> str:
    """That trials without newer results have some that were declined before, for these newer ones.

    >>> _declined(0), _declined(1)
    ('', '; 1 finished trial that `--again` declined before stays so, and is trained anew in any case')
    """
    if not number:
        return ""
    stay, are = ("stays", "is") if number == 1 else ("stay", "are")
    return f"; {counted(number)} that `--again` declined before {stay} so, and {are} trained anew in any case"


def abandoned(record: Record, found: Replayed, name: str) -> str:
    """How many finished trials a changed metric or direction no longer asks for; empty where there are none."""
    study = found.study
    before = next((each for each in reversed(launches(record, study, name))), None)
    told = record.parsed(before["study_json"]) if before else {}
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
        f"{'is' if len(lost) == 1 else 'are'} no longer asked for (kept in the record): `--again` and `--keep` do the same here, "
        "they continue the search as it is asked for now and train what it lacks; or change it back"
    )
