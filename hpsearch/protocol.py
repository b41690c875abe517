"""What a training function is given, and what the data it names must provide: protocols only.

A training function ``train(config, seed, epochs, run)`` provides one mapping of metrics per epoch, in one of three forms:

* a generator yields them;
* a plain function, whose loop belongs to a framework, has ``run.report(metrics)`` called once per epoch by a callback of its kind;
* a training without epochs returns one mapping; the study then asks for one epoch.

It resumes by reading ``run.latest`` and is resumable by writing through ``run.saving()``; both are optional.

A mapping holds what is to be recorded: numbers (numpy's and torch's too), arrays, strings and nested containers. The study's
metric, and those of ``Study.also``, must be finite numbers in the epochs the score is read from, the last ``Study.last``;
in others they may be left out. Other numbers that are not finite are recorded as texts and drawn as gaps.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeGuard, assert_never, runtime_checkable

HeldOut = Literal["tuning", "final"]  # which held-out images a trial is scored on
Goal = Literal["maximise", "minimise"]  # which of two scores is the better one
Recorded = float | str | None | list[Any] | dict[str, Any]  # JSON; numbers in it are finite
Row = dict[str, Recorded]  # metric to what was recorded of it


def is_tuning(held_out: HeldOut) -> bool:
    """Whether a trial is scored on the tuning slice, which it then does not learn from."""
    match held_out:
        case "tuning":
            return True
        case "final":
            return False
        case _:
            assert_never(held_out)


def larger_is_better(goal: Goal) -> bool:
    """Whether the larger of two scores is the better one."""
    match goal:
        case "maximise":
            return True
        case "minimise":
            return False
        case _:
            assert_never(goal)


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

    def report(self, metrics: Mapping[str, Any]) -> None:
        """Report the metrics of one epoch, where the training function is not a generator.

        Raises ``hpsearch.TrialEnded`` where the trial is to end here, because a rule stopped it or its numbers cannot be used: let
        it pass. It is not an ``Exception``, so that ``except Exception`` lets it pass too.
        """
        ...

    def callback(self) -> Callable[[Mapping[str, Any]], None]:
        """``report`` as a value, for a framework that takes a function to call with the metrics of each epoch.

        Where it takes an object with hooks such as ``on_epoch_end``, write one that calls ``report``.
        """
        ...

    def saving(self) -> AbstractContextManager[Path]:
        """A path to write a checkpoint to; it is sealed together with the next row that is yielded or reported."""
        ...

    def keeping(self, name: str) -> AbstractContextManager[Path]:
        """A path to write an artefact to (weights, a picture); it is sealed and listed in the record."""
        ...


@runtime_checkable
class Source(Protocol):
    """A field of a config that stands for data."""

    def identity(self) -> dict[str, Any]:
        """JSON that two sources share exactly when they hold the same content, wherever it is stored."""
        ...

    def check(self) -> None:
        """Refuse data that is missing, empty or useless; reads names, not contents."""
        ...

    def prepare(self, cache: Path) -> None:
        """Make what trials on this machine share; refuse a file that cannot be read, by name."""
        ...


def is_source(value: object) -> TypeGuard[Source]:
    """``isinstance(value, Source)``, asked of the class, which is faster."""
    return issubclass(type(value), Source)


@runtime_checkable
class Remarked(Protocol):
    """A source that had to conclude something its user should know."""

    def remark(self) -> str:
        """What was concluded, in a sentence; printed when a run begins, and kept with its provenance."""
        ...
