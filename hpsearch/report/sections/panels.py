"""The points of a search, drawn: every pair of parameters for two or three of them, each against the score otherwise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Chart
from hpsearch.report.charts import AXIS, GREY, ORANGE, PALETTE, figure, label
from hpsearch.report.words import Unit, compact, count, number, setting, short_names
from hpsearch.space import Choice, Domain, OneMinus, Space

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star")  # by round
CROSS: dict[str, Any] = {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": ORANGE}}


@dataclass(frozen=True)
class Scale:
    """How a domain is laid along an axis: what is plotted for a value, and the axis itself."""

    name: str
    domain: Domain

    def at(self, value: Any) -> float:
        """The plotted number: the place of a choice, 1 - value where that is what was searched."""
        if isinstance(self.domain, Choice):
            return float(self.domain.options.index(value))
        return 1 - float(value) if isinstance(self.domain, OneMinus) else float(value)

    def ends(self, box: Domain) -> tuple[float, float]:
        """The two ends of a box along the axis, left first."""
        if isinstance(self.domain, Choice):
            places = [self.at(option) for option in getattr(box, "options", self.domain.options)]
            return min(places) - 0.4, max(places) + 0.4
        return self.at(box.value(0.0)), self.at(box.value(1.0))

    @property
    def logarithmic(self) -> bool:
        """Whether the axis is; of 1 - value where that is what was searched."""
        return (self.domain.rest if isinstance(self.domain, OneMinus) else self.domain).logarithmic

    def axis(self) -> dict[str, Any]:
        """The axis over the whole domain and a little more; 1 - value runs backwards, so that large values lie to the right."""
        left, right = (math.log10(end) if self.logarithmic else end for end in self.ends(self.domain))
        air = 0.05 * (right - left)
        axis: dict[str, Any] = {"title": {"text": label(self.name)}, "range": [left - air, right + air]}
        if isinstance(self.domain, Choice):
            axis |= {"tickvals": list(range(len(self.domain.options)))}
            axis |= {"ticktext": [label(compact(option), 12) for option in self.domain.options]}
        if isinstance(self.domain, OneMinus):
            axis["title"] = {"text": f"1 − {label(self.name)}"}
        if self.logarithmic:
            axis |= {"type": "log", "exponentformat": "power"} | ({"dtick": 1} if abs(right - left) > 1.5 else {})
        return axis


def panels(evidence: Evidence, arm: str, index: int, written: Unit) -> Chart | None:
    """The chart of one search; None while none of its points is known."""
    space = evidence.study.tune.space if evidence.study.tune else None
    frame = points_frame(evidence, arm)
    if space is None or frame["score"].isna().all():
        return None
    minimise = evidence.study.goal == "minimise"
    boxes = [stage.box for stage in evidence.agenda.stages if stage.arm.name == arm and stage.index]
    drawn, narrow = _draw(frame, space, boxes, minimise, written)
    short = short_names(evidence.study.plan).get(arm, arm)
    failed = int((frame["state"] == "failed").sum())
    framed = " A frame shows where a later round looked." if boxes else ""
    crosses = f" Crosses: {count(failed, 'failed point')}." if failed else ""
    caption = f"The search of “{short}”: {count(len(frame), 'point')}, one symbol per round.{framed}{crosses}"
    best = frame.sort_values("score", ascending=minimise).to_dict("records")[0]
    where = ", ".join(f"{name} {setting(best[name], domain)}" for name, domain in space.domains)
    alt = f"Best point: {where}, {written.name} {number(best['score'], written.digits)} in round {best['round']}."
    return Chart(f"search-{index}", caption, alt, drawn, narrow)


def points_frame(evidence: Evidence, arm: str) -> pd.DataFrame:
    """The finished and failed points of one search: round, state, score and the parameters."""
    names = evidence.study.tune.space.names if evidence.study.tune else ()
    trials = evidence.searched()
    mine = trials[(trials["arm"] == arm) & trials["state"].isin(["complete", "failed"])]
    return mine[["round", "point", "state", "score", *names]].reset_index(drop=True)


Axes = tuple[Scale, Scale | None]  # of one panel; without a second the points are drawn against the score


def _pairs(space: Space) -> list[Axes]:
    """Every pair of two or three parameters; each of more, or of one, alone against the score."""
    scales = [Scale(name, domain) for name, domain in space.domains]
    return list(combinations(scales, 2)) if len(scales) in (2, 3) else [(scale, None) for scale in scales]


def _draw(
    frame: pd.DataFrame, space: Space, boxes: Sequence[Space], minimise: bool, written: Unit
) -> tuple[go.Figure, dict[str, Any]]:
    """All panels in one figure, side by side, and the changes that stack them on a narrow screen."""
    pairs = _pairs(space)
    across = min(3, len(pairs))
    down = -(-len(pairs) // across)
    tall, low = 340 * len(pairs), 340 * down  # pixels of the panels, stacked and side by side
    layout: dict[str, Any] = {"shapes": []}
    narrow: dict[str, Any] = {}
    traces = _key(frame, coloured=pairs[0][1] is not None)
    for n, (x, y) in enumerate(pairs):
        suffix = str(n + 1) if n else ""
        layout[f"xaxis{suffix}"] = x.axis() | {"anchor": f"y{suffix}", "domain": _cell(n % across, across, 0.11)}
        upright = y.axis() if y else {"title": {"text": label(written.of_value())}}
        layout[f"yaxis{suffix}"] = upright | {"anchor": f"x{suffix}", "domain": _cell(down - 1 - n // across, down, 75 / low)}
        layout["shapes"] += [_frame(box, x, y, suffix) for box in boxes]
        narrow[f"xaxis{suffix}.domain"] = [0, 1]
        narrow[f"yaxis{suffix}.domain"] = _cell(len(pairs) - 1 - n, len(pairs), 75 / tall)
        traces += _points(frame, x, y, suffix, written)
    coloured = pairs[0][1] is not None
    if coloured:
        layout["coloraxis"] = _colours(frame["score"].dropna(), minimise, written)
        narrow |= {f"coloraxis.colorbar.{key}": value for key, value in _lying(tall).items()}
    narrow |= {"height": tall + 220, "margin.t": 60, "margin.r": 16, "margin.b": 160 if coloured else 70, "margin.l": 64}
    drawn = figure(traces, height=low + 110, margin={"l": 64, "r": 96 if coloured else 16, "t": 48, "b": 62})
    drawn.update_layout(**layout)
    # Margins are given: plotly would add those of the inner axes to them.
    drawn.update_xaxes(AXIS | {"automargin": False, "tickangle": 0})
    drawn.update_yaxes(AXIS | {"automargin": False})
    return drawn, narrow


def _colours(scores: "pd.Series[float]", minimise: bool, written: Unit) -> dict[str, Any]:
    low, high = _scale(scores, minimise)
    title = {"text": label(written.of_value()), "side": "right", "font": {"size": 13}}
    bar = {"title": title, "tickfont": {"size": 12}, "thickness": 12, "outlinewidth": 0, "x": 1.02}
    return {"colorscale": "Viridis", "cmin": low, "cmax": high, "reversescale": minimise, "colorbar": bar}


def _lying(tall: int) -> dict[str, Any]:
    """Where the scale of colours goes on a narrow screen: below the last panel."""
    return {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -75 / tall, "yanchor": "top", "title.side": "bottom"}


def _frame(box: Space, x: Scale, y: Scale | None, suffix: str) -> dict[str, Any]:
    """The box of a later round: a rectangle, or a band over the whole height."""
    left, right = x.ends(box[x.name])
    low, high = y.ends(box[y.name]) if y else (0, 1)
    shape = {"type": "rect", "x0": left, "x1": right, "y0": low, "y1": high, "xref": f"x{suffix}", "layer": "below"}
    line = {"color": GREY, "width": 1.5}
    return shape | {"yref": f"y{suffix}" if y else f"y{suffix} domain", "line": line, "fillcolor": "rgba(128,134,144,0.07)"}


def _key(frame: pd.DataFrame, coloured: bool) -> list[go.Scatter]:
    """Entries of the legend: symbols without the colour, which stands for the score."""
    drawn = []
    for n in sorted(int(n) for n in frame["round"].unique()):
        tint = GREY if coloured else PALETTE[(n - 1) % len(PALETTE)]
        marker: dict[str, Any] = {"symbol": SYMBOLS[(n - 1) % len(SYMBOLS)], "color": tint, "size": 9}
        drawn.append(go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=f"round {n}", legendgroup=f"round {n}"))
    if coloured and (frame["state"] == "failed").any():
        drawn.append(go.Scatter(x=[None], y=[None], mode="markers", marker=CROSS, name="failed", legendgroup="failed"))
    return drawn


def _cell(place: int, places: int, gap: float) -> list[float]:
    """The part of the unit interval that belongs to one of several panels.

    >>> _cell(1, 2, 0.2)
    [0.6, 1.0]
    """
    width = (1 - gap * (places - 1)) / places
    low = place * (width + gap)
    return [round(low, 6), round(min(1.0, low + width), 6)]


def _scale(scores: "pd.Series[float]", minimise: bool) -> tuple[float, float]:
    """Ends of the colours: the best score, and the worst that is no outlier, so that one wreck does not wash out the rest."""
    first, third = float(scores.quantile(0.25)), float(scores.quantile(0.75))
    reach = 1.5 * (third - first)
    if minimise:
        return float(scores.min()), max(min(float(scores.max()), third + reach), float(scores.min()) + 1e-12)
    return min(max(float(scores.min()), first - reach), float(scores.max()) - 1e-12), float(scores.max())


def _points(frame: pd.DataFrame, x: Scale, y: Scale | None, suffix: str, written: Unit) -> list[go.Scatter]:
    """The points of one panel, round by round; failed ones only where there is no score to draw them against."""
    drawn = []
    edge = {"width": 1, "color": "rgba(255,255,255,0.75)"}
    for n in sorted(int(n) for n in frame["round"].unique()):
        part = frame[(frame["round"] == n) & (frame["state"] == "complete")]
        marker: dict[str, Any] = {"size": 10, "symbol": SYMBOLS[(n - 1) % len(SYMBOLS)], "line": edge}
        marker |= {"color": part["score"].tolist(), "coloraxis": "coloraxis"} if y else {"color": PALETTE[(n - 1) % len(PALETTE)]}
        drawn.append(_markers(part, x, y, suffix, f"round {n}", marker, written))
    failed = frame[frame["state"] == "failed"]
    return [*drawn, _markers(failed, x, y, suffix, "failed", CROSS, written)] if len(failed) and y else drawn


def _markers(
    part: pd.DataFrame, x: Scale, y: Scale | None, suffix: str, name: str, marker: dict[str, Any], written: Unit
) -> go.Scatter:
    scales = [x, y] if y else [x]
    texts = [
        "<br>".join(
            [
                f"{name}, point {line['point'] + 1}",
                *(f"{label(scale.name)} {label(setting(line[scale.name], scale.domain))}" for scale in scales),
                f"{label(written.name)} {number(line['score'], written.digits) or 'none: failed'}",
            ]
        )
        for line in part.to_dict("records")
    ]
    return go.Scatter(
        x=[x.at(value) for value in part[x.name]],
        y=[y.at(value) for value in part[y.name]] if y else part["score"].tolist(),
        mode="markers",
        marker=marker,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        name=name,
        legendgroup=name,
        showlegend=False,
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )
