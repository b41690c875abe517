"""Every coordinate of the recipe is within its bound of something we did not write."""

from dataclasses import fields

import pytest

from hpsearch.training import Recipe
from tests.coordinates.every import CHECKS


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.name)
def test_coordinate(each):
    assert each.difference() <= each.bound


def test_every_coordinate_is_checked():
    names = {field.name for field in fields(Recipe)}
    checked = {name for each in CHECKS for name in each.coordinates}
    assert checked - names == set(), "no such fields"
    assert names - checked == set(), "not checked against anything"
