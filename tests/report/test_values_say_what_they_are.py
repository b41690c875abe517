"""The report asks values what they are: it compares neither types of studies nor names of designs."""

import re
from pathlib import Path

import pytest
from synthetic import COSINE, MIXUP, WARMUP

from hpsearch import ladder, leave_one_out, one_at_a_time

REPORT = Path(__file__).parents[2] / "hpsearch" / "report"
COMPARED = re.compile(
    r"isinstance\((evidence\.)?study,|\bElsewhere\b|\.design\s*(==|!=|in\b)|[\"'](ladder|leave one out|one at a time)[\"']\s*(==|in\b)"
)


@pytest.mark.parametrize("path", sorted(REPORT.rglob("*.py")), ids=lambda path: path.name)
def test_no_section_compares_types_or_names(path):
    assert [line for line in path.read_text().splitlines() if COMPARED.search(line)] == []


def test_steps_and_rungs_are_those_of_ladders():
    plan = ladder(COSINE, WARMUP) | leave_one_out(COSINE, WARMUP) | one_at_a_time(MIXUP)
    assert [contrast.name for contrast in plan.steps] == ["+ cosine decay", "+ warmup"]
    assert [arm.name for arm in plan.rungs] == ["cosine decay", "base", "cosine decay + warmup"]
    assert {contrast.reading for contrast in plan.contrasts} == {"in the ladder", "", "in the full stack", "alone"}
