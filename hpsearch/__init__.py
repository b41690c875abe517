"""Hyperparameter search and ablation for deep learning: the names a study file uses.

None of them imports torch, ray or optuna; those wait until a trial runs. The names themselves are imported when first used, so
that ``hpsearch --help`` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.ablation import (
        Arm,
        Claim,
        Contrast,
        Plan,
        Seeds,
        Teacher,
        Trained,
        Trick,
        difference,
        factorial,
        first_and_last,
        fractional_factorial,
        ladder,
        leave_one_out,
        one_at_a_time,
        orders,
        plackett_burman,
    )
    from hpsearch.errors import HpsearchError, Refused, TrialEnded
    from hpsearch.protocol import Run
    from hpsearch.search import Confirm, Divergence, Halving, Median, Round, Tune
    from hpsearch.space import Choice, Constant, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform
    from hpsearch.study import Limits, Study, Trial

__version__ = "0.1.0"

_homes = {
    "ablation": "Arm Claim Contrast Plan Teacher Trained Trick difference factorial first_and_last fractional_factorial ladder "
    "leave_one_out one_at_a_time orders plackett_burman Seeds",
    "errors": "HpsearchError Refused TrialEnded",
    "protocol": "Run",
    "search": "Confirm Divergence Halving Median Round Tune",
    "space": "Choice Constant Integers LogIntegers LogUniform OneMinus Space Uniform",
    "study": "Limits Study Trial",
}

__all__ = [
    "Arm",
    "Choice",
    "Claim",
    "Confirm",
    "Constant",
    "Contrast",
    "Divergence",
    "Halving",
    "HpsearchError",
    "Integers",
    "Limits",
    "LogIntegers",
    "LogUniform",
    "Median",
    "OneMinus",
    "Plan",
    "Refused",
    "Round",
    "Run",
    "Seeds",
    "Space",
    "Study",
    "Teacher",
    "Trained",
    "Trial",
    "TrialEnded",
    "Trick",
    "Tune",
    "Uniform",
    "difference",
    "factorial",
    "first_and_last",
    "fractional_factorial",
    "ladder",
    "leave_one_out",
    "one_at_a_time",
    "orders",
    "plackett_burman",
]


def __getattr__(name: str) -> Any:
    for module, names in _homes.items():
        if name in names.split():
            return getattr(import_module(f"hpsearch.{module}"), name)
    from hpsearch.errors import NotHere, did_you_mean

    if name in ("plan", "run", "status"):
        raise NotHere(f"studies are run from a terminal: write the study to a file and give `hpsearch {name} FILE.py`")
    raise NotHere(f"hpsearch has no name {name!r}: {did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return __all__
