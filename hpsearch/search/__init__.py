"""The search: proposals, and rounds from coarse to fine."""

from hpsearch.search.proposals import propose
from hpsearch.search.stopping import Divergence, Halving, Median
from hpsearch.search.tune import Confirm, Round, Tune, best
from hpsearch.search.unfolding import unfold
from hpsearch.search.walk import Ask, Scores, UnfoldedRound, Unfolding

__all__ = [
    "Ask",
    "Confirm",
    "Divergence",
    "Halving",
    "Median",
    "Round",
    "Scores",
    "Tune",
    "UnfoldedRound",
    "Unfolding",
    "best",
    "propose",
    "unfold",
]
