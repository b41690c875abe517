"""The learning rate as a factor on its peak, a pure function of the share of training done."""

import math
from collections.abc import Sequence

from hpsearch.training.images.recipe import Recipe


def factor(recipe: Recipe, progress: float, step_size: float = 0.0, losses: Sequence[float] = ()) -> float:
    """The factor on the peak rate at the step before which ``progress`` (0 to under 1) of all steps were taken.

    A linear warmup, then the recipe's schedule; both may need ``step_size``, one over the number of all steps, to know how long a
    step is. ``losses`` are the losses of the epochs so far that ``plateau`` follows: on the training images, or on the
    tuning slice. The final set is there to score and must not steer.

    >>> from hpsearch.training import digits
    >>> [factor(Recipe(data=digits(), warmup=0.2), progress) for progress in (0, 0.1, 0.2, 0.25)]
    [0.0, 0.5, 1.0, 0.1]
    """
    share = recipe.warmup_share
    if progress < share:
        return warmup(progress + (step_size if recipe.warmup_form == "paper" else 0.0), share)
    after = (progress - share) / (1 - share)
    match recipe.schedule:
        case "step":
            return step(progress, recipe.milestones, recipe.drop)
        case "exponential":
            return math.exp(-recipe.falling * after)
        case "inverse":
            return 1 / (1 + recipe.falling * after)
        case "plateau":
            return plateau(losses, recipe.patience, recipe.drop)
        case "cosine":
            return cosine(after)
        case "cyclic" if step_size > 0:
            steps = round(1 / step_size)
            warm = warm_steps(recipe, steps)
            return cyclic(max(0, round(progress * steps) - warm), max(1, steps - warm), recipe.cycles)  # all may be warmup
        case "cyclic":  # in the limit of ever shorter steps
            return cosine(after * recipe.cycles % 1.0)
    return 1.0


def warm_steps(recipe: Recipe, steps: int) -> int:
    """How many of a training's steps are warmup: as many as lie before its share, whatever the last bit of the product.

    >>> from hpsearch.training import digits
    >>> warm_steps(Recipe(data=digits(), warmup=5 / 120), 120 * 1251)
    6255
    """
    warm = math.floor(recipe.warmup_share * steps)
    return warm + (warm / steps < recipe.warmup_share)


def warmup(progress: float, length: float) -> float:
    """A straight line from 0 to 1 over ``length``.

    Of m steps, step i = 1, 2, ... has i / m in the text of He et al. 2019 (section 3.1) and (i - 1) / m in its code, whose log
    shows a first rate of 0: ``progress`` then counts the step being taken, or only those taken before.

    >>> warmup(0.05, 0.2)
    0.25
    """
    return min(1.0, progress / length)


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
