"""The search: proposals, and rounds from coarse to fine."""

from hpsearch.search.proposals import propose
from hpsearch.search.rounds import Round, Tune, best, points_of

__all__ = ["Round", "Tune", "best", "points_of", "propose"]
