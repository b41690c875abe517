"""How long a million points of a ten-dimensional space take, beside Optuna's and Ray Tune's samplers.

    python benchmarks/sampling.py [runs]

Each line is the median of the runs with the least and the most, and the time per point. Samplers that draw one point at a time
are timed over fewer points, as stated; the ratio compares times per point with the first line. All draw natural values of the
same space: three logarithmic ranges, three linear, two of whole numbers, one of logarithmic whole numbers, one choice.
"""

import os
import platform
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import optuna
from ray.tune.search.variant_generator import generate_variants
from scipy.stats import qmc

from hpsearch.search.spaces_elsewhere import to_optuna
from hpsearch.space import Choice, Integers, LogIntegers, Space, Uniform
from hpsearch.trials.ray_spaces import to_ray

MANY, FEW = 1_000_000, 2_000
OWN = Space(
    learning_rate=10 ** Uniform(-4, 0),
    weight_decay=10 ** Uniform(-6, -2),
    epsilon=10 ** Uniform(-9, -6),
    dropout=Uniform(0, 0.5),
    smoothing=Uniform(0, 0.2),
    mixup=Uniform(0, 1),
    depth=Integers(2, 12),
    warmup=Integers(0, 9),
    width=LogIntegers(16, 1024),
    schedule=Choice("step", "cosine", "linear"),
)
NESTED = OWN.without("mixup", "epsilon", "smoothing") | Space(
    optimiser=Choice(sgd=Space(momentum=Uniform(0, 1)), adam=Space(beta=Uniform(0.8, 1)))
)


def random_points(space: Space) -> None:
    space.points(np.random.default_rng(0).random((MANY, len(space))))


def sobol_points(space: Space) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a million is no power of two
        space.points(qmc.Sobol(len(space), scramble=True, rng=0).random(MANY))


def optuna_points() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, distributions = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)), to_optuna(OWN)
    for _ in range(FEW):
        study.ask(distributions)


def ray_columns() -> None:
    generator = np.random.default_rng(0)
    for domain in to_ray(OWN, lossy=True).values():  # its logarithmic whole numbers have other shares
        domain.sample(size=MANY, random_state=generator)


def ray_points() -> None:
    spec = {"config": to_ray(OWN, lossy=True)}
    generator = np.random.default_rng(0)
    for _ in range(FEW):
        next(generate_variants(spec, random_state=generator))


LINES: list[tuple[str, int, Callable[[], None]]] = [
    ("hpsearch, numpy's random numbers", MANY, lambda: random_points(OWN)),
    ("hpsearch, scrambled Sobol points", MANY, lambda: sobol_points(OWN)),
    ("hpsearch, two of ten conditional, random", MANY, lambda: random_points(NESTED)),
    ("Ray Tune, domain.sample(size) per column", MANY, ray_columns),
    ("Ray Tune, generate_variants point by point", FEW, ray_points),
    ("Optuna, RandomSampler by study.ask", FEW, optuna_points),
]


def seconds(run: Callable[[], None]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def main(runs: int) -> None:
    print(f"{platform.platform()}, {processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, one thread")
    print(f"Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in ('numpy', 'scipy', 'optuna', 'ray'))}")
    print(f"{len(OWN)} dimensions, median of {runs} runs (least to most)\n")
    print(f"{'':44}{'points':>10}{'seconds':>9}{'spread':>18}{'us/point':>10}{'ratio':>9}")
    first = None
    for name, points, run in LINES:
        run()  # imports and caches
        times = [seconds(run) for _ in range(runs)]
        each = 1e6 * median(times) / points
        first = first or each
        spread = f"{min(times):.3f} to {max(times):.3f}"
        print(f"{name:44}{points:>10,}{median(times):>9.3f}{spread:>18}{each:>10.3f}{each / first:>9.1f}")


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
