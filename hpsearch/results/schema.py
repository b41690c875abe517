"""The record's tables. Everything is a column or JSON text; nothing is pickled.

States of a trial: ``waiting`` (wanted; with a reason: it ended the study, and is tried again by the next launch), ``running``
(handed out by the present driver), ``complete``, ``failed``, ``stopped`` (early, by a rule).
"""

from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

SCHEMA = 1
metadata = MetaData()

stamp = Table(
    "stamp",
    metadata,
    Column("name", String(32), primary_key=True),  # "schema", "made_by"
    Column("value", Text, nullable=False),
)

driver = Table(
    "driver",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("term", Integer, nullable=False),  # grows with every driver; a write under an older term is refused
    Column("holder", Text, nullable=False),  # who, where, what, since when
)

trials = Table(
    "trials",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("config", Text, nullable=False),  # JSON of the config, as values.to_json writes it
    Column("seed", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("held_out", String(8), nullable=False),
    Column("code", String(64), nullable=False),  # fingerprint of the training function
    Column("state", String(8), nullable=False),
    Column("fault", String(12), nullable=False, default=""),  # kind of failure: diverged, contract, error, died
    Column("reason", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),  # the traceback, where there is one
    Column("attempts", Integer, nullable=False, default=0),
    Column("seconds", Float),
    Column("host", Text, nullable=False, default=""),
    Column("device", Text, nullable=False, default=""),
    Column("changed", String(32), nullable=False),  # time of the last change of state, UTC
)

rows = Table(
    "rows",
    metadata,
    Column("key", ForeignKey("trials.key"), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("metrics", Text, nullable=False),  # JSON: name to number, text, small array or nest
)

artefacts = Table(
    "artefacts",
    metadata,
    Column("key", ForeignKey("trials.key"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("path", Text, nullable=False),  # relative to the record's folder
    Column("sha256", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
)

launches = Table(
    "launches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(128), nullable=False),  # name of the study file without its suffix
    Column("study_hash", String(64), nullable=False),  # of the file's text
    Column("study_text", Text, nullable=False),
    Column("study_json", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("provenance", Text, nullable=False),  # JSON: heading to text
    Column("started", String(32), nullable=False),
    Column("ended", String(32)),
    Column("outcome", Text),  # "done", "interrupted", a sentence
)

contents = Table(
    "contents",
    metadata,
    Column("key", ForeignKey("trials.key"), primary_key=True),
    Column("content", String(64), nullable=False, index=True),  # of config, seed, epochs and what it is scored on: not of the code
    Column("rest", String(64), nullable=False, index=True),  # the same without the data
    Column("data", String(64), nullable=False),  # of the data alone
)

code_parts = Table(
    "code_parts",
    metadata,
    Column("code", String(64), primary_key=True),  # fingerprint of training code
    Column("name", Text, primary_key=True),  # of a function, class or constant in it
    Column("sha256", String(64), nullable=False),  # of its text
)

decisions = Table(
    "decisions",
    metadata,
    Column("kind", String(8), primary_key=True),  # what changed: code, data, default, metric
    Column("older", String(64), primary_key=True),  # what it was
    Column("present", String(64), primary_key=True),  # what it is
    Column("verdict", String(8), nullable=False),  # kept, adopted (proved equal on a few trials), again
    Column("told", Text, nullable=False),  # what was said of it, or the keys it was proved on
    Column("taken", String(32), nullable=False),  # when, UTC
)
sums = Table(
    "sums",
    metadata,
    Column("name", String(64), primary_key=True),  # key of a finished trial, or "launch" and a number
    Column("sha256", String(64), nullable=False),  # of all that the record says of it; SQLite itself sees no flipped bit in a text
)
LATER = (contents, code_parts, decisions, sums)  # tables that a record of an earlier version lacks until it is driven
