"""rich's console behind the one door to the terminal, ``hpsearch.cli.screen``; apart, because rich takes long to import."""

from collections.abc import Iterable
from typing import Any

from rich import console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from hpsearch.cli.screen import printable


class Console(console.Console):
    """rich's console, for which no text is markup, whose segments hold no control character but its own."""

    def __init__(self) -> None:
        super().__init__(markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **style: Any) -> Text:
        return super().render_str(printable(text), **style)  # already here, so that a table's columns are as wide as what is shown

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)
