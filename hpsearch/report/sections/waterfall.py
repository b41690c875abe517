"""The waterfall: each step of a ladder as a bar from the level below to its own, the published ladder beside the measured one."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.report.blocks import Chart
from hpsearch.report.charts import AMBER, AXIS, BLUE, CLEAR, GREY, ORANGE, figure, label, whiskers
from hpsearch.report.published import Published
from hpsearch.report.words import TOP, Unit, number

ROW, TWO_LINES = 34, 44  # pixels per row; of a narrow screen, where names take two lines
LOOK = {"helps": BLUE, "hurts": ORANGE}
CLEAR_OF = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"  # half a mark that may stand where a number begins


def waterfall(frame: pd.DataFrame, each: Published | None, written: Unit) -> Chart:
    """Each step as a bar from the level below to its own; the published ladder to the left of the measured one."""
    measured = bool(frame["end"].notna().any())
    sides = [_published(frame)] if each else []
    sides += [_measured(frame, written, each is None)] if measured else []
    rows = len(frame)
    low, tall = 96 + ROW * (rows + 1), 130 + len(sides) * (70 + TWO_LINES * (rows + 1))
    layout, narrow = _layout(frame, sides, each, written, tall)
    keyed = any(trace["showlegend"] for side in sides for trace in side)
    margin = {"l": 8, "r": 16, "t": 36 if keyed else 8, "b": 8, "pad": 4}
    traces = [trace for n, side in enumerate(sides) for trace in _placed(side, n)]
    drawn = figure(traces, height=low, barmode="overlay", bargap=0.45, margin=margin)
    drawn.update_layout(**layout)
    drawn.update_xaxes(AXIS | {"showgrid": True})
    drawn.update_yaxes(AXIS)
    caption = "The ladder: every bar is a step, from the level below it to its own; the number is what the step adds."
    if measured:
        spanned = bool(frame["low"].notna().any())
        caption += " Whiskers: 95 % intervals of the step, simultaneous." if spanned else " None of the steps has an interval."
        caption += " Hollow bars are not resolved."
        caption += " Diamonds: where the published step would have ended." if each is None and frame["claim"].notna().any() else ""
    return Chart("waterfall", caption, _said(frame, each, written), drawn, narrow | {"height": tall})


Side = list[dict[str, Any]]  # traces without their axes


def _published(frame: pd.DataFrame) -> Side:
    """The published ladder: bars up filled, bars down hollow, levels that no step leads to as diamonds."""
    known = frame[frame["published"].notna()]
    steps_ = known[known["claim"].notna()]
    below = (steps_["published"] - steps_["claim"]).tolist()
    bars = _bars(steps_.index, below, steps_["claim"], [AMBER if c > 0 else CLEAR for c in steps_["claim"]], AMBER, "published")
    ends = [max(pair) for pair in zip(below, steps_["published"], strict=True)]
    words = [f"{number(c, 2, True)}, to {number(p, 2)}" for c, p in zip(steps_["claim"], steps_["published"], strict=True)]
    roots = known[known["claim"].isna()]
    at = {"mode": "markers+text", "x": roots["published"].tolist(), "y": roots.index.tolist(), "textposition": "middle right"}
    mark = {"symbol": "diamond", "size": 11, "color": AMBER}
    levels = at | {"type": "scatter", "marker": mark, "text": [f" {number(p, 2)}" for p in roots["published"]], "hoverinfo": "skip"}
    ladder_ = _links(known.index, known["over"], dict(zip(known.index, known["published"], strict=True)))
    return [ladder_, bars, _words(ends, steps_.index, words), levels | {"showlegend": False}]


def _measured(frame: pd.DataFrame, written: Unit, claims: bool) -> Side:
    """The measured ladder: bars by verdict, whiskers round their ends, the number beyond them."""
    known = frame[frame["end"].notna()]
    steps_ = known[known["difference"].notna()]
    colours = [LOOK.get(verdict, GREY) for verdict in steps_["verdict"]]
    fills = [LOOK.get(verdict, CLEAR) for verdict in steps_["verdict"]]
    bars = _bars(steps_.index, steps_["start"].tolist(), steps_["difference"], fills, colours, "measured")
    judged = steps_[steps_["low"].notna()]
    spans = {
        "type": "scatter",
        "mode": "markers",
        "x": judged["end"].tolist(),
        "y": judged.index.tolist(),
        "marker": {"size": 1, "color": GREY},
        "error_x": whiskers(judged, GREY, 1.5, 4),
        "hoverinfo": "skip",
        "showlegend": False,
    }
    above = (steps_["high"] - steps_["difference"]).fillna(0) + steps_["end"]
    marks = (steps_["start"] + steps_["claim"]).where(steps_["claim"].notna() & claims, steps_["end"])
    ends = [max(each) for each in zip(steps_["start"], steps_["end"], above, marks, strict=True)]
    halves = (steps_["high"] - steps_["low"]) / 2
    pairs = zip(steps_["difference"], halves, strict=True)
    words = [CLEAR_OF * claims + number(d, written.at(half).digits, True) for d, half in pairs]
    roots = known[known["difference"].isna()]
    levels = {
        "type": "scatter",
        "mode": "markers+text",
        "x": roots["end"].tolist(),
        "y": roots.index.tolist(),
        "marker": {"symbol": "diamond", "size": 11, "color": BLUE},
        "text": [f" {number(end, written.digits)}" for end in roots["end"]],
        "textposition": "middle right",
        "hoverinfo": "skip",
        "showlegend": False,
    }
    drawn = [_links(known.index, known["over"], dict(zip(known.index, known["end"], strict=True))), bars, spans]
    drawn += [_words(ends, steps_.index, words), levels]
    claimed = steps_[steps_["claim"].notna()]
    if claims and len(claimed):
        at = {"x": (claimed["start"] + claimed["claim"]).tolist(), "y": claimed.index.tolist(), "name": "published step"}
        mark = {"symbol": "diamond-open", "size": 11, "color": AMBER, "line": {"width": 2, "color": AMBER}}
        drawn.append({"type": "scatter", "mode": "markers", "marker": mark, "hoverinfo": "skip", "showlegend": True, **at})
    return drawn


def _bars(rows: Any, bases: list[float], sizes: Any, fills: list[str], edges: Any, name: str) -> dict[str, Any]:
    marker = {"color": fills, "line": {"color": edges, "width": 1.5}}
    bar = {"type": "bar", "orientation": "h", "base": bases, "x": sizes.tolist(), "y": list(rows), "marker": marker, "name": name}
    return bar | {"showlegend": False, "hoverinfo": "skip"}


def _words(ends: list[float], rows: Any, words: list[str]) -> dict[str, Any]:
    at = {"x": ends, "y": list(rows), "text": [f" {word}" for word in words], "textposition": "middle right"}
    return {"type": "scatter", "mode": "text", "hoverinfo": "skip", "showlegend": False, "cliponaxis": False, **at}


def _links(rows: Any, over: Any, levels: Mapping[int, float]) -> dict[str, Any]:
    """Dotted lines from the end of a row down to where the one laid over it begins."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, below in zip(rows, over, strict=True):
        if below is not None and not pd.isna(below) and below in levels:
            x += [levels[below], levels[below], None]
            y += [float(below), float(row), None]
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "showlegend": False}


def _placed(side: Side, place: int) -> list[Any]:
    """The traces of one side on its axes."""
    suffix = str(place + 1) if place else ""
    kinds = {"bar": go.Bar, "scatter": go.Scatter}
    made = []
    for trace in side:
        rest = {key: value for key, value in trace.items() if key != "type"}
        if rest["x"]:
            made.append(kinds[trace["type"]](**rest, xaxis=f"x{suffix}", yaxis=f"y{suffix}"))
    return made


def _layout(
    frame: pd.DataFrame, sides: Sequence[Side], each: Published | None, written: Unit, tall: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Axes side by side with one column of names, and the changes that put one above the other on a narrow screen."""
    titles = [f"published {TOP['top1']}, %"] * bool(each) + [f"measured {written.of_value()}"]
    names = [label(f"{rung}  {name}".strip(), 34) for rung, name in zip(frame["rung"], frame["step"], strict=True)]
    thin = [label(f"{rung}  {name}".strip(), 17) for rung, name in zip(frame["rung"], frame["step"], strict=True)]
    gap = 70 / tall
    layout: dict[str, Any] = {}
    narrow: dict[str, Any] = {"margin.t": 30}
    for n, side in enumerate(sides):
        suffix = str(n + 1) if n else ""
        axis = {"range": _range(side, 0.34), "domain": [0.52 * n, 0.48 + 0.52 * n] if len(sides) > 1 else [0, 1]}
        upright = {"range": [len(frame) - 0.4, -0.7], "tickvals": list(range(len(frame))), "ticktext": names, "showgrid": False}
        layout[f"xaxis{suffix}"] = axis | {"anchor": f"y{suffix}", "title": {"text": label(titles[n])}}
        layout[f"yaxis{suffix}"] = upright | {"anchor": f"x{suffix}", "showticklabels": n == 0}
        share = (1 - gap * (len(sides) - 1)) / len(sides)
        top = len(sides) - 1 - n
        narrow |= {
            f"xaxis{suffix}.domain": [0, 1],
            f"yaxis{suffix}.domain": [top * (share + gap), min(1.0, top * (share + gap) + share)],
        }
        narrow |= {f"yaxis{suffix}.ticktext": thin, f"yaxis{suffix}.showticklabels": True, f"yaxis{suffix}.tickfont.size": 11}
        narrow |= {
            f"xaxis{suffix}.title.text": label(titles[n], 28),
            f"xaxis{suffix}.range": _range(side, 0.8 if each and n == 0 else 0.45),
        }
    return layout, narrow


def _range(side: Side, room: float) -> list[float]:
    """From the lowest to the highest that is drawn, with a share of that as room for the words to the right."""
    ends: list[float] = []
    for trace in side:
        xs = [x for x in trace["x"] if x is not None]
        bases = trace.get("base", [0.0] * len(xs))
        ends += [x + base for x, base in zip(xs, bases, strict=True)] + (list(bases) if "base" in trace else [])
        bars = trace.get("error_x")
        ends += [x - less for x, less in zip(xs, bars["arrayminus"], strict=True)] if bars else []
    low, high = min(ends), max(ends)
    air = (high - low) or 1.0
    return [low - 0.05 * air, high + room * air]


def _said(frame: pd.DataFrame, each: Published | None, written: Unit) -> str:
    """Both ladders in words."""
    said = []
    for line in frame.to_dict("records"):
        parts = [f"published {number(line['published'], 2)}"] if each and pd.notna(line["published"]) else []
        if pd.notna(line["difference"]):
            digits = written.at((line["high"] - line["low"]) / 2).digits
            ends = f" ({number(line['low'], digits, True)} to {number(line['high'], digits, True)})"
            parts.append(f"measured step {number(line['difference'], digits, True)}{ends if pd.notna(line['low']) else ''}")
        elif pd.notna(line["end"]):
            parts.append(f"measured {number(line['end'], written.digits)}")
        if parts:
            said.append(f"{line['step']}: {', '.join(parts)}")
    return "; ".join(said) + "."
