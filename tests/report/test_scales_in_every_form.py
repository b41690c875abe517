"""A contrast of arms on different scales is called that wherever its verdict stands: the law over all forms of a report."""

import re
from functools import cache

import pytest
from reading import tree
from rich.console import Console
from stages import at
from synthetic import COSINE, SMOOTHING, WARMUP, evidence, full, loss, top1

from hpsearch import factorial, first_and_last, ladder
from hpsearch.cli.writing import closing
from hpsearch.report import Chart, Fold, csv, markdown, page, tables
from hpsearch.report.document import parts
from hpsearch.results.inference import effects

PLAN = ladder(COSINE, WARMUP, SMOOTHING) | factorial(COSINE, SMOOTHING) | first_and_last(COSINE, SMOOTHING)
VERDICT = r"\b(helps|hurts|not resolved)\b"
SAID = "on different scales"


def mixed(trial):
    """Arms with label smoothing report percent, the others fractions."""
    return top1(trial) if trial.config.smoothing else top1(trial) / 100


@cache
def made(**more):
    metrics = {"loss": loss, "acc": lambda trial, epoch: mixed(trial)}
    return evidence(full(vary=PLAN, tune=None, metric="acc", **more), mixed, metrics=metrics)


def charts(blocks):
    inner = [each for block in blocks if isinstance(block, Fold) for each in charts(block.blocks)]
    return [block for block in blocks if isinstance(block, Chart)] + inner


def terminal():
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115
    closing(console, made())
    return console.export_text().splitlines()


def drawn():
    for part in parts(made()):
        for chart in charts(part.blocks):
            yield from chart.alt.split("; ")
            yield from (text for trace in chart.figure.data for text in (trace.text or ()) if isinstance(text, str))


def of_tables(form):
    found = tables(block for part in parts(made()) for block in part.blocks)
    return [line for table in found for line in form(table).splitlines()]


FORMS = {
    "terminal": terminal,
    "HTML": lambda: [row.words() for row in tree(page(made())).all("tr")],
    "Markdown": lambda: [line for line in markdown(made()).splitlines() if line.startswith("|")],
    "CSV": lambda: csv(made()).splitlines(),
    "pictures": lambda: list(drawn()),
    "a table as CSV": lambda: of_tables(lambda table: table.csv()),
    "a table as Markdown": lambda: of_tables(lambda table: table.markdown()),
    "a table as LaTeX": lambda: of_tables(lambda table: table.latex()),
}


def verdicts(lines):
    """Whether a line says that scales differ, for each that has a contrast's name and a verdict, under the name."""
    for name in (each.name for each in effects(made()) if each.value is not None):
        for line in lines:
            if re.search(rf"(?<![\w+]){re.escape(name)}(?! ?[\w(])", line) and re.search(VERDICT, line):
                yield name, SAID in line


@pytest.mark.parametrize("form", FORMS)
def test_the_words_are_the_same_in_every_form(form):
    apart = {each.name for each in effects(made()) if each.apart}
    assert apart >= {"+ label smoothing"}
    assert "+ cosine decay" not in apart
    found = list(verdicts(FORMS[form]()))
    assert {"+ label smoothing", "+ cosine decay"} <= {name for name, _ in found}
    assert [(name, said) for name, said in found if said != (name in apart)] == []


def test_a_metric_is_judged_by_its_own_scales():
    both = made(also=(("loss", "minimise"),))
    assert any(each.apart for each in effects(both))
    assert not any(each.apart for each in effects(both, metric="loss"))
    assert not any(each.apart for each in effects(at("whole")))


def test_nothing_is_concluded_from_what_lies_apart():
    for each in effects(made()):
        if each.apart:
            assert not each.resolved
            assert each.beside_claim in ("", "cannot tell")
