"""Print the table of coordinates: ``python -m tests.coordinates > reports/coordinates.md``."""

from dataclasses import fields

import pandas as pd
import torch
import torchvision

from hpsearch.training import Recipe
from tests.coordinates.every import CHECKS


def table() -> pd.DataFrame:
    """One line per coordinate and check."""
    order = {field.name: place for place, field in enumerate(fields(Recipe))}
    lines = []
    for each in CHECKS:
        seen = each.difference()
        lines += [
            (order[name], f"`{name}`", each.against, each.measure, f"{seen:.1e}", f"{each.bound:.0e}") for name in each.coordinates
        ]
    names = ["order", "coordinate", "checked against", "difference of", "largest seen", "allowed"]
    return pd.DataFrame(lines, columns=names).sort_values("order", kind="stable").drop(columns="order")


if __name__ == "__main__":
    print("# Every coordinate of the recipe, and what it was checked against\n")
    print(
        f"Made by `python -m tests.coordinates` with torch {torch.__version__} and torchvision {torchvision.__version__} on a CPU;"
    )
    print("the same checks run as tests (`tests/coordinates`). Exact means that the difference is 0.\n")
    print(table().to_markdown(index=False))
