"""How often does a small search leave a range in which the score rises to an end, and how often one where it does not?

    python benchmarks/widening.py --searches 100

The score falls with the squared distance, in decades, of a learning rate from its peak; every score has normal noise of 0.1. The
range is 1e-4 to 1e-2, the rounds are the README's: 16 points of which 4 are kept, then 8.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a file and as a module

from hpsearch.search import Round, Tune, Unfolding, unfold
from hpsearch.search.walk import Ask
from hpsearch.space import Space, Uniform

ROUNDS = (Round(16, 5, keep=4), Round(8, 15))
PEAKS = (0.0, -6.0, -3.0, -2.6, -2.4, -2.3, -3.6)  # decades; the first two lie two decades beyond an end


class Known:
    """The score of every run that may be asked for."""

    def __init__(self, peak: float, noise: float, seed: int) -> None:
        self.peak, self.noise, self.seed = peak, noise, seed

    def __contains__(self, ask: Ask) -> bool:
        return True

    def __getitem__(self, ask: Ask) -> float:
        spread = random.Random(f"{self.seed} {ask.items} {ask.seed} {ask.epochs}").gauss(0, self.noise)
        return spread - (math.log10(ask.point["rate"]) - self.peak) ** 2


def searches(peak: float, others: int, noise: float, count: int) -> Iterator[Unfolding]:
    """Searches under different seeds, with so many parameters besides that do not matter."""
    space = Space(rate=10 ** Uniform(-4, -2), **{f"other{n}": 10 ** Uniform(0, 1) for n in range(others)})
    return (unfold(Tune(space, ROUNDS, seed=seed), Known(peak, noise, seed)) for seed in range(count))


def widened(search: Unfolding) -> bool:
    """Whether the range of the learning rate was widened."""
    return any(move.label == "rate" for each in search.rounds for step in each.steps for move in step.moves)


def close(search: Unfolding, peak: float) -> bool:
    """Whether the winner lies within a factor of 3 of the peak."""
    return abs(math.log10((search.winner or {})["rate"]) - peak) < math.log10(3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=100, help="of each case")
    parser.add_argument("--noise", type=float, default=0.1, help="standard deviation of a score")
    given = parser.parse_args()
    print("| peak | other parameters | widened | within a factor of 3 |\n|---|---|---|---|")
    for peak in PEAKS:
        for others in (0, 1, 2):
            done = list(searches(peak, others, given.noise, given.searches))
            print(f"| 1e{peak:g} | {others} | {sum(map(widened, done))} | {sum(close(each, peak) for each in done)} |", flush=True)
