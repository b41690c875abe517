"""Isolation plots: the best score in every slice of a parameter, all other parameters optimised away.

After the tuning playbook (Godbole et al. 2023, google-research/tuning_playbook), made as it advises for quasi-random points: the
best trial in each vertical slice. Rounds train for different lengths, so each has slices of its own.
"""

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Chart
from hpsearch.report.charts import AXIS, PALETTE, figure, label
from hpsearch.report.sections.panels import SYMBOLS, Scale, grid, having, hover, points_frame, scales_of
from hpsearch.report.words import Unit, setting, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import dimensions, rounds_of
from hpsearch.space import Choice, Domain, Integers

SLICES = 8


def slice_of(domain: Domain, value: Any) -> int:
    """The slice of a domain a value lies in: options and few whole numbers have one each, else there are ``SLICES``.

    >>> from hpsearch.space import LogUniform
    >>> slice_of(LogUniform(1e-4, 1), 0.02), slice_of(Choice("a", "b"), "b"), slice_of(Integers(2, 5), 4)
    (4, 1, 2)
    """
    unit = domain.unit(value)
    slices = SLICES
    if isinstance(domain, Choice):
        slices = len(domain.options)
    elif isinstance(domain, Integers):
        slices = min(SLICES, domain.high - domain.low + 1)
    return min(math.floor(unit * slices), slices - 1)


def isolation_frame(evidence: Evidence, arm: str) -> pd.DataFrame:
    """Per parameter, round and slice: the complete trials in it, the best score, and the value and point that had it."""
    ended = points_frame(evidence, arm)
    known = ended[(ended["state"] == "complete") & ended["round"].isin(rounds_of(evidence, arm))]
    known = known.sort_values("score", ascending=not larger_is_better(evidence.study.goal), kind="stable")
    lines = []
    for name, domain in dimensions(evidence, arm).items():
        there = having(known, name)
        slices = there.assign(slice=[slice_of(domain, value) for value in there[name]])
        many = slices.groupby(["round", "slice"]).size().to_dict()
        for best in slices.drop_duplicates(["round", "slice"]).sort_values(["round", "slice"]).to_dict("records"):
            place = (best["round"], best["slice"])
            lines.append((name, *place, many[place], best["score"], best[name], best["point"]))
    frame = pd.DataFrame(lines, columns=["parameter", "round", "slice", "trials", "score", "value", "point"])
    return frame.assign(
        value=pd.Series([line[5] for line in lines], dtype=object)
    )  # None may be an option, and is no missing number


def isolation(evidence: Evidence, arm: str, index: int, written: Unit) -> Chart | None:
    """The best score in every slice of every parameter."""
    frame = isolation_frame(evidence, arm)
    if frame.empty:
        return None
    scales = scales_of(evidence, arm)
    rounds = sorted(int(n) for n in frame["round"].unique())
    upright = {"title": {"text": label(f"best {written.of_value()}")}}
    layout, narrow, low, tall = grid([(scale.axis(), dict(upright)) for scale in scales])
    traces = [_entry(n) for n in rounds]
    for place, scale in enumerate(scales):
        mine = frame[frame["parameter"] == scale.name]
        traces += [_slices(mine[mine["round"] == n], scale, n, str(place + 1) if place else "", written) for n in rounds]
    narrow |= {"height": tall + 220, "margin.t": 60, "margin.r": 16, "margin.b": 70, "margin.l": 64}
    drawn = figure(traces, height=low + 110, margin={"l": 64, "r": 16, "t": 48, "b": 62})
    drawn.update_layout(**layout)
    drawn.update_xaxes(AXIS | {"automargin": False, "tickangle": 0})
    drawn.update_yaxes(AXIS | {"automargin": False})
    short = short_names(evidence.study.plan).get(arm, arm)
    caption = (
        f"Isolation, in the search of “{short}”: the best score in each slice of a parameter, all others optimised "
        "away. The number at a point is how many complete trials its slice holds: a best of few is worse by luck alone."
    )
    tops = frame.sort_values("score", ascending=not larger_is_better(evidence.study.goal)).drop_duplicates("parameter")
    domains = dimensions(evidence, arm)
    said = [f"{n} {setting(v, domains[n])}" for n, v in zip(tops["parameter"], tops["value"], strict=True)]
    return Chart(f"isolation-{index}", caption, f"Best values: {', '.join(said)}.", drawn, narrow)


def _entry(numbered: int) -> go.Scatter:
    """The legend's entry of a round."""
    marker = {"symbol": SYMBOLS[(numbered - 1) % len(SYMBOLS)], "color": PALETTE[(numbered - 1) % len(PALETTE)], "size": 9}
    name = f"round {numbered}"
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, legendgroup=name, showlegend=True)


def _slices(part: pd.DataFrame, scale: Scale, numbered: int, suffix: str, written: Unit) -> go.Scatter:
    part = part.sort_values("slice")
    hue = PALETTE[(numbered - 1) % len(PALETTE)]
    shown = part.rename(columns={"value": scale.name}).assign(state="complete", called=f"round {numbered}")
    return go.Scatter(
        x=[scale.at(value) for value in part["value"]],
        y=part["score"].tolist(),
        mode="markers+text" if isinstance(scale.domain, Choice) else "lines+markers+text",
        text=[str(trials) for trials in part["trials"]],
        textposition="top center",
        textfont={"size": 11, "color": hue},
        line={"color": hue, "width": 1.5, "dash": "dot"},
        marker={"symbol": SYMBOLS[(numbered - 1) % len(SYMBOLS)], "color": hue, "size": 8},
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        legendgroup=f"round {numbered}",
        showlegend=False,
        cliponaxis=False,
        **hover(shown, [scale], f"round {numbered}", written),
    )
