"""Results made elsewhere: read, laid out by columns, and made evidence that statistics and reports take like our own."""

from hpsearch.results.imports.assembled import imported
from hpsearch.results.imports.columns import Columns, Runs, tidy
from hpsearch.results.imports.elsewhere import Elsewhere, Question
from hpsearch.results.imports.sources import FORMATS, read
from hpsearch.results.imports.table import Table

__all__ = ["FORMATS", "Columns", "Elsewhere", "Question", "Runs", "Table", "imported", "read", "tidy"]
