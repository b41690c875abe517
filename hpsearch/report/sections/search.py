"""The search: where each round looked, what it kept, and what won."""

from collections.abc import Mapping
from typing import Any, assert_never

import pandas as pd

from hpsearch.protocol import larger_is_better
from hpsearch.report.blocks import Block, Column, Fold, Table, Text
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import unit_of
from hpsearch.report.sections.importances import importances
from hpsearch.report.sections.isolation import isolation
from hpsearch.report.sections.panels import axes, panels
from hpsearch.report.sections.parallel import parallel
from hpsearch.report.sections.ranks import ranks_table
from hpsearch.report.sections.zoom import zoom
from hpsearch.report.words import Unit, count, listed, setting, short_names, span, verdict
from hpsearch.results.evidence import Evidence
from hpsearch.results.points import box_domains
from hpsearch.search import Tune
from hpsearch.search.verdicts import Kind
from hpsearch.study.agenda import ArmRound

# Searches that are drawn in full, and their points; beyond that only the first is, the others as points alone: a page gets mailed.
WHOLE, POINTS = 10, 2_000
BRIEF, FEWEST = 1_000, 20  # points per round over all searches that are drawn in brief, and of each of them


def search(evidence: Evidence) -> tuple[Block, ...]:
    """Which arms were searched, the winners, the points of every round and a table of rounds; nothing without a search."""
    tune = evidence.study.tune
    if tune is None:
        return ()
    written = unit_of(evidence)
    winners = winners_frame(evidence)
    blocks: list[Block] = [Text(whose(evidence))]
    if len(winners):
        blocks.append(winners_table(winners, tune, written))
        blocks += [Text(warning, "warning") for warning in edges(evidence)]
    searches = evidence.study.searches
    most = None
    if len(searches) > WHOLE or len(evidence.searched()) > POINTS:
        most = max(FEWEST, BRIEF // len(searches))
    drawn = [(arm.name, of_arm(evidence, arm.name, n, written, most if n else None)) for n, arm in enumerate(searches)]
    drawn = [(name, inside) for name, inside in drawn if inside]
    blocks += drawn[0][1] if drawn else ()
    if len(drawn) > 1:
        short = short_names(evidence.study.plan)
        folds = tuple(Fold(f"The search of “{short.get(name, name)}”", inside) for name, inside in drawn[1:])
        blocks.append(Fold(f"The searches of {count(len(drawn) - 1, 'other arm')}", folds))
    if evidence.agenda.rounds:
        several = len(evidence.study.searches) > 1
        blocks.append(rounds_table(rounds_frame(evidence), tune, written, several))
        if len(said := verdicts_frame(evidence)):
            blocks.append(verdicts_table(said, several))
    return tuple(blocks)


def of_arm(evidence: Evidence, arm: str, index: int, written: Unit, most: int | None = None) -> tuple[Block, ...]:
    """The pictures of one search: points and importance openly, the rest on demand; nothing while no score is known.

    With ``most`` it is drawn in brief: so many points of each round, and nothing else.
    """
    found = [panels(evidence, arm, index, written, most), *([] if most else [axes(evidence, arm, index, written)])]
    drawn: list[Block] = [chart for chart in found if chart is not None]
    if most:
        return tuple(drawn)
    drawn += importances(evidence, arm, index)
    more = [draw(evidence, arm, index, written) for draw in (isolation, parallel, zoom)]
    folded: list[Block] = [chart for chart in more if chart is not None]
    if (ranks := ranks_table(evidence, arm, index)) is not None:
        folded.append(ranks)
    return (*drawn, Fold("Best per slice, parallel coordinates, zoom, early ranks", tuple(folded))) if folded else tuple(drawn)


def whose(evidence: Evidence) -> str:
    """Which arms were searched, which share, and over what."""
    study, tune = evidence.study, evidence.study.tune
    if tune is None:
        return ""
    short = short_names(study.plan)
    ranges = zip(tune.space.labels, tune.space.dimensions, strict=True)
    over = f"over {listed([f'{label} ({span(each.domain)})' for label, each in ranges], most=6)}"
    if tune.shared:
        # A shared search may be of the bare base even where no arm of the plan is.
        whom = f"One search, of “{short.get(study.searches[0].name, study.searches[0].name)}”, is shared by all arms: it runs"
    else:
        whom = "Every arm has its own search, all with the same budget," if len(study.searches) > 1 else "The search runs"
    rounds = listed([f"{count(r.points, 'point')} for {count(r.epochs, 'epoch')}" for r in tune.rounds], most=6)
    return (
        f"{whom} {over}, in {count(len(tune.rounds), 'round')}: {rounds}{_again(tune)}. "
        "Points are scored on a slice held out of training."
        f"{' It reuses runs of earlier versions of the study that still fit.' if tune.earlier else ''}{_wasted(tune)}"
    )


def _again(tune: Tune) -> str:
    again = tune.confirming
    return f"; then the best {count(again.points, 'point')} again, each under {count(again.seeds, 'fresh seed')}" if again else ""


def _wasted(tune: Tune) -> str:
    return f" The cost of a grid: {tune.waste}." if tune.waste else ""


def rounds_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per round that has begun: points, epochs, done, failed, kept, the best score and the box per parameter."""
    short = short_names(evidence.study.plan)
    return pd.DataFrame([_round(evidence, round_, short) for round_ in evidence.agenda.rounds])


def _round(evidence: Evidence, round_: ArmRound, short: dict[str, str]) -> dict[str, Any]:
    trials = evidence.searched()
    mine = trials[(trials["arm"] == round_.arm.name) & (trials["round"] == round_.index + 1)]
    scores = mine["score"].dropna()
    best = None if scores.empty else scores.max() if larger_is_better(evidence.study.goal) else scores.min()
    line: dict[str, Any] = {"arm": short.get(round_.arm.name, round_.arm.name), "round": round_.index + 1, "points": round_.size}
    line |= {"epochs": round_.epochs, "done": int((mine["state"] == "complete").sum())}
    line |= {state: int((mine["state"] == state).sum()) for state in ("failed", "stopped")}
    line |= {"kept": 1 if round_.confirming and round_.kept else len(round_.kept or ()), "best": best}
    if round_.confirming:
        return line | {"round": "again"}
    return line | {f"box {label}": span(domain) for label, domain in box_domains(evidence, round_.box).items()}


def rounds_table(frame: pd.DataFrame, tune: Tune, written: Unit, grouped: bool) -> Table:
    """The table of rounds."""
    counted = ("points", "epochs", "done", "failed", *(("stopped",) if frame["stopped"].any() else ()), "kept")
    columns = [Column("round", "Round", width=4), *(Column(key, key.capitalize(), 0, width=4) for key in counted)]
    columns.append(Column("best", f"Best{', ' + written.value if written.value else ''}", written.digits))
    columns += [Column(name, name[4:], over="Range at the start", width=10) for name in map(str, frame) if name.startswith("box ")]
    caption = "The rounds: each starts in the region of the best points of the round before."
    if (frame["round"] == "again").any():
        caption += " “again”: the best points of the last round, trained again under fresh seeds; the best mean wins."
    shown = frame.assign(round=frame["round"].astype(str)).fillna({name: "" for name in frame if str(name).startswith("box ")})
    return Table("rounds", caption, shown, tuple(columns), "arm" if grouped else None)


def winners_frame(evidence: Evidence) -> pd.DataFrame:
    """The winner of every search that ended, by arm, with the mean of its scores on the tuning slice and how many there are."""
    short = short_names(evidence.study.plan)
    lines = []
    for arm, point in evidence.agenda.winners:
        scores = _repeated(evidence, arm, point)
        line = {"arm": short.get(arm, arm), "score": sum(scores) / len(scores) if scores else None, "runs": len(scores)}
        lines.append({**line, **point})
    return pd.DataFrame(lines)


def _repeated(evidence: Evidence, arm: str, point: Mapping[str, Any]) -> list[float]:
    """The scores of a point in the last round and in the one that confirms, in the metric's own direction."""
    rounds = len(evidence.study.tune.rounds) if evidence.study.tune else 0
    last = [s for s in evidence.agenda.rounds if s.arm.name == arm and s.index >= rounds - 1]
    pairs = [pair for round_ in last for pair in zip(round_.points, round_.scores, strict=False)]
    return [evidence.study.better(score) for each, score in pairs if each == point and score is not None]


def winners_table(frame: pd.DataFrame, tune: Tune, written: Unit) -> Table:
    """The table of winners, each value in the digits its domain calls for."""
    names = [name for name in tune.space.names if name in frame]
    shown = frame.assign(**{f"shown {n}": [_chosen(tune, n, value) for value in frame[n]] for n in names})
    columns = [Column("arm", "Search of"), *(Column(f"shown {n}", n, right=True) for n in names)]
    columns.append(Column("score", f"Mean score{', ' + written.value if written.value else ''}", written.digits))
    columns.append(Column("runs", "Runs", 0, width=4))
    caption = "What the search chose. The scores are on the tuning slice and are not used in any table of arms."
    return Table("winners", caption, shown, tuple(columns))


def _chosen(tune: Tune, name: str, value: Any) -> str:
    """A value in the digits its domain calls for; empty where the winner does not have the parameter."""
    if value is None or value != value:
        return ""
    return setting(value, next(each.domain for each in tune.space.parameters if each.name == name))


def edges(evidence: Evidence) -> list[str]:
    """A warning for every search whose last round was best at an end of its range: the best value may lie beyond."""
    rounds = len(evidence.study.tune.rounds) if evidence.study.tune else 0
    short = short_names(evidence.study.plan)
    said = []
    for round_ in (s for s in evidence.agenda.rounds if s.index == rounds - 1 and not s.confirming):
        for each in round_.verdicts:
            if (beyond := _beyond(each.kind)) and each.domain is not None:
                where = f"its range ({span(each.domain)}): {beyond}"
                whom = short.get(round_.arm.name, round_.arm.name)
                said.append(f"The best {each.label} of the last round for “{whom}” lies at the {each.side} end of {where}.")
    return said


def _beyond(kind: Kind) -> str:
    """What is there to say of a best point at an end of its range; nothing of one that does not lie there."""
    match kind:
        case "limit":
            return "a hard limit"
        case "edge":
            return "the best may lie beyond it, so widen it or add a round"
        case "inside" | "widened" | "flat":
            return ""
        case _:
            assert_never(kind)


def verdicts_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per round that ended: what is said of every dimension, by label."""
    short = short_names(evidence.study.plan)
    ended = [round_ for round_ in evidence.agenda.rounds if round_.verdicts]
    return pd.DataFrame(
        {"arm": short.get(s.arm.name, s.arm.name), "round": s.index + 1} | {each.label: verdict(each) for each in s.verdicts}
        for s in ended
    )


def verdicts_table(frame: pd.DataFrame, grouped: bool) -> Table:
    """The table of verdicts."""
    labels = [label for label in map(str, frame) if label not in ("arm", "round")]
    said = [Column(label, label, over="Where the best point lay", width=14) for label in labels]
    columns = (Column("round", "Round", 0, width=4), *said)
    caption = "The boundary check: after every round, where its best point lay in the range searched so far, and what was done."
    return Table("verdicts", caption, frame.fillna(""), columns, "arm" if grouped else None)


SECTION = Section(60, "The search", search)
