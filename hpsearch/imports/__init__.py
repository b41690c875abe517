"""Results made elsewhere: read, laid out by columns, and made evidence that statistics and reports take like our own."""

from hpsearch.imports.columns import Columns, Runs, tidy
from hpsearch.imports.elsewhere import Elsewhere, Question
from hpsearch.imports.evidence import imported
from hpsearch.imports.sources import FORMATS, read
from hpsearch.imports.table import Table

__all__ = ["FORMATS", "Columns", "Elsewhere", "Question", "Runs", "Table", "imported", "read", "tidy"]
