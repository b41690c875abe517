"""URLs as they may be printed."""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


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
