"""Why trials failed, in a few lines, and what to do about it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.ablation import Plan
    from hpsearch.results.reasons import Ended

SHOWN, WIDE = 5, 300  # reasons that are listed, and characters of one
SET_BACK = "fix the cause and run the same command again: these trials are tried again"
REMEDY = (
    "fix the cause and run the same command again: a changed training function makes new trials; "
    "trials that stay the same run again with --retry-failed"
)


def failed_lines(plan: "Plan", ended: "Iterable[Ended]") -> list[str]:
    """A line for each reason, the most frequent first, with its arms and the key of one trial; then the remedy."""
    from hpsearch.report.words import count, listed, short_names
    from hpsearch.results.reasons import BROKE, grouped

    short = short_names(plan)
    reasons = grouped(each for each in ended if each.state != "stopped")
    if not reasons:
        return []
    lines = []
    for reason in reasons[:SHOWN]:
        arms = listed(short.get(arm, arm) for arm in reason.arms)
        named = f"{'arm' if len(reason.arms) == 1 else 'arms'} {arms}, " if len(plan.arms) > 1 else ""
        what = "failed" if reason.state == "failed" else f"{BROKE}, ended the study and wait to be run again"
        lines.append(f"{count(len(reason.keys), 'trial')} {what}: {on_a_line(reason.text)} ({named}as in {reason.keys[0][:12]})")
    if len(reasons) > SHOWN:
        lines.append(f"and {count(len(reasons) - SHOWN, 'more reason')}, listed in the report")
    states = {reason.state for reason in reasons}
    remedies = [text for text, state in ((REMEDY, "failed"), (SET_BACK, "waiting")) if state in states]
    return [*lines, f"{'; '.join(remedies)}; `hpsearch show {reasons[0].keys[0][:12]}` shows one of them in full"]


def on_a_line(reason: str) -> str:
    """A reason, cut to the length of a line, without anything that a terminal would obey."""
    from hpsearch.errors import visible

    return visible(" ".join(reason.split()), WIDE)
