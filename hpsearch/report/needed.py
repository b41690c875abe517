"""What it would cost to resolve what is not resolved: seconds of training that the lacking seeds take."""

from collections.abc import Mapping, Sequence

from hpsearch.results.evidence import Evidence
from hpsearch.statistics import NOT_RESOLVED, Effect


def seconds_needed(evidence: Evidence, estimated: Sequence[Effect]) -> tuple[float | None, ...]:
    """Seconds of training that would resolve each row: the seeds its arms lack, each as long as the median of its arm so far.

    None where it needs none, or more than can be told, or where nobody measured how long a training takes. Rows that share an arm
    share its seeds, so these do not add up: ``seconds_in_all`` counts every seed once.
    """
    each = _medians(evidence)
    return tuple(_seconds(each, lacking) for lacking in _lacking(evidence, estimated))


def seconds_in_all(evidence: Evidence, estimated: Sequence[Effect]) -> float | None:
    """Seconds of training that would resolve all rows of which it can be told how many seeds they need; every seed once."""
    most: dict[str, int] = {}
    for lacking in _lacking(evidence, estimated):
        most |= {arm: max(seeds, most.get(arm, 0)) for arm, seeds in lacking.items()}
    return _seconds(_medians(evidence), most)


def _lacking(evidence: Evidence, estimated: Sequence[Effect]) -> list[dict[str, int]]:
    """By row, the seeds that its arms lack, by arm; empty where the row needs none or too many."""
    measured = evidence.measurements()
    there = measured.loc[measured["score"].notna(), "arm"].value_counts()
    return [
        {arm.name: max(0, effect.seeds_needed - int(there.get(arm.name, 0))) for arm, weight in contrast.weights if weight}
        if effect.verdict == NOT_RESOLVED and effect.seeds_needed is not None
        else {}
        for contrast, effect in zip(evidence.study.plan.contrasts, estimated, strict=True)
    ]


def _medians(evidence: Evidence) -> dict[str, float]:
    """Seconds of one training, by arm."""
    measured = evidence.measurements()
    done = measured[(measured["state"] == "complete") & (measured["seconds"] > 0)]
    return {str(arm): float(seconds) for arm, seconds in done.groupby("arm")["seconds"].median().items()}


def _seconds(each: Mapping[str, float], lacking: Mapping[str, int]) -> float | None:
    return sum(each[arm] * seeds for arm, seeds in lacking.items()) if lacking and set(lacking) <= set(each) else None
