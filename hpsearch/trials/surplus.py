"""Rows beyond the epochs that a trial was asked for: nobody uses them, so whoever gives them is told."""

import gc
from operator import length_hint
from types import GeneratorType

SURPLUS = "the loop of the training function is longer than the epochs it is asked for: rows beyond them are not used"


def goes_on(source: object) -> bool:
    """Whether a loop that a generator stands in has rounds left, as far as that can be seen without running it.

    It is not asked for another row: that would train an epoch for nothing, and one that waits for it would wait for ever. CPython
    keeps the iterator of a ``for`` loop on the generator's stack, and those of a range or a list know how much is left of them.

    >>> rows = (epoch for epoch in range(5))
    >>> next(rows), goes_on(rows), [*zip(range(4), rows)][-1], goes_on(rows)
    (0, True, (3, 4), False)
    """
    while isinstance(source, GeneratorType) and isinstance(source.gi_yieldfrom, GeneratorType):
        source = source.gi_yieldfrom
    if not isinstance(source, GeneratorType) or source.gi_frame is None:
        return False
    named = {id(value) for name, value in source.gi_frame.f_locals.items() if name != ".0"}  # .0 is what an expression loops over
    return any(id(each) not in named and _left(each) for each in gc.get_referents(source))


def _left(iterator: object) -> bool:
    return isinstance(iterator, LOOPED) and length_hint(iterator) > 0


LOOPED: tuple[type, ...] = (type(iter(range(0))), type(iter([])), type(iter(())))
