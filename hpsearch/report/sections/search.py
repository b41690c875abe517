"""The search: where each round looked, what it kept, and what won."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hpsearch.agenda import Stage
from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.sections.effects import unit_of
from hpsearch.report.sections.panels import panels
from hpsearch.report.words import Unit, count, listed, setting, short_names, span
from hpsearch.search import Tune

EDGE = 0.05  # of the unit interval: a winner nearer to an end of its range may lie beyond it


def search(evidence: Evidence) -> tuple[Block, ...]:
    """For whom was searched, the winners, the points of every round and a table of rounds; nothing without a search."""
    tune = evidence.study.tune
    if tune is None:
        return ()
    written = unit_of(evidence)
    winners = winners_frame(evidence)
    blocks: list[Block] = [Text(whose(evidence))]
    if len(winners):
        blocks.append(winners_table(winners, tune, written))
        blocks += [Text(warning, "warning") for warning in edges(evidence)]
    charts = [panels(evidence, arm.name, n, written) for n, arm in enumerate(evidence.study.searches)]
    drawn = [chart for chart in charts if chart is not None]
    blocks += drawn[:1]
    if len(drawn) > 1:
        blocks.append(Fold(f"The searches of {count(len(drawn) - 1, 'other arm')}", tuple(drawn[1:])))
    if evidence.agenda.stages:
        blocks.append(rounds_table(rounds_frame(evidence), tune, written, len(evidence.study.searches) > 1))
    return tuple(blocks)


def whose(evidence: Evidence) -> str:
    """Which arms were searched, which share, and over what."""
    study, tune = evidence.study, evidence.study.tune
    if tune is None:
        return ""
    short = short_names(study.plan)
    over = f"over {listed([f'{name} ({span(domain)})' for name, domain in tune.space.domains], most=6)}"
    if tune.arms == "each":
        whom = "Every arm has a search of its own, all under the same budget," if len(study.searches) > 1 else "The search runs"
    else:
        # A shared search may be of the bare base even where no arm of the plan is.
        whom = f"One search, of “{short.get(study.searches[0].name, study.searches[0].name)}”, serves every arm: it runs"
    stages = listed([f"{count(r.points, 'point')} for {count(r.epochs, 'epoch')}" for r in tune.rounds], most=6)
    return f"{whom} {over}, in {count(len(tune.rounds), 'round')}: {stages}. Points are scored on a slice held out of training."


def rounds_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per round that has begun: points, epochs, done, failed, kept, the best score and the box per parameter."""
    short = short_names(evidence.study.plan)
    return pd.DataFrame([_round(evidence, stage, short) for stage in evidence.agenda.stages])


def _round(evidence: Evidence, stage: Stage, short: dict[str, str]) -> dict[str, Any]:
    trials, tune = evidence.searched(), evidence.study.tune
    mine = trials[(trials["arm"] == stage.arm.name) & (trials["round"] == stage.index + 1)]
    scores = mine["score"].dropna()
    best = None if scores.empty else scores.max() if evidence.study.goal == "maximise" else scores.min()
    line: dict[str, Any] = {"arm": short.get(stage.arm.name, stage.arm.name), "round": stage.index + 1, "points": stage.size}
    line |= {"epochs": tune.rounds[stage.index].epochs if tune else 0, "done": int((mine["state"] == "complete").sum())}
    line |= {"failed": int((mine["state"] == "failed").sum()), "kept": len(stage.kept or ()), "best": best}
    return line | {f"box {name}": span(domain) for name, domain in stage.box.domains}


def rounds_table(frame: pd.DataFrame, tune: Tune, written: Unit, grouped: bool) -> Table:
    """The table of rounds."""
    columns = [Column(key, key.capitalize(), 0, width=4) for key in ("round", "points", "epochs", "done", "failed", "kept")]
    columns.append(Column("best", f"Best{', ' + written.value if written.value else ''}", written.digits))
    columns += [Column(f"box {name}", name, over="Range searched", width=10) for name in tune.space.names]
    caption = "The rounds: each looks only where the best points of the one before lay."
    return Table("rounds", caption, frame, tuple(columns), "arm" if grouped else None)


def winners_frame(evidence: Evidence) -> pd.DataFrame:
    """The best point of every whole search, by arm, with its score on the tuning slice in the metric's own direction."""
    short = short_names(evidence.study.plan)
    lines = []
    for stage in _ended(evidence):
        place = stage.kept[0] if stage.kept else 0
        score = stage.scores[place]
        own = None if score is None else evidence.study.better(score)
        lines.append({"arm": short.get(stage.arm.name, stage.arm.name), "score": own, **(stage.winner or {})})
    return pd.DataFrame(lines)


def _ended(evidence: Evidence) -> Sequence[Stage]:
    rounds = len(evidence.study.tune.rounds) if evidence.study.tune else 0
    return [s for s in evidence.agenda.stages if s.index == rounds - 1 and s.winner is not None]


def winners_table(frame: pd.DataFrame, tune: Tune, written: Unit) -> Table:
    """The table of winners, each value in the digits its domain calls for."""
    shown = frame.assign(**{f"shown {n}": [setting(v, d) for v in frame[n]] for n, d in tune.space.domains})
    columns = [Column("arm", "Search of"), *(Column(f"shown {n}", n, right=True) for n in tune.space.names)]
    columns.append(Column("score", f"Score{', ' + written.value if written.value else ''}", written.digits))
    caption = "What the search chose. The score is on the tuning slice and enters no table of arms."
    return Table("winners", caption, shown, tuple(columns))


def edges(evidence: Evidence) -> list[str]:
    """A warning for every winner at an end of its range: the best value may lie beyond."""
    space = evidence.study.tune.space if evidence.study.tune else None
    short = short_names(evidence.study.plan)
    said = []
    for stage in _ended(evidence) if space else ():
        for (name, domain), at in zip(space.domains, space.units(stage.winner or {}), strict=True):  # type: ignore[union-attr]
            if hasattr(domain, "options") or EDGE < at < 1 - EDGE:
                continue
            end = "low" if at < 0.5 else "high"
            whose_it_is = short.get(stage.arm.name, stage.arm.name)
            chosen = setting((stage.winner or {})[name], domain)
            said.append(
                f"The {name} chosen for “{whose_it_is}”, {chosen}, lies at the {end} end of its range ({span(domain)}): "
                "the best may lie beyond it, so widen the range."
            )
    return said
