"""Pictures of the ablation: every contrast with its interval, every arm with its seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hpsearch.ablation import Plan
from hpsearch.report.blocks import Block, Chart
from hpsearch.report.charts import AMBER, BLUE, GREY, ORANGE, faded, figure, label, whiskers
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import effects_frame, unit_of
from hpsearch.report.words import Unit, number, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects
from hpsearch.statistics.effect import DIFFERENT_SCALES

LOOK = {"helps": (BLUE, "circle"), "hurts": (ORANGE, "square")}
INTERVALS = "Every contrast with its simultaneous 95 % interval. An interval that crosses the zero line is not resolved."
ROW, TWO_LINES = 34, 44  # pixels per row; of a narrow screen, where names take two lines


def intervals(evidence: Evidence) -> tuple[Block, ...]:
    """The interval plot and the seeds of every arm, as far as there is something to draw."""
    written = unit_of(evidence)
    frame = effects_frame(effects(evidence))
    seeds = seeds_frame(evidence)
    blocks: list[Block] = [forest(frame, written, evidence.study.margin)] if frame["difference"].notna().any() else []
    if len(seeds) and evidence.study.plan.contrasts:
        blocks.append(ladder_chart(seeds, evidence.study.plan, written, evidence.study.repeat))
    return tuple(blocks)


def seeds_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per finished measurement: short name of the arm, whether it is a rung of the ladder, seed, score."""
    plan = evidence.study.plan
    rungs = {arm.name for arm in plan.rungs}
    measured = evidence.measurements().dropna(subset=["score"])
    short = short_names(plan)
    order = {arm.name: place for place, arm in enumerate(plan.arms)}
    frame = measured.assign(short=measured["arm"].map(short), rung=measured["arm"].isin(rungs), place=measured["arm"].map(order))
    return frame.sort_values(["place", "seed"])[["short", "rung", "seed", "score"]].reset_index(drop=True)


def forest(frame: pd.DataFrame, written: Unit, margin: float | None = None) -> Chart:
    """Point and interval of every contrast, the zero line, the published claim as a hollow diamond."""
    shown = frame[frame["difference"].notna()].reset_index(drop=True)
    places, heads = _places(shown["design"].tolist())
    traces = [_verdict_trace(shown, places, verdict, written) for verdict in ("helps", "hurts", "")]
    traces = [trace for trace in traces if trace is not None]
    if shown["claim"].notna().any():
        traces.append(_claims(shown, places, written))
    bottom = max(places) + 0.7
    drawn = figure(
        traces,
        height=110 + round(ROW * (bottom + 1)),
        xaxis={"title": {"text": label(written.of_difference())}, "showgrid": True},
        yaxis={
            "range": [bottom, -0.9],
            "tickvals": [*heads.values(), *places],
            "ticktext": [*(f"<b>{label(head)}</b>" for head in heads), *(label(name, 36) for name in shown["contrast"])],
            "showgrid": False,
        },
        shapes=[{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": GREY, "width": 1.5}}]
        + ([_band(margin)] if margin else []),
    )
    narrow = {
        "yaxis.ticktext": [*(f"<b>{label(head)}</b>" for head in heads), *(label(name, 17) for name in shown["contrast"])],
        "yaxis.tickfont.size": 11,
        "xaxis.title.text": label(written.of_difference(), 28),
        "margin.t": 70,
        "height": 150 + round(TWO_LINES * (bottom + 1)),
    }
    return Chart(
        "intervals",
        (INTERVALS if shown["low"].notna().any() else "Every contrast; none of them has an interval.")
        + (" The band is the margin within which a difference does not matter." if margin else "")
        + (" Diamonds are published claims, measured elsewhere." if shown["claim"].notna().any() else ""),
        "; ".join(_said(line, written) for line in shown.to_dict("records")),
        drawn,
        narrow,
    )


def _band(margin: float) -> dict[str, Any]:
    shape = {"type": "rect", "x0": -margin, "x1": margin, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    return shape | {"line": {"width": 0}, "fillcolor": faded(GREY, 0.15)}


def _places(designs: Sequence[str]) -> tuple[list[float], dict[str, float]]:
    """A row per contrast and one for each design's heading, from the top.

    >>> _places(["ladder", "ladder", "factorial"])
    ([1.0, 2.0, 4.2], {'ladder': 0.0, 'factorial': 3.2})
    """
    places: list[float] = []
    heads: dict[str, float] = {}
    at = -1.0
    for design in designs:
        if design not in heads:
            at += 1.0 if not heads else 1.2
            heads[design] = round(at, 6)
        at += 1.0
        places.append(round(at, 6))
    return places, heads


def _verdict_trace(shown: pd.DataFrame, places: Sequence[float], verdict: str, written: Unit) -> go.Scatter | None:
    """The contrasts of one verdict; the empty one stands for all that is not resolved."""
    chosen = [n for n, each in enumerate(shown["verdict"]) if each == verdict or (not verdict and each not in LOOK)]
    if not chosen:
        return None
    part = shown.iloc[chosen]
    colour, symbol = LOOK.get(verdict, (GREY, "circle-open"))
    return go.Scatter(
        x=part["difference"].tolist(),
        y=[places[n] for n in chosen],
        error_x=whiskers(part, colour, 2, 5),
        mode="markers",
        marker={"color": colour, "size": 9, "symbol": symbol, "line": {"color": colour, "width": 2}},
        name=verdict or f"not resolved{f' or {DIFFERENT_SCALES}' if _apart(part) else ''}",
        text=[label(_said(line, written)) for line in part.to_dict("records")],
        hovertemplate="%{text}<extra></extra>",
    )


def _apart(part: pd.DataFrame) -> bool:
    return any(DIFFERENT_SCALES in verdict for verdict in part["verdict"])


def _claims(shown: pd.DataFrame, places: Sequence[float], written: Unit) -> go.Scatter:
    claimed = [n for n, claim in enumerate(shown["claim"]) if pd.notna(claim)]
    texts = [f"{number(shown['claim'][n], written.digits, True)}: {shown['claim_source'][n]}" for n in claimed]
    return go.Scatter(
        x=shown["claim"].iloc[claimed].tolist(),
        y=[places[n] for n in claimed],
        mode="markers",
        marker={"symbol": "diamond-open", "size": 11, "color": AMBER, "line": {"width": 2, "color": AMBER}},
        name="published claim",
        text=[label(text) for text in texts],
        hovertemplate="%{text}<extra></extra>",
    )


def _said(line: Mapping[Any, Any], written: Unit) -> str:
    """One contrast in words, for those who read the chart by ear or by pointer."""
    digits = written.at((line["high"] - line["low"]) / 2).digits
    numbers = [number(float(line[key]), digits, True) for key in ("difference", "low", "high")]
    between = f" ({numbers[1]} to {numbers[2]})" if numbers[1] else ""
    return f"{line['contrast']}: {numbers[0]}{between}, {line['verdict']}"


def ladder_chart(seeds: pd.DataFrame, plan: Plan, written: Unit, repeat: str = "seed") -> Chart:
    """Mean of every arm with its seeds as dots; the rungs of the ladder are joined."""
    means = seeds.groupby("short", sort=False).agg(score=("score", "mean"), rung=("rung", "first"), n=("score", "size"))
    place = {name: float(row) for row, name in enumerate(means.index)}
    numbers = sorted(seeds["seed"].unique())
    shift = {seed: 0.13 * (2 * n / max(1, len(numbers) - 1) - 1) for n, seed in enumerate(numbers)}  # so that equal scores are seen
    rungs = means[means["rung"]]
    traces = [
        go.Scatter(
            x=seeds["score"].tolist(),
            y=[place[name] + shift[seed] for name, seed in zip(seeds["short"], seeds["seed"], strict=True)],
            mode="markers",
            marker={"size": 7, "color": GREY, "opacity": 0.55},
            name=f"one {repeat}",
            text=[f"{repeat} {s}: {number(score, written.digits)}" for s, score in zip(seeds["seed"], seeds["score"], strict=True)],
            hovertemplate="%{text}<extra></extra>",
        ),
        go.Scatter(
            x=means["score"].tolist(),
            y=[place[name] for name in means.index],
            mode="markers",
            marker={"size": 17, "color": BLUE, "symbol": "line-ns", "line": {"width": 3, "color": BLUE}},
            name="mean",
            hovertemplate="mean %{x}<extra></extra>",
        ),
    ]
    if len(rungs) > 1:
        line = go.Scatter(
            x=rungs["score"].tolist(),
            y=[place[name] for name in rungs.index],
            mode="lines",
            line={"color": BLUE, "width": 1.5},
            opacity=0.6,
            name="the ladder",
            hoverinfo="skip",
        )
        traces.insert(0, line)
    drawn = figure(
        traces,
        height=110 + ROW * (len(means) + 1),
        xaxis={"title": {"text": label(written.of_value())}},
        yaxis={
            "range": [len(means) - 0.4, -0.6],
            "tickvals": list(place.values()),
            "ticktext": [label(name, 30) for name in place],
            "showgrid": False,
        },
    )
    narrow = {"yaxis.ticktext": [label(name, 17) for name in place], "yaxis.tickfont.size": 11, "margin.t": 70}
    narrow["height"] = 150 + TWO_LINES * (len(means) + 1)
    digits = {name: written.at(own["score"].std()).digits for name, own in seeds.groupby("short")}
    alt = "; ".join(f"{name}: {number(mean, digits[name])}" for name, mean in zip(means.index, means["score"], strict=True))
    rungs_said = " The line climbs the ladder from the base to the full stack." if len(rungs) > 1 else ""
    return Chart("ladder", f"Every arm: its {repeat}s as dots, their mean as a bar.{rungs_said}", alt, drawn, narrow)


SECTION = Section(40, "The ablation in pictures", intervals)
