"""What a trial may take before it is ended: time, silence, memory."""

import math
import re
from dataclasses import dataclass

from hpsearch.errors import Refused
from hpsearch.values import Value

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
SILENCE = 6 * 3_600.0  # longer than the epochs that anybody trains; a training that hangs is not noticed without


@dataclass(frozen=True, kw_only=True)
class Limits(Value):
    """What one attempt at a trial may take; None is no limit. No part of a trial's key: they change no result.

    A trial that exceeds its time or memory fails. One that is silent (no row, no checkpoint) has its stack written to ``stack.txt``
    in its folder, is ended, and tried again from its last checkpoint, up to three times in all.
    """

    time: float | str | None = None  # seconds, or as in "90s", "30m", "12h", "2d"
    silence: float | str | None = SILENCE  # likewise, since the last row or checkpoint
    memory: float | str | None = None  # bytes of the trial's processes together, or as in "900MB", "8GB", "8GiB"

    def __post_init__(self) -> None:
        for name, read in (("time", duration), ("silence", duration), ("memory", size)):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, read(value, f"Limits.{name}"))


def duration(value: float | str, name: str = "a time") -> float:
    """Seconds.

    >>> [duration(text) for text in ("90s", "30m", "1.5h", "2d", "45")]
    [90.0, 1800.0, 5400.0, 172800.0, 45.0]
    """
    return _read(value, r"([0-9.]+)\s*([smhd]?)", {"": 1, **SECONDS}, f"{name} is a time such as '90s', '30m', '12h' or '2d'")


def size(value: float | str, name: str = "a size") -> float:
    """Bytes.

    >>> [size(text) for text in ("900MB", "8 GB", "1.5GiB", "4096")]
    [900000000.0, 8000000000.0, 1610612736.0, 4096.0]
    """
    return _read(value, r"([0-9.]+)\s*([kmgt]?i?)b?", BYTES, f"{name} is a size such as '900MB', '8GB' or '8GiB'")


def _read(value: float | str, form: str, units: dict[str, int], wanted: str) -> float:
    found = re.fullmatch(form, str(value).strip(), re.IGNORECASE)
    try:
        amount = float(found[1]) * units[found[2].lower()] if found else math.nan
    except (ValueError, KeyError):
        amount = math.nan
    if not 0 < amount < math.inf:
        raise Refused(f"{wanted} and above 0, got {value!r}")
    return amount


DEFAULT = Limits()
