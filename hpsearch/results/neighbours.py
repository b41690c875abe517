"""What a record keeps beside itself, its trials' files and its reports, so that no two records share one.

The first record of a folder has ``trials`` and ``STUDY.html``. A record that is made beside it has ``NAME-trials`` and
``STUDY@NAME.html``, where NAME is the whole name of its file, suffix included, or for a database on a server its name and host.
Which it is stands in the record, so neither changes when records come and go.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from hpsearch.results import DEFAULT
from hpsearch.results.urls import database

TRIALS = "trials"
BESIDE = ("-wal", "-shm", "-journal", ".lock")
SERVER = Path(DEFAULT).parent  # where the files of a record on a server are kept


def is_file(url: URL) -> bool:
    """Whether a database is a file, not a server."""
    return url.get_backend_name() == "sqlite"


def file_of(place: str) -> Path | None:
    """The file of a record at a place, relative as it was given; None of a server's."""
    if "://" not in place:
        return Path(place)
    url = database(place)
    return Path(url.database or "") if is_file(url) else None


def new_trials(url: URL) -> str:
    """The folder for the trials of a record without any.

    Results are sealed there before the record hears of them: in another's folder it would take those for its own.
    """
    if not is_file(url):
        return f"{_server(url)}-{TRIALS}"  # what else is run from here, nobody can list
    file = Path(url.database or "")
    others = _records(file.parent, but=file.name)
    taken = {file.name, *others, *others.values()}
    own = (
        TRIALS,
        f"{file.name}-{TRIALS}",
        f"{file.name}-own-{TRIALS}",
    )  # an earlier version left the suffix out: b.db had b-trials
    return next(folder for folder in own if folder not in taken)


def report_of(place: str, trials: str | None, study: str) -> Path:
    """Where the report of a study goes, given the folder of the record's trials, None where there is no record yet.

    Records of one folder that an earlier version made all have ``trials``: of these one alone is taken for the first.
    """
    file = file_of(place)
    home = SERVER if file is None else file.parent
    first = min((name for name, folder in _records(home).items() if folder == TRIALS), key=_earliest, default=None)
    own = (trials or "").removesuffix(f"-{TRIALS}") if file is None else file.name
    alone = trials in (None, TRIALS) and first in (None, own)
    return home / f"{study}{'' if alone else f'@{own}'}.html"


def _earliest(name: str) -> tuple[bool, str]:
    return name != Path(DEFAULT).name, name


def _server(url: URL) -> str:
    """The name of a database on a server.

    >>> from sqlalchemy.engine import make_url
    >>> _server(make_url("postgresql+psycopg://me@db.lab.org/runs")), _server(make_url("postgresql:///a%2Fb?host=/tmp"))
    ('runs-db.lab.org', 'a_b')
    """
    parts = [str(part) for part in (url.database, url.host, url.port) if part]
    return re.sub(r"[^\w.-]+", "_", "-".join(parts)) or "server"


def _records(home: Path, but: str = "") -> dict[str, str]:
    """Names of the files in a folder that are records, but for one, each with the folder of its trials."""
    files = sorted(each for each in home.iterdir() if each.is_file() and each.name != but) if home.is_dir() else []
    found = {each.name: _trials(each) for each in files if not _beside_a_database(each)}
    return {name: folder for name, folder in found.items() if folder is not None}


def _beside_a_database(file: Path) -> bool:
    """Whether a file is one that SQLite or we keep beside a database: closing it would drop the locks of this process on it."""
    return any(file.name.endswith(end) and file.with_name(file.name.removesuffix(end)).is_file() for end in BESIDE)


def _trials(file: Path) -> str | None:
    """The folder that a record names for its trials; None of a file that is no record.

    It is SQLite that looks: a file that this process has open loses its locks where anybody else in it closes it.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            named = connection.execute("select value from stamp where name = 'trials'").fetchone()
    except sqlite3.Error:
        return None
    return str(named[0]) if named else TRIALS
