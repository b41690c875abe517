"""Where a database is: a file by its path, letter by letter, or a URL; and URLs as they may be printed."""

import os
import shlex

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hpsearch.errors import Refused
from hpsearch.results import DEFAULT

OPTIONS = {"timeout", "check_same_thread", "cached_statements", "isolation_level", "detect_types"}  # of Python's sqlite3

_secrets: set[str] = set()  # passwords that this process was given, as they are and as they stand in a URL


def database(place: str) -> URL:
    """The database at a place: text with ``://`` is a URL, any other the path of an SQLite file and not a letter of it syntax.

    Refused where an SQLite URL names no file, or has after its ``?`` what is no option of SQLite's: it was meant as part of the
    name. A text that is no URL at all raises SQLAlchemy's ArgumentError.

    >>> database("/a?b/%41.db").database, database("sqlite:////a%3Fb/%2541.db").database
    ('/a?b/%41.db', '/a?b/%41.db')
    """
    if "://" not in place:
        return URL.create("sqlite", database=os.path.abspath(place))
    url = make_url(place)
    if url.get_backend_name() == "sqlite":
        _refuse_no_file(url, place)
    return url


def _refuse_no_file(url: URL, place: str) -> None:
    if url.database in (None, "", ":memory:"):
        raise Refused(f"{place} would exist only in this process: name a file, as in sqlite:///runs/optuna.db")
    strange = sorted(set(url.query) - OPTIONS)
    if strange or ("?" in place and not url.query):
        raise Refused(
            f"in the URL {place} options start after the question mark, and {(strange or ['what follows'])[0]!r} is none of "
            "SQLite's: write %3F where the question mark belongs to the file's name"
        )


def hidden(url: str) -> str:
    """A URL without its password; any other text as it is.

    >>> hidden("postgresql+psycopg://me:secret@host/db"), hidden("runs/hpsearch.db")
    ('postgresql+psycopg://me:***@host/db', 'runs/hpsearch.db')
    """
    if "://" not in url:
        return url
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def scrubbed(text: str) -> str:
    """A text of somebody else's (a database's, a traceback) without the passwords of the URLs that this process was given."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def record_option(place: str) -> str:
    """The option of a command that names the record, to be typed as it is; empty where it is the default one.

    >>> record_option("runs/hpsearch.db"), record_option("my runs/h.db")
    ('', " --record 'my runs/h.db'")
    """
    return "" if place == DEFAULT else f" --record {shlex.quote(hidden(place))}"
