"""``hpsearch new``."""

from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.screen import echo
from hpsearch.errors import Refused


def new(
    path: Annotated[Path, typer.Argument(metavar="STUDY", help="The file to write.", show_default=False)],
    own: Annotated[bool, typer.Option("--own", help="Write a study of your own training function.")] = False,
) -> None:
    """Write a study file to start from."""
    if path.exists():
        raise Refused(f"{path} exists: name another file, or remove it")
    if path.suffix != ".py":
        raise Refused(f"a study file is a Python file, got {path}: let its name end in .py")
    template = Path(__file__).parent / "templates" / ("own_function.py" if own else "digits.py")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error
    echo(f"wrote {path}; next: hpsearch plan {path}")
