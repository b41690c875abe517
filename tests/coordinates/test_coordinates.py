"""Every coordinate of the recipe, and every choice of it, is within its bound of something we did not write."""

from dataclasses import fields, make_dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from hpsearch.training import Recipe
from tests.coordinates.every import CHECKS

CHOICES = {name: get_args(hint) for name, hint in get_type_hints(Recipe).items() if get_origin(hint) is Literal}


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.name)
def test_coordinate(each):
    assert each.difference() <= each.bound


def test_every_coordinate_is_checked():
    names = {field.name for field in fields(Recipe)}
    checked = {name for each in CHECKS for name in each.coordinates}
    assert checked - names == set(), "no such fields"
    missing = sorted(names - checked)
    assert missing == [], (
        f"write a check of {missing[0]!r} in a tests/coordinates/of_*.py, @check({missing[0]!r}, against=..., measure=..., bound=...): "
        "it returns the largest difference from something we did not write"
    )


def unchecked(choices):
    """Choices of a recipe that no check goes through, as ``field=choice``."""
    checked = {f"{name}={choice}" for each in CHECKS for name, covered in each.choices.items() for choice in covered}
    return {f"{name}={choice}" for name, all_of_them in choices.items() for choice in all_of_them} - checked


def test_every_choice_is_checked():
    """A choice that is added to a Literal needs a check of its own: name it in ``check(..., field=[choice])``."""
    assert unchecked(CHOICES) == set(), "name each in a check that goes through it: check(..., FIELD=[CHOICE])"


def test_what_a_check_goes_through_is_a_choice_of_its_coordinate():
    for each in CHECKS:
        for name, covered in each.choices.items():
            assert name in each.coordinates, each.name
            assert set(covered) <= set(CHOICES[name]), each.name


def test_the_law_names_a_planted_choice():
    planted = make_dataclass("Planted", [("optimiser", Literal["sgd", "none such"])])
    found = {name: get_args(hint) for name, hint in get_type_hints(planted).items()}
    assert unchecked(found) == {"optimiser=none such"}


def test_the_committed_page_has_every_check_and_no_other():
    """By its words and bounds; the numbers that were seen are of the machine that made it."""
    page = (Path(__file__).parents[2] / "reports" / "coordinates.md").read_text()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")]
    order = [field.name for field in fields(Recipe)]
    made = [(name, each) for each in CHECKS for name in each.coordinates]
    expected = [(f"`{name}`", each.against, each.measure) for name, each in sorted(made, key=lambda pair: order.index(pair[0]))]
    assert [tuple(line[:3]) for line in lines] == expected, "python -m tests.coordinates > reports/coordinates.md"
    assert all(float(seen) <= float(allowed) for *_, seen, allowed in lines)
