"""Scales: whether the scores of some arms are so much larger than those of others that a difference of them means nothing."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

GAP = 30.0  # of typical scores, from one arm to the next larger: beyond it they hardly measure one thing in one unit


def scales(scores: "pd.DataFrame") -> tuple[tuple[str, ...], ...]:
    """Arms by the size of their scores, smallest first: a new group begins where the next arm's median is 30 times as large.

    ``scores`` has the columns ``arm`` and ``score``. One group where all arms live on one scale; arms whose scores are zero
    belong to none.

    >>> import pandas as pd
    >>> scales(pd.DataFrame({"arm": list("abc"), "score": [0.91, 90.4, 0.88]}))
    (('c', 'a'), ('b',))
    """
    known = scores[np.isfinite(scores["score"].to_numpy(dtype=np.float64))]
    sizes = known["score"].abs().groupby(known["arm"]).median().sort_values(kind="stable")
    sizes = sizes[sizes > 0]
    groups: list[list[str]] = [[str(arm)] for arm in sizes.index[:1]]
    for (_, below), (arm, size) in pairwise(sizes.items()):
        if size >= GAP * below:
            groups.append([])
        groups[-1].append(str(arm))
    return tuple(map(tuple, groups))


def scales_words(scores: "pd.DataFrame") -> str:
    """That arms live on different scales, with their typical scores; empty where they do not.

    >>> import pandas as pd
    >>> scales_words(pd.DataFrame({"arm": ["a", "b"], "score": [0.5, 0.9]}))
    ''
    """
    groups = scales(scores)
    if len(groups) < 2:
        return ""
    medians = scores["score"].abs().groupby(scores["arm"]).median()
    each = [f"{_arms(group)} near {medians[list(group)].median():.3g}" for group in groups]
    return (
        f"The arms’ scores lie on different scales: {'; '.join(each)}. If some are fractions and others percentages, or in "
        "another unit, their differences mean nothing: convert all to one scale first. Otherwise, an arm that learned nothing or "
        "diverged looks like this."
    )


def _arms(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
