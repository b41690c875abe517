"""Blocks: frozen values a section is made of. Each becomes HTML for the page and Markdown; tables become CSV and LaTeX as well.

Text is escaped here, at the one door through which it reaches the page.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from hpsearch.errors import Refused
from hpsearch.report.latex import tabular
from hpsearch.report.spreadsheet import csv_of
from hpsearch.report.templates import render
from hpsearch.report.words import number, readable

KINDS = ("plain", "lead", "note", "warning")


class Block(Protocol):
    """What a section is made of."""

    def html(self) -> Markup:
        """The block on the page."""
        ...

    def markdown(self) -> str:
        """The block in a Markdown file."""
        ...


@dataclass(frozen=True)
class Text:
    """A paragraph: plain, a lead set larger, a note set smaller, or a warning set apart."""

    text: str
    kind: str = "plain"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refused(f"Text is one of {', '.join(KINDS)}, got {self.kind!r}")

    def html(self) -> Markup:
        return Markup('<p class="{}">{}</p>').format(self.kind, self.text)

    def markdown(self) -> str:
        return ("> " if self.kind == "warning" else "") + plain(self.text)


@dataclass(frozen=True)
class Heading:
    """A heading inside a section, one level below the section's own."""

    text: str

    def html(self) -> Markup:
        return Markup("<h3>{}</h3>").format(self.text)

    def markdown(self) -> str:
        return f"### {plain(self.text)}"


@dataclass(frozen=True)
class Code:
    """Text to be shown letter by letter."""

    text: str
    label: str  # what it is, for those who do not see it

    def html(self) -> Markup:
        return Markup('<pre tabindex="0" role="region" aria-label="{}"><code>{}</code></pre>').format(self.label, self.text)

    def markdown(self) -> str:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", self.text)), default=0))
        return f"{fence}\n{self.text.rstrip()}\n{fence}"


@dataclass(frozen=True)
class Facts:
    """A few numbers with their labels, side by side."""

    pairs: tuple[tuple[str, str], ...]  # label, value

    def html(self) -> Markup:
        cells = [Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(label, value) for label, value in self.pairs]
        return Markup('<dl class="facts">{}</dl>').format(Markup("").join(cells))

    def markdown(self) -> str:
        return "\n".join(f"* {plain(label)}: {plain(value)}" for label, value in self.pairs)


@dataclass(frozen=True)
class Fold:
    """Blocks that are opened on demand."""

    title: str
    blocks: tuple[Block, ...]

    def html(self) -> Markup:
        inside = Markup("\n").join(block.html() for block in self.blocks)
        return Markup("<details><summary>{}</summary>\n{}\n</details>").format(self.title, inside)

    def markdown(self) -> str:
        return "\n\n".join([f"**{plain(self.title)}**", *(block.markdown() for block in self.blocks)])


@dataclass(frozen=True)
class Column:
    """How one column of a frame is shown: decimals make it a number, ``over`` is a heading it shares with its neighbours.

    ``by`` names the column of the frame that holds the decimals of each row, where rows have their own.
    """

    key: str
    label: str
    digits: int | None = None
    signed: bool = False
    over: str = ""
    by: str = ""
    right: bool = False
    width: float = 0.0  # rem; 0: what suits a number or a few words
    whole: bool = False  # cells stay on one line
    tints: Mapping[str, str] = field(default_factory=dict)  # cell to colour

    @property
    def to_right(self) -> bool:
        """Whether cells are set flush right, as numbers are."""
        return self.right or self.digits is not None

    @property
    def look(self) -> str:
        """The classes of its cells on the page."""
        return " ".join(["right"] * self.to_right + ["whole"] * self.whole)

    @property
    def room(self) -> float:
        """The width below which the table rather scrolls, in rem."""
        return self.width or (4.5 if self.to_right else 7.5)

    def cells(self, frame: pd.DataFrame) -> list[str]:
        """The column's cells as text."""
        digits = frame[self.by] if self.by else [self.digits] * len(frame)
        return [self._cell(value, each) for value, each in zip(frame[self.key], digits, strict=True)]

    def _cell(self, value: Any, digits: int | None) -> str:
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return ""
        return str(value) if digits is None else number(float(value), int(digits), self.signed)


@dataclass(frozen=True, eq=False)
class Table:
    """A frame with a caption and the columns to show; ``group`` names the column whose values become rows of their own."""

    name: str  # letters, digits and hyphens: its id on the page
    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    group: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check_name(self.name)
        keys = [key for c in self.columns for key in (c.key, c.by) if key]
        missing = [key for key in keys if key not in self.frame.columns]
        if missing:
            raise Refused(f"table {self.name!r} has no column {missing[0]!r}: it has {', '.join(self.frame.columns)}")

    def shown(self) -> pd.DataFrame:
        """The cells as text; columns are named c0, c1, ..., the group's ``group``."""
        cells = {f"c{k}": c.cells(self.frame) for k, c in enumerate(self.columns)}
        if self.group:
            cells["group"] = [str(value) for value in self.frame[self.group]]
        return pd.DataFrame(cells, dtype=object)

    def groups(self) -> list[tuple[str, list[list[str]]]]:
        """Rows of cells as text under the heading of their group, in order of first appearance; one of no name without groups."""
        shown = self.shown()
        rows = shown[[f"c{k}" for k in range(len(self.columns))]].to_numpy().tolist()
        found: dict[str, list[list[str]]] = {}
        for heading, row in zip(shown["group"] if self.group else [""] * len(rows), rows, strict=True):
            found.setdefault(heading, []).append(row)
        return list(found.items())

    @property
    def room(self) -> str:
        """The width below which the table rather scrolls, in rem."""
        return f"{sum(c.room for c in self.columns):g}"

    def html(self) -> Markup:
        return render("table.html.j2", table=self, spans=spans([c.over for c in self.columns]))

    def markdown(self) -> str:
        """A pipe table under its caption, with ASCII minus signs so that numbers can be read back."""
        shown = self.shown()
        group = ["group"] if self.group else []
        head = ["", *(_over(c) for c in self.columns)] if group else [_over(c) for c in self.columns]
        rule = [":--"] * len(group) + ["--:" if c.to_right else ":--" for c in self.columns]
        lines = [shown[[*group, *(f"c{k}" for k in range(len(self.columns)))]].iloc[n].tolist() for n in range(len(shown))]
        rows = [_row(head), f"|{'|'.join(rule)}|", *(_row([readable(cell) for cell in line]) for line in lines)]
        return "\n".join([f"**{plain(self.caption)}**", "", *rows, *(["", plain(self.note)] if self.note else [])])

    def csv(self) -> str:
        """The whole frame in full precision, under its own column names."""
        return csv_of(self.frame)

    def latex(self) -> str:
        """The cells as shown, as a booktabs table with its caption and the label ``tab:NAME``."""
        heads, over = [c.label for c in self.columns], [c.over for c in self.columns]
        right, widths = [c.to_right for c in self.columns], [c.width for c in self.columns]
        return tabular(self.name, self.caption, heads, over, right, widths, self.groups(), self.note)


@dataclass(frozen=True, eq=False)
class Chart:
    """A plotly figure with a caption, and in words what it shows; ``narrow`` holds layout changes for a narrow screen."""

    name: str
    caption: str
    alt: str
    figure: go.Figure
    narrow: Mapping[str, Any] = field(default_factory=dict)
    log: bool = False  # offers a logarithmic y axis

    def __post_init__(self) -> None:
        _check_name(self.name)

    def data(self) -> dict[str, Any]:
        """What the page's script draws, as plain JSON."""
        figure = json.loads(self.figure.to_json(remove_uids=True))
        return {"data": [_lean(trace) for trace in figure["data"]], "layout": figure["layout"], "narrow": dict(self.narrow)}

    def html(self) -> Markup:
        hidden = any(trace.visible == "legendonly" for trace in self.figure.data)
        offered = [("log", "logarithmic axis")] * self.log + [("whole", "all lines")] * hidden
        button = '<button type="button" aria-pressed="false" data-{}="{{0}}-plot">{}</button>'
        buttons = "".join(button.format(what, name) for what, name in offered)
        frame = (
            '<figure class="chart" id="{0}">' + buttons + '<div class="plot" id="{0}-plot" role="img" aria-label="{1}" '
            'style="height:{2}px"></div><script type="application/json" id="{0}-data">{3}</script>'
            "<figcaption>{4}</figcaption></figure>"
        )
        height = self.figure.layout.height or 420
        return Markup(frame).format(self.name, self.alt, height, Markup(embedded(self.data())), self.caption)

    def markdown(self) -> str:
        return f"*Figure: {plain(self.caption)}* {plain(self.alt)}"


def embedded(value: Any) -> str:
    """JSON that cannot end the script element it stands in.

    >>> embedded({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def plain(text: str) -> str:
    """Text that Markdown shows as it is: on one line, no HTML, no links, no emphasis.

    >>> print(plain("a_b <i>*x*</i>"))
    a_b &lt;i&gt;\\*x\\*&lt;/i&gt;
    """
    one_line = " ".join(text.split())
    safe = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))", r"\\\1", safe)


def spans(over: Sequence[str]) -> list[tuple[str, int]]:
    """Headings that neighbours share, each with how many columns it stands over; empty over columns that have none.

    >>> spans(["", "a", "a", "", "b"])
    [('', 1), ('a', 2), ('', 1), ('b', 1)]
    """
    return [(heading, len(list(members))) for heading, members in groupby(over)]


def _lean(value: Any) -> Any:
    """A figure's JSON with six digits per number: a pixel is coarser, and the page is mailed."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_lean(item) for item in value]
    return {key: _lean(item) for key, item in value.items()} if isinstance(value, dict) else value


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def _over(column: Column) -> str:
    return f"{column.over}: {column.label}" if column.over else column.label


def _check_name(name: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise Refused(f"the name of a block is an id on the page: small letters, digits and hyphens, got {name!r}")
