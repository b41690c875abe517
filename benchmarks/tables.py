"""Real tables as tasks for a search: nineteen of them, in four families, all with the same interface.

A point of the continuous space stands for the nearest row of the table, in unit coordinates (so logarithms count where the domain
has them); two different options of a ``Choice`` are one whole unit apart. On a complete grid that is rounding per dimension.

What a search sees is a ``score``: one training seed, so many epochs, larger is better, None where the training failed. What it is
judged by is the ``truth`` of the row it picks, its normalised regret after a full training:

    regret = min(1, (best - value) / (best - median))

over the rows of the table, failed ones counted as the worst: 0 is the table's best row, 1 its median row or anything below. (Where
the median row failed, the worst finished row takes its place.) With this scale a uniform draw of 64 rows of the four hpobench_mlp
grids, picked by its best single score, has mean regret 0.15.

Where the rows are few, a search that looks near its best point meets the same row again and again and learns nothing new: a
bound of these tables, not of a real training. Different rows among 128 proposals, mean of 3 seeds: on hpobench/phoneme random 128,
TPE 90; on taskset/patch128_LSTM128_bs64 119 and 32; on deepobs/cifar100_allcnnc 73 and 41; on deepcave 44 and 13. So what is won
over TPE outside hpobench is won in part over the table. On hpobench a search that trains a row with all five seeds knows its truth.

| family | what is seen | truth |
|---|---|---|
| hpobench | ``val_bal_acc`` of one of 5 training seeds | its mean over the 5 seeds |
| taskset | minus the validation loss at a point of the curve; one seed | minus the test loss at the curve's end |
| deepobs | test accuracy (minus test loss where there is none) after an epoch; one seed | the same after the last epoch |
| deepcave | minus the loss at the largest budget within the epochs, one of its repeats | minus its mean loss at budget 81 |
"""

import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from hpsearch.errors import Refused, did_you_mean
from hpsearch.space import Choice, Domain, Integers, LogIntegers, LogUniform, OneMinus, Point, Space, Uniform

Floats = NDArray[np.float64]
HPOBENCH_EPOCHS = 243  # of a full training of HPOBench's neural network (Eggensperger et al. 2021, appendix)


@dataclass(frozen=True, eq=False)
class Rows:
    """The configurations of a table, and which of them is nearest to a point."""

    space: Space
    points: tuple[Point, ...]
    _found: dict[Hashable, int] = field(default_factory=dict, repr=False)  # a search asks for the same point again and again

    def _coordinates(self, point: Mapping[str, Any]) -> list[float]:
        """Unit coordinates; an option of a Choice is a corner of a simplex with edges of length 1."""
        coordinates: list[float] = []
        for name, domain in self.space.domains:
            if isinstance(domain, Choice):
                coordinates += [0.5**0.5 * (option == point[name]) for option in domain.options]
            else:
                coordinates.append(domain.unit(point[name]))
        return coordinates

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree([self._coordinates(point) for point in self.points])

    def nearest(self, point: Mapping[str, Any]) -> int:
        """The index of the row that a point stands for."""
        key = tuple(point[name] for name in self.space.names)
        if key not in self._found:
            self._found[key] = int(self._tree.query(self._coordinates(point))[1])
        return self._found[key]


@dataclass(frozen=True, eq=False)
class Level:
    """What is known after so many epochs of training."""

    epochs: int
    rows: Rows
    scores: Floats  # (rows, seeds), larger is better, NaN where the training failed


@dataclass(frozen=True, eq=False)
class Task:
    """A table that a search can be run on.

    Attributes:
        levels: by rising epochs, the last one a full training; one level alone: there are no shorter trainings.
        regrets: of the rows of the last level, in [0, 1].
    """

    name: str
    family: str
    space: Space
    levels: tuple[Level, ...]
    regrets: Floats

    @property
    def full(self) -> int:
        """Epochs of a full training."""
        return self.levels[-1].epochs

    @property
    def fidelities(self) -> bool:
        """Whether shorter trainings can be scored."""
        return len(self.levels) > 1

    @cached_property
    def _level_after(self) -> tuple[Level | None, ...]:
        known = {level.epochs: level for level in self.levels}
        after: list[Level | None] = [None]
        for epochs in range(1, self.full + 1):
            after.append(known.get(epochs, after[-1]))
        return tuple(after)

    def score(self, point: Mapping[str, Any], seed: int, epochs: int) -> float | None:
        """What one training reports, larger is better; None where it failed."""
        level = self._level_after[epochs] if 0 < epochs <= self.full else None
        if level is None:
            raise Refused(f"{self.name} has scores after {self.levels[0].epochs} to {self.full} epochs, got epochs={epochs}")
        seen = level.scores[level.rows.nearest(point), seed % level.scores.shape[1]]
        return float(seen) if np.isfinite(seen) else None

    def truth(self, point: Mapping[str, Any] | None) -> float:
        """The normalised regret of a point; 1 where a search picked none."""
        return 1.0 if point is None else float(self.regrets[self.levels[-1].rows.nearest(point)])


def normalised_regret(values: Floats) -> Floats:
    """(best - value) / (best - median), at most 1; NaN stands for a failed row, which is worse than all others.

    >>> normalised_regret(np.array([4.0, 3.0, 2.0, 0.0, np.nan])).tolist()
    [0.0, 0.5, 1.0, 1.0, 1.0]
    """
    finished = values[np.isfinite(values)]
    if not finished.size:
        raise Refused("a table needs at least one finished row")
    best = finished.max()
    median = np.median(np.where(np.isfinite(values), values, -np.inf))
    scale = best - (median if np.isfinite(median) else finished.min())
    if not scale > 0:
        raise Refused("a table needs a row that is better than its median row")
    return np.where(np.isfinite(values), np.minimum(1.0, (best - np.where(np.isfinite(values), values, best)) / scale), 1.0)


def _points(frame: pd.DataFrame, space: Space) -> tuple[Point, ...]:
    return tuple({str(name): value for name, value in row.items()} for row in frame[list(space.names)].to_dict("records"))


def _failed_as_nan(scores: Floats) -> Floats:
    return np.where(np.isfinite(scores), scores, np.nan).astype(np.float64)


def hpobench(file: Path) -> Task:
    """A complete grid, 10 x 10 x 3 x 10 x 10, with five training seeds at full budget."""
    frame = pd.read_parquet(file)
    space = Space(
        alpha=LogUniform(1e-8, 1.0),
        batch_size=LogIntegers(4, 256),
        depth=Integers(1, 3),
        learning_rate_init=LogUniform(1e-5, 1.0),
        width=LogIntegers(16, 1024),
    )
    scores = frame[[f"val_bal_acc_seed{seed}" for seed in range(5)]].to_numpy(dtype=np.float64)
    level = Level(HPOBENCH_EPOCHS, Rows(space, _points(frame, space)), scores)
    return Task(f"hpobench/{file.stem}", "hpobench", space, (level,), normalised_regret(scores.mean(axis=1)))


def taskset(file: Path) -> Task:
    """1,000 random configurations of Adam with decays and penalties, with curves of 51 points.

    The first point is before training, so a full training is 50 "epochs" (of 200 steps each, by TaskSet's paper).
    """
    frame = pd.read_parquet(file)
    space = Space(
        learning_rate=LogUniform(1e-8, 10.0),
        beta1=OneMinus(LogUniform(1e-4, 1.0)),
        beta2=OneMinus(LogUniform(1e-6, 1.0)),
        epsilon=LogUniform(1e-10, 1e3),
        l1=LogUniform(1e-8, 10.0),
        l2=LogUniform(1e-8, 10.0),
        linear_decay=LogUniform(1e-7, 1e-4),
        exponential_decay=LogUniform(1e-6, 1e-3),
    )
    rows = Rows(space, _points(frame, space))
    seen = _failed_as_nan(-np.stack(frame["valid_loss_curve"].to_list()))
    levels = tuple(Level(epoch, rows, seen[:, [epoch]]) for epoch in range(1, seen.shape[1]))
    truth = _failed_as_nan(-np.stack(frame["test_loss_curve"].to_list())[:, -1])
    name = file.stem.removeprefix("FixedTextRNNClassification_imdb_")
    return Task(f"taskset/{name}", "taskset", space, levels, normalised_regret(truth))


def deepobs(folder: Path, problem: str) -> Task:
    """Three optimisers x 36 learning rates with one seed and curves; a training whose loss is no number has failed."""
    runs = pd.read_csv(folder / "deepobs_runs.csv.gz")
    runs = runs[(runs["testproblem"] == problem) & (runs["random_seed"] == 42)].reset_index(drop=True)
    curves = pd.read_parquet(folder / "deepobs_curves.parquet", filters=[("run", "in", set(runs["run"]))])
    curves["run"] = curves["run"].astype(str)
    loss = curves.pivot(index="run", columns="epoch", values="test_loss").loc[runs["run"]].to_numpy(dtype=np.float64)
    accuracy = curves.pivot(index="run", columns="epoch", values="test_acc").loc[runs["run"]].to_numpy(dtype=np.float64)
    seen = np.where(np.isfinite(loss), -loss if np.isnan(accuracy).all() else accuracy, np.nan)
    space = Space(optimizer=Choice(*sorted(set(runs["optimizer"]))), learning_rate=LogUniform(1e-5, 1e2))
    rows = Rows(space, _points(runs, space))
    levels = tuple(Level(epoch, rows, seen[:, [epoch]]) for epoch in range(1, seen.shape[1]))
    return Task(f"deepobs/{problem}", "deepobs", space, levels, normalised_regret(seen[:, -1]))


def _configspace(file: Path) -> Space:
    """The domains of a ConfigSpace JSON; its one conditional parameter is an ordinary one here."""
    kinds: dict[tuple[str, bool], Callable[..., Domain]] = {
        ("uniform_float", False): Uniform,
        ("uniform_float", True): LogUniform,
        ("uniform_int", False): Integers,
        ("uniform_int", True): LogIntegers,
    }
    return Space(
        (
            each["name"],
            Choice(*each["choices"]) if "choices" in each else kinds[each["type"], each["log"]](each["lower"], each["upper"]),
        )
        for each in json.loads(file.read_text())["hyperparameters"]
    )


def deepcave(folder: Path) -> Task:
    """A BOHB run, evaluated at budgets 1, 3, 9, 27 and 81; at each budget only its own configurations are known.

    A point stands for the nearest of those, so another one at each budget. Truth is over the 91 configurations of budget 81.
    """
    space = _configspace(folder / "bohb_convnet_run_3.configspace.json")
    frame = pd.read_csv(folder / "bohb_convnet_run_3.csv.gz").rename(columns=lambda name: name.removeprefix("hp_"))
    frame["lr_scheduler_tmult"] = frame["lr_scheduler_tmult"].fillna(1).astype(int)  # its default, where it is switched off
    levels = []
    for budget in sorted(set(frame["budget"].astype(int))):
        part = frame[frame["budget"] == budget]
        groups = [group for _, group in part.groupby(list(space.names), sort=False)]
        repeats = max(map(len, groups))
        rows = Rows(space, _points(pd.concat([group.head(1) for group in groups]), space))
        scores = np.stack([np.resize(-group["loss"].to_numpy(dtype=np.float64), repeats) for group in groups])
        levels.append(Level(budget, rows, scores))
    truth = np.array([-group["loss"].mean() for group in groups])  # of the last budget
    return Task("deepcave/bohb_convnet", "deepcave", space, tuple(levels), normalised_regret(truth))


DEEPOBS = (
    "cifar100_allcnnc",
    "cifar10_3c3d",
    "fmnist_2c2d",
    "fmnist_vae",
    "mnist_vae",
    "quadratic_deep",
    "svhn_wrn164",
    "tolstoi_char_rnn",
)


def _builders(data: Path) -> Iterator[tuple[str, Callable[[], Task]]]:
    """Names of the tasks under a folder, and how each is read."""
    for file in sorted((data / "hpobench_mlp").glob("*.parquet")):
        yield f"hpobench/{file.stem}", partial(hpobench, file)
    for file in sorted((data / "taskset_text_rnn").glob("*.parquet")):
        yield f"taskset/{file.stem.removeprefix('FixedTextRNNClassification_imdb_')}", partial(taskset, file)
    if (data / "deepobs_baselines").is_dir():
        for problem in DEEPOBS:
            yield f"deepobs/{problem}", partial(deepobs, data / "deepobs_baselines", problem)
    if (data / "deepcave_logs").is_dir():
        yield "deepcave/bohb_convnet", partial(deepcave, data / "deepcave_logs")


def names(data: Path) -> tuple[str, ...]:
    """Names of all tasks under a folder, ``family/task``."""
    return tuple(name for name, _ in _builders(data))


@cache
def load(data: Path, name: str) -> Task:
    """One task by its name; read once per process."""
    builders = dict(_builders(data))
    if name not in builders:
        raise Refused(f"no task {name!r} under {data}: {did_you_mean(name, builders)}")
    return builders[name]()
