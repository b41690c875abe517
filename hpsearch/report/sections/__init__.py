"""The sections of the page, found by scanning: a file that holds one declares it in its last line, ``SECTION = Section(...)``.

The other files here draw parts of a section.
"""

import pkgutil
from importlib import import_module

from hpsearch.report.section import Section


def found() -> tuple[Section, ...]:
    """The section of every file that declares one, from the top of the page down."""
    files = (import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__))
    return tuple(sorted((file.SECTION for file in files if hasattr(file, "SECTION")), key=lambda section: section.place))


SECTIONS = {section.heading: section.blocks for section in found()}

__all__ = ["SECTIONS", "Section"]
