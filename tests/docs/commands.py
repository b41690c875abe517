"""``ray`` and ``hpsearch`` as commands, and the folder of the pages."""

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
MODULES = {"ray": "ray.scripts.scripts", "hpsearch": "hpsearch"}


def commands(folder: Path, **others: str) -> Path:
    """A folder to put first on PATH: both commands by this Python, and further shell scripts by their names."""
    folder.mkdir()
    for name, module in MODULES.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
    for name, text in others.items():
        (folder / name).write_text(text)
    for each in folder.iterdir():
        each.chmod(0o755)
    return folder
