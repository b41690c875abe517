"""What a recipe does that its author may not expect, in sentences; from its fields and the counts of its data alone."""

from collections.abc import Iterator

from hpsearch.protocol import HeldOut, is_tuning
from hpsearch.training.data import Counts
from hpsearch.training.images.recipe import Recipe


def learned_images(recipe: Recipe, counts: Counts, held_out: HeldOut) -> int:
    """Images that a training on ``recipe.data`` learns from."""
    return counts.train + (0 if is_tuning(held_out) or recipe.watches_tuning else counts.tuning)


def scored_images(recipe: Recipe, counts: Counts, held_out: HeldOut) -> int:
    """Images that are scored after each epoch, watched ones included."""
    watched = counts.tuning if recipe.watches_tuning else 0
    return counts.tuning if is_tuning(held_out) else counts.final + watched


def all_steps(recipe: Recipe, images: int) -> int:
    """Optimiser steps of a whole training that learns from so many images; a ragged last batch is left out."""
    return recipe.epochs * (images // min(recipe.batch_size, images))


def remarks(recipe: Recipe) -> Iterator[str]:
    """Sentences about a full training of a recipe; its data must be there."""
    if recipe.watches_tuning:
        yield "plateau_on='tuning': the tuning slice steers the rate, so final trials do not learn from it either"
    if recipe.schedule == "cyclic" and hasattr(recipe.data, "counts"):
        yield from cut_short(recipe, all_steps(recipe, learned_images(recipe, recipe.data.counts(), "final")))


def cut_short(recipe: Recipe, steps: int) -> Iterator[str]:
    """Which cycles a cyclic cosine has where their number does not divide the steps, and at which rate the last one ends.

    >>> from hpsearch.training import digits
    >>> next(cut_short(Recipe(data=digits(), schedule="cyclic", cycles=4), 90))
    '4 cycles do not divide 90 steps: there are 3 of 23 steps, and the last is cut short to 21 and ends at 0.041 of the peak rate'
    """
    from hpsearch.training.parts.schedules import cosine, warm_steps

    after = steps - warm_steps(recipe.warmup_share, steps)
    if after % recipe.cycles == 0:
        return
    length = -(-after // recipe.cycles)
    whole, rest = divmod(after, length)
    last = f", and the last is cut short to {rest:,} and ends at {cosine((rest - 1) / length):.2g} of the peak rate" if rest else ""
    yield f"{recipe.cycles} cycles do not divide {after:,} steps: there are {whole} of {length:,} steps{last}"
