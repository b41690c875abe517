"""The learning rate as a factor on its peak, a pure function of the share of training done."""

import math

from hpsearch.training.recipe import Recipe


def factor(recipe: Recipe, progress: float) -> float:
    """The factor on the peak rate at the step before which ``progress`` (0 to under 1) of all steps were taken.

    A linear warmup from 0, then the recipe's schedule.

    >>> from hpsearch.training import digits
    >>> [factor(Recipe(data=digits(), warmup=0.2), progress) for progress in (0, 0.1, 0.2, 0.25)]
    [0.0, 0.5, 1.0, 0.1]
    """
    if progress < recipe.warmup:
        return progress / recipe.warmup
    if recipe.schedule == "step":
        return step(progress, recipe.milestones, recipe.drop)
    return cosine((progress - recipe.warmup) / (1 - recipe.warmup))


def step(progress: float, milestones: tuple[float, ...], drop: float) -> float:
    """``drop`` to the power of the milestones reached.

    >>> [step(progress, (0.25, 0.5), 0.1) for progress in (0.24, 0.25, 0.4)]
    [1.0, 0.1, 0.1]
    """
    return float(drop ** sum(progress >= milestone for milestone in milestones))


def cosine(progress: float) -> float:
    """(1 + cos(pi progress)) / 2, from 1 to 0; progress is counted after the warmup (He et al. 2019, equation 1).

    >>> cosine(0.0), round(cosine(0.5), 12), cosine(1.0)
    (1.0, 0.5, 0.0)
    """
    return (1 + math.cos(math.pi * progress)) / 2
