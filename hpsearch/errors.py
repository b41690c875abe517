"""What can go wrong, and the exit code that says so (see ``hpsearch --help``)."""

import errno
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import ClassVar

FULL = (errno.ENOSPC, errno.EDQUOT)  # what the system says of a full disk
GONE = (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ESTALE)  # and of one that cannot be written
DISK = (*FULL, *GONE)


class HpsearchError(Exception):
    """An error whose message is written for the user: one sentence, the value, the remedy.

    Where nobody catches it, in a script, at a prompt or in a notebook, that sentence is shown and no traceback.
    """

    exit_code: ClassVar[int] = 70

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show in the place of a traceback."""
        return [said(self)]


class Refused(HpsearchError, ValueError):
    """The input is not valid; nothing was run and nothing was written."""

    exit_code = 2


class NotHere(HpsearchError, AttributeError):
    """A name that the package does not have, and what to do instead."""

    exit_code = 2


class Undecided(HpsearchError):
    """Finished trials were made otherwise than they would be now, and the user has not said which are wanted; nothing was run."""

    exit_code = 78


class InUse(HpsearchError):
    """Another driver holds the record; try again once it has ended."""

    exit_code = 75


class Stale(HpsearchError):
    """This driver lost the record to a newer one; its write was refused."""

    exit_code = 75


class Lost(HpsearchError):
    """The machines that trials ran on no longer answer; what was finished is sealed, and the same command goes on from there."""

    exit_code = 69


class Unanswered(HpsearchError):
    """The record did not answer for as long as was waited for it, or refused what was asked; what trials sealed is on disk."""

    exit_code = 69


class Damaged(HpsearchError):
    """The record’s database is damaged, was deleted or is another study’s; what trials sealed is on disk."""

    exit_code = 65


class Unwritable(HpsearchError):
    """A disk is full, read-only or gone: no trial's fault and no trial's result. The same command goes on from there."""

    exit_code = 74


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. No KeyboardInterrupt: typer and Ray Tune have their own ideas about those."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.exit_code = 128 + number


class TrialEnded(BaseException):
    """What ``run.report`` raises where a trial is to end: let it pass. No ``Exception``, so that fewer handlers catch it."""

    def __init__(self, fault: str, reason: str) -> None:
        super().__init__(reason)
        self.fault, self.reason = fault, reason


def said(error: HpsearchError) -> str:
    """The sentence of an error, with the line of the user's that led to it where that is in a file or a cell."""
    ours, frames = str(Path(__file__).parent), traceback.extract_tb(error.__traceback__)
    theirs = [
        each for each in takewhile(lambda each: not each.filename.startswith(ours), frames) if not _written_by_dataclass(each)
    ]
    if not theirs or theirs[-1].filename == "<stdin>":
        return visible(f"hpsearch: {error}")
    name = Path(theirs[-1].filename)
    return visible(f"hpsearch: {f'{name}, ' if name.is_file() else ''}line {theirs[-1].lineno}: {error}")


def _written_by_dataclass(frame: traceback.FrameSummary) -> bool:
    return (frame.filename, frame.name) == ("<string>", "__init__")


Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def in_sentences(otherwise: Hook) -> Hook:
    """A ``sys.excepthook`` that shows errors of ours in their sentence, and leaves all others to the one there was."""

    def shows(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, HpsearchError):
            sys.stderr.write(f"{said(error)}\n")
        else:
            otherwise(kind, error, trace)

    return shows


sys.excepthook = in_sentences(sys.excepthook)


def visible(text: str, most: int = 2_000) -> str:
    """A text that can be encoded and printed: control characters and lone surrogates escaped, the middle left out of a long one.

    >>> visible(f"a{chr(27)}[31mb", 20) == "a" + chr(92) + "x1b[31mb", visible("0123456789" * 9, 20)
    (True, '012345678901 ... 6789')
    """
    head, tail = most * 3 // 5, most // 5
    short = text if len(text) <= most else f"{text[:head]} ... {text[-tail:]}"
    return "".join(_escaped(c) if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" else c for c in short)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def sentence(error: BaseException) -> str:
    """Type and text of any exception, also of one whose text raises or cannot be encoded.

    >>> sentence(ValueError("no such file")), sentence(SystemExit(0))
    ('ValueError: no such file', 'SystemExit: sys.exit(0) was called')
    """
    name = type(error).__name__
    try:
        text = f"sys.exit({error.code!r}) was called" if isinstance(error, SystemExit) else str(error)
    except Stopped:
        raise
    except BaseException as second:
        text = f"its text cannot be made, {type(second).__name__} was raised instead"
    return visible(f"{name}: {text}" if text else name)


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
