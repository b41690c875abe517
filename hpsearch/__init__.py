"""Hyperparameter search and ablation for deep learning: the names a study file uses.

None of them imports torch, ray or optuna; those wait until a trial runs.
"""

from hpsearch.ablation import Arm, Claim, Contrast, Plan, Trick, difference, factorial, ladder, leave_one_out, one_at_a_time
from hpsearch.errors import HpsearchError, Refused
from hpsearch.run import Run
from hpsearch.search import Round, Tune
from hpsearch.space import Choice, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
from hpsearch.study import Study, Trial

__version__ = "0.1.0"

__all__ = [
    "Arm",
    "Choice",
    "Claim",
    "Contrast",
    "HpsearchError",
    "Integers",
    "LogIntegers",
    "LogUniform",
    "OneMinus",
    "Plan",
    "Refused",
    "Round",
    "Run",
    "Space",
    "Study",
    "Trial",
    "Trick",
    "Tune",
    "Uniform",
    "difference",
    "factorial",
    "ladder",
    "leave_one_out",
    "one_at_a_time",
]
