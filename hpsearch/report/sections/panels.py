"""The points of a search, drawn: every pair of two or three parameters, and the score against each parameter.

The second is the tuning playbook's hyperparameter axis plot (Godbole et al. 2023, google-research/tuning_playbook): the best points
should lie away from the ends of the range, and infeasible ones are marked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Chart
from hpsearch.report.charts import AMBER, AXIS, GREY, ORANGE, PALETTE, figure, label
from hpsearch.report.words import Unit, compact, count, number, setting, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import box_domains, dimensions, unfolded_rounds, values_by_key
from hpsearch.space import Choice, Domain, OneMinus

MOST = 200  # points of a round that are drawn
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star")  # by round
MARKS: dict[str, dict[str, Any]] = {  # of points that have no score, and how far beyond the worst score they are put
    "failed": {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": ORANGE}},
    "stopped": {"symbol": "triangle-down-open", "size": 9, "color": AMBER, "line": {"width": 1.5, "color": AMBER}},
}
LACKING: Any = object()  # stands where a point does not have a dimension: None may be an option
BEYOND = {"failed": 0.08, "stopped": 0.15}  # of the span of scores


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


def panels(evidence: Evidence, arm: str, index: int, written: Unit, most: int | None = None) -> Chart | None:
    """The chart of one search: pairs of two or three parameters, else each against the score; None while no score is known.

    With ``most`` no more points of a round are drawn, and nothing appears under the pointer.
    """
    scales = scales_of(evidence, arm)
    pairs = list(combinations(scales, 2)) if len(scales) in (2, 3) else [(scale, None) for scale in scales]
    return _chart(evidence, arm, f"search-{index}", pairs, written, most)


def axes(evidence: Evidence, arm: str, index: int, written: Unit) -> Chart | None:
    """The score against each parameter, where the other chart shows pairs."""
    scales = scales_of(evidence, arm)
    return _chart(evidence, arm, f"axes-{index}", [(scale, None) for scale in scales], written) if len(scales) in (2, 3) else None


def scales_of(evidence: Evidence, arm: str) -> list[Scale]:
    """An axis for every dimension of a search, as wide as any of its rounds looked."""
    return [Scale(name, domain) for name, domain in dimensions(evidence, arm).items()]


def points_frame(evidence: Evidence, arm: str) -> pd.DataFrame:
    """The points of one search that have ended: round, state, score and every dimension, ``LACKING`` where there is none.

    What is run again under fresh seeds is called ``again``; the other rounds by their number.
    """
    trials, values = evidence.searched(), values_by_key(evidence)
    again = {round_.index + 1 for round_ in unfolded_rounds(evidence, arm) if round_.confirming}
    mine = trials[(trials["arm"] == arm) & trials["state"].isin(["complete", *MARKS])].reset_index(drop=True)
    mine = mine.assign(called=["again" if n in again else f"round {n}" for n in mine["round"]])
    mine = mine.assign(score=mine["score"].where(mine["state"] == "complete"))
    cells = {name: [values[key].get(name, LACKING) for key in mine["key"]] for name in dimensions(evidence, arm)}
    columns = {name: pd.Series(column, dtype=object) for name, column in cells.items()}
    return mine[["round", "called", "point", "state", "score"]].assign(**columns)


Axes = tuple[Scale, Scale | None]  # of one panel; without a second the points are drawn against the score


def _chart(evidence: Evidence, arm: str, name: str, pairs: Sequence[Axes], written: Unit, most: int | None = None) -> Chart | None:
    every = points_frame(evidence, arm)
    if every["score"].isna().all() or not pairs:
        return None
    minimise = not larger_is_better(evidence.study.goal)
    frame = thinned(every, minimise, most or MOST)
    boxes = [box_domains(evidence, each.box) for each in unfolded_rounds(evidence, arm) if each.index and not each.confirming]
    drawn, narrow = _draw(frame, pairs, boxes, minimise, written)
    if most:
        drawn.update_traces(customdata=None, hovertemplate=None, hoverinfo="skip")
    short = short_names(evidence.study.plan).get(arm, arm)
    against = "" if pairs[0][1] is not None else ", the score against each parameter"
    caption = (
        f"The search of “{short}”{against}: {count(len(every), 'point')}, one {'symbol' if not against else 'colour'} per round."
    )
    caption += said_of_thinning(frame, every)
    caption += " A frame shows where a later round looked." if boxes else ""
    caption += marked(every) + (" They stand beyond the worst score." if marked(every) and against else "")
    best = frame.sort_values("score", ascending=minimise).to_dict("records")[0]
    known = [(n, d) for n, d in dimensions(evidence, arm).items() if best[n] is not LACKING]
    where = ", ".join(f"{n} {setting(best[n], domain)}" for n, domain in known)
    when = "a run under a fresh seed" if best["called"] == "again" else best["called"]
    alt = f"Best point: {where}, {written.name} {number(best['score'], written.digits)} in {when}."
    return Chart(name, caption, alt, drawn, narrow)


def thinned(frame: pd.DataFrame, minimise: bool, most: int = MOST) -> pd.DataFrame:
    """At most so many points of each round and state: the better half of them the best, the others evenly spaced by score."""
    kept: list[Any] = []
    for _, part in frame.groupby(["round", "state"], sort=False):
        order = list(part.sort_values("score", ascending=minimise, kind="stable").index)
        best, rest = order[: most // 2], order[most // 2 :]
        step = -(-len(rest) // (most - most // 2)) if len(order) > most else 1
        kept += best + rest[::step]
    return frame.loc[sorted(kept)]


def said_of_thinning(frame: pd.DataFrame, every: pd.DataFrame) -> str:
    """That not all points are drawn, where they are not."""
    if len(frame) == len(every):
        return ""
    return f" Drawn are {count(len(frame), 'of them', 'of them')}: the best of each round, and others evenly spaced by score."


def marked(frame: pd.DataFrame) -> str:
    """What the marks of points without a score mean, where there are any."""
    many = {state: int((frame["state"] == state).sum()) for state in MARKS}
    crosses = f" Crosses: {count(many['failed'], 'failed point')}." if many["failed"] else ""
    return crosses + (f" Triangles: {count(many['stopped'], 'point')} stopped early." if many["stopped"] else "")


def grid(panels: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any], int, int]:
    """Panels with these axes side by side: the layout, the changes that stack them, and the height of all, laid and stacked."""
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    tall, low = 340 * len(panels), 340 * down
    layout: dict[str, Any] = {}
    narrow: dict[str, Any] = {}
    for n, (x, y) in enumerate(panels):
        suffix = str(n + 1) if n else ""
        layout[f"xaxis{suffix}"] = x | {"anchor": f"y{suffix}", "domain": _cell(n % across, across, 0.11)}
        layout[f"yaxis{suffix}"] = y | {"anchor": f"x{suffix}", "domain": _cell(down - 1 - n // across, down, 75 / low)}
        narrow[f"xaxis{suffix}.domain"] = [0, 1]
        narrow[f"yaxis{suffix}.domain"] = _cell(len(panels) - 1 - n, len(panels), 75 / tall)
    return layout, narrow, low, tall


def _draw(
    frame: pd.DataFrame, pairs: Sequence[Axes], boxes: Sequence[Mapping[str, Domain]], minimise: bool, written: Unit
) -> tuple[go.Figure, dict[str, Any]]:
    """All panels in one figure, side by side, and the changes that stack them on a narrow screen."""
    coloured = pairs[0][1] is not None
    upright = {"title": {"text": label(written.of_value())}}
    layout, narrow, low, tall = grid([(x.axis(), y.axis() if y else dict(upright)) for x, y in pairs])
    traces = _key(frame, coloured)
    shapes = []
    for n, (x, y) in enumerate(pairs):
        suffix = str(n + 1) if n else ""
        shapes += [_frame(box, x, y, suffix) for box in boxes if x.name in box and (y is None or y.name in box)]
        traces += _points(frame, x, y, suffix, minimise, written)
    if coloured:
        layout["coloraxis"] = _colours(frame["score"].dropna(), minimise, written)
        narrow |= {f"coloraxis.colorbar.{key}": value for key, value in _lying(tall).items()}
    narrow |= {"height": tall + 220, "margin.t": 60, "margin.r": 16, "margin.b": 160 if coloured else 70, "margin.l": 64}
    drawn = figure(traces, height=low + 110, margin={"l": 64, "r": 96 if coloured else 16, "t": 48, "b": 62})
    drawn.update_layout(**layout, shapes=shapes)
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


def _frame(box: Mapping[str, Domain], x: Scale, y: Scale | None, suffix: str) -> dict[str, Any]:
    """The box of a later round: a rectangle, or a band over the whole height."""
    left, right = x.ends(box[x.name])
    low, high = y.ends(box[y.name]) if y else (0, 1)
    shape = {"type": "rect", "x0": left, "x1": right, "y0": low, "y1": high, "xref": f"x{suffix}", "layer": "below"}
    line = {"color": GREY, "width": 1.5}
    return shape | {"yref": f"y{suffix}" if y else f"y{suffix} domain", "line": line, "fillcolor": "rgba(128,134,144,0.07)"}


def _key(frame: pd.DataFrame, coloured: bool) -> list[go.Scatter]:
    """Entries of the legend: symbols without the colour, which stands for the score."""
    drawn = []
    for n, name in called(frame).items():
        tint = GREY if coloured else PALETTE[(n - 1) % len(PALETTE)]
        marker: dict[str, Any] = {"symbol": SYMBOLS[(n - 1) % len(SYMBOLS)], "color": tint, "size": 9}
        drawn.append(go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, legendgroup=name))
    for state, mark in MARKS.items():
        if (frame["state"] == state).any():
            drawn.append(go.Scatter(x=[None], y=[None], mode="markers", marker=mark, name=state, legendgroup=state))
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


def _points(frame: pd.DataFrame, x: Scale, y: Scale | None, suffix: str, minimise: bool, written: Unit) -> list[go.Scatter]:
    """The points of one panel, round by round, then those without a score: beyond the worst one where the score is an axis."""
    frame = having(frame, *(scale.name for scale in (x, y) if scale))
    drawn = []
    edge = {"width": 1, "color": "rgba(255,255,255,0.75)"}
    for n, name in called(frame).items():
        part = frame[(frame["round"] == n) & (frame["state"] == "complete")]
        marker: dict[str, Any] = {"size": 10, "symbol": SYMBOLS[(n - 1) % len(SYMBOLS)], "line": edge}
        marker |= {"color": part["score"].tolist(), "coloraxis": "coloraxis"} if y else {"color": PALETTE[(n - 1) % len(PALETTE)]}
        drawn.append(_markers(part, x, y, suffix, name, marker, hover(part, [x, y] if y else [x], name, written)))
    for state, mark in MARKS.items():
        part = frame[frame["state"] == state]
        if len(part):
            placed = part if y else part.assign(score=beyond(frame["score"], state, minimise))
            drawn.append(_markers(placed, x, y, suffix, state, mark, hover(part, [x, y] if y else [x], state, written)))
    return drawn


def having(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The points that have these dimensions: a point lacks those that its choices have not opened."""
    there = [all(line[name] is not LACKING for name in names) for line in frame.to_dict("records")]
    return frame.loc[np.array(there, dtype=bool)]


def called(frame: pd.DataFrame) -> dict[int, str]:
    """What each round among some points is called, in order."""
    return {int(n): str(name) for n, name in sorted(dict(zip(frame["round"], frame["called"], strict=True)).items())}


def beyond(scores: "pd.Series[float]", state: str, minimise: bool) -> float:
    """Where points without a score are put: beyond the worst score there is."""
    low, high = (0.0, 1.0) if scores.isna().all() else (float(scores.min()), float(scores.max()))
    step = BEYOND[state] * ((high - low) or 1.0)
    return high + step if minimise else low - step


def _markers(
    part: pd.DataFrame, x: Scale, y: Scale | None, suffix: str, name: str, marker: dict[str, Any], words: dict[str, Any]
) -> go.Scatter:
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
        **words,
    )


def hover(part: pd.DataFrame, scales: Sequence[Scale], name: str, written: Unit) -> dict[str, Any]:
    """What appears under the pointer: of each point its place, its values and its score, or why it has none."""
    names = [f"{name}, point", *(s.name for s in scales), written.name]
    told = [_told(line, scales, written) for line in part.to_dict("records")]
    fixed = [label(each).replace("%{", "% {") for each in names]  # a name may not bring a %{...} of its own
    words = "<br>".join(f"{each} %{{customdata[{place}]}}" for place, each in enumerate(fixed))
    return {"customdata": told, "hovertemplate": f"{words}<extra></extra>"}


def _told(line: Mapping[Any, Any], scales: Sequence[Scale], written: Unit) -> list[Any]:
    score = number(line["score"], written.digits) if line["state"] == "complete" else f"none in {line['called']}"
    return [line["point"] + 1, *(label(setting(line[s.name], s.domain)) for s in scales), score]
