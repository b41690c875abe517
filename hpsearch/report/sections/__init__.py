"""Sections: each a function from evidence to blocks; one without blocks is left out of the page."""

from collections.abc import Callable

from hpsearch.report.blocks import Block
from hpsearch.report.sections.answer import answer
from hpsearch.report.sections.contrasts import ablation
from hpsearch.report.sections.cost import cost
from hpsearch.report.sections.curves import curves
from hpsearch.report.sections.failures import failures
from hpsearch.report.sections.intervals import intervals
from hpsearch.report.sections.ladder import ladder
from hpsearch.report.sections.methods import methods
from hpsearch.report.sections.order_effects import orders
from hpsearch.report.sections.reproduction import provenance
from hpsearch.report.sections.search import search
from hpsearch.results.evidence import Evidence

Section = Callable[[Evidence], tuple[Block, ...]]

SECTIONS: dict[str, Section] = {
    "The answer": answer,
    "The ladder": ladder,
    "The ablation in numbers": ablation,
    "The ablation in pictures": intervals,
    "Interactions and orders": orders,
    "The search": search,
    "Learning curves": curves,
    "What it cost": cost,
    "What failed": failures,
    "Methods": methods,
    "Where it comes from": provenance,
}

__all__ = ["SECTIONS", "Section"]
