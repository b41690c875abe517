"""How good is the configuration that our search picks? Against six other searches, on real tables.

    python benchmarks/search_quality.py --data ../shared/data/hpo --out quality.csv --report quality.md
    python benchmarks/search_quality.py --data ../shared/data/hpo --methods random,tpe --tasks hpobench --repetitions 30
    python benchmarks/search_quality.py --data ../shared/data/hpo --methods none --results peers.csv ours.csv --report quality.md

A budget is a number of full trainings, in epochs; everything a search evaluates counts, confirming trainings too. Regret is that
of the configuration the search itself would pick, 0 the best of the table, 1 its median or worse (``tables.py``). Repetitions
differ in the seed of the search and in the seeds of the trainings.

``--variants FILE`` is a Python file with ``VARIANTS = {"a": tune_of, ...}``, each a function (task, budget, seed) -> Tune, run as
``ours:a`` and so on. In the report every task gets the variant that was best on the other tasks, so that no constant is chosen on a
task it is reported on.
"""

import argparse
import os
import platform
import runpy
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a file and as a module

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers import PEERS, Pick, Picks
from benchmarks.tables import Task, load, names
from hpsearch.errors import Refused
from hpsearch.space import Choice, Domain, OneMinus, Space

if TYPE_CHECKING:
    from hpsearch.search import Tune

Floats = NDArray[np.float64]
TuneOf = Callable[[Task, int, int], "Tune"]
BUDGETS = (16, 32, 64, 128)
COLUMNS = ["task", "family", "full", "method", "budget", "repetition", "regret", "epochs", "seconds"]
DRAWS = 2000  # bootstrap samples of the repetitions
GOALS = {16: 1.0, 32: 1.0, 64: 0.9, 128: 0.9}  # ours / TPE at most, by budget
SHARE = 1 / 3  # of the training epochs of random search at the largest budget


# ---- ours: the one part to edit when the search changes ------------------------------------------------------------------------


def tune_of(task: Task, budget: int, seed: int) -> "Tune":
    """The search as a user would declare it for so many full trainings: ``Tune.within`` where shorter trainings can be scored.

    Elsewhere one round of full trainings, and the runs that confirm. The ranges end where the tables do: they are hard limits.
    """
    from hpsearch.search import Round, Tune
    from hpsearch.search.tune import CONFIRMING

    space = limited(task.space)
    if task.fidelities:
        return Tune.within(space, budget=budget * task.full, full=task.full, seed=seed)
    return Tune(space, (Round(points=int(budget / (1 + CONFIRMING)), epochs=task.full),), seed=seed)


def limited(space: Space) -> Space:
    """The space with the ends of its ranges as hard limits: beyond them the tables say nothing."""

    def closed(domain: Domain) -> Domain:
        if isinstance(domain, OneMinus):
            return OneMinus(closed(domain.rest))
        return domain if isinstance(domain, Choice) else replace(domain, least=domain.low, most=domain.high)  # type: ignore[call-arg,attr-defined]

    return Space((name, closed(domain)) for name, domain in space.domains)


def ours(task: Task, budget: int, seed: int, declare: TuneOf = tune_of) -> Pick:
    """Our search run to its end: what is asked is evaluated, what is told unfolds to more, until it is settled."""
    from hpsearch.search import unfold  # type: ignore[attr-defined,unused-ignore]

    tune = declare(task, budget, seed)
    told: dict[Any, float | None] = {}
    while not (unfolding := unfold(tune, told)).settled:
        waiting = [ask for ask in unfolding.asks if ask not in told]
        if not waiting:
            raise Refused(f"{task.name}: the search is not settled and asks for nothing, after {len(told)} evaluations of {tune}")
        for ask in waiting:  # every point its own training seeds, as the others have; runs of one point differ
            first = zlib.crc32(repr((seed, ask.items)).encode())
            told[ask] = task.score(ask.point, first + ask.seed, ask.epochs)
    return Pick(unfolding.winner, sum(ask.epochs for ask in told))


# ---- running -------------------------------------------------------------------------------------------------------------------


class Job(NamedTuple):
    """One run of one search; a search that knows its budget beforehand is run at each."""

    data: Path
    task: str
    method: str
    repetition: int
    budgets: tuple[int, ...]
    variants: Path | None


@cache
def variants_of(file: Path | None) -> Mapping[str, TuneOf]:
    """The variants of ours that a Python file declares, by method name."""
    return {f"ours:{name}": declare for name, declare in runpy.run_path(str(file))["VARIANTS"].items()} if file else {}


def measure(job: Job) -> list[dict[str, Any]]:
    """The rows of the raw results that a job gives, one per budget; seconds are those of the whole run."""
    task = load(job.data, job.task)
    seed = zlib.crc32(f"{job.task}/{job.repetition}".encode())  # independent across tasks that share a space
    begin = time.perf_counter()
    if job.method in PEERS:
        picks: Picks = PEERS[job.method](task, job.budgets, seed)
    else:
        declare = tune_of if job.method == "ours" else variants_of(job.variants)[job.method]
        picks = {budget: ours(task, budget, seed, declare) for budget in job.budgets}
    seconds = time.perf_counter() - begin
    about = {"task": task.name, "family": task.family, "full": task.full, "method": job.method, "repetition": job.repetition}
    return [
        {**about, "seconds": seconds, "budget": at, "regret": task.truth(pick.point), "epochs": pick.epochs}
        for at, pick in picks.items()
    ]


def jobs(args: argparse.Namespace) -> list[Job]:
    """All jobs, the slow ones first; ours is run budget by budget."""
    tasks = [name for name in names(args.data) if any(name.startswith(wanted) for wanted in args.tasks)]
    if not tasks:
        raise Refused(f"no task under {args.data} begins with {' or '.join(args.tasks)}: there are {', '.join(names(args.data))}")
    several = []
    for method in sorted(args.methods, key=lambda name: (name != "gp", not name.startswith("ours"), name)):
        repetitions = args.gp_repetitions if method == "gp" else args.repetitions
        parts = [args.budgets] if method in PEERS else [(budget,) for budget in args.budgets]
        several += [
            Job(args.data, task, method, repetition, part, args.variants)
            for task in tasks
            for repetition in range(repetitions)
            for part in parts
        ]
    return several


def collect(several: Sequence[Job], slots: int, out: Path | None = None) -> pd.DataFrame:
    """Raw results of all jobs, in the order of the jobs; written now and then, so that a run that is cut off leaves what it has."""
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes started here
    rows: dict[int, list[dict[str, Any]]] = {}
    frame = pd.DataFrame(columns=COLUMNS)
    with ProcessPoolExecutor(slots, get_context("spawn")) as pool:
        waiting = {pool.submit(measure, job): index for index, job in enumerate(several)}
        for done, future in enumerate(as_completed(waiting), 1):
            rows[waiting[future]] = future.result()
            if done % max(1, len(several) // 20) == 0 or done == len(several):
                print(f"{time.strftime('%H:%M:%S')} {done}/{len(several)} runs", file=sys.stderr, flush=True)
                frame = pd.DataFrame([row for index in sorted(rows) for row in rows[index]], columns=COLUMNS)
                if out is not None:
                    frame.to_csv(out, index=False)
    return frame


# ---- computing: pure functions of the raw results ------------------------------------------------------------------------------


def choices(frame: pd.DataFrame, by: str = "task") -> dict[str, str]:
    """For each task the variant ``ours:...`` with the lowest mean regret over the other tasks (or the tasks of other families).

    Tasks weigh the same, and so do budgets; of equal variants the first by name.
    """
    variants = frame[frame["method"].str.startswith("ours:")]
    means = variants.groupby(["task", "family", "method", "budget"])["regret"].mean().groupby(["task", "family", "method"]).mean()
    wide = means.unstack("method").reset_index("family")
    chosen = {}
    for task in wide.index:
        others = wide[wide.index != task] if by == "task" else wide[wide["family"] != wide.loc[task, "family"]]
        if others.empty:
            raise Refused(f"a variant for {task} is chosen on other tasks, and there are none: run more tasks")
        chosen[str(task)] = str(others.drop(columns="family").mean().idxmin())
    return chosen


def left_out(frame: pd.DataFrame, by: str = "task") -> pd.DataFrame:
    """The frame with the variants ``ours:...`` replaced by one method ``ours``, for each task the one ``choices`` gives."""
    if not frame["method"].str.startswith("ours:").any():
        return frame
    chosen = choices(frame, by)
    picked = frame[frame["method"] == frame["task"].map(chosen)].assign(method="ours")
    rest = frame[~frame["method"].str.startswith("ours:") & (frame["method"] != "ours")]
    return pd.concat([rest, picked], ignore_index=True)


def weights(frame: pd.DataFrame, by: str) -> dict[str, float]:
    """Weights of the tasks, which add up to 1: each ``task`` alike, or each ``family``."""
    family = frame.groupby("task")["family"].first()
    if by == "task":
        return dict.fromkeys(map(str, family.index), 1 / len(family))
    sizes = family.map(family.value_counts()) * family.nunique()
    return {str(task): 1 / size for task, size in sizes.items()}


def resampled(values: Floats, salt: str, draws: int = DRAWS) -> Floats:
    """Means of bootstrap samples of the repetitions: (repetitions,) to (draws,).

    Equal salts and equal numbers of repetitions draw the same repetitions, so that differences and ratios are paired.
    """
    rng = np.random.default_rng([zlib.crc32(salt.encode()), len(values)])
    means: Floats = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    return means


def interval(samples: Floats) -> tuple[float, float]:
    """The middle 95 % of bootstrap samples."""
    low, high = np.percentile(samples, [2.5, 97.5], method="nearest")
    return float(low), float(high)


class Mean(NamedTuple):
    """A mean over tasks, and the same of bootstrap samples of the repetitions."""

    mean: float
    samples: Floats


Means = dict[tuple[str, int], Mean]  # by method and budget


def means(frame: pd.DataFrame, weight: Mapping[str, float]) -> Means:
    """Weighted means over the tasks of the mean regret, for every method and budget that all the tasks have."""
    result: Means = {}
    for (method, budget), part in frame.groupby(["method", "budget"]):
        regrets = {str(task): each.sort_values("repetition")["regret"].to_numpy() for task, each in part.groupby("task")}
        if set(weight) <= set(regrets):
            mean = sum(share * float(regrets[task].mean()) for task, share in weight.items())
            samples = sum((share * resampled(regrets[task], task) for task, share in weight.items()), np.zeros(DRAWS))
            result[str(method), int(budget)] = Mean(mean, samples)  # type: ignore[call-overload]
    return result


def ranks(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean rank per method (rows) and budget (columns): of mean regrets within a task, 1 is best, equal ones share; tasks alike."""
    wide = frame.groupby(["task", "budget", "method"])["regret"].mean().unstack("method").dropna(axis="columns")
    return wide.rank(axis="columns").groupby("budget").mean().T


def reached(regrets: Mapping[int, float], target: float) -> float:
    """The budget at which a mean regret comes down to the target, linear in log2 of the budget between those that were run.

    The smallest budget that was run where that is enough already; infinite where the largest is not.

    >>> reached({16: 0.4, 64: 0.2}, target=0.3)
    32.0
    """
    budgets = sorted(regrets)
    for earlier, later in zip([budgets[0], *budgets], budgets, strict=False):
        if regrets[later] <= target:
            drop = regrets[earlier] - regrets[later]
            share = 1.0 if drop <= 0 else (regrets[earlier] - target) / drop
            return float(earlier * (later / earlier) ** share)
    return float("inf")


# ---- drawing -------------------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right of the first column."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(value: float, samples: Floats, digits: int = 3) -> str:
    low, high = interval(samples)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _order(methods: Iterable[str]) -> list[str]:
    known = ["ours", *PEERS]
    return sorted(set(methods), key=lambda name: (known.index(name) if name in known else len(known), name))


def _mean_table(found: Means, budgets: Sequence[int]) -> str:
    rows = (
        [name, *(_spread(*found[name, at]) if (name, at) in found else "not on all tasks" for at in budgets)]
        for name in _order(method for method, _ in found)
    )
    return table(["search", *map(str, budgets)], rows)


def _goal_rows(found: Means, budgets: Sequence[int], against: str) -> list[list[str]]:
    """Ours over another search, per budget; below 1 ours is better. The goals are for both kinds of TPE."""
    rows = []
    for at in budgets:
        if ("ours", at) in found and (against, at) in found:
            mine, other = found["ours", at], found[against, at]
            ratio = mine.mean / other.mean
            goal = f"at most {GOALS[at]:.2f}: {'reached' if ratio <= GOALS[at] else 'MISSED'}" if at in GOALS else "none"
            row = [f"ours / {against} at {at}", _spread(ratio, mine.samples / other.samples, 2)]
            rows.append([*row, goal if against.startswith("tpe") else "none"])
    return rows


def _share_row(found: Means, budgets: Sequence[int]) -> list[list[str]]:
    """Epochs ours needs to reach random's regret at the largest budget, as a share of random's."""
    last = max(budgets)
    curve = {at: found["ours", at] for at in budgets if ("ours", at) in found}
    if not curve or ("random", last) not in found:
        return []
    target = found["random", last]
    share = reached({at: each.mean for at, each in curve.items()}, target.mean) / last
    samples = np.array(
        [reached({at: each.samples[draw] for at, each in curve.items()}, target.samples[draw]) / last for draw in range(DRAWS)]
    )
    verdict = f"at most {SHARE:.2f}: {'reached' if share <= SHARE else 'MISSED'}"
    return [[f"epochs to random's regret at {last}, share of random's", _spread(share, samples, 2), verdict]]


def _verdict(mine: Floats, other: Floats, task: str) -> str:
    """The difference with its interval; a win or a loss where the interval lies on one side of 0."""
    difference = mine.mean() - other.mean()
    low, high = interval(resampled(mine, task) - resampled(other, task))
    sure = "**win**" if high < 0 else "**LOSS**" if low > 0 else None
    word = sure or ("lower" if difference < 0 else "higher" if difference > 0 else "equal")
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}] {word}"


def _task_table(frame: pd.DataFrame, budget: int) -> str:
    """Mean regret of each search on each task at one budget, and ours minus TPE."""
    part = frame[frame["budget"] == budget].sort_values("repetition")
    methods = _order(part["method"])
    compared = {"ours", "tpe"} <= set(methods)
    rows = []
    for task, each in part.groupby("task"):
        regrets = {str(name): group["regret"].to_numpy(dtype=np.float64) for name, group in each.groupby("method")}
        row = [str(task), *(f"{regrets[name].mean():.3f}" if name in regrets else "" for name in methods)]
        both = {"ours", "tpe"} <= set(regrets)
        rows.append(row + ([_verdict(regrets["ours"], regrets["tpe"], str(task)) if both else ""] if compared else []))
    return table(["task", *methods, *(["ours - tpe"] if compared else [])], rows)


def _reached_table(frame: pd.DataFrame, budgets: Sequence[int]) -> str:
    """Per task and search, the share of random's epochs at the largest budget that reaches random's regret there."""
    last, curves = max(budgets), frame.groupby(["task", "method", "budget"])["regret"].mean()
    methods, rows = _order(frame["method"]), []
    for task in sorted(set(frame["task"])):
        curve = {name: curves[task, name].to_dict() for name in methods if (task, name) in curves.index}
        if last in curve.get("random", {}):
            shares = {name: reached(each, curve["random"][last]) / last for name, each in curve.items()}
            rows.append(
                [task, *((f"{shares[name]:.2f}" if shares[name] < np.inf else "> 1") if name in shares else "" for name in methods)]
            )
    return table(["task", *methods], rows)


def _family_table(frame: pd.DataFrame, budgets: Sequence[int]) -> str:
    """Mean regret within each family."""
    rows = []
    for family in sorted(set(frame["family"])):
        part = frame[frame["family"] == family]
        found = means(part, weights(part, "task"))
        methods = _order(method for method, _ in found)
        rows += [
            [f"{family}: {name}", *(_spread(*found[name, at]) if (name, at) in found else "" for at in budgets)] for name in methods
        ]
    return table(["family: search", *map(str, budgets)], rows)


def _spent(frame: pd.DataFrame) -> str:
    """The largest share of its budget that any run of a search spent; above 1 a comparison is not fair."""
    shares = (frame["epochs"] / (frame["budget"] * frame["full"])).groupby(frame["method"]).max()
    return ", ".join(f"{name} {shares[name]:.2f}{' OVER BUDGET' if shares[name] > 1 else ''}" for name in _order(shares.index))


def header(command: str) -> str:
    """Where and with what the numbers were made."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    packages = ", ".join(f"{name} {version(name)}" for name in ("optuna", "ray", "scipy", "numpy", "torch"))
    return (
        f"- hardware: {models[0] if models else platform.processor()}, {os.cpu_count()} cores, no accelerator\n"
        f"- versions: Python {platform.python_version()}, {packages}\n"
        f"- command: `{command}`"
    )


def _averages(frame: pd.DataFrame, kind: str, budgets: Sequence[int]) -> list[str]:
    found = means(frame, weights(frame, kind))
    against = ("tpe", "tpe_independent", "gp", "asha")
    goals = [row for name in against for row in _goal_rows(found, budgets, name)] + _share_row(found, budgets)
    text = f"each {kind} weighs the same"
    parts = [f"\n## Mean normalised regret by budget, {text}\n", _mean_table(found, budgets)]
    return parts + ([f"\nGoals, {text}:\n", table(["what", "value", "goal"], goals)] if goals else [])


def report(frame: pd.DataFrame, command: str, by: str = "task") -> str:
    """The whole report as Markdown, from the raw results."""
    chosen = choices(frame, by) if frame["method"].str.startswith("ours:").any() else {}
    frame = left_out(frame, by)
    budgets = [int(budget) for budget in sorted(set(frame["budget"]))]
    counts = {name: int(frame.loc[frame["method"] == name, "repetition"].nunique()) for name in _order(frame["method"])}
    rank = ranks(frame)
    rank_rows = ([str(name), *(f"{each:.2f}" for each in rank.loc[name, budgets].to_numpy())] for name in _order(rank.index))
    parts = [
        "# Search quality on real tables\n",
        header(command),
        f"- repetitions: {', '.join(f'{name} {count}' for name, count in counts.items())}",
        f"- most epochs spent by a run, share of its budget: {_spent(frame)}",
        f"- {frame['task'].nunique()} tasks in {frame['family'].nunique()} families; intervals are 95 % bootstrap intervals over",
        "  the repetitions, paired where two searches are compared, and say nothing about other tasks",
        "- regret is 0 for a table's best row and 1 for its median row or worse, of the configuration that the search picks",
        *_averages(frame, "task", budgets),
        *_averages(frame, "family", budgets),
        "\n## Mean normalised regret by budget, within each family\n",
        _family_table(frame, budgets),
        "\n## Mean rank by budget, of the mean regrets within a task, 1 is best\n",
        table(["search", *map(str, budgets)], rank_rows),
    ]
    for budget in budgets:
        parts += [f"\n## Per task at {budget} full trainings\n", _task_table(frame, budget)]
    parts += ["\n## Per task: epochs to random's regret at the largest budget, share of random's\n", _reached_table(frame, budgets)]
    if chosen:
        parts += [f"\n## Variant of ours, chosen on the other {'tasks' if by == 'task' else 'families'}\n"]
        parts += [table(["task", "variant"], ([task, variant] for task, variant in chosen.items()))]
    return "\n".join(parts) + "\n"


# ---- the command ---------------------------------------------------------------------------------------------------------------


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name and name != "none")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(number) for number in text.split(",")}))


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, refused early where a name is unknown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with hpobench_mlp, taskset_text_rnn, ...")
    parser.add_argument("--methods", "--peers", type=_names, default=("ours", *PEERS), help=f"ours,{','.join(PEERS)} or none")
    parser.add_argument("--tasks", type=_names, default=("",), help="beginnings of task names, as in hpobench,deepobs/cifar10")
    parser.add_argument("--budgets", type=_numbers, default=BUDGETS, help="full trainings, as in 16,32,64,128")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--gp-repetitions", type=int, default=5, help="of the Gaussian process, which takes minutes per run")
    parser.add_argument("--slots", type=int, default=4, help="processes")
    parser.add_argument("--variants", type=Path, help='a Python file with VARIANTS = {"a": tune_of, ...}; methods ours:a, ...')
    parser.add_argument("--leave-out", choices=("task", "family"), default="task", help="what a variant is not chosen on")
    parser.add_argument("--results", type=Path, nargs="+", default=(), help="raw results of earlier runs to report along")
    parser.add_argument("--out", type=Path, help="raw results of this run, CSV")
    parser.add_argument("--report", type=Path, help="the report, Markdown; printed without it")
    args = parser.parse_args(argv)
    variants = tuple(variants_of(args.variants))
    if variants and "ours" in args.methods:  # the variants stand for ours
        args.methods = (*(name for name in args.methods if name != "ours"), *variants)
    unknown = [name for name in args.methods if name not in ("ours", *PEERS, *variants)]
    if unknown:
        parser.error(f"unknown method {', '.join(unknown)}: known are {', '.join(('ours', *PEERS, *variants))}")
    return args


def main() -> None:
    """Run, write the raw results, report."""
    args = arguments()
    measured = [collect(jobs(args), args.slots, args.out)] if args.methods else []
    frame = pd.concat([*measured, *(pd.read_csv(file) for file in args.results)], ignore_index=True)
    frame = frame.drop_duplicates(["task", "method", "budget", "repetition"])
    text = report(frame, f"python {shlex.join(sys.argv)}", args.leave_out)
    print(text) if args.report is None else args.report.write_text(text)


if __name__ == "__main__":
    main()
