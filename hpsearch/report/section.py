"""A section of the page: where it stands, its heading, and the function that makes its blocks."""

from collections.abc import Callable
from dataclasses import dataclass

from hpsearch.report.blocks import Block
from hpsearch.results.evidence import Evidence


@dataclass(frozen=True)
class Section:
    """One section, declared in the last line of its file; one whose function returns no blocks is left out of the page."""

    place: int  # places rise down the page; they are tens, so that another section fits between two
    heading: str
    blocks: Callable[[Evidence], tuple[Block, ...]]
