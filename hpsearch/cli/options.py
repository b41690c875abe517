"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="The study file, as in studies/quickstart.py.", show_default=False)
]
RecordPlace = Annotated[str, typer.Option("--record", help="The record: an SQLite file, or a URL of PostgreSQL.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder that $HPSEARCH_DATA stands for in the study file.")]
TrialFolder = Annotated[
    Path | None,
    typer.Option("--folder", help="For checkpoints; shared by all machines. [default: beside the record]"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of every error, also of a mistake in the input.")]
TrialWords = Annotated[
    list[str],
    typer.Argument(
        metavar="[STUDY] KEY",
        help="The trial's key, or its first 6 digits or more, as the report lists them; before it the study file, where it does "
        "not lie where it was run from.",
        show_default=False,
    ),
]
Place = "runs/hpsearch.db"
