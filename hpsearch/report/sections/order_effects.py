"""Where a trick's worth depends on its place: readings of one trick side by side, interactions of two, notes on the designs."""

from collections.abc import Iterable, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from hpsearch.ablation import Plan
from hpsearch.ablation.families import ALONE, FACTORIAL, FRACTION, LADDER, LAST, ORDERS, READINGS, SCREENING
from hpsearch.report.blocks import Block, Chart, Fold, Heading, Text
from hpsearch.report.charts import AXIS, BLUE, GREEN, GREY, ORANGE, PURPLE, faded, figure, label, whiskers
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import unit_of
from hpsearch.report.words import Unit, listed, number
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects
from hpsearch.statistics import Effect

LOOKS = {  # of a reading: a colour and a symbol
    READINGS[ALONE]: (ORANGE, "triangle-left"),
    READINGS[LADDER]: (BLUE, "circle"),
    READINGS[ORDERS]: (PURPLE, "diamond"),
    READINGS[FACTORIAL]: (GREEN, "square"),
    READINGS[FRACTION]: (GREEN, "square-open"),
    READINGS[SCREENING]: (GREEN, "square-dot"),
    READINGS[LAST]: (GREY, "triangle-right"),
}
FURTHER = ((BLUE, "cross"), (ORANGE, "star"), (PURPLE, "x"), (GREY, "hexagon"))  # of readings by families that are not named here
ROW, GAP_ROWS, CELL = 20, 1.0, 46  # pixels per reading; rows left between tricks; pixels per cell
SHOWN = 5  # notes that stand open


def orders(evidence: Evidence) -> tuple[Block, ...]:
    """Readings, interactions and notes, as far as the plan has them."""
    plan, written = evidence.study.plan, unit_of(evidence)
    estimated = effects(evidence)
    blocks: list[Block] = []
    if not (readings := readings_frame(plan, estimated)).empty:
        blocks += [*gap_words(estimated, written), readings_chart(readings, written)]
    pairs = interactions_frame(plan, estimated)
    for place, (_, part) in enumerate(pairs.groupby(["design", "over"], sort=False), start=1):
        blocks.append(interactions_chart(part, written, place))
    return (*blocks, *notes(plan))


def readings_frame(plan: Plan, estimated: Sequence[Effect]) -> pd.DataFrame:
    """One line per trick and reading, measured ones alone, of the tricks that designs read in more than one way."""
    lines = [
        (c.trick.name, c.reading, c.under.name, e.name, e.value, e.low, e.high, e.said)
        for c, e in zip(plan.contrasts, estimated, strict=True)
        if c.trick and c.reading and e.value is not None
    ]
    columns = ["trick", "reading", "over", "contrast", "difference", "low", "high", "verdict"]
    frame = pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(("difference", "low", "high"), "float64"))
    order = {name: place for place, name in enumerate(trick.name for trick in plan.tricks)}
    rank = {reading: place for place, reading in enumerate(_looks(frame["reading"]))}
    placed = frame.assign(place=frame["trick"].map(order), rank=frame["reading"].map(rank))
    several = placed[placed.groupby("trick")["reading"].transform("nunique") > 1]
    return several.sort_values(["place", "rank"], kind="stable")[columns].reset_index(drop=True)


def readings_chart(frame: pd.DataFrame, written: Unit) -> Chart:
    """Every trick with its readings one below the other, each with its interval."""
    breaks = (frame["trick"] != frame["trick"].shift()).cumsum() - 1
    frame = frame.assign(y=np.arange(len(frame)) + GAP_ROWS * breaks)
    middles = frame.groupby("trick", sort=False)["y"].mean()
    looks = _looks(frame["reading"])
    traces = [_reading(frame[frame["reading"] == name], look, written) for name, look in looks.items()]
    bottom = float(frame["y"].max()) + 1
    height = round(ROW * (bottom + 1))
    drawn = figure(
        [trace for trace in traces if trace is not None],
        height=120 + height,
        xaxis={"title": {"text": label(written.of_difference())}, "showgrid": True},
        yaxis={
            "range": [bottom, -1],
            "tickvals": middles.tolist(),
            "ticktext": [label(name, 30) for name in middles.index],
            "showgrid": False,
        },
        shapes=[{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": GREY, "width": 1.5}}],
    )
    narrow = {
        "yaxis.ticktext": [label(name, 15) for name in middles.index],
        "yaxis.tickfont.size": 11,
        "xaxis.title.text": label(written.of_difference(), 28),
        "margin.t": 110,
        "height": 200 + height,
    }
    frame["said"] = [f"{r} {d}" for r, d in zip(frame["reading"], _differences(frame, written), strict=True)]
    said = [f"{name}: {', '.join(part['said'])}" for name, part in frame.groupby("trick", sort=False)]
    caption = (
        "What each trick is worth, depending on what it is laid over, with simultaneous 95 % intervals. Estimates that differ for "
        "one trick show that it interacts with others."
    )
    return Chart("readings", caption, "; ".join(said), drawn, narrow)


def _looks(readings: Iterable[str]) -> dict[str, tuple[str, str]]:
    """A colour and a symbol for every reading, those of the families named here first.

    >>> list(_looks(["alone", "fold-over"]))[-2:]
    ['in the full stack', 'fold-over']
    """
    others = dict.fromkeys(reading for reading in readings if reading not in LOOKS)
    return LOOKS | dict(zip(others, cycle(FURTHER), strict=False))


def _reading(part: pd.DataFrame, look: tuple[str, str], written: Unit) -> go.Scatter | None:
    if part.empty:
        return None
    colour, symbol = look
    return go.Scatter(
        x=part["difference"].tolist(),
        y=part["y"].tolist(),
        error_x=whiskers(part, colour, 1.5, 3),
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 9, "line": {"color": colour, "width": 1.5}},
        name=label(part["reading"].iloc[0]),  # a family of a user's own may be called anything
        text=[
            label(f"{name}: {value}, {verdict}")
            for name, value, verdict in zip(part["contrast"], _differences(part, written), part["verdict"], strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _differences(frame: pd.DataFrame, written: Unit) -> list[str]:
    """Differences as text, each to the decimals of its own interval."""
    halves = (frame["high"] - frame["low"]) / 2
    return [number(d, written.at(half).digits, True) for d, half in zip(frame["difference"], halves, strict=True)]


def gap_words(estimated: Sequence[Effect], written: Unit) -> tuple[Text, ...]:
    """Which tricks are worth another amount in the full stack than alone, in a sentence; nothing where that was not asked."""
    asked = [e for e in estimated if e.is_gap and e.low is not None and e.value is not None]
    if not asked:
        return ()
    found = [f"“{e.name}”, {written.at(e.half).worth(e.value or 0.0)}" for e in asked if e.resolved]
    if not found:
        return (Text("No trick was shown to be worth a different amount in the full stack than alone."),)
    return (Text(f"Worth a different amount in the full stack than alone: {listed(found, most=len(found))}."),)


def interactions_frame(plan: Plan, estimated: Sequence[Effect]) -> pd.DataFrame:
    """One line per measured interaction of two tricks; ``over`` names what its arms were laid over."""
    lines = [
        (c.design, c.under.name, *(t.name for t in c.between), e.name, e.value, e.low, e.high, e.said)
        for c, e in zip(plan.contrasts, estimated, strict=True)
        if len(c.between) == 2 and e.value is not None
    ]
    columns = ["design", "over", "first", "second", "contrast", "difference", "low", "high", "verdict"]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(("difference", "low", "high"), "float64"))


def interactions_chart(frame: pd.DataFrame, written: Unit, place: int) -> Chart:
    """The interactions of one design as a square of numbers, tinted by size; a star where the interval excludes zero."""
    pairs = list(zip(frame["first"], frame["second"], strict=True))
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    drawn = figure(_square(frame, names, written), height=130 + CELL * len(names))
    at = {"tickvals": list(range(len(names))), "range": [-0.5, len(names) - 0.5], "showgrid": False}
    across = {"side": "top", "ticktext": [label(name, 12) for name in names]}
    down = {"range": [len(names) - 0.5, -0.5], "ticktext": [label(name, 30) for name in names]}
    drawn.update_layout(xaxis=AXIS | at | across, yaxis=AXIS | at | down)
    narrow = {
        "yaxis.ticktext": [label(name, 12) for name in names],
        "xaxis.ticktext": [label(name, 10) for name in names],
        "yaxis.tickfont.size": 11,
        "xaxis.tickfont.size": 10,
    }
    over = frame["over"].iloc[0]
    caption = (
        f"Interactions of two tricks, from the {frame['design'].iloc[0]}{'' if over == 'base' else f' over {over}'}: how much "
        f"more the one gains when the other is present, {written.of_difference()}. A star: the simultaneous 95 % interval excludes "
        "zero. Blue is above zero, orange below; empty cells were not in the design or not measured."
    )
    said = [f"{n} {d}" for n, d in zip(frame["contrast"], _differences(frame, written), strict=True)]
    return Chart(f"interactions-{place}", caption, "; ".join(said), drawn, narrow)


def _square(frame: pd.DataFrame, names: Sequence[str], written: Unit) -> list[go.Figure]:
    """Tinted cells, and the numbers over them in the page's own colour."""
    at = {name: place for place, name in enumerate(names)}
    rows, columns = frame["first"].map(at).tolist(), frame["second"].map(at).tolist()
    x, y, values = columns + rows, rows + columns, frame["difference"].tolist() * 2
    stars = ["*" * (verdict in ("helps", "hurts")) for verdict in frame["verdict"]] * 2
    cells: list[list[float | None]] = [[None] * len(names) for _ in names]
    for across, down, value in zip(x, y, values, strict=True):
        cells[down][across] = value
    largest = max(abs(value) for value in values) or 1.0
    tints = [[0, faded(ORANGE, 0.45)], [0.5, faded(ORANGE, 0)], [0.5, faded(BLUE, 0)], [1, faded(BLUE, 0.45)]]
    line = list(range(len(names)))
    heat = go.Heatmap(
        x=line, y=line, z=cells, zmin=-largest, zmax=largest, colorscale=tints, showscale=False, xgap=2, ygap=2, hoverinfo="skip"
    )
    words = [value + star for value, star in zip(_differences(frame, written) * 2, stars, strict=True)]
    return [heat, go.Scatter(x=x, y=y, text=words, mode="text", hoverinfo="skip", showlegend=False)]


def notes(plan: Plan) -> tuple[Block, ...]:
    """What the designs say of themselves: a few sentences openly, many behind the first."""
    said: tuple[Block, ...] = tuple(Text(note) for note in plan.notes)
    if len(said) > SHOWN:
        said = (said[0], Fold(f"{len(said) - 1} more notes", said[1:]))
    return (Heading("What the designs can distinguish"), *said) if said else ()


SECTION = Section(50, "Interactions and orders", orders)
