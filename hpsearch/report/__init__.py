"""Reports: a page that can be handed to a reviewer, made of sections, made of blocks.

The names are imported when first used: the words of a report serve commands too, which need neither pandas nor plotly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.report.blocks import Block, Chart, Code, Column, Facts, Fold, Heading, Table, Text
    from hpsearch.report.document import csv, markdown, page, write
    from hpsearch.report.exports import tables, write_tables
    from hpsearch.report.section import Section
    from hpsearch.report.sections import SECTIONS

_homes = {
    "blocks": "Block Chart Code Column Facts Fold Heading Table Text",
    "exports": "tables write_tables",
    "document": "csv markdown page write",
    "section": "Section",
    "sections": "SECTIONS",
}

__all__ = [
    "SECTIONS",
    "Block",
    "Chart",
    "Code",
    "Column",
    "Facts",
    "Fold",
    "Heading",
    "Section",
    "Table",
    "Text",
    "csv",
    "markdown",
    "page",
    "tables",
    "write",
    "write_tables",
]


def __getattr__(name: str) -> Any:
    for module, names in _homes.items():
        if name in names.split():
            return getattr(import_module(f"hpsearch.report.{module}"), name)
    raise AttributeError(f"hpsearch.report has no name {name!r}")


def __dir__() -> list[str]:
    return __all__
