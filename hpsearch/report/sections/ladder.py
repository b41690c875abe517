"""The ladder: the published one as it was printed, and the measured one beside it, rung by rung.

Levels climb from the base's mean by the estimated steps, so that bars, intervals and the table of contrasts hold the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from hpsearch.ablation import Arm, Plan, Trick, difference
from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.published import Published, climbed, compared, published
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import TINTS, beside, unit_of
from hpsearch.report.sections.waterfall import waterfall
from hpsearch.report.words import Unit, count, number, short_names
from hpsearch.results.evidence import Evidence
from hpsearch.results.inference import effects
from hpsearch.statistics import Effect

COLUMNS = {
    **{name: "object" for name in ("rung", "step", "arm", "over", "verdict", "beside")},
    **{name: "float64" for name in ("published", "claim", "mean", "start", "end", "difference", "low", "high")},
    "seeds": "int64",
    "asked": "bool",
}
BRANCH = "branch"  # the design of steps that the plan does not ask for
NAMED = ["rung", "step", "asked"]
WIDER = (
    "Steps that are not contrasts of the plan are marked *: their intervals are simultaneous with those of all contrasts, and so "
    "slightly wider than the table’s."
)


@dataclass(frozen=True)
class Step:
    """A row of the ladder: an arm, what it is laid over, and the published rung it stands for."""

    name: str
    rung: str
    arm: Arm | None = None
    below: Arm | None = None
    trick: Trick | None = None


def ladder(evidence: Evidence) -> tuple[Block, ...]:
    """The published ladders of the plan's tricks and the measured one; nothing where there is neither."""
    plan, study = evidence.study.plan, evidence.study
    frame, known, climb = steps_frame(evidence), published(plan), climbed(plan)
    measured = bool(frame["difference"].notna().any())
    blocks: list[Block] = []
    if climb:
        blocks.append(Text(f"{reached(frame, unit_of(evidence))} {compared(study, climb[0])}"))
    if measured or climb:
        blocks.append(waterfall(frame, climb[0] if climb else None, unit_of(evidence)))
    if measured:
        blocks.append(steps_table(frame, unit_of(evidence), climb is not None))
    for each in known:
        table = rungs_table(rungs_frame(each), each, known.index(each))
        if climb and each == climb[0] and not measured:
            blocks.append(table)
        else:
            said = () if climb and each == climb[0] else (Text(compared(study, each)),)
            blocks.append(Fold(f"The published ladder: {each.paper}", (*said, table)))
    return tuple(blocks)


def reached(frame: pd.DataFrame, written: Unit) -> str:
    """From where to where both ladders go, and how many steps agree in sign with their claims."""
    printed, levels = frame["published"].dropna(), frame["end"].dropna()
    said = f"As published the ladder goes from {number(printed.iloc[0], 2)} to {number(printed.iloc[-1], 2)} %"
    if levels.empty:
        return f"{said}."
    unit = f" {written.value}" if written.value else ""
    said += f", as measured from {number(levels.iloc[0], written.digits)} to {number(levels.iloc[-1], written.digits)}{unit}."
    counts = frame["beside"].value_counts()
    judged = int(counts.drop("", errors="ignore").sum())
    words = {
        "agrees": ("agrees with the sign of its claim", "agree with the sign of their claims"),
        "disagrees": ("disagrees", "disagree"),
    }
    parts = [f"{counts.get(key, 0)} {one if counts.get(key, 0) == 1 else several}" for key, (one, several) in words.items()]
    left = judged - sum(int(counts.get(key, 0)) for key in words)
    return said + (
        f" Of {count(judged, 'step')} {', '.join(parts)}, and for {left} it cannot be told at this size." if judged else ""
    )


def rungs_frame(each: Published) -> pd.DataFrame:
    """The published ladder: rung, name, top-1, top-5, what it adds to the rung below, source, settings, errata."""
    lines = [(r.rung, r.name, r.top1, r.top5, each.step(r), r.over or "", r.source, r.settings, each.errata(r)) for r in each.rungs]
    columns = ["rung", "name", "top1", "top5", "step", "over", "source", "settings", "errata"]
    return pd.DataFrame(lines, columns=columns).astype({name: "float64" for name in ("top1", "top5", "step")})


def rungs_table(frame: pd.DataFrame, each: Published, index: int) -> Table:
    """The table of a published ladder."""
    shown = frame.assign(
        table=[source.removeprefix(each.paper).lstrip(", ").replace(" ", "\N{NO-BREAK SPACE}") for source in frame["source"]]
    )
    said = ["; ".join(filter(None, pair)) for pair in zip(frame["settings"], frame["errata"], strict=True)]
    names = [f"{rung} {name}" for rung, name in zip(frame["rung"], frame["name"], strict=True)]
    columns = [Column("shown", "Rung", width=11)]
    columns += [Column("top1", "Top-1, %", 2), Column("step", "Step", 2, signed=True)]
    columns += [Column("over", "Over", width=3.5), Column("top5", "Top-5, %", 2)]
    columns += [Column("table", "Source", width=5)] if shown["table"].any() else []
    columns.append(Column("said", "Settings, and what is known about the number", width=20))
    caption = f"The published ladder of {each.paper}: {each.network} on {each.data}."
    return Table(f"published-{index}", caption, shown.assign(said=said, shown=names), tuple(columns))


def steps(plan: Plan) -> tuple[Step, ...]:
    """The rows: every rung of the published ladder the plan climbs, then the plan's own steps; the base where it climbs none."""
    own = plan.steps
    climb = climbed(plan)
    if climb is None:
        pairs = [(c, *(c.pair or ())) for c in own]
        bases = dict.fromkeys(below for _, _, below in pairs if below not in {above for _, above, _ in pairs})
        short = short_names(plan)
        return (
            *(Step(short[arm.name], "", arm) for arm in bases),
            *(Step(c.name, "", above, below, c.trick) for c, above, below in pairs),
        )
    each, placed = climb
    rows = []
    for rung in each.rungs:
        below, arm = placed.get(rung.over or ""), placed.get(rung.rung)
        trick = next(iter(set(arm.tricks) - set(below.tricks)), None) if arm and below else None
        rows.append(Step(rung.name, rung.rung, arm, below if arm else None, trick))
    beyond = [(c, pair) for c in own if (pair := c.pair) and pair[0] not in placed.values()]
    return (*rows, *(Step(c.name, "", above, below, c.trick) for c, (above, below) in beyond))


def steps_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per row of the ladder, published and measured, in full precision; ``over`` is the place of the row below."""
    plan = evidence.study.plan
    climb, rows, short = climbed(plan), steps(plan), short_names(plan)
    known = _effects(evidence, rows)
    measured = evidence.measurements().dropna(subset=["score"])
    means = measured.groupby("arm")["score"].mean().to_dict()
    levels: dict[Arm, float | None] = {}
    place = {row.rung if climb and row.rung else row.arm: n for n, row in enumerate(rows)}
    lines = []
    for row in rows:
        rung = climb[0].rung(row.rung) if climb else None
        effect, asked = known.get((row.arm, row.below), (None, True)) if row.below else (None, True)
        mean = means.get(row.arm.name) if row.arm else None
        start = (levels.get(row.below) if row.below in levels else means.get(row.below.name)) if row.below else None
        end = start + effect.value if start is not None and effect and effect.value is not None else mean
        if row.arm:
            levels[row.arm] = end
        below = (rung.over if rung else None) or row.below
        line: dict[str, Any] = {
            "rung": row.rung,
            "step": row.name,
            "arm": short[row.arm.name] if row.arm else "",
            "over": place.get(below),
        }
        line |= {"published": rung.top1 if rung else None, "mean": mean, "start": start, "end": end}
        line |= {name: getattr(effect, at) if effect else None for name, at in (("difference", "value"), ("low", "low"))}
        line |= {"high": effect.high if effect else None, "verdict": effect.said if effect else ""}
        claim = climb[0].step(rung) if climb and rung else effect.claim.value if effect and effect.claim else None
        line |= {"claim": claim, "beside": beside(effect) if effect else ""}
        lines.append(line | {"seeds": effect.seeds if effect else 0, "asked": asked})
    return pd.DataFrame(lines, columns=list(COLUMNS)).astype(COLUMNS)


def _effects(evidence: Evidence, rows: Sequence[Step]) -> dict[tuple[Arm | None, Arm | None], tuple[Effect, bool]]:
    """The estimate of every step, and whether the plan asks for it: those it does not ask for are estimated beside the rest."""
    plan = evidence.study.plan
    asked = {pair: n for n, c in enumerate(plan.contrasts) if (pair := c.pair)}
    extra = [
        difference(row.name, row.arm, row.below, BRANCH, row.trick)
        for row in rows
        if row.arm and row.below and (row.arm, row.below) not in asked
    ]
    found: dict[tuple[Arm | None, Arm | None], tuple[Effect, bool]] = {}
    if asked:
        estimated = effects(evidence)
        found |= {pair: (estimated[n], True) for pair, n in asked.items()}
    if extra:
        wider = Plan(plan.arms, (*plan.contrasts, *extra))
        estimated = effects(replace(evidence, study=replace(evidence.study, vary=wider)))
        found |= {
            pair: (e, False)
            for c, e in zip(wider.contrasts, estimated, strict=True)
            if c not in plan.contrasts and (pair := c.pair)
        }
    return found


def steps_table(frame: pd.DataFrame, written: Unit, published_too: bool) -> Table:
    """The table of measured steps beside the published ones."""
    marked = [
        f"{rung} {name}".strip() + ("" if asked else " *") for rung, name, asked in zip(*(frame[c] for c in NAMED), strict=True)
    ]
    interval, claimed = "95 % interval", "Published"
    columns = [Column("shown", "Rung" if published_too else "Step", width=11)]
    columns += [Column("published", "top-1, %", 2, over=claimed)] if published_too else []
    digits = 2 if published_too else written.digits
    columns += [Column("claim", "step", digits, signed=True, over=claimed)] if frame["claim"].notna().any() else []
    columns += [
        Column("end", "level", written.digits, over="Measured", by="digits"),
        Column("difference", "step", written.digits, signed=True, over="Measured", by="digits"),
        *(
            Column(end, end, written.digits, signed=True, over=interval, by="digits")
            for end in ("low", "high")
            if frame[end].notna().any()
        ),
        Column("verdict", "Verdict", width=6, tints=TINTS),
    ]
    columns += [Column("beside", "Beside the claim", width=8)] if frame["beside"].any() else []
    note = "Levels climb from the base’s mean by the estimated steps. Intervals are those of the table of contrasts."
    note += f" {WIDER}" if not frame["asked"].all() else ""
    caption = f"The ladder step by step: {written.of_value()}, and {written.of_difference()}."
    own = [written.at(half).digits for half in (frame["high"] - frame["low"]) / 2]
    return Table("steps", caption, frame.assign(shown=marked, digits=own), tuple(columns), note=note)


SECTION = Section(20, "The ladder", ladder)
