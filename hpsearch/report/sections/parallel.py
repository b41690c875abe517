"""Parallel coordinates: every point of a search as a line across one axis per parameter, the last one the score.

The axes lie and the lines run down, so that names and values have room on any screen. Drawn by lines, not by plotly's own parallel
coordinates, which know neither light and dark nor paper.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Chart
from hpsearch.report.charts import GREY, ORANGE, figure, label
from hpsearch.report.sections.panels import LACKING, Scale, points_frame, said_of_thinning, scales_of, thinned
from hpsearch.report.words import Unit, compact, count, number, setting, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import rounds_of
from hpsearch.space import Choice, Domain

CLASSES = 6  # colours of lines, by score
MOST = 8  # lines of a round in the colour of the best
ROW = 84  # pixels from one axis to the next
ABSENT = -0.09  # where a line passes an axis that its point does not have
FAINT, STRONG = (134, 142, 150), (42, 132, 198)  # of lines, from the worst scores to the best but one class


def parallel(evidence: Evidence, arm: str, index: int, written: Unit) -> Chart | None:
    """Every complete point as a line across one axis per parameter, the last one the score; None for a single parameter."""
    frame = points_frame(evidence, arm)
    every = frame[(frame["state"] == "complete") & frame["round"].isin(rounds_of(evidence, arm))]
    scales, minimise = scales_of(evidence, arm), not larger_is_better(evidence.study.goal)
    frame = thinned(every, minimise).reset_index(drop=True)
    if frame.empty or len(scales) < 2:
        return None
    worst, best = (frame["score"].max(), frame["score"].min()) if minimise else (frame["score"].min(), frame["score"].max())
    places = pd.DataFrame({s.name: [ABSENT if v is LACKING else s.domain.unit(v) for v in frame[s.name]] for s in scales})
    places = places.assign(score=(frame["score"] - worst) / ((best - worst) or 1.0))
    classes = classed(places["score"], frame["round"])
    rounds = sorted(int(n) for n in frame["round"].unique())
    traces = []
    for grade in range(CLASSES):  # the best are drawn last, over the others
        for n in rounds:
            chosen = frame.index[(classes == grade) & (frame["round"] == n)]
            if len(chosen):
                thin = 1.0 if len(frame) <= 100 else 0.6
                traces.append(_lines(frame.loc[chosen], places.loc[chosen], scales, grade, n, thin, written))
    height = ROW * (len(scales) + 1) + 56
    drawn = figure(
        [*traces, *(_switch(n) for n in rounds)],
        height=height,
        xaxis={"range": [-0.13 if (places < 0).any(axis=None) else -0.03, 1.04], "visible": False},
        yaxis={"range": [len(scales) + 0.5, -0.55], "visible": False},
        shapes=[_rail(n) for n in range(len(scales) + 1)],
        annotations=_names(scales, written) + _ticks(scales, worst, best, written, (places < 0).any()),
        margin={"l": 8, "r": 16, "t": 40, "b": 8},
    )
    short = short_names(evidence.study.plan).get(arm, arm)
    caption = (
        f"Parallel coordinates, in the search of “{short}”: each line is a complete point, the best of its round in orange "
        f"(a sixth, at most {MOST}), the rest the stronger the better. The legend switches rounds off: they train for different "
        f"lengths.{said_of_thinning(frame, every)}"
    )
    top = frame.iloc[int(places["score"].to_numpy().argmax())]
    where = ", ".join(f"{s.name} {setting(top[s.name], s.domain)}" for s in scales if top[s.name] is not LACKING)
    alt = f"{count(len(frame), 'point')}; the best has {where} and {written.name} {number(float(top['score']), written.digits)}."
    return Chart(f"parallel-{index}", caption, alt, drawn, {"margin.t": 48, "height": height + 8})


def classed(scores: "pd.Series[float]", rounds: "pd.Series[int]") -> "pd.Series[int]":
    """The class of every score among its round's, for rounds train for different lengths: the best are the last class.

    >>> classed(pd.Series([5.0, 1, 2, 3, 4, 90]), pd.Series([1, 1, 1, 1, 1, 2])).tolist()
    [5, 0, 1, 2, 3, 5]
    """
    places = scores.groupby(rounds).rank(ascending=False, method="first")
    many = scores.groupby(rounds).transform("size")
    best = places <= (many / CLASSES).clip(1, MOST).apply(math.ceil)
    below = ((1 - (places - 1) / (many - 1).clip(1)) * (CLASSES - 1)).apply(math.floor).clip(0, CLASSES - 2)
    return below.where(~best, CLASSES - 1).astype(int)


def _lines(
    part: pd.DataFrame, places: pd.DataFrame, scales: Sequence[Scale], grade: int, n: int, thin: float, written: Unit
) -> go.Scatter:
    """The lines of one class of scores and one round, in one trace with gaps; words only at the score's end."""
    x: list[float | None] = []
    y: list[int | None] = []
    words: list[str] = []
    for (_, line), (_, at) in zip(part.iterrows(), places.iterrows(), strict=True):
        x += [*(round(float(place), 4) for place in at), None]
        y += [*range(len(scales) + 1), None]
        words += [*("" for _ in scales), _told(line, scales, written), ""]
    hue, width = _stroke(grade)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": hue, "width": round(thin * width, 2)},
        marker={"size": 4, "color": hue},
        text=words,
        hoverinfo="text",
        legendgroup=f"round {n}",
        showlegend=False,
    )


def _told(line: "pd.Series[Any]", scales: Sequence[Scale], written: Unit) -> str:
    """A point in the words that appear under the pointer."""
    told = [f"{label(s.name)} {label(setting(line[s.name], s.domain))}" for s in scales if line[s.name] is not LACKING]
    score = f"{label(written.name)} {number(line['score'], written.digits)}"
    return "<br>".join([f"{line['called']}, point {line['point'] + 1}", *told, score])


def _stroke(grade: int) -> tuple[str, float]:
    """Colour and width of a class of lines."""
    if grade == CLASSES - 1:
        return ORANGE, 2.5
    share = grade / max(1, CLASSES - 2)
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(FAINT, STRONG, strict=True))
    return f"rgba({red},{green},{blue},{0.3 + 0.6 * share:.2f})", 1 + share


def _switch(n: int) -> go.Scatter:
    name = f"round {n}"
    return go.Scatter(
        x=[None], y=[None], mode="lines", line={"color": GREY, "width": 2}, name=name, legendgroup=name, showlegend=True
    )


def _rail(row: int) -> dict[str, Any]:
    """One parallel axis."""
    return {"type": "line", "x0": 0, "x1": 1, "y0": row, "y1": row, "line": {"color": GREY, "width": 1}, "layer": "below"}


def _names(scales: Sequence[Scale], written: Unit) -> list[dict[str, Any]]:
    return [
        _words(0, n, f"<b>{label(name)}</b>", -16, "left", 13)
        for n, name in enumerate([s.name for s in scales] + [written.of_value()])
    ]


def _ticks(scales: Sequence[Scale], worst: float, best: float, written: Unit, absent: "pd.Series[bool]") -> list[dict[str, Any]]:
    """Values under each axis, and where lines pass it whose points do not have it."""
    drawn = []
    for row, scale in enumerate(scales):
        drawn += [_words(at, row, label(text), 12, "center", 11) for at, text in marks(scale.domain)]
        if absent[scale.name]:
            drawn.append(_words(ABSENT, row, "none", 12, "center", 11))
    middle = (worst + best) / 2
    ends = {0.0: worst, 0.5: middle, 1.0: best} if best != worst else {0.0: worst}
    return drawn + [_words(at, len(scales), number(float(v), written.digits), 12, "center", 11) for at, v in ends.items()]


def _words(x: float, y: int, text: str, shift: int, anchor: str, size: int) -> dict[str, Any]:
    if anchor == "center" and x in (0, 1):  # inside the picture on a narrow screen too
        anchor = "right" if x else "left"
    return {"x": x, "y": y, "text": text, "yshift": -shift, "xanchor": anchor, "showarrow": False, "font": {"size": size}}


def marks(domain: Domain) -> list[tuple[float, str]]:
    """Where values are written along a parallel axis: options, powers of ten, or the ends and the middle.

    >>> from hpsearch.space import LogUniform, Uniform
    >>> marks(Uniform(2, 4))
    [(0.0, '2'), (0.5, '3'), (1.0, '4')]
    >>> [text for _, text in marks(LogUniform(0.001, 1))]
    ['0.001', '0.01', '0.1', '1']
    """
    if isinstance(domain, Choice):
        return [(domain.unit(option), compact(option)) for option in domain.options]
    low, high = domain.value(0.0), domain.value(1.0)
    if domain.logarithmic:
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        step = -(-len(powers) // 5)
        values = [min(max(10.0**k, low), high) for k in powers[::step]]
        if len(values) > 1:
            return [(domain.unit(round(v) if isinstance(low, int) else v), compact(v)) for v in values]
    values = list(dict.fromkeys(domain.value(at) for at in (0.0, 0.5, 1.0)))
    return [(round(domain.unit(v), 4), setting(v, domain)) for v in values]
