"""Fixed stratified splits that need no random numbers.

Within a class, images are ordered by the SHA-256 of their names. The order is as good as a shuffle, is the same for ever on
every machine and library version, does not depend on where the data lies, and is not reshuffled when an image is added.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def apportion(total: int, sizes: Sequence[int]) -> list[int]:
    """``total`` dealt out in proportion to ``sizes`` by largest remainder; ties go to the first.

    >>> apportion(5, [10, 10, 30])
    [1, 1, 3]
    >>> apportion(4, [10, 10, 10])
    [2, 1, 1]
    """
    whole = sum(sizes)
    shares = [total * size // whole for size in sizes]
    largest_remainder_first = sorted(range(len(sizes)), key=lambda i: (-(total * sizes[i] % whole), i))
    for i in largest_remainder_first[: total - sum(shares)]:
        shares[i] += 1
    return shares


def shuffled(names: Sequence[str]) -> list[int]:
    """Positions of ``names`` in the order of their SHA-256.

    >>> shuffled(["a", "b", "c"])  # ca978112..., 3e23e816..., 2e7d2c03...
    [2, 1, 0]
    """
    return sorted(range(len(names)), key=lambda i: hashlib.sha256(names[i].encode("utf-8", "surrogateescape")).digest())


def take(names: Sequence[str], labels: Sequence[int], counts: Sequence[int]) -> tuple[list[int], list[int]]:
    """``counts[k]`` positions of each class k, and the positions left over; both ascending.

    >>> take(["a", "b", "c", "d"], [0, 0, 0, 1], [1, 1])
    ([2, 3], [0, 1])
    """
    wanted = list(counts)
    taken: set[int] = set()
    for i in shuffled(names):
        if wanted[labels[i]] > 0:
            wanted[labels[i]] -= 1
            taken.add(i)
    return sorted(taken), [i for i in range(len(names)) if i not in taken]


def sizes(labels: Sequence[int], classes: int) -> list[int]:
    """How many images each class has.

    >>> sizes([0, 2, 2], 3)
    [1, 0, 2]
    """
    counts = [0] * classes
    for label in labels:
        counts[label] += 1
    return counts


def share(counts: Iterable[int], part: int) -> list[int]:
    """One ``part``-th of each class, at least one image.

    >>> share([100, 7, 1], 10)
    [10, 1, 1]
    """
    return [max(1, round(count / part)) for count in counts]


@dataclass(frozen=True)
class Split:
    """The images that are used, by their positions in the whole, and which of those play which role."""

    used: tuple[int, ...]
    train: tuple[int, ...]  # positions in ``used``, as the next two
    tuning: tuple[int, ...]
    final: tuple[int, ...]


def split(
    names: Sequence[str],
    labels: Sequence[int],
    final: Sequence[int],
    classes: int,
    per_class: int | None,
    final_per_class: int | None,
) -> Split:
    """The roles of images: ``final`` positions are the final set, a tenth of each class of the others is the tuning slice.

    ``per_class`` and ``final_per_class`` first take so many of each class.
    """

    def part(positions: Sequence[int], counts: list[int]) -> tuple[list[int], list[int]]:
        inside, outside = take([names[i] for i in positions], [labels[i] for i in positions], counts)
        return [positions[i] for i in inside], [positions[i] for i in outside]

    last = set(final)
    pool = [i for i in range(len(names)) if i not in last]
    if per_class is not None:
        pool, _ = part(pool, [per_class] * classes)
    if final_per_class is not None:
        final, _ = part(final, [final_per_class] * classes)
    tuning, train = part(pool, share(sizes([labels[i] for i in pool], classes), 10))
    used = sorted((*train, *tuning, *final))
    at = {position: i for i, position in enumerate(used)}
    roles = (tuple(at[i] for i in role) for role in (train, tuning, final))
    return Split(tuple(used), *roles)
