"""The one door to the terminal: text that came from a file is shown, never obeyed, in the characters that the terminal has."""

import codecs
import re
import sys
import unicodedata
from typing import Any

import typer

OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's control, format and surrogate characters, separators of lines and paragraphs
JOINING = "\u200c\u200d"  # format characters that words and emoji are written with
TWINS = {"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "×": "x", "·": "."}


def printable(text: str) -> str:
    r"""The text with every character that a terminal would obey written as an escape; line feeds and tabs stay.

    >>> print(printable("a\x1b[2Jb\u202ec\r"))
    a\x1b[2Jb\u202ec\r
    """
    return re.sub(r"[^\n\t -~]", lambda found: _shown(found.group()), text)


def _shown(character: str) -> str:
    obeyed = unicodedata.category(character) in OBEYED and character not in JOINING
    return character.encode("unicode_escape").decode("ascii") if obeyed else character


def echo(message: Any = "", err: bool = False) -> None:
    """Print a line."""
    typer.echo(printable(str(message)), err=err)


def print_what_can_be_shown() -> None:
    """From here on a character that the terminal's encoding lacks is printed as its plain twin, or as an escape."""
    codecs.register_error("twins", _twins)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # tests and notebooks put others in their place
            stream.reconfigure(errors="twins")


def _twins(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(TWINS.get(each) or each.encode("unicode_escape").decode("ascii") for each in lacking), error.end
