"""Are the intervals as sure as they say? Simulations with known truth, judged by the code that judges a study.

    python benchmarks/calibration.py --report reports/calibration.md
    python benchmarks/calibration.py --simulations 500 --slots 2

Every table is a ladder: each arm against the one before it, and the last against the first. Coverage is the share of tables in
which every interval holds its true value. Where cases differ from the model only in what is added to the means, an interval's
error under the null is one minus that, so one set of tables serves both; the ceiling has tables of its own for the null.
"""

import argparse
import math
import os
import platform
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a file and as a module
os.environ.setdefault("OMP_NUM_THREADS", "1")  # one slot, one core: matrices of a dozen rows gain nothing from threads

import numpy as np
from numpy.typing import NDArray

from hpsearch import Seeds
from hpsearch.ablation import Trick, ladder
from hpsearch.statistics import judge, resolution, sign_flip
from hpsearch.statistics.forecast import weights_of
from hpsearch.statistics.sequential import follow, judge_any

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Floats]  # arms and seeds to errors about the true means
ARMS, SEEDS = (2, 3, 6, 12), (2, 3, 5, 10)
BLOCK = 5.0  # deviation of what a seed does to all arms alike, in residual deviations
PATTERNS = 8  # ways in which seeds are missing, per cell
IMAGES = 500  # of the test set at the ceiling


# ---- tables with known truth ---------------------------------------------------------------------------------------------------


def normal(rng: np.random.Generator, arms: int, seeds: int) -> Floats:
    """Normal residuals of deviation 1, and blocks."""
    return rng.standard_normal((arms, seeds)) + BLOCK * rng.standard_normal(seeds)


def missing(rng: np.random.Generator, arms: int, seeds: int) -> Floats:
    """The same, with about 15 % of the scores missing."""
    lost = lost_seeds(arms, seeds)
    return np.where(lost[rng.integers(len(lost))], np.nan, normal(rng, arms, seeds))


@cache
def lost_seeds(arms: int, seeds: int) -> Floats:
    """Patterns (patterns, arms, seeds) that leave every row something to estimate its error by; none where there is no such."""
    rng, found = np.random.default_rng(arms * 100 + seeds), []
    for _ in range(2000):
        lost = rng.random((arms, seeds)) < 0.15
        places, rows = judge_any(np.where(lost, np.nan, rng.standard_normal((arms, seeds))), contrasts(arms), 0.95)
        if rows is not None and lost.any() and len(places) == len(contrasts(arms)) and (rows.error > 0).all():
            found.append(lost)
        if len(found) == PATTERNS:
            break
    return np.array(found)


def heavy(rng: np.random.Generator, arms: int, seeds: int) -> Floats:
    """Residuals from t with 3 degrees of freedom, of deviation 1."""
    return rng.standard_t(3, (arms, seeds)) / math.sqrt(3) + BLOCK * rng.standard_normal(seeds)


def scaled(rng: np.random.Generator, arms: int, seeds: int, deviations: Callable[[int], Floats]) -> Floats:
    """Normal residuals with a deviation per arm."""
    return deviations(arms)[:, None] * rng.standard_normal((arms, seeds)) + BLOCK * rng.standard_normal(seeds)


def one_noisy(arms: int) -> Floats:
    """One arm, in the middle of the ladder, four times as noisy as the others."""
    return np.where(np.arange(arms) == arms // 2, 4.0, 1.0)


def growing(arms: int) -> Floats:
    """Deviations that grow from 1 to 3 along the ladder."""
    return np.geomspace(1, 3, arms)


def diverging(rng: np.random.Generator, arms: int, seeds: int) -> Floats:
    """One arm loses 20 deviations in one run of five."""
    errors = normal(rng, arms, seeds)
    errors[arms // 2] -= 20 * ((rng.random(seeds) < 0.2) - 0.2)
    return errors


def ceiling(rng: np.random.Generator, arms: int, seeds: int, rates: Callable[[int], Floats]) -> Floats:
    """Accuracies in points, counted on a small test set, less the true ones."""
    right = rates(arms)[:, None]
    return 100 * (rng.binomial(IMAGES, right, (arms, seeds)) / IMAGES - right)


def rising(arms: int) -> Floats:
    """Accuracies from 97 % to 99.8 %."""
    return np.linspace(0.97, 0.998, arms)


def level(arms: int) -> Floats:
    """The same accuracy of 99.4 % everywhere."""
    return np.full(arms, 0.994)


@dataclass(frozen=True)
class Case:
    """How tables are drawn; ``null`` where tables without differences need a draw of their own."""

    words: str
    draw: Draw
    regular: bool = False  # the model holds
    null: Draw | None = None


CASES = {
    "normal": Case("normal residuals", normal, regular=True),
    "missing": Case("normal residuals, 15 % of the scores missing", missing, regular=True),
    "heavy": Case("heavy tails: t with 3 degrees of freedom", heavy),
    "noisy": Case("one arm four times as noisy", partial(scaled, deviations=one_noisy)),
    "growing": Case("deviations growing from 1 to 3 along the ladder", partial(scaled, deviations=growing)),
    "diverging": Case("one arm diverges in one run of five", diverging),
    "ceiling": Case("ceiling: 97 to 99.8 % of 500 images", partial(ceiling, rates=rising), null=partial(ceiling, rates=level)),
}


@cache
def plan(arms: int) -> Any:
    """A ladder of so many arms."""
    return ladder(*(Trick(f"t{n}", {f"x{n}": 1}) for n in range(arms - 1)))


@cache
def contrasts(arms: int) -> Floats:
    """Its contrasts (rows, arms)."""
    return weights_of(plan(arms))


# ---- one cell ------------------------------------------------------------------------------------------------------------------


def generator(*words: object) -> np.random.Generator:
    """Random numbers of a cell's own."""
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


def cell(name: str, arms: int, seeds: int, simulations: int) -> dict[str, float]:
    """What comes of so many tables, as shares of them; empty where no table carries an interval."""
    case, rng = CASES[name], generator(name, arms, seeds)
    if name == "missing" and not len(lost_seeds(arms, seeds)):
        return {}
    sizes = np.array(resolution(plan(arms), seeds))
    found = [_judged(case, arms, seeds, rng, sizes) for _ in range(simulations)]
    known = [each for each in found if each]
    keys = dict.fromkeys(key for each in known for key in each)
    return {key: float(np.mean([each[key] for each in known if key in each])) for key in keys}


def _judged(case: Case, arms: int, seeds: int, rng: np.random.Generator, sizes: Floats) -> dict[str, float]:
    asked = contrasts(arms)
    rows = judge(case.draw(rng, arms, seeds), asked)
    if not (rows.error > 0).any():
        return {}
    held = ~(np.abs(rows.value) > rows.half)  # the truth is 0: errors about the true means were drawn
    told = {"coverage": held.all(), "apart": any(method != rows.method[0] for method in rows.method) or rows.spread.heterogeneous}
    told["power"] = (np.abs(rows.value + sizes) > rows.half).mean()
    told["half"] = float(np.nanmean(rows.half / sizes))
    if case.null is not None:
        rows = judge(case.null(rng, arms, seeds), asked)
        held = ~(np.abs(rows.value) > rows.half)
    known = rows.error > 0
    told["interval error"] = not held.all()
    told["holm error"] = bool((rows.p[known] * known.sum() <= 0.05).any())  # Holm's first step decides whether any row is rejected
    if rng.random() < 0.2 and known.any():  # slow, so of every fifth table
        margin = 20 * float(np.nanmax(rows.error))
        told["margin error"] = bool((replace(rows, value=rows.value + margin).within(margin) <= 0.05).any())
    return {key: float(value) for key, value in told.items()}


def ruled(rule: str, name: str, arms: int, seeds: int, simulations: int) -> dict[str, float]:
    """A cell under another rule for choosing between the pooled variance and a row's own."""
    with chosen(rule):
        return cell(name, arms, seeds, simulations)


@contextmanager
def chosen(rule: str) -> Iterator[None]:
    """Pool always, or never, or by the rule that ships."""
    module = import_module("hpsearch.statistics.spread")
    before = {name: getattr(module, name) for name in ("SUSPECTED", "UNLIKE")}
    try:
        for name, value in RULES[rule].items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


RULES: dict[str, dict[str, float]] = {
    "pooled always": {"SUSPECTED": 0.0, "UNLIKE": 0.0},
    "the rule": {},
    "own always": {"UNLIKE": 2.0},  # any p-value is below
}


def signs(name: str, seeds: int, simulations: int) -> dict[str, float]:
    """The exact test of one difference: how often it errs at 5 %."""
    case, rng = CASES[name], generator("signs", name, seeds)
    tables = (case.draw(rng, 2, seeds) for _ in range(simulations))
    return {"error": float(np.mean([(sign_flip(table[1] - table[0]) or 1.0) <= 0.05 for table in tables]))}


def course(name: str, arms: int, seeds: Seeds, worth: float, simulations: int) -> dict[str, float]:
    """Seeds that follow the results: the first half of the steps is worth so many deviations, the others nothing."""
    case, rng, asked = CASES[name], generator("course", name, arms, repr(seeds), worth), contrasts(arms)
    means = worth * np.minimum(np.arange(arms), (arms - 1 + 1) // 2)
    truth = asked @ means
    ended, found = np.ones((arms, seeds.most), dtype=bool), []
    for _ in range(simulations):
        at = follow(seeds, asked, means[:, None] + case.draw(rng, arms, seeds.most), ended)
        held, told = [], []
        for row, look in enumerate(at.judged):
            places, rows = at.rows[look or 0]
            if rows is None or row not in places:
                continue
            place = places.index(row)
            value, half = rows.value[place], rows.half[place]
            held.append(not abs(value - truth[row]) > half)
            told.append(abs(value) > half)
        wrong = any(seen for seen, true in zip(told, truth, strict=False) if not true)
        resolved = [seen for seen, true in zip(told, truth, strict=False) if true]
        each = {"coverage": all(held), "error": wrong, "seeds": float(np.mean(at.wanted))}
        found.append(each | ({"power": float(np.mean(resolved))} if resolved else {}))
    return {key: float(np.mean([each[key] for each in found])) for key in found[0]}


# ---- all cells -----------------------------------------------------------------------------------------------------------------

Job = tuple[str, tuple[Any, ...]]
Found = Mapping[Job, Mapping[str, float]]
FOLLOWING = (
    Seeds(3, 12, until=1e-9),  # never narrow enough: the error is that of looking alone
    Seeds(3, 12, until=1e-9, spending="Pocock"),
    Seeds(2, 10, until=1e-9, step=1),
)
SAVING = (Seeds(3, 12, until=1.0), Seeds(3, 12, until=1.0, spending="Pocock"))
WORTHS = (1.5, 3.0)  # deviations
FOLLOWED = ("normal", "missing", "heavy", "noisy")
SIGNED, SIGNS = ("normal", "heavy", "noisy"), (5, 6, 8, 10)
COMPARED = (("normal", 6), ("normal", 12), ("noisy", 6), ("noisy", 12), ("growing", 12))


def jobs() -> list[Job]:
    """Every cell, the slow ones first."""
    tables = [("cell", (name, arms, seeds)) for name in CASES for arms in ARMS for seeds in SEEDS]
    held = [("course", (name, arms, each, 0.0)) for name in FOLLOWED for arms in ARMS for each in FOLLOWING]
    saved = [("course", ("normal", arms, each, worth)) for arms in ARMS for each in SAVING for worth in WORTHS]
    rules = [("ruled", (rule, name, arms, seeds)) for rule in RULES for name, arms in COMPARED for seeds in SEEDS]
    exact = [("signs", (name, seeds)) for name in SIGNED for seeds in SIGNS]
    return sorted([*held, *saved, *tables], key=lambda job: -job[1][1]) + rules + exact


def tables_of(job: Job, simulations: int) -> int:
    """Tables of a cell: of looks, which take longer, half as many; where the model holds and so more is claimed, more."""
    kind, (name, *what) = job
    if kind == "course":
        return simulations if CASES[name].regular and what[-1] == 0.0 else simulations // 2
    return 4 * simulations if kind == "cell" and CASES[name].regular else simulations


def measure(job: Job, simulations: int) -> dict[str, float]:
    """One cell."""
    kind, what = job
    kinds: Mapping[str, Callable[..., dict[str, float]]] = {"cell": cell, "ruled": ruled, "signs": signs, "course": course}
    return kinds[kind](*what, tables_of(job, simulations))


def run(simulations: int, slots: int) -> Found:
    """All cells, several at a time."""
    found: dict[Job, Mapping[str, float]] = {}
    with ProcessPoolExecutor(slots, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(measure, job, simulations): job for job in jobs()}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            print(f"{len(found)} of {len(waiting)}: {waiting[done]}", file=sys.stderr, flush=True)
    return found


# ---- the report ----------------------------------------------------------------------------------------------------------------


def percent(share: float | None) -> str:
    """A share of tables, in percent; a dash where there is none."""
    return "–" if share is None or math.isnan(share) else f"{100 * share:.1f}"


def markdown(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> list[str]:
    """A table; the first column is text."""
    return [
        f"| {' | '.join(heads)} |",
        f"|---|{'--:|' * (len(heads) - 1)}",
        *(f"| {' | '.join(map(str, line))} |" for line in lines),
        "",
    ]


def grid(found: Found, key: str, names: Iterable[str]) -> list[str]:
    """Cases and arms down, seeds across."""
    lines = [
        (CASES[name].words if arms == ARMS[0] else "", arms, *(percent(found["cell", (name, arms, n)].get(key)) for n in SEEDS))
        for name in names
        for arms in ARMS
    ]
    return markdown(["case", "arms", *(f"{n} seeds" for n in SEEDS)], lines)


def compared(found: Found) -> list[str]:
    """Coverage under three rules, and what each can resolve."""
    lines = []
    for name, arms in COMPARED:
        for rule in RULES:
            cells = [found["ruled", (rule, name, arms, n)] for n in SEEDS]
            told = [f"{percent(each['coverage'])} / {percent(each['power'])}" for each in cells]
            lines.append((f"{CASES[name].words}, {arms} arms" if rule == "pooled always" else "", rule, *told))
    return markdown(["case", "rule", *(f"{n} seeds" for n in SEEDS)], lines)


def looked(found: Found) -> list[str]:
    """Errors where seeds follow the results and no arm differs from another."""
    lines = []
    for name in FOLLOWED:
        for arms in ARMS:
            told = [percent(found["course", (name, arms, each, 0.0)]["error"]) for each in FOLLOWING]
            lines.append((CASES[name].words if arms == ARMS[0] else "", arms, *told))
    return markdown(["case", "arms", *(described(each) for each in FOLLOWING)], lines)


def saved(found: Found) -> list[str]:
    """What following saves: seeds per arm, rows resolved, coverage of the intervals it ends with."""
    lines = []
    for arms in ARMS:
        for worth in WORTHS:
            cells = [found["course", ("normal", arms, each, worth)] for each in SAVING]
            told = [f"{each['seeds']:.1f} / {percent(each['power'])} / {percent(each['coverage'])}" for each in cells]
            lines.append((f"{arms} arms, steps of {worth} deviations", *told))
    return markdown(["plan", *(described(each) for each in SAVING)], lines)


def described(seeds: Seeds) -> str:
    """In words."""
    return f"{seeds.start} to {seeds.most} by {seeds.step}, {seeds.spending}"


def report(found: Found, command: str, simulations: int, seconds: float) -> str:
    """The page."""
    exact = [(CASES[name].words, *(percent(found["signs", (name, n)]["error"]) for n in SIGNS)) for name in SIGNED]
    regular = [name for name, case in CASES.items() if case.regular]
    irregular = [name for name in CASES if name not in regular]
    sections = [
        (
            "Coverage of the simultaneous 95 % intervals, regular cases",
            "Percent of tables in which every interval holds the truth.",
            grid(found, "coverage", regular),
        ),
        ("Coverage, irregular cases", IRREGULAR, grid(found, "coverage", irregular)),
        (
            "Family-wise error where no arm differs",
            "Percent of tables in which any interval excludes zero.",
            grid(found, "interval error", CASES),
        ),
        (
            "Family-wise error of Holm's p-values",
            "Percent of such tables in which any is at most 0.05.",
            grid(found, "holm error", CASES),
        ),
        (
            "Equivalence",
            "Percent of tables in which any row that differs by exactly the margin is said to differ by no more.",
            grid(found, "margin error", regular),
        ),
        (
            "Power of the forecast",
            "Percent of rows resolved whose true difference is the one that `resolution` gives for 80 %.",
            grid(found, "power", ["normal"]),
        ),
        ("Pooled or not: the rule against its alternatives", COMPARISON, compared(found)),
        ("The exact sign-flip test", EXACT, markdown(["two arms", *(f"{n} seeds" for n in SIGNS)], exact)),
        (
            "Seeds that follow the results: error",
            "Percent of tables in which any row was ever told from zero, no arm differing.",
            looked(found),
        ),
        ("Seeds that follow the results: what they save", SAVED, saved(found)),
    ]
    return "\n".join(
        [
            *head(command, simulations, seconds),
            *(line for title, text, lines in sections for line in (f"## {title}", "", text, "", *lines)),
        ]
    )


IRREGULAR = (
    "The same where the model does not hold. An arm that diverges in one run of five shows it in none of its seeds in "
    "0.8^seeds of all tables (51 % with 3 seeds, 11 % with 10): there no method could know."
)
COMPARISON = (
    "Percent of tables in which every interval holds the truth / percent of rows resolved whose difference is the one that the "
    "forecast gives for 80 % with equal variances. `own always` never pools: every row has the paired interval of its differences."
)
EXACT = "Percent of tables in which p is at most 0.05; 5 seeds cannot go below 0.0625."
SAVED = (
    "Seeds per arm / percent of the steps with an effect that were resolved / percent of tables in which every final interval "
    "holds the truth. The first half of the steps is worth so many residual deviations, the others nothing; until=1 deviation."
)


def head(command: str, simulations: int, seconds: float) -> list[str]:
    """What made the page, and how far its numbers can be trusted."""
    cpu = Path("/proc/cpuinfo")
    models = (
        [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
        if cpu.exists()
        else []
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("hpsearch", "numpy", "scipy"))
    amounts = (4 * simulations, simulations, 4 * simulations // 5, simulations // 2)
    errors = [f"{196 * math.sqrt(0.05 * 0.95 / n):.2f} of {n:,} tables" for n in amounts]
    return [
        "# Calibration",
        "",
        "Simulations with known truth, every table judged by the code that judges a study. Each table is a ladder: arms - 1 steps",
        "and, from 3 arms, all of them together. A seed shifts all arms by 5 residual deviations.",
        "",
        f"- command: `{command}`",
        f"- tables per cell: {amounts[0]:,} in the regular cases, about {amounts[2]:,} of them for equivalence; {amounts[1]:,} in",
        f"  the others; where seeds follow the results {amounts[1]:,} and {amounts[3]:,}",
        f"- Monte-Carlo error of a 5 % rate (95 %), in points: {', '.join(errors)}",
        "- a dash: so few scores that no such table carries an interval",
        f"- hardware: {models[0] if models else platform.processor()}, {os.cpu_count()} cores, no accelerator",
        f"- time: {seconds / 60:.0f} minutes",
        f"- versions: Python {platform.python_version()}, {packages}",
        "",
    ]


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description="Calibration of the statistics")
    parser.add_argument("--simulations", type=int, default=10_000, help="tables per cell")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--report", type=Path, help="where the Markdown goes; printed without")
    args = parser.parse_args()
    begin = time.perf_counter()
    found = run(args.simulations, args.slots)
    text = report(found, f"python {shlex.join(sys.argv)}", args.simulations, time.perf_counter() - begin)
    if args.report:
        args.report.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
