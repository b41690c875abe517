"""The zoom of a search: the boxes of its rounds, one inside or beside another, over the two numbers that mattered most."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Chart
from hpsearch.report.charts import GRID, PALETTE, faded, figure
from hpsearch.report.importance import importance_frame
from hpsearch.report.sections.panels import (
    LACKING,
    MARKS,
    SYMBOLS,
    Scale,
    hover,
    marked,
    points_frame,
    said_of_thinning,
    scales_of,
    thinned,
)
from hpsearch.report.words import Unit, count, setting, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import boxes_of, rounds_of, unfolded_rounds
from hpsearch.space import Domain


def zoom(evidence: Evidence, arm: str, index: int, written: Unit) -> Chart | None:
    """The boxes of all rounds over the two numbers that mattered most; None for one round, or fewer numbers."""
    frame, scales, rounds = points_frame(evidence, arm), leading(evidence, arm), rounds_of(evidence, arm)
    every = frame[frame["round"].isin(rounds)]
    frame = thinned(every, not larger_is_better(evidence.study.goal))
    if len(rounds) < 2 or len(scales) < 2 or frame["score"].isna().all():
        return None
    x, y = scales
    traces: list[go.Scatter] = []
    for n in rounds:
        mine = frame[(frame["round"] == n) & (frame["state"] == "complete")]
        hue, name = PALETTE[(n - 1) % len(PALETTE)], f"round {n}"
        boxes = [box for round_ in unfolded_rounds(evidence, arm, n) for box in boxes_of(evidence, round_)]
        traces += _rectangles([box for box in boxes if x.name in box and y.name in box], x, y, hue, name)
        marker = {"symbol": SYMBOLS[(n - 1) % len(SYMBOLS)], "size": 8, "color": hue}
        many = int(((every["round"] == n) & (every["state"] == "complete")).sum())
        shown = f"{name}, {count(many, 'complete point')}"
        traces.append(_placed(mine, x, y, marker, shown, name, written))
    for state, mark in MARKS.items():
        if (frame["state"] == state).any():
            traces.append(_placed(frame[frame["state"] == state], x, y, mark, state, state, written))
    rows = sum(bool(trace.showlegend) for trace in traces)
    air = {"gridcolor": GRID}
    drawn = figure(traces, height=520, xaxis=x.axis() | air, yaxis=y.axis() | air, margin={"l": 8, "r": 16, "t": 44, "b": 8})
    short = short_names(evidence.study.plan).get(arm, arm)
    caption = (
        f"Zoom, in the search of “{short}”: the boxes in which each round looked, over the two numbers that "
        "mattered most, on the scales they were searched on. Dotted: where a round went on once its first points were known."
        f"{said_of_thinning(frame, every)}{marked(every)}"
    )
    alt = "; ".join(_looked(evidence, arm, n, scales) for n in rounds) + "."
    narrow = {"height": 380 + 22 * rows, "margin.t": 24 + 22 * rows, "legend.font.size": 11}
    return Chart(f"zoom-{index}", caption, alt, drawn, narrow)


def leading(evidence: Evidence, arm: str) -> list[Scale]:
    """The two numbers that every point has and that mattered most, logarithmic ones first: there a zoom is long.

    How much they mattered is taken from the first round whose trials can tell.
    """
    frame = points_frame(evidence, arm)
    numbers = {
        s.name: s
        for s in scales_of(evidence, arm)
        if not hasattr(s.domain, "options") and all(v is not LACKING for v in frame[s.name])
    }
    ranked = [importance_frame(evidence, arm, n) for n in rounds_of(evidence, arm)]
    order = next((list(known["parameter"]) for known in ranked if len(known)), [])
    found = [numbers[name] for name in dict.fromkeys([*order, *numbers]) if name in numbers]
    return sorted(found, key=lambda scale: not scale.logarithmic)[:2]


def _rectangles(boxes: Sequence[dict[str, Domain]], x: Scale, y: Scale, hue: str, group: str) -> list[go.Scatter]:
    """The boxes of one round: the first filled, later ones dotted."""
    drawn = []
    for place, box in enumerate(boxes):
        (left, right), (low, high) = x.ends(box[x.name]), y.ends(box[y.name])
        style: dict[str, Any] = {"line": {"color": hue, "width": 1.5, "dash": "dot"} if place else {"color": hue, "width": 2}}
        style |= {"legendgroup": group, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
        style |= {} if place else {"fill": "toself", "fillcolor": faded(hue, 0.07)}
        drawn.append(go.Scatter(x=[left, right, right, left, left], y=[low, low, high, high, low], **style))
    return drawn


def _placed(part: pd.DataFrame, x: Scale, y: Scale, marker: dict[str, Any], shown: str, group: str, written: Unit) -> go.Scatter:
    return go.Scatter(
        x=[x.at(value) for value in part[x.name]],
        y=[y.at(value) for value in part[y.name]],
        mode="markers",
        marker=marker,
        name=shown,
        legendgroup=group,
        showlegend=True,
        **hover(part, [x, y], group, written),
    )


def _looked(evidence: Evidence, arm: str, n: int, scales: Sequence[Scale]) -> str:
    boxes = [box for round_ in unfolded_rounds(evidence, arm, n) for box in boxes_of(evidence, round_)]
    spans = [
        " and ".join(
            f"{s.name} {setting(box[s.name].value(0.0), s.domain)} to {setting(box[s.name].value(1.0), s.domain)}"
            for s in scales
            if s.name in box
        )
        for box in boxes
    ]
    return f"Round {n}: {', then '.join(filter(None, spans))}"
