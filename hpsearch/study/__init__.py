"""The study: one question, its trials, and the agenda that unfolds from it."""

from hpsearch.study.limits import Limits
from hpsearch.study.study import BUILT_IN, Study, Train
from hpsearch.study.trial import TUNING_SEED, Trial, different, needed

__all__ = ["BUILT_IN", "TUNING_SEED", "Limits", "Study", "Train", "Trial", "different", "needed"]
