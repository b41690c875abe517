"""Learning curves: every metric worth watching, epoch by epoch, mean over seeds with the range they span."""

import pandas as pd
import plotly.graph_objects as go

from hpsearch.report.blocks import Block, Chart, Text
from hpsearch.report.charts import CLEAR, colour, faded, figure, label
from hpsearch.report.section import Section
from hpsearch.report.sections.imported import last_epochs
from hpsearch.report.words import in_order, number, short_names, unit
from hpsearch.results.evidence import MEASUREMENT, Evidence

VISIBLE = 6  # arms drawn at first; the legend switches the others on
POINTS, LEAST = 6_000, 30  # epochs drawn in one chart, over all its lines; and of a line, however many lines there are


def curves(evidence: Evidence) -> tuple[Block, ...]:
    """One chart per metric: the study's own, then the losses; nothing before the first epoch of an arm."""
    shown = [(metric, curves_frame(evidence, metric)) for metric in metrics_to_show(evidence)]
    charts = [curve(evidence, metric, frame) for metric, frame in shown if len(frame)]
    if not charts:
        return ()
    repeat = evidence.study.repeat
    said = f"Lines are means over the {repeat}s of an arm; bands span the range from the lowest {repeat} to the highest."
    if all((frame["n"] == 1).all() for _, frame in shown):
        said = f"Every line is a single {repeat} and has no band."
    return (Text(said), *charts, *last_epochs(evidence))


def metrics_to_show(evidence: Evidence) -> list[str]:
    """The study's metric first, then every loss that was recorded."""
    own = ["key", "role", "arm", "round", "seed", "epoch"]
    recorded = [str(name) for name in evidence.rows.columns if name not in own]
    losses = sorted(name for name in recorded if "loss" in name and name != evidence.study.metric)
    return [name for name in (evidence.study.metric, *losses) if name in recorded]


def curves_frame(evidence: Evidence, metric: str) -> pd.DataFrame:
    """Mean, lowest and highest seed and their number, by arm and epoch, in the plan's order."""
    rows = evidence.rows
    mine = rows[rows["role"] == MEASUREMENT].dropna(subset=[metric]).drop_duplicates(["key", "epoch"])
    summary = mine.groupby(["arm", "epoch"], sort=False)[metric].agg(mean="mean", low="min", high="max", n="size").reset_index()
    order = {name: place for place, name in enumerate(in_order(evidence.study.plan, list(summary["arm"].unique())))}
    summary = summary[summary["arm"].isin(list(order))]
    summary["place"] = summary["arm"].map(order)
    return summary.sort_values(["place", "epoch"]).drop(columns="place").reset_index(drop=True)


def curve(evidence: Evidence, metric: str, frame: pd.DataFrame) -> Chart:
    """The chart of one metric."""
    short = short_names(evidence.study.plan)
    arms = list(frame["arm"].unique())
    first = visible(arms)
    traces: list[go.Scatter] = []
    most = max(LEAST, POINTS // len(arms))
    for n, arm in enumerate(arms):
        traces += _line(thinned(frame[frame["arm"] == arm], most), short.get(arm, arm), n, arm in first)
    written = unit(metric)
    drawn = figure(
        traces,
        height=440,
        xaxis={"title": {"text": label(evidence.study.unit_of_time)}},
        yaxis={"title": {"text": label(written.of_value())}},
        hovermode="x",
        margin={"l": 8, "r": 16, "t": 16 + 22 * -(-len(arms) // 5), "b": 8, "pad": 4},
    )
    ends = [f"{short.get(a, a)} {number(float(frame[frame['arm'] == a]['mean'].iloc[-1]), written.digits)}" for a in arms]
    more = len(arms) - len(first)
    hidden = f" {more} more arms can be switched on, one by one in the legend or all at once." if more else ""
    on = " in training" if metric.startswith("train") else " on the final held-out images" if evidence.study.train is None else ""
    name = written.name.removeprefix("train ").capitalize()
    repeat = evidence.study.repeat
    band = f"mean over {repeat}s, band from lowest to highest {repeat}" if (frame["n"] > 1).any() else f"one {repeat} per arm"
    thin = (
        f" Long curves are drawn at evenly spaced {evidence.study.unit_of_time}s."
        if frame.groupby("arm").size().max() > most
        else ""
    )
    caption = f"{name}{on}, {band}.{thin}{hidden}"
    positive = bool((frame["low"] > 0).all())
    rows = -(-len(arms) // 2)  # of the legend on a narrow screen
    narrow = {"margin.t": 30 + 22 * rows, "height": 340 + 22 * rows, "legend.font.size": 11}
    return Chart(f"curve-{_slug(metric)}", caption, f"In the last epoch: {'; '.join(ends)}.", drawn, narrow, log=positive)


def visible(arms: list[str]) -> list[str]:
    """The arms drawn at first: all where they are few, else the first and last and those evenly between.

    >>> visible(list("abc")), visible(list("abcdefghijk"))
    (['a', 'b', 'c'], ['a', 'c', 'e', 'g', 'i', 'k'])
    """
    if len(arms) <= VISIBLE:
        return arms
    return [arms[round(k * (len(arms) - 1) / (VISIBLE - 1))] for k in range(VISIBLE)]


def thinned(part: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many lines of a frame, evenly spaced, the first and the last among them.

    >>> thinned(pd.DataFrame({"epoch": range(1, 101)}), 4)["epoch"].tolist()
    [1, 34, 67, 100]
    """
    if len(part) <= most:
        return part
    return part.iloc[[round(k * (len(part) - 1) / (most - 1)) for k in range(most)]]


def _line(part: pd.DataFrame, name: str, index: int, shown: bool) -> list[go.Scatter]:
    """A line and its band."""
    hue, dash = colour(index)
    common = {"legendgroup": str(index), "visible": True if shown else "legendonly"}
    epochs = part["epoch"].tolist()
    band = go.Scatter(
        x=[*epochs, *reversed(epochs)],
        y=[*part["high"].tolist(), *reversed(part["low"].tolist())],
        fill="toself",
        fillcolor=faded(hue, 0.16),
        line={"color": CLEAR, "width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        **common,
    )
    line = go.Scatter(
        x=epochs,
        y=part["mean"].tolist(),
        mode="lines" if len(epochs) > 1 else "markers",
        line={"color": hue, "dash": dash, "width": 2},
        name=label(name),
        hovertemplate="%{y:.4g}<extra>%{fullData.name}</extra>",  # a name put in here could hold a %{...} of its own
        **common,
    )
    return [band, line]


def _slug(metric: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in metric.lower())


SECTION = Section(70, "Learning curves", curves)
