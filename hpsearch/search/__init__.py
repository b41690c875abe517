"""The search: proposals, and rounds from coarse to fine."""

from hpsearch.search.proposals import propose
from hpsearch.search.rounds import Confirm, Round, Tune, best
from hpsearch.search.stopping import Divergence, Halving, Median
from hpsearch.search.unfold import Ask, Leg, Unfolding, unfold

__all__ = ["Ask", "Confirm", "Divergence", "Halving", "Leg", "Median", "Round", "Tune", "Unfolding", "best", "propose", "unfold"]
