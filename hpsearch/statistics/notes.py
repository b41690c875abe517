"""What the numbers rest on, in words."""

from collections.abc import Iterable, Sequence
from math import log2
from typing import TYPE_CHECKING

from hpsearch.ablation import Plan
from hpsearch.statistics.effect import Effect
from hpsearch.statistics.randomised_blocks import table
from hpsearch.statistics.spread import Noisy, Spread, spread

if TYPE_CHECKING:
    import pandas as pd

FEW_SEEDS = 3
FEW = (  # benchmarks/calibration.py, 3, 6 and 12 arms with 2 and 3 seeds, 10,000 tables each: reports/calibration.md
    "But so few seeds hide a noisy arm: in simulations with one arm four times as noisy as the others, all simultaneous 95 % "
    "intervals covered the true values in 83 to 93 % of tables; with an arm that diverges in one run of five, in 44 to 70 %."
)


def spread_words(plan: Plan, scores: "pd.DataFrame") -> str:
    """Whose spread the intervals of a plan rest on and why; empty where nothing was measured twice.

    >>> import pandas as pd
    >>> from hpsearch.ablation import Trick, ladder
    >>> scores = pd.DataFrame({"arm": ["base"] * 3 + ["a"] * 3, "seed": [0, 1, 2] * 2, "score": [1.0, 2, 3, 5, 6.5, 6.5]})
    >>> spread_words(ladder(Trick("a", {"x": 1})), scores)
    'There are two arms, so their difference is taken seed by seed and no variance is pooled.'
    """
    names = [arm.name for arm in plan.arms]
    arms, values = table(scores[scores["arm"].isin(names)])
    if len(arms) < 2 or values.shape[1] < 2:
        return ""
    if len(arms) == 2:
        return "There are two arms, so their difference is taken seed by seed and no variance is pooled."
    found = spread(values)
    if found.heterogeneous:
        return _heterogeneous(found, arms)
    if found.noisy:
        return _noisy(found, arms)
    return f"{_alike(found, arms)} {FEW}" if values.shape[1] <= FEW_SEEDS else _alike(found, arms)


def _alike(found: Spread, arms: Sequence[str]) -> str:
    said = f"One residual variance, pooled over all {len(arms)} arms, serves every row: no arm is noisier than the others"
    if found.most is None:
        return f"{said} as far as so few scores can tell."
    return f"{said} (the largest ratio is that of “{arms[found.most.arm]}”: {_ratio(found.most)})."


def _noisy(found: Spread, arms: Sequence[str]) -> str:
    each = "; ".join(f"“{arms[noisy.arm]}”: {_ratio(noisy)}" for noisy in found.noisy)
    out = [f"“{arms[noisy.arm]}”" for noisy in found.noisy if noisy.certain]
    said = (
        f"Noisier than the other arms: {each}. A row with such an arm takes its own interval, paired by seed or after Welch where "
    )
    said += "too few seeds are shared, if that is wider than the one from the pooled variance"
    return f"{said}, which leaves out the scores of {_listed(out)}." if out else f"{said}."


def _heterogeneous(found: Spread, arms: Sequence[str]) -> str:
    besides = f" besides “{_listed([arms[noisy.arm] for noisy in found.noisy])}”, noisier than the others," if found.noisy else ""
    return (
        f"The arms{besides} differ in variance among themselves (p = {found.unlike:.2g}), so nothing is pooled: every row has an "
        "interval of its own, from its differences seed by seed, or after Welch where too few seeds are shared."
    )


def _ratio(noisy: Noisy) -> str:
    return f"variance {noisy.ratio:.3g} times that of the others, F({noisy.df[0]}, {noisy.df[1]}), p = {noisy.p:.2g}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def exact_words(estimated: Iterable[Effect]) -> str:
    """The floor of the exact test, where there is one.

    >>> exact_words([Effect("+ a", "ladder", 0.5, 0.2, 0.8, 5, "helps", p_exact=0.0625, p_floor=0.0625)])
    'The exact sign-flip test of a row by itself assumes no distribution; 5 seeds cannot go below p = 0.0625.'
    """
    floors = sorted({effect.p_floor for effect in estimated if effect.p_floor is not None}, reverse=True)
    if not floors:
        return ""
    each = [f"{_seeds(floor)} seeds cannot go below p = {floor:.4g}" for floor in floors]
    return f"The exact sign-flip test of a row by itself assumes no distribution; {_listed(each)}."


def _seeds(floor: float) -> int:
    return round(1 - log2(floor))
