"""The README's line on calibration names the worst cells of the table it cites."""

import re
from pathlib import Path

import pytest

from hpsearch.statistics.notes import FEW

ROOT = Path(__file__).parents[2]
NOISY, DIVERGES = "one arm four times as noisy", "one arm diverges in one run of five"


def cells(title: str) -> dict[str, dict[int, list[float]]]:
    """Percent by case, number of arms and number of seeds, of a table of ``reports/calibration.md``."""
    text = (ROOT / "reports" / "calibration.md").read_text()
    part = text.split(f"## {title}\n")[1].split("\n## ")[0]
    found: dict[str, dict[int, list[float]]] = {}
    case = ""
    for line in re.findall(r"^\| (.*) \|$", part, re.MULTILINE)[1:]:
        name, arms, *numbers = (cell.strip() for cell in line.split("|"))
        case = name or case
        found.setdefault(case, {})[int(arms)] = [float(number) for number in numbers]
    return found


@pytest.fixture(scope="module")
def line() -> str:
    [line] = [row for row in (ROOT / "README.md").read_text().splitlines() if row.startswith("| [calibration]")]
    return line


def span(*numbers: float) -> str:
    return f"{min(numbers):.0f} to {max(numbers):.0f} %"


def test_the_worst_case_comes_first_with_the_range_of_its_row(line):
    irregular = cells("Coverage, irregular cases")
    every = {case: [number for row in rows.values() for number in row] for case, rows in irregular.items()}
    worst = min(every, key=lambda case: min(every[case]))
    assert worst == DIVERGES
    after = line.split("the worst first: ")[1]
    assert after.startswith(f"with an arm that diverges in one run of five, coverage is {span(*every[DIVERGES])}")
    assert f"with one arm four times as noisy, {span(*every[NOISY])}" in after


def test_what_a_report_says_of_few_seeds_is_in_the_table():
    irregular = cells("Coverage, irregular cases")
    few = {case: [number for arms, row in irregular[case].items() if arms > 2 for number in row[:2]] for case in (NOISY, DIVERGES)}
    assert span(*few[NOISY]) in FEW
    assert f"in {span(*few[DIVERGES])}" in FEW
