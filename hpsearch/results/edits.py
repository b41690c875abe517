"""What an edit of a study did, in words: what changed since finished trials were made, and how they come to be used."""

from collections import Counter
from collections.abc import Iterable

from hpsearch.results.older import Match, Past, parts_of
from hpsearch.results.record import Record
from hpsearch.study import Study

SHOWN = 5  # names or keys that are listed
KEPT = "{} made by {}: used as they are, as --keep asked"
ADOPTED = "{} made by {}: used, for some were trained again by the present code and their rows are equal to the bit"


def counted(number: int) -> str:
    """A number of finished trials.

    >>> counted(1), counted(12)
    ('1 finished trial', '12 finished trials')
    """
    return f"{number} finished trial{'s' * (number != 1)}"


def changed_parts(record: Record, older: str, present: dict[str, str]) -> str:
    """Which functions, classes and constants of the training code are other now than in an older one."""
    then = parts_of(record, older)
    if not then:
        return "which functions changed is not on record"
    changed = sorted(name for name in then.keys() & present.keys() if then[name] != present[name])
    groups = (("changed", changed), ("new", sorted(present.keys() - then.keys())), ("gone", sorted(then.keys() - present.keys())))
    return (
        "; ".join(f"{word}: {_listed(names)}" for word, names in groups if names) or "the order in which files are reached changed"
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def why(record: Record, study: Study, matches: Iterable[Match]) -> str:
    """What is other now than when older trials were made."""
    causes = dict.fromkeys(cause for match in matches for cause in match.causes)
    kinds = Counter(cause.kind for cause in causes)
    said = [f"older training code ({changed_parts(record, each.older, study.parts)})" for each in causes if each.kind == "code"]
    if kinds["data"]:
        said.append("other data")
    if kinds["default"]:
        said.append(f"another default ({_listed([each.words for each in causes if each.kind == 'default'])})")
    return " and ".join(dict.fromkeys(said))


def used(past: Past) -> list[str]:
    """One sentence for the older trials that are kept, one for those that were adopted; nothing where there are none."""
    record, study = past.record, past.study
    if record is None:
        return []
    groups = [(KEPT, past.of("kept")), (ADOPTED, past.of("adopted"))]
    return [worded(text.format(counted(len(of)), why(record, study, of))) for text, of in groups if of]


def worded(text: str) -> str:
    """With the word that goes with each cause: made by code, with data, under a default.

    >>> worded("made by other data"), worded("made by another default")
    ('made with other data', 'made under another default')
    """
    return text.replace("made by other data", "made with other data").replace("made by another", "made under another")
