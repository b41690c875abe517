"""How long do slots stand idle while one search runs? Simulated, with trials of unequal length, beside rounds with a barrier.

    python benchmarks/idle.py --slots 4 --repetitions 100

A search of three rounds (24 points of 3 epochs, 12 of 9, 6 of 27, then the confirming runs; ``--times`` so many points) on a clock
that only counts: a trial
takes its epochs times a lognormal factor, drawn for each. The barrier is ``Tune(ahead=0)``: nothing of a step is drawn before all
of the step before is told. The share is idle slot time from the first start to the last end, over all slot time; and the same up to
the start of the first confirming run, where one search alone has to wait for its last trials whatever it does.
"""

import argparse
import heapq
import math
import platform
import sys
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hpsearch.search import Ask, Confirm, Round, Tune, unfold
from hpsearch.space import Space, Uniform

SPACE = Space(learning_rate=10 ** Uniform(-4, 0), momentum=Uniform(0, 1), decay=10 ** Uniform(-6, -2))
ROUNDS = (Round(points=24, epochs=3, keep=4), Round(points=12, epochs=9, keep=3), Round(points=6, epochs=27))


def idle(tune: Tune, slots: int, spread: float, seed: int) -> tuple[float, float]:
    """Idle share of all slot time, and of the time before the first confirming run is handed out."""
    rng = np.random.default_rng(seed)
    told: dict[Ask, float | None] = {}
    running: list[tuple[float, int, Ask]] = []
    started: set[Ask] = set()
    clock = busy = before = 0.0
    confirming: float | None = None
    while True:
        unfolding = unfold(tune, told)
        again = {ask for round_ in unfolding.rounds if round_.confirming for ask in round_.asks}
        for ask in unfolding.asks:
            if ask not in started and len(running) < slots:
                started.add(ask)
                length = ask.epochs * math.exp(spread * rng.standard_normal())
                if ask in again and confirming is None:
                    confirming, before = clock, busy - sum(end - clock for end, _, _ in running)
                busy += length
                heapq.heappush(running, (clock + length, len(started), ask))
        if not running:
            share = 1 - before / (slots * confirming) if confirming else math.nan
            return 1 - busy / (slots * clock), share
        clock, _, ask = heapq.heappop(running)
        point = ask.point
        told[ask] = -((math.log10(point["learning_rate"]) + 1.5) ** 2) + 0.1 * float(rng.standard_normal())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--spread", type=float, default=0.5, help="SD of the logarithm of a trial's seconds per epoch")
    parser.add_argument("--times", type=int, default=1, help="multiplies the points of every round")
    given = parser.parse_args()
    rounds = tuple(Round(r.points * given.times, r.epochs, r.kept) for r in ROUNDS)
    print(f"`{' '.join(['python', *sys.argv])}`, Python {platform.python_version()}; a simulation: no clock of this machine enters")
    points = ", ".join(str(r.points) for r in rounds)
    print(f"\n| {given.slots} slots, rounds of {points} points, {given.repetitions} repetitions", end="")
    print(" | idle, all | idle, before the confirming runs |")
    print("|---|---|---|")
    for name, ahead in (("without a barrier (ahead = slots)", given.slots), ("with a barrier (ahead = 0)", 0)):
        tune = Tune(SPACE, rounds, confirm=Confirm(points=2, seeds=2), ahead=ahead)
        shares = np.array([idle(tune, given.slots, given.spread, seed) for seed in range(given.repetitions)])
        written = []
        for column in shares.T:
            half = stats.t.ppf(0.975, len(column) - 1) * stats.sem(column)
            written.append(f"{100 * column.mean():.1f} % ± {100 * half:.1f}")
        print(f"| {name} | {' | '.join(written)} |")
    print("\n± is half a 95 % interval of the mean over repetitions.")


if __name__ == "__main__":
    main()
