"""Arguments and options that several commands share."""

import re
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.errors import Refused
from hpsearch.results import FROM_ENVIRONMENT


def a_path(parameter: typer.CallbackParam, value: Path | None) -> Path | None:
    """Refuse a URL, of which a path would make a folder named ``s3:`` here."""
    if value is not None and re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(value)):
        url = str(value).replace(":/", "://", 1)
        raise Refused(
            f"--{parameter.name} takes a path, got {url}: files are renamed into place when they are whole, which object stores "
            "cannot do; give a folder, for a cluster one that all machines mount (NFS, Lustre, a volume)"
        )
    return value


StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="The study file, as in studies/quickstart.py.", show_default=False)
]
RecordPlace = Annotated[
    str, typer.Option("--record", envvar=FROM_ENVIRONMENT, help="The record: an SQLite file or a PostgreSQL URL.", show_envvar=True)
]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder to use for $HPSEARCH_DATA in the study file.")]
TrialFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        callback=a_path,
        help="Folder for checkpoints, shared by all machines, and no other record's. "
        "[default: beside the record, trials or, where that is another record's, NAME-trials]",
    ),
]
BESIDE = "[default: beside the record, STUDY.html or, where another record came first, STUDY@NAME.html]"
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of every error, even of a mistake in the input.")]
TrialWords = Annotated[
    list[str],
    typer.Argument(
        metavar="[STUDY] KEY",
        help="The trial's key, or at least its first 6 digits, as listed in the report; put the study file before it if the file "
        "has moved since the run.",
        show_default=False,
    ),
]
