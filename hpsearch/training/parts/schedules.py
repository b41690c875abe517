"""The learning rate as a factor on its peak, a pure function of the share of training done."""

import math
from collections.abc import Sequence
from typing import Literal, assert_never

Schedule = Literal["constant", "step", "exponential", "inverse", "plateau", "cosine", "cyclic"]
WarmupForm = Literal["code", "paper"]


def factor(
    progress: float,
    *,
    schedule: Schedule,
    step_size: float = 0.0,
    warmup: float = 0.0,
    warmup_form: WarmupForm = "code",
    milestones: tuple[float, ...] = (0.25, 0.5, 0.75),
    drop: float = 0.1,
    falling: float = 5.0,
    patience: int = 5,
    cycles: int = 5,
    losses: Sequence[float] = (),
) -> float:
    """The factor on the peak rate, in [0, 1], at the step before which ``progress`` (0 to under 1) of all steps were taken.

    A linear warmup over the share ``warmup`` of training, then the schedule: ``constant`` 1; ``step`` drop^n after n
    ``milestones``, shares of training; ``exponential`` e^(-falling p) and ``inverse`` 1 / (1 + falling p), p the share done after
    the warmup; ``plateau`` as ``losses``, those of the epochs so far, give cause; ``cosine``; ``cyclic``, so many ``cycles`` of
    the cosine. ``step_size``, one over the number of all steps, tells how long a step is to the paper's form of the warmup and to
    ``cyclic``. The losses that ``plateau`` follows are those on training images, or on a tuning slice: a final set is there to
    score and must not steer.

    >>> [factor(progress, schedule="step", warmup=0.2) for progress in (0, 0.1, 0.2, 0.25)]
    [0.0, 0.5, 1.0, 0.1]
    >>> [round(factor(progress, schedule="cosine"), 3) for progress in (0, 0.25, 0.5, 0.75)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if progress < warmup:
        return warmed(progress + _ahead(warmup_form, step_size), warmup)
    after = (progress - warmup) / (1 - warmup)
    match schedule:
        case "constant":
            return 1.0
        case "step":
            return step(progress, milestones, drop)
        case "exponential":
            return math.exp(-falling * after)
        case "inverse":
            return 1 / (1 + falling * after)
        case "plateau":
            return plateau(losses, patience, drop)
        case "cosine":
            return cosine(after)
        case "cyclic" if step_size > 0:
            steps = round(1 / step_size)
            warm = warm_steps(warmup, steps)
            return cyclic(max(0, round(progress * steps) - warm), max(1, steps - warm), cycles)  # all may be warmup
        case "cyclic":  # in the limit of ever shorter steps
            return cosine(after * cycles % 1.0)
        case _:
            assert_never(schedule)


def warm_steps(warmup: float, steps: int) -> int:
    """How many of a training's steps are warmup: as many as lie before its share, whatever the last bit of the product.

    >>> warm_steps(5 / 120, 120 * 1251)
    6255
    """
    warm = math.floor(warmup * steps)
    return warm + (warm / steps < warmup)


def warmed(progress: float, length: float) -> float:
    """A straight line from 0 to 1 over ``length``.

    Of m steps, step i = 1, 2, ... has i / m in the text of He et al. 2019 (section 3.1) and (i - 1) / m in its code, whose log
    shows a first rate of 0: ``progress`` then counts the step being taken, or only those taken before.

    >>> warmed(0.05, 0.2)
    0.25
    """
    return min(1.0, progress / length)


def _ahead(form: WarmupForm, step_size: float) -> float:
    """What the step being taken counts for."""
    match form:
        case "code":
            return 0.0
        case "paper":
            return step_size
        case _:
            assert_never(form)


def step(progress: float, milestones: tuple[float, ...], drop: float) -> float:
    """``drop`` to the power of the milestones reached.

    >>> [step(progress, (0.25, 0.5), 0.1) for progress in (0.24, 0.25, 0.4)]
    [1.0, 0.1, 0.1]
    """
    return float(drop ** sum(progress >= milestone for milestone in milestones))


def plateau(losses: Sequence[float], patience: int, drop: float) -> float:
    """``drop`` for each time that ``patience`` epochs in a row brought no loss below the lowest before.

    torch's ``ReduceLROnPlateau(patience=patience - 1, threshold=0)``, fed after every epoch.

    >>> [plateau([3, 2, 2, 2][:n], patience=2, drop=0.5) for n in (2, 3, 4)]
    [1.0, 1.0, 0.5]
    """
    best, waited, drops = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == patience:
            waited, drops = 0, drops + 1
    return float(drop**drops)


def cosine(progress: float) -> float:
    """(1 + cos(pi progress)) / 2, from 1 to 0; progress is counted after the warmup (He et al. 2019, equation 1).

    >>> cosine(0.0), round(cosine(0.5), 12), cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    return (1 + math.cos(math.pi * progress)) / 2


def cyclic(done: int, steps: int, cycles: int) -> float:
    """(1 + cos(pi mod(t - 1, c) / c)) / 2 at step t = ``done`` + 1, c = ceil(``steps`` / cycles) (Huang et al. 2017, equation 2).

    Where the cycles do not fill the steps, the last one is cut short; ``plan`` and ``run`` say so (``images/remarks.py``).

    >>> [round(cyclic(done, 5, 2), 12) for done in range(5)]
    [1.0, 0.75, 0.25, 1.0, 0.75]
    """
    length = -(-steps // cycles)
    return cosine(done % length / length)
