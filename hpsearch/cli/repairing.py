"""``hpsearch repair``."""

import typer

from hpsearch.cli.opening import read_study
from hpsearch.cli.options import DataFolder, Debug, RecordPlace, StudyPath, TrialFolder
from hpsearch.cli.screen import echo
from hpsearch.results import DEFAULT


def repair(
    study: StudyPath, record: RecordPlace = DEFAULT, folder: TrialFolder = None, data: DataFolder = None, debug: Debug = False
) -> None:
    """Make a damaged or lost record anew from the results that trials sealed on disk; the damaged file is kept under a new name."""
    from hpsearch.trials import repair as repairing

    file = read_study(study, data)
    found = repairing.repair(file, record, folder)
    if found.kept:
        echo(f"the damaged database is now {found.kept}")
    echo(f"{found.sealed} whole results lie on disk; {found.told} of them were missing in the record and are in it now")
    if found.lost:
        echo(f"{found.lost} trials were finished according to the damaged database and left no whole result: they run again")
    if found.unknown:
        echo(f"{found.unknown} results are of trials that nothing names any more: they stay there for a study that asks for them")
    echo(f"next: hpsearch run {file.path}, which goes on from there")
    raise typer.Exit(1 if found.unknown else 0)
