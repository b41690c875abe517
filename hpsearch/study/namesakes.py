"""Files that Python would import in place of a library, because they lie beside the study and are called like it."""

import os
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from hpsearch.errors import Refused

HARMLESS = {
    "test",
    "tests",
    "this",
    "antigravity",
    "turtle",
    "turtledemo",
    "idlelib",
    "__main__",
    "__init__",
}  # nobody imports them
LIBRARIES = {
    "PIL", "alembic", "click", "cloudpickle", "filelock", "hpsearch", "jinja2", "joblib", "markupsafe", "narwhals",
    "numpy", "optuna", "packaging", "pandas", "patsy", "plotly", "pyarrow", "ray", "requests", "rich", "scipy", "sklearn",
    "sqlalchemy", "sympy", "torch", "torchvision", "tqdm", "triton", "typer", "typing_extensions", "yaml",
}  # fmt: skip


def refuse_namesakes(study: Path) -> None:
    """Refuse a study called like any module that can be imported, and a neighbour called like one that trials import."""
    folder = study.resolve().parent
    if study.stem not in HARMLESS and (study.stem in LIBRARIES | sys.stdlib_module_names or _installed(study.stem)):
        raise Refused(
            f"{study} has the name of the module {study.stem!r}, and trials would import the study in its place: rename the study"
        )
    taken = (LIBRARIES | sys.stdlib_module_names) - HARMLESS
    packages = sorted(each / "__init__.py" for each in folder.iterdir() if os.path.isfile(each / "__init__.py"))
    for neighbour in sorted(folder.glob("*.py")) + packages:  # isfile, as beside a study may lie the mount of a server that is down
        name = neighbour.parent.name if neighbour.name == "__init__.py" else neighbour.stem
        if name in taken and not _is_the_library(name, neighbour):
            raise Refused(
                f"{neighbour} beside the study has the name of the module {name!r}, and trials would import it instead: rename it"
            )


def _installed(name: str) -> bool:
    """Whether a package that was installed brings a module of that name; a folder without ``__init__.py`` is none."""
    found = PathFinder.find_spec(name, [place for place in map(os.path.abspath, sys.path) if _holds_packages(place)])
    return found is not None and found.origin is not None


@cache
def _holds_packages(place: str) -> bool:
    return any(Path(place).glob("*.dist-info"))


def _is_the_library(name: str, file: Path) -> bool:
    """Whether the file is the module itself: a study may lie beside the library it is part of."""
    known = getattr(sys.modules.get(name), "__file__", None)
    return known is not None and Path(known).resolve() == file.resolve()
