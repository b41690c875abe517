"""What plan and status must not import: they are asked often, and each of these takes longer than all they do themselves."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from hpsearch.search.drawn import sobol
from tests.cli.test_command_line import GOOD, Run, hpsearch  # noqa: F401

HEAVY = ("torch", "ray", "optuna", "plotly", "pandas", "jinja2", "scipy.stats", "scipy.special")
CODE = """
import sys
sys.argv = ["hpsearch", *{words!r}]
from hpsearch.cli.main import main
try:
    main()
finally:
    print("imported", [name for name in {heavy!r} if name in sys.modules])
"""


@pytest.fixture
def told(hpsearch: Run) -> Path:  # noqa: F811
    """A study with a search, one arm of which fails, run to its end."""
    study = GOOD.replace(
        "    for epoch in range(epochs):", "    assert not config.deep, f'seed {seed} is too deep'\n    for epoch in range(epochs):"
    )
    Path("mine.py").write_text(study)
    sobol.cache_clear()  # what this process has drawn would not be kept again
    hpsearch("run", "mine.py", "--here")
    hpsearch("plan", "mine.py")  # the first one computes what is then kept
    return Path("mine.py")


@pytest.mark.parametrize("command", ["plan", "status"])
def test_a_record_is_looked_at_without_the_heavy_libraries(told: Path, command: str) -> None:
    script = CODE.format(words=[command, str(told)], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "imported []" in done.stdout, done.stdout + done.stderr
    assert "4 trials failed: AssertionError: seed 1" in done.stdout or command == "plan"


def test_versions_are_shown_without_an_import_of_what_they_are_of() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    script = CODE.format(words=["--version"], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    first, *others, imported = done.stdout.splitlines()
    assert first == f"hpsearch {project['version']}"
    assert others == [f"{name} {version(name)}" for name in ("torch", "torchvision", "ray", "optuna")]
    assert (done.returncode, imported) == (0, "imported []")
