"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="The study file, as in studies/quickstart.py.", show_default=False)
]
RecordPlace = Annotated[str, typer.Option("--record", help="The record: an SQLite file or a PostgreSQL URL.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder to use for $HPSEARCH_DATA in the study file.")]
TrialFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
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
