"""An effect: a contrast with its estimate, interval, verdict in words and the published claim beside it."""

from dataclasses import dataclass

from hpsearch.ablation import Claim
from hpsearch.ablation.families import GAP
from hpsearch.protocol import Goal, larger_is_better
from hpsearch.values import Value

HELPS, HURTS, NOT_RESOLVED, NOT_MEASURED = "helps", "hurts", "not resolved", "not measured"
NO_LARGER = "no difference larger than the margin"
DIFFERENT_SCALES = "on different scales"
NOT_LOOKED_AT = "not looked at yet"
ONE_SEED = "one seed gives no interval"
FEW_SEEDS = "too few seeds for an interval"
NO_SPREAD = "no spread between seeds, so no interval"
NO_SHARED_SEED = "the arms share no seed"
ONE_RUN = "one run gives no interval"
NO_SPREAD_OF_RUNS = "no spread between runs, so no interval"
AGREES, DISAGREES, CANNOT_TELL = "agrees", "disagrees", "cannot tell"


@dataclass(frozen=True)
class Effect(Value):
    """A contrast with its estimate, in the metric's own direction and unit.

    ``low`` and ``high`` are the ends of an interval, simultaneous over all contrasts of the table; ``p`` is adjusted likewise.
    ``seeds_needed`` stands only beside "not resolved": seeds per arm that would resolve it with 80 % power, by an effect of the
    size seen or, where a margin is given, by showing that it is smaller; None where more than 1000 would be needed.
    ``seeds_as_seen`` stands there too: how many at which its interval excludes zero if difference and spread stay as they are.
    """

    name: str
    design: str
    value: float | None
    low: float | None
    high: float | None
    seeds: int  # of its arm that has fewest
    verdict: str
    claim: Claim | None = None  # published for the same metric
    p: float | None = None
    seeds_needed: int | None = None
    method: str = ""  # "pooled", "paired" or "Welch": whose spread the interval rests on
    df: float | None = None  # degrees of freedom of the standard error
    error: float | None = None  # standard error
    p_holm: float | None = None  # Holm's adjustment over the table of the single rows' t tests; None where seeds follow results
    p_exact: float | None = None  # sign-flip test over the shared seeds, of this row alone; None where they are too few or many
    p_floor: float | None = None  # the smallest p_exact that so many seeds can give
    p_margin: float | None = None  # that the difference is smaller than the margin, for all rows together
    seeds_as_seen: int | None = None
    apart: bool = False  # the scores of its arms live on different scales, so that the difference may mean nothing

    @property
    def said(self) -> str:
        """The verdict as every form of a report says it.

        >>> Effect("+ a", "ladder", 89.1, 88.9, 89.3, 5, "helps", apart=True).said
        'helps (on different scales)'
        """
        return f"{self.verdict} ({DIFFERENT_SCALES})" if self.apart and self.value is not None else self.verdict

    @property
    def resolved(self) -> bool:
        """Whether it was distinguished from zero, by more than the margin leaves open, and between arms on one scale."""
        return self.verdict in (HELPS, HURTS) and not self.apart

    @property
    def is_gap(self) -> bool:
        """Whether it is what a trick is worth laid last minus what it is worth laid first."""
        return self.design == GAP

    @property
    def half(self) -> float | None:
        """Half the width of the interval; None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def nearly_resolved(self) -> bool:
        """Whether it is not resolved, and no more than as many seeds again as it has would resolve an effect of its size.

        >>> Effect("+ a", "ladder", 0.5, -0.1, 1.1, 4, "not resolved", seeds_needed=7).nearly_resolved
        True
        """
        return self.verdict == NOT_RESOLVED and self.seeds_needed is not None and self.seeds_needed <= 2 * self.seeds

    @property
    def one_sided(self) -> bool:
        """Whether the difference has one sign under every shared seed: the exact test then gives its smallest p."""
        return self.p_exact is not None and self.p_exact == self.p_floor

    @property
    def more_seeds(self) -> int | None:
        """Seeds per arm beyond those run that would resolve it; None where it needs none or too many.

        >>> Effect("+ a", "ladder", 0.1, -0.1, 0.3, 5, "not resolved", seeds_needed=40).more_seeds
        35
        """
        return None if self.seeds_needed is None else max(1, self.seeds_needed - self.seeds)

    @property
    def beside_claim(self) -> str:
        """What this says about the claim's sign; empty where nothing was claimed.

        ``agrees``: resolved, and of the claim's sign. ``disagrees``: resolved, and not of its sign (a claim of zero has none).
        ``cannot tell``: not resolved. The claim was measured on other data under another budget, so none of them is a proof.
        """
        if self.claim is None:
            return ""
        if not self.resolved or self.value is None:
            return CANNOT_TELL
        return AGREES if self.value * self.claim.value > 0 else DISAGREES

    @property
    def holds_claim(self) -> bool | None:
        """Whether the interval contains the claimed size; None where one of the two is missing."""
        if self.claim is None or self.low is None or self.high is None:
            return None
        return self.low <= self.claim.value <= self.high


def verdict(low: float, high: float, goal: Goal) -> str:
    """In words: resolved where the interval excludes zero.

    >>> verdict(-0.3, -0.1, "minimise"), verdict(-0.3, -0.1, "maximise"), verdict(-0.3, 0.1, "maximise")
    ('helps', 'hurts', 'not resolved')
    """
    if low <= 0 <= high:
        return NOT_RESOLVED
    return HELPS if (low > 0) == larger_is_better(goal) else HURTS
