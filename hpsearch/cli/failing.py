"""Why trials failed, in a few lines, and what to do about it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.results.evidence import Evidence

SHOWN, WIDE = 5, 300  # reasons that are listed, and characters of one
SET_BACK = "fix the cause and run the same command again: these trials are tried again"
REMEDY = (
    "fix the cause and run the same command again: a changed training function makes new trials; "
    "trials that stay the same run again with --retry-failed"
)


def failed_lines(told: "Evidence") -> list[str]:
    """A line for each reason, the most frequent first, with its arms and the key of one trial; then the remedy."""
    from hpsearch.report.sections.failures import failures_frame, reasons_frame
    from hpsearch.report.words import count

    frame = failures_frame(told)
    reasons = reasons_frame(frame[frame["state"] != "stopped"])
    if reasons.empty:
        return []
    named = len(told.study.plan.arms) > 1
    lines = []
    for line in reasons.head(SHOWN).to_dict("records"):
        arms = f"{'arm' if line['arms_count'] == 1 else 'arms'} {line['arms']}, " if named else ""
        where = f"{arms}as in {line['key'][:12]}"
        ended = "failed" if line["state"] == "failed" else "failed alike and ended the study"
        lines.append(f"{count(int(line['trials']), 'trial')} {ended}: {on_a_line(line['reason'])} ({where})")
    if len(reasons) > SHOWN:
        lines.append(f"and {count(len(reasons) - SHOWN, 'more reason')}, listed in the report")
    remedies = [text for text, state in ((REMEDY, "failed"), (SET_BACK, "waiting")) if state in set(reasons["state"])]
    return [*lines, f"{'; '.join(remedies)}; `hpsearch show {reasons['key'].iloc[0][:12]}` shows one of them in full"]


def on_a_line(reason: str) -> str:
    """A reason, cut to the length of a line, without anything that a terminal would obey."""
    from hpsearch.errors import visible

    return visible(" ".join(reason.split()), WIDE)
