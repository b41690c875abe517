"""What can go wrong, and the exit code that says so (see ``hpsearch --help``)."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class HpsearchError(Exception):
    """An error whose message is written for the user: one sentence, the value, the remedy."""

    exit_code: ClassVar[int] = 70


class Refused(HpsearchError, ValueError):
    """The input breaks a law; nothing was run and nothing was written."""

    exit_code = 2


class Undecided(HpsearchError):
    """Finished trials were made otherwise than they would be now, and the user has not said which are wanted; nothing was run."""

    exit_code = 78


class InUse(HpsearchError):
    """Another driver holds the record; try again when it has ended."""

    exit_code = 75


class Stale(HpsearchError):
    """This driver lost the record to a newer one; its write was refused."""

    exit_code = 75


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word, or the known words where nothing is near.

    >>> did_you_mean("learning_rat", ["learning_rate", "momentum"])
    "did you mean 'learning_rate'?"
    >>> did_you_mean("lr", ["optim.lr", "wide"])
    "did you mean 'optim.lr'?"
    >>> did_you_mean("x", ["a", "b"])
    'known are a, b'
    """
    names = sorted(known)
    near = [name for name in names if name.endswith(f".{word}")] or get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
