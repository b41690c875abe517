"""Reports: a page that can be handed to a reviewer, made of sections, made of blocks."""

from hpsearch.report.blocks import Block, Chart, Code, Column, Facts, Fold, Heading, Table, Text
from hpsearch.report.exports import tables, write_tables
from hpsearch.report.page import csv, markdown, page, write
from hpsearch.report.sections import SECTIONS, Section

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
