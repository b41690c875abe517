"""The exact test of few seeds: flip the signs of the differences, and count."""

from hpsearch.statistics.randomised_blocks import Numbers

MOST_FLIPPED = 14  # seeds up to which all 2^n signs are tried


def sign_flip(differences: Numbers) -> float | None:
    """Exact two-sided p-value of differences, one per seed, that are symmetric about zero if nothing is different.

    p is the share of the 2^n ways to sign the differences whose sum is at least as far from zero as theirs. Nothing else is
    asked of their distribution. None of fewer than 2 seeds, and of more than 14, where t tests need no such help.
    Source: Fisher (1935), The Design of Experiments, section 21.

    >>> import numpy as np
    >>> sign_flip(np.array([0.3, 0.1, 0.4, 0.2, 0.6]))  # all of one sign: 2 of 32 ways
    0.0625
    """
    if not 2 <= len(differences) <= MOST_FLIPPED:
        return None
    import numpy as np
    from scipy.stats import permutation_test

    found = permutation_test(
        (differences,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    return float(found.pvalue)


def floor(seeds: int) -> float:
    """The smallest p-value that the exact test of so many seeds can give: 2 / 2^seeds.

    >>> floor(5)
    0.0625
    """
    return 2.0 ** (1 - seeds)
