"""Naming a recipe is cheap: heavy libraries wait until they are used."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "sklearn", "scipy", "numpy", "PIL", "filelock")


def loaded(code: str) -> set[str]:
    """Which heavy libraries a fresh interpreter holds after ``code``."""
    show = f"{code}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("use", ["", "; Recipe(data=digits()).data.check()", "; image_folder('$NO', 64)"])
def test_naming_a_recipe_imports_nothing_heavy(use):
    # hpsearch itself may need numpy; what counts is what training adds
    before = loaded("import hpsearch.values, hpsearch.protocol")
    assert loaded(f"from hpsearch.training import Recipe, digits, image_folder{use}") == before


def test_the_identity_of_digits_imports_nothing_heavy():
    assert not loaded("from hpsearch.training import digits; digits().identity()") & {"torch", "sklearn"}
