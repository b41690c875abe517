"""A run that keeps everything in one folder, for testing training functions without a driver."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.protocol import HeldOut, Row

CLOCK = ("seconds", "images_per_second")  # the metrics that no two runs share


@dataclass
class FakeRun:
    """Rows are sealed with the newest checkpoint when they are yielded, as the real one does."""

    folder: Path
    held_out: HeldOut = "tuning"
    threads: int = 1
    device: str = "cpu"
    rows: tuple[Row, ...] = ()
    latest: Path | None = None
    kept: list[str] = field(default_factory=list)
    weights: dict[str, Path] = field(default_factory=dict)  # field to the weights of the trial it needs
    _written: Path | None = None

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @contextmanager
    def saving(self) -> Iterator[Path]:
        self._written = self.folder / f"checkpoint-{len(self.rows) + 1}"
        yield self._written

    @contextmanager
    def keeping(self, name: str) -> Iterator[Path]:
        yield self.folder / name
        self.kept.append(name)

    def given(self, name: str) -> Path:
        return self.weights[name]

    def take(self, rows: Iterator[Row], count: int) -> tuple[Row, ...]:
        """Ask for so many rows, seal each, and stop asking."""
        for _ in range(count):
            row = next(rows)
            self.rows, self.latest = (*self.rows, row), self._written
        return self.rows


def rows_of(train: Callable[..., Iterator[Row]], recipe, seed: int, run: FakeRun) -> list[Row]:
    """All rows of a training run, without the clock."""
    return [measured(row) for row in run.take(train(recipe, seed, recipe.epochs, run), recipe.epochs)]


def measured(row: Row) -> Row:
    """A row without the clock."""
    return {metric: value for metric, value in row.items() if metric not in CLOCK}
