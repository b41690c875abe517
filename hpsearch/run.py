"""What a training function is handed, and what the data it names must answer: protocols only.

A training function is a generator ``train(config, seed, epochs, run)`` that yields one mapping of metrics per epoch. It resumes by
reading ``run.latest`` and is resumable by writing through ``run.saving()``; both are optional.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

HeldOut = Literal["tuning", "final"]  # which held-out images a trial is scored on
Row = dict[str, float | list[float]]  # metric to number, or to a small array


class Run(Protocol):
    """One attempt at one trial, as its training function sees it."""

    @property
    def held_out(self) -> HeldOut:
        """``tuning``: train without the tuning slice and be scored on it. ``final``: train on all of it, score on the final set."""
        ...

    @property
    def threads(self) -> int:
        """Threads the trial may use; part of the arithmetic on a CPU, so the same for every executor."""
        ...

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        ...

    @property
    def cache(self) -> Path:
        """Folder of this machine that all trials share: decoded data."""
        ...

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows sealed with ``latest``; an attempt goes on with epoch ``len(rows) + 1``."""
        ...

    @property
    def latest(self) -> Path | None:
        """The newest checkpoint that is whole, or None. Load it with ``weights_only=True``."""
        ...

    def given(self, name: str) -> Path:
        """The ``weights.pt`` that the trial in the config's field ``name`` ended with; see ``hpsearch.Teacher``."""
        ...

    def saving(self) -> AbstractContextManager[Path]:
        """A path to write a checkpoint to; it is sealed together with the next row that is yielded."""
        ...

    def keeping(self, name: str) -> AbstractContextManager[Path]:
        """A path to write an artefact to (weights, a picture); it is sealed and listed in the record."""
        ...


@runtime_checkable
class Source(Protocol):
    """A field of a config that stands for data."""

    def identity(self) -> dict[str, Any]:
        """JSON that two sources share exactly when they hold the same content, wherever it lies."""
        ...

    def check(self) -> None:
        """Refuse data that is missing, empty or useless; reads names, not contents."""
        ...

    def prepare(self, cache: Path) -> None:
        """Make what trials on this machine share; refuse a file that cannot be read, naming it."""
        ...


@runtime_checkable
class Remarked(Protocol):
    """A source that had to conclude something its user should know."""

    def remark(self) -> str:
        """What was concluded, in a sentence; told when a run begins, and kept with its provenance."""
        ...
