"""How long do `hpsearch plan` and `hpsearch status` take of a study of 500 trials, beside 5,000 trials of other studies?

    python benchmarks/command_speed.py --repeats 10

A record is made by ``hpsearch run --here`` of two studies of one's own functions that compute nothing: one with a search in three
rounds, sixteen arms and 20 seeds, and a larger one of which the first must not notice. Then each command is started as a user
starts it, once to warm the disk and the cache, and timed ``--repeats`` times: wall clock and CPU seconds of the whole process.
The limit is 1 s; exit code 1 where a median is over it. Other work on the machine counts against the wall clock.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

LIMIT = 1.0  # seconds
STUDY = '''"""A study whose trials cost nothing."""

from dataclasses import dataclass
from random import Random

from hpsearch import LogUniform, Round, Space, Study, Trick, Tune, one_at_a_time


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    trick: int = 0


def train(config, seed, epochs, run):
    for epoch in range(epochs):
        yield {{"top1": 50 + config.trick / 10 + Random(f"{{seed}} {{config.trick}}").gauss(0, 1) - abs(config.rate - 0.2)}}


tricks = [Trick(f"trick {{n}}", {{"trick": n}}) for n in range(1, 16)]
rounds = (Round(points=96, epochs=1, keep=16), Round(points=32, epochs=2, keep=8), Round(points=24, epochs=2))
search = Tune(Space(rate=LogUniform(1e-3, 1.0)), rounds, arms="base")
study = Study(
    question="{question}", base=Config(), train=train, vary=one_at_a_time(*tricks), tune=search, seeds={seeds}, epochs=1
)
'''


def timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall clock and CPU seconds of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "hpsearch", *words], cwd=folder, capture_output=True, text=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"hpsearch {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--others", type=int, default=300, help="Seeds of the other study: 16 trials each.")
    given = parser.parse_args()
    over = []
    with tempfile.TemporaryDirectory(prefix="hpsearch-command-speed-") as name:
        folder = Path(name)
        os.environ |= {"HPSEARCH_CACHE": str(folder / "cache"), "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        for study, seeds in (("five_hundred", 20), ("others", given.others)):
            (folder / f"{study}.py").write_text(STUDY.format(question=f"Does any trick of {study} help?", seeds=seeds))
            print(f"{study}: run in {timed(['run', f'{study}.py', '--here'], folder)[0]:.0f} s")
        for words in (["--help"], ["plan", "five_hundred.py"], ["status", "five_hundred.py"]):
            timed(words, folder)
            wall, cpu = zip(*(timed(words, folder) for _ in range(given.repeats)), strict=True)
            low, _, high = quantiles(wall, n=4)
            print(
                f"{words[0]:<8} wall median {median(wall):.2f} s, quartiles {low:.2f} to {high:.2f}; "
                f"CPU median {median(cpu):.2f} s; n={given.repeats}"
            )
            over += [words[0]] if median(wall) > LIMIT else []
    print(f"limit of {LIMIT:g} s {'passed by: ' + ', '.join(over) if over else 'kept'}")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
