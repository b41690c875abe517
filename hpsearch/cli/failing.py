"""Why trials failed, in a few lines, and what to do about it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.ablation import Plan
    from hpsearch.results.reasons import Ended

SHOWN, WIDE = 5, 300  # reasons that are listed, and characters of one
REMEDY = (
    "fix the cause and run the same command again: a changed training function makes new trials; "
    "trials that stay the same run again with --retry-failed"
)


def failed_lines(plan: "Plan", ended: "Iterable[Ended]") -> list[str]:
    """A line for each reason, the most frequent first, with its arms and the key of one trial; then the remedy."""
    from hpsearch.report.words import count, listed, short_names
    from hpsearch.results.reasons import grouped

    short = short_names(plan)
    reasons = grouped(each for each in ended if each.state == "failed")
    if not reasons:
        return []
    lines = []
    for reason in reasons[:SHOWN]:
        arms = listed(short.get(arm, arm) for arm in reason.arms)
        named = f"{'arm' if len(reason.arms) == 1 else 'arms'} {arms}, " if len(plan.arms) > 1 else ""
        where = f"{named}as in {reason.keys[0][:12]}"
        lines.append(f"{count(len(reason.keys), 'trial')} failed: {on_a_line(reason.text)} ({where})")
    if len(reasons) > SHOWN:
        lines.append(f"and {count(len(reasons) - SHOWN, 'more reason')}, listed in the report")
    return [*lines, f"{REMEDY}; `hpsearch show {reasons[0].keys[0][:12]}` shows one of them in full"]


def on_a_line(reason: str) -> str:
    """A reason, cut to the length of a line, without anything that a terminal would obey."""
    from hpsearch.errors import visible

    return visible(" ".join(reason.split()), WIDE)
