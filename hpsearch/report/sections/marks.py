"""Marks on what rests on older results: made by other code, on other data or under another default, and used all the same."""

from dataclasses import replace

from hpsearch.report.blocks import Column, Table
from hpsearch.report.words import short_names
from hpsearch.results.evidence import Evidence

OLDER = "Older results: trials that the present study would have made otherwise; the methods say what changed since."


def older_arms(evidence: Evidence) -> dict[str, str]:
    """How the older measurements of every arm come to be used, by the arm's name; arms without any are left out."""
    measured = evidence.measurements()
    if "older" not in measured:  # results made elsewhere
        return {}
    kept = measured[measured["older"] != ""]
    return {str(arm): ", ".join(sorted(set(words))) for arm, words in kept.groupby("arm")["older"]}


def mark_contrasts(table: Table, evidence: Evidence) -> Table:
    """The table with a column that marks the contrasts that rest on older results; as it is where none does."""
    older = older_arms(evidence)
    by_name = {
        (c.design, c.name): "; ".join(dict.fromkeys(older[arm.name] for arm, weight in c.weights if weight and arm.name in older))
        for c in evidence.study.plan.contrasts
    }
    names = {name: words for (_, name), words in by_name.items()}
    pairs = zip(table.frame["design"], table.frame["contrast"], strict=True)
    return _marked(table, [by_name.get((design, name), names.get(name, "")) for design, name in pairs])


def mark_arms(table: Table, evidence: Evidence) -> Table:
    """The same for the table of arms."""
    short, older = short_names(evidence.study.plan), older_arms(evidence)
    names = {short.get(arm, arm): words for arm, words in older.items()}
    return _marked(table, [names.get(arm, "") for arm in table.frame["arm"]])


def _marked(table: Table, marks: list[str]) -> Table:
    if not any(marks):
        return table
    column = Column("older", "Older results", width=7)
    return replace(
        table, frame=table.frame.assign(older=marks), columns=(*table.columns, column), note=f"{table.note} {OLDER}".strip()
    )
