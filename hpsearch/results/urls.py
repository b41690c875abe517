"""Where a database is: a file by its path, letter by letter, or a URL; and URLs as they may be printed: without passwords."""

import os
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hpsearch.errors import Refused
from hpsearch.results import DEFAULT, FROM_ENVIRONMENT

OPTIONS = {"timeout", "check_same_thread", "cached_statements", "isolation_level", "detect_types"}  # of Python's sqlite3
SECRET = ("password", "sslpassword")  # options of a URL that nobody may see
HIDDEN = "***"
QUERY = re.compile(r"\?((?:\w+=[^&]*)(?:&\w+=[^&]*)*)$")  # what follows the last question mark, where it is a list of options
HOST = re.compile(r"[^:]*(:\d*)?(/.*)?")  # a host and a database without a user
UNESCAPED = re.compile(r"[@/#?\[\]\s]|%(?![0-9A-Fa-f]{2})")  # what a user name or a password in a URL must not hold as it is
ESCAPES = (
    "in a user name or a password write @ as %40, / as %2F, # as %23, ? as %3F and % as %25, or leave the password out and give it "
    "by PGPASSWORD or ~/.pgpass"
)
_secrets: set[str] = set()  # passwords that this process was given, as they are and as they stand in a URL


def database(place: str) -> URL:
    """The database at a place: text with ``://`` is a URL, any other the path of an SQLite file and not a letter of it syntax.

    Refused where it cannot be said what a URL means, or an SQLite URL names no file, or has after its ``?`` what is no option of
    SQLite's: it was meant as part of the name. No refusal shows a password.

    >>> database("/a?b/%41.db").database, database("sqlite:////a%3Fb/%2541.db").database
    ('/a?b/%41.db', '/a?b/%41.db')
    """
    if "://" not in place:
        if re.match(r"(postgres|mysql|mariadb|oracle|mssql)\w*(\+\w+)?(:|//)", place):
            raise Refused("the URL of the record has no :// after its first word: write it as postgresql://user@host/database")
        return URL.create("sqlite", database=os.path.abspath(place))
    user = _user(place)
    _secrets.update(_variants(user.partition(":")[2]))
    if UNESCAPED.search(user) and not place.startswith("sqlite"):
        raise Refused(f"the URL of the record cannot be read, for a character before its host is not escaped: {ESCAPES}")
    try:
        url = make_url(place)
        if url.username and not user:  # it takes a part of an option for a user
            raise ValueError
    except (ArgumentError, ValueError):  # whose text, and whose cause, may hold the password
        raise Refused(f"the URL of the record cannot be read: write it as postgresql://user@host/database; {ESCAPES}") from None
    for secret in (url.password, *(url.query.get(name) for name in SECRET)):
        _secrets.update(_variants(str(secret or "")))
    if url.get_backend_name() == "sqlite":
        _refuse_no_file(url, place)
    return url


def _user(place: str) -> str:
    """What stands before the host of a URL: a user name, or one and a password."""
    rest = place.partition("://")[2]
    query = QUERY.search(rest)
    before = rest[: query.start()] if query else rest
    if "@" not in before and not HOST.fullmatch(before):  # the question mark belongs to a password
        before = rest
    return before.rpartition("@")[0]


def _variants(secret: str) -> Iterator[str]:
    if secret:
        yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))


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
    """A URL without its passwords, whether it can be read or not; any other text as it is.

    >>> hidden("postgresql://me:secret@host/db"), hidden("postgresql://me@host/db?sslmode=require&password=secret")
    ('postgresql://me:***@host/db', 'postgresql://me@host/db?sslmode=require&password=***')
    >>> hidden("postgresql://me:se@c/ret@host/db"), hidden("runs/hpsearch.db")
    ('postgresql://me:***@host/db', 'runs/hpsearch.db')
    """
    if "://" not in url:
        return re.sub(r"^(\w+(?:\+\w+)?(?::/?|//)[^:@]*):.*@", rf"\1:{HIDDEN}@", url)
    kind, _, rest = url.partition("://")
    user = _user(url)
    shown = f"{user.partition(':')[0]}:{HIDDEN}" if ":" in user else user
    return f"{kind}://{shown}" + re.sub(rf"(?<=[?&])({'|'.join(SECRET)})=[^&]*", rf"\1={HIDDEN}", rest[len(user) :])


def scrubbed(text: str) -> str:
    """A text of somebody else's (a database's, a traceback) without the passwords of the URLs that this process was given."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def record_option(place: str) -> str:
    """The option of a command that names the record, to be typed as it is; empty where it is the default one, or the environment's.

    >>> record_option("runs/hpsearch.db"), record_option("my runs/h.db")
    ('', " --record 'my runs/h.db'")
    """
    shown = hidden(place)
    return "" if shown in (DEFAULT, hidden(os.environ.get(FROM_ENVIRONMENT, ""))) else f" --record {shlex.quote(shown)}"
