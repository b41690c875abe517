"""What it would cost to resolve what is not resolved: seconds of training that the lacking seeds take."""

from collections.abc import Mapping, Sequence

from hpsearch.record.evidence import Evidence
from hpsearch.statistics import NOT_RESOLVED, Effect


def seconds_needed(evidence: Evidence, estimated: Sequence[Effect]) -> tuple[float | None, ...]:
    """Seconds of training that would resolve each row: the seeds its arms lack, each as long as the median of its arm so far.

    None where it needs none, or more than can be told, or where nobody measured how long a training takes. Rows that share an arm
    share its seeds, so these do not add up: ``seconds_in_all`` counts every seed once.
    """
    costs = (_row(evidence, n, effect) for n, effect in enumerate(estimated))
    return tuple(_seconds(evidence, lacking) if lacking else None for lacking in costs)


def seconds_in_all(evidence: Evidence, estimated: Sequence[Effect]) -> float | None:
    """Seconds of training that would resolve all rows of which it can be told how many seeds they need; every seed once."""
    most: dict[str, int] = {}
    for n, effect in enumerate(estimated):
        for arm, lacking in _row(evidence, n, effect).items():
            most[arm] = max(lacking, most.get(arm, 0))
    return _seconds(evidence, most) if most else None


def _row(evidence: Evidence, place: int, effect: Effect) -> dict[str, int]:
    """Seeds that the arms of a row lack, by arm; empty where the row needs none or too many."""
    if effect.verdict != NOT_RESOLVED or effect.seeds_needed is None:
        return {}
    measured = evidence.measurements()
    there = measured.loc[measured["score"].notna(), "arm"].value_counts()
    weights = evidence.study.plan.contrasts[place].weights
    return {arm.name: max(0, effect.seeds_needed - int(there.get(arm.name, 0))) for arm, weight in weights if weight}


def _seconds(evidence: Evidence, lacking: Mapping[str, int]) -> float | None:
    measured = evidence.measurements()
    done = measured[(measured["state"] == "complete") & (measured["seconds"] > 0)]
    each = done.groupby("arm")["seconds"].median()
    return float(sum(each[arm] * seeds for arm, seeds in lacking.items())) if set(lacking) <= set(each.index) else None
