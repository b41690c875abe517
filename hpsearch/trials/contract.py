"""The contract of a training function: what a row may hold and must hold, and in words what is wrong with one that does not.

See ``hpsearch.protocol`` for the contract itself.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import TrialEnded, did_you_mean, visible
from hpsearch.protocol import Recorded, Row
from hpsearch.search import Divergence

LARGEST = 3.4028234663852886e38  # of a 32-bit float: what is larger can be neither squared nor averaged
NAME, VALUE = 120, 20_000  # characters that are recorded: of a metric's name, of a text or of a nest's JSON
SHOWN = 60  # characters of a value, or names of a row, that a sentence shows
FORMS = "yield a mapping per epoch, or call run.report(metrics) once per epoch, or, asked for one epoch, return one mapping"


@dataclass(frozen=True)
class Read:
    """What a study reads from the rows of a trial: which metrics, in which epochs."""

    metric: str
    also: tuple[str, ...] = ()  # other metrics that it judges
    last: int = 1  # epochs at the end
    divergence: Divergence | None = None


def checked(row: object, epoch: int, epochs: int, read: Read) -> Row:
    """The row as it is recorded; ends the trial where what the study reads is not there, or not finite."""
    if not isinstance(row, Mapping):
        raise TrialEnded(
            "contract", f"the training function gave {shown(plain(row))} for epoch {epoch}: it must be a mapping of metrics"
        )
    given = {name: plain(value) for name, value in row.items()}
    scored = epoch > epochs - read.last
    for name in (read.metric, *read.also):
        if scored or name == read.metric:
            _check(name, given, epoch, scored, read)
    if read.divergence:
        _check_finite(read.divergence.metric, given.get(read.divergence.metric), epoch)
    recorded = {_name(name): recordable(value) for name, value in given.items()}
    if len(recorded) < len(given):
        raise TrialEnded("contract", f"two metrics of epoch {epoch} have the same name once written: give them different names")
    return recorded


def _check(name: str, given: Mapping[Any, object], epoch: int, scored: bool, read: Read) -> None:
    """The law of one metric that the study reads; before the epochs of the score it may be left out."""
    if given.get(name) is None and not scored:
        return
    use = "scores" if name == read.metric else "judges"
    if name not in given:
        names = [visible(str(each), SHOWN) for each in given if isinstance(each, str | int | float)][:SHOWN]
        near = f"; {hint}" if (hint := did_you_mean(name, names)).startswith("did") else ""
        has = ", ".join(names) or "nothing"
        raise TrialEnded("contract", f"the row of epoch {epoch} has no metric {name!r}, which the study {use}: it has {has}{near}")
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        one = ", as x.item() or a mean gives" if isinstance(value, list) else ""
        raise TrialEnded("contract", f"metric {name!r} is {shown(value)} in epoch {epoch}: it must be a number{one}")
    if scored or read.divergence:
        _check_finite(name, value, epoch)


def _check_finite(name: str, value: object, epoch: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or finite(value):
        return
    large = ", larger than a 32-bit float" if abs(value) > LARGEST and value not in (math.inf, -math.inf) else ""
    raise TrialEnded("diverged", f"metric {name!r} is {shown(value)} in epoch {epoch}{large}")


def finite(value: float) -> bool:
    """Whether a number can be computed with: within the range of a 32-bit float.

    >>> [finite(each) for each in (1e30, 1e39, float("nan"), 10**400)]
    [True, False, False, False]
    """
    return -LARGEST <= value <= LARGEST


def plain(value: object) -> object:
    """Numbers and arrays of numpy and torch as Python's."""
    return value.tolist() if hasattr(value, "tolist") else value


def recordable(value: object) -> Recorded:
    """A value as JSON: what cannot stand there as it is becomes a text, what is too long a shortened one.

    >>> recordable({"a": (1, float("inf")), 2: None})
    {'a': [1, 'inf'], '2': None}
    """
    try:
        nest: Recorded = _nest(value)
        if isinstance(nest, str) or len(json.dumps(nest)) <= VALUE:
            return nest
        return visible(json.dumps(nest), VALUE // 10)
    except RecursionError:
        return f"a {type(value).__name__} too deeply nested to record"


def _nest(value: object) -> Any:
    value = plain(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not finite(value):
            return visible(_text(value), SHOWN)
        return float(value) if isinstance(value, float) or abs(value) > 2**53 else int(value)
    if isinstance(value, list | tuple):
        return [_nest(item) for item in value]
    if isinstance(value, Mapping):
        return {_name(name): _nest(item) for name, item in value.items()}
    return visible(value if isinstance(value, str) else _text(value), VALUE // 10)


def _name(name: object) -> str:
    return visible(name if isinstance(name, str) else _text(name), NAME).replace("\n", "\\n")


def shown(value: object) -> str:
    """A value in a sentence: lists by their length, so that the same mistake reads alike in every trial.

    >>> shown([0.5, 0.25]), shown("93.1"), shown({"a": 1})
    ('a list of 2', "'93.1'", "{'a': 1}")
    """
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    text = _text(value)
    return visible(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def _text(value: object) -> str:
    """``repr``, of whatever a user gives."""
    try:
        return str(value) if isinstance(value, float) else repr(value)
    except Exception as error:  # no repr, one that raises, or a number of too many digits
        return f"a {type(value).__name__} that cannot be written ({type(error).__name__})"


def kind(reason: str) -> str:
    """A reason without its numbers: what two breaches of the same kind share.

    >>> kind("metric 'a' is '93.1' in epoch 2") == kind("metric 'a' is '7' in epoch 10")
    True
    """
    return re.sub(r"0x[0-9a-f]+|[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?", "…", reason)
