"""Importance as a reader sees it: bars for single parameters, a table for pairs, each with the trials it rests on."""

import pandas as pd
import plotly.graph_objects as go

from hpsearch.report.blocks import Block, Chart, Column, Table
from hpsearch.report.charts import PALETTE, figure, label
from hpsearch.report.importance import importance_frame, pairs_frame
from hpsearch.report.words import count, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import rounds_of

MOST_PAIRS = 6  # of a round: those with the largest share
HOW = "PED-ANOVA: how far the values of the best trials differ from those of all trials of the round, as shares that sum to 100 %."
PAIRS = (
    "Shares of the variance of the score over the range of the round’s points, from a functional ANOVA of a random forest: the "
    "main effect of each parameter, and the interaction of the two beyond their main effects."
)


def importances(evidence: Evidence, arm: str, index: int) -> tuple[Block, ...]:
    """The chart and the table of one search, as far as its trials carry them."""
    rounds = rounds_of(evidence, arm)
    singles = {n: frame for n in rounds if len(frame := importance_frame(evidence, arm, n))}
    pairs = {n: frame for n in rounds if len(frame := pairs_frame(evidence, arm, n))}
    name = short_names(evidence.study.plan).get(arm, arm)
    drawn = [bars(singles, index, name)] if singles else []
    return (*drawn, pairs_table(pairs, index, name)) if pairs else tuple(drawn)


def bars(rounds: dict[int, pd.DataFrame], index: int, name: str) -> Chart:
    """One bar per parameter and round, the most important of the first round on top."""
    first = next(iter(rounds.values()))
    order = list(dict.fromkeys(p for frame in rounds.values() for p in frame["parameter"]))
    traces = []
    for n, frame in rounds.items():
        trials = dict(zip(frame["parameter"], frame["trials"], strict=True))
        most = max(trials.values())
        share = dict(zip(frame["parameter"], 100 * frame["importance"], strict=True))
        fewer = {p: f" ({count(t, 'trial')})" if t < most else "" for p, t in trials.items()}
        traces.append(
            go.Bar(
                x=[share.get(p) for p in order],
                y=[label(p, 18) for p in order],
                orientation="h",
                marker={"color": PALETTE[(n - 1) % len(PALETTE)]},
                name=f"round {n}, {count(most, 'completed trial')}",
                text=[f"{share[p]:.0f} %{fewer[p]}" if p in share else "" for p in order],
                textposition="outside",
                cliponaxis=False,
                hoverinfo="skip",
            )
        )
    tall = 70 + len(order) * (18 + 20 * len(rounds))
    drawn = figure(
        traces,
        height=tall + 34,
        xaxis={"title": {"text": "importance, %"}, "range": [0, 112], "tickvals": [0, 25, 50, 75, 100]},
        yaxis={"autorange": "reversed"},
        showlegend=True,
        bargap=0.35,
    )
    drawn.update_yaxes(showgrid=False)
    told = ", ".join(f"{p} {100 * share:.0f} %" for p, share in zip(first["parameter"], first["importance"], strict=True))
    alt = f"In round {next(iter(rounds))}, from {count(int(first['trials'].max()), 'completed trial')}: {told}."
    narrow = {"height": tall + 34 + 20 * len(rounds), "margin.t": 20 + 22 * len(rounds), "legend.font.size": 11}
    return Chart(f"importance-{index}", f"Which parameters mattered, in the search of “{name}”. {HOW}", alt, drawn, narrow)


def pairs_table(rounds: dict[int, pd.DataFrame], index: int, name: str) -> Table:
    """The pairs with the largest shares, round by round, and how far the forest can be believed."""
    parts, notes = [], []
    for n, frame in rounds.items():
        top = frame.head(MOST_PAIRS)
        percent = {f"{column}, %": 100 * top[column] for column in ("first alone", "second alone", "together")}
        parts.append(top.assign(**percent, pair=top["first"] + " and " + top["second"], round=f"round {n}"))
        trials, unseen = int(frame["trials"].iloc[0]), 100 * float(frame["explained"].iloc[0])
        notes.append(
            f"Round {n} rests on {count(trials, 'completed trial')}; of points it has not seen (out of bag), the forest explains "
            + (f"{unseen:.0f} % of the variance." if unseen >= 0.5 else "none of the variance: do not rely on these shares.")
        )
        if len(frame) > MOST_PAIRS:
            notes.append(f"{count(len(frame) - MOST_PAIRS, 'pair')} with smaller shares are not shown.")
    columns = [Column("pair", "Pair", width=16)]
    columns += [
        Column(f"{key}, %", title, 1, width=6)
        for key, title in (("first alone", "First alone, %"), ("second alone", "Second alone, %"))
    ]
    columns += [Column("together, %", "Interaction, %", 1, width=6), Column("trials", "Trials", 0, width=4)]
    caption = f"Which pairs of parameters mattered together, in the search of “{name}”."
    whole = pd.concat(parts).reset_index(drop=True)
    return Table(f"pairs-{index}", caption, whole, tuple(columns), "round" if len(rounds) > 1 else None, " ".join([PAIRS, *notes]))
