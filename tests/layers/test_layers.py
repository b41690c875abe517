"""Imports point one way, every heavy library has one door, and what is imported is what is declared."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hpsearch"

# a module may import only from layers before its own
ORDER = [
    ("errors",),
    ("kept",),
    ("values",),
    ("protocol",),
    ("space",),
    ("search",),
    ("ablation",),
    ("statistics",),
    ("study",),
    ("training",),
    ("tricks",),
    ("results",),
    ("trials",),
    ("report",),
    ("cli",),
    ("__main__",),
]
LAYER = {name: level for level, names in enumerate(ORDER) for name in names}
DOORS = {
    "torch": ("training/",),
    "torchvision": ("training/",),
    "ray": ("trials/on_ray.py", "trials/cluster.py", "trials/answers.py", "trials/ray_spaces.py"),
    "optuna": (
        "search/samplers.py",
        "search/pruners.py",
        "search/spaces_elsewhere.py",
        "results/optuna_view.py",
        "results/imports/optuna_storage.py",
        "report/importance.py",
    ),
    "sklearn": ("report/importance.py",),
    "plotly": ("report/",),
    "jinja2": ("report/",),
    "sqlalchemy": ("results/",),
    "typer": ("cli/",),
}

NOT_IMPORTED = {
    "pyarrow": "pandas keeps text in it, and Ray Tune needs it",
}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "templates" not in path.parts and path != PACKAGE / "__init__.py"]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# rooms of training, of which the same holds: parts know no recipe, networks and data no training loop
ROOMS = {"laws": 0, "parts": 1, "networks": 2, "data": 2, "images": 3}


def upward_in_training(path: Path) -> list[str]:
    """Imports of a module of ``training`` from a room that is not below its own."""
    own = path.relative_to(PACKAGE / "training").parts[0].removesuffix(".py")
    names = {name.split(".")[2] for name in imported(path) if name.startswith("hpsearch.training.")}
    return [name for name in names & ROOMS.keys() if name != own and ROOMS[name] >= ROOMS[own]]


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def upward(path: Path) -> list[str]:
    """Imports of a module that point to its own level's other names or above."""
    own = layer(path)
    names = {name.split(".")[1] for name in imported(path) if name.startswith("hpsearch.")}
    return [name for name in names & LAYER.keys() if name != own and LAYER[name] >= LAYER[own]]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    assert layer(path) in LAYER, f"{path} stands in no layer"
    assert upward(path) == []


IN_TRAINING = [path for path in modules() if path.is_relative_to(PACKAGE / "training") and path.parent != PACKAGE / "training"]


@pytest.mark.parametrize("path", IN_TRAINING, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_parts_and_networks_know_nothing_of_the_recipe(path: Path) -> None:
    assert upward_in_training(path) == []


PARTS_MAY_IMPORT = {"hpsearch.errors", "hpsearch.training.parts"}  # whoever takes a part takes no study, no data and no record


def test_parts_stand_alone() -> None:
    for path in (PACKAGE / "training" / "parts").glob("*.py"):
        ours = [name for name in imported(path) if name.startswith("hpsearch.")]
        strays = [name for name in ours if not name.startswith(tuple(PARTS_MAY_IMPORT))]
        assert strays == [], path


def test_no_file_name_stands_in_two_rooms() -> None:
    names = [path.name for path in modules() if path.name not in ("__init__.py", "__main__.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


@pytest.mark.parametrize("library", DOORS)
def test_heavy_library_has_one_door(library: str) -> None:
    users = {
        path.relative_to(PACKAGE).as_posix() for path in modules() if any(name.split(".")[0] == library for name in imported(path))
    }
    strays = {user for user in users if not user.startswith(DOORS[library])}
    assert strays == set()


def test_the_laws_see_a_planted_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = tmp_path / "space" / "planted.py"
    planted.parent.mkdir()
    planted.write_text("from hpsearch.report import write\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert upward(planted) == ["report"]


def test_the_laws_see_a_planted_import_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = tmp_path / "training" / "parts" / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text("from hpsearch.training.images.recipe import Recipe\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert upward_in_training(planted) == ["images"]
    with pytest.raises(AssertionError, match="planted"):
        test_parts_stand_alone()


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_what_a_benchmark_imports_of_ours_is_there(path: Path) -> None:
    """They are run by hand, and rarely."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("hpsearch", "benchmarks", "tests"):
            module = importlib.import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_declared_is_imported_and_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[>=<]", line)[0].lower() for line in project["dependencies"]}
    used = {name.split(".")[0] for path in modules() for name in imported(path)} - set(sys.stdlib_module_names) - {"hpsearch"}
    distributions = packages_distributions()
    needed = {distributions[name][0].lower() for name in used}
    assert needed == declared - NOT_IMPORTED.keys()


@pytest.mark.parametrize("module", ["hpsearch.study", "hpsearch.training", "hpsearch.tricks.he2019", "hpsearch.cli.main"])
def test_planning_needs_none_of_the_heavy_libraries(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('torch', 'ray', 'optuna', 'plotly') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
