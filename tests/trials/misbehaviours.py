"""What training functions do that they should not, or that is odd and may be: a table, and the study that has all as arms.

Each is a training function of three epochs, with the state its trials end in and a phrase of the reason.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

EPOCHS = 3
Table = dict[str, tuple[Callable[[int, Any], Any], str, str]]


@dataclass(frozen=True)
class Config:
    does: str = "good"


def ones() -> Any:
    """A tensor of two; torch is imported by the trials that have one, and not by every worker of Ray's."""
    import torch

    return torch.ones(2, requires_grad=True)


class Own(BaseException):
    """No Exception."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Uninterrupted(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Unwritable:
    def __repr__(self) -> str:
        raise ValueError("no text either")


class Colour(Enum):
    RED = 1


def raises(make: Callable[[], BaseException]) -> Callable[[int, Any], Any]:
    """In the second epoch."""

    def train(seed, run):
        yield {"acc": 1.0}
        raise make()

    return train


def rows(*given: Any) -> Callable[[int, Any], Any]:
    """A generator of these, of each a fresh copy where it is made anew."""

    def train(seed, run):
        yield from (each() if callable(each) else each for each in given)

    return train


def last(value: Any, **beside: Any) -> Callable[[int, Any], Any]:
    """The score of the last epoch is this."""
    return rows({"acc": 1.0}, {"acc": 1.0}, {"acc": value, **beside})


def beside(**metrics: Any) -> Callable[[int, Any], Any]:
    """These beside a good score, in every epoch."""
    return rows(*[{"acc": 60.0 + n, **metrics} for n in range(EPOCHS)])


def reports(count: int) -> Callable[[int, Any], Any]:
    def train(seed, run):
        for n in range(count):
            run.report({"acc": 60.0 + n})

    return train


def deep(seed, run):
    yield {"acc": 1.0}
    yield {"acc": deep(seed, run) and next(recursion(0))}


def recursion(n):
    yield from recursion(n + 1)


def nested(levels: int) -> Any:
    nest: Any = 1.0
    for _ in range(levels):
        nest = [nest]
    return nest


def nests(seed, run):
    yield from beside(nest={"a": {1: (1, 2)}}, deep=nested(50), deeper=nested(5000), set={1}, enum=Colour.RED)(seed, run)


def mutates(seed, run):
    row: dict[str, Any] = {"acc": 60.0, "curve": [1.0]}
    for n in range(EPOCHS):
        row["acc"] = 60.0 + n
        yield row
        row["curve"].append("later")
        row["acc"] = None


def closes_stdout(seed, run):
    for n in range(EPOCHS):
        sys.stdout.close()
        sys.stderr.close()
        yield {"acc": 60.0 + n}


def swallows_everything(seed, run):
    for n in range(EPOCHS):
        try:
            run.report({"acc": 60.0 + n if n < 2 else "broken"})
        except BaseException:
            continue


def swallows_exceptions(seed, run):
    for n in range(EPOCHS):
        try:
            run.report({"acc": 60.0 + n if n < 2 else "broken"})
        except Exception:
            continue
    raise AssertionError("not reached")


def turns_into_another(seed, run):
    try:
        reports(2)(seed, run)
        run.report({})
    except BaseException as ended:
        raise ValueError("a framework's own") from ended


def both(seed, run):
    for n in range(EPOCHS):
        run.report({"acc": 60.0 + n})
        yield {"acc": 60.0 + n}


def clean_up_fails(seed, run):
    try:
        for n in range(EPOCHS + 2):
            yield {"acc": 60.0 + n}
    finally:
        raise OSError("no space left")


def clean_up_interrupts(seed, run):
    try:
        yield from beside()(seed, run)
        yield {"acc": 99.0}
    finally:
        raise KeyboardInterrupt


def will_not_close(seed, run):
    while True:
        try:
            yield {"acc": 60.0}
        except GeneratorExit:
            yield {"acc": 0.0}
            return


FAILING: Table = {
    "ValueError": (raises(lambda: ValueError("boom")), "failed", "ValueError: boom"),
    "no text": (raises(ValueError), "failed", "ValueError"),
    "markup": (raises(lambda: ValueError("\x1b[31m[bold red]x[/] <script>\x9b")), "failed", r"\x1b[31m[bold red]x[/] <script>\x9b"),
    "NUL": (raises(lambda: ValueError("a\0b")), "failed", r"ValueError: a\x00b"),
    "surrogate": (raises(lambda: ValueError("bad \udcff")), "failed", r"ValueError: bad \udcff"),
    "long": (raises(lambda: ValueError("x" * 3_000_000)), "failed", "xxx ... xxx"),
    "text raises": (raises(Unspeakable), "failed", "Unspeakable: its text cannot be made, RuntimeError was raised instead"),
    "sys.exit(0)": (raises(lambda: SystemExit(0)), "failed", "SystemExit: sys.exit(0) was called"),
    "sys.exit(3)": (raises(lambda: SystemExit(3)), "failed", "SystemExit: sys.exit(3) was called"),
    "GeneratorExit": (raises(GeneratorExit), "failed", "GeneratorExit"),
    "StopIteration": (raises(StopIteration), "failed", "StopIteration"),
    "KeyboardInterrupt": (raises(KeyboardInterrupt), "failed", "KeyboardInterrupt"),
    "interrupts as text": (raises(Uninterrupted), "failed", "its text cannot be made, KeyboardInterrupt was raised instead"),
    "own": (raises(lambda: Own("mine")), "failed", "Own: mine"),
    "MemoryError": (raises(MemoryError), "failed", "MemoryError"),
    "recursion": (deep, "failed", "RecursionError"),
    "group": (raises(lambda: ExceptionGroup("several", [ValueError("a"), TypeError("b")])), "failed", "several"),
    "early": (rows({"acc": 1.0}), "failed", "yielded 1 of the 3 epochs it was asked for"),
    "nothing": (rows(), "failed", "yielded 0 of the 3 epochs it was asked for"),
    "no generator": (lambda seed, run: None, "failed", "returned None: it must yield a mapping per epoch, or call run.report"),
    "returns one": (lambda seed, run: {"acc": 1.0}, "failed", "or, asked for one epoch, return one mapping"),
    "returns a list": (lambda seed, run: [{"acc": 1.0}] * 3, "failed", "returned a list of 3: it must yield"),
    "no mapping": (rows(93.1), "failed", "gave 93.1 for epoch 1: it must be a mapping of metrics"),
    "tuple": (rows(("acc", 1.0)), "failed", "gave a tuple of 2 for epoch 1"),
    "unwritable row": (rows(Unwritable()), "failed", "gave a Unwritable that cannot be written (ValueError) for epoch 1"),
    "list": (last([1.0, 2.0]), "failed", "metric 'acc' is a list of 2 in epoch 3: it must be a number, as x.item()"),
    "array": (last(np.array([1.0])), "failed", "metric 'acc' is a list of 1 in epoch 3: it must be a number"),
    "tensor": (
        rows({"acc": 1.0}, {"acc": 1.0}, lambda: {"acc": ones()}),
        "failed",
        "metric 'acc' is a list of 2 in epoch 3: it must be a number",
    ),
    "bool": (last(True), "failed", "metric 'acc' is True in epoch 3: it must be a number"),
    "text": (last("93.1"), "failed", "metric 'acc' is '93.1' in epoch 3: it must be a number"),
    "odd text": (last("\udcff\0"), "failed", "it must be a number"),
    "None": (last(None), "failed", "metric 'acc' is None in epoch 3: it must be a number"),
    "complex": (last(1j), "failed", "metric 'acc' is 1j in epoch 3: it must be a number"),
    "NaN": (last(float("nan")), "failed", "metric 'acc' is nan in epoch 3"),
    "infinite": (last(float("-inf")), "failed", "metric 'acc' is -inf in epoch 3"),
    "1e308": (last(1e308), "failed", "metric 'acc' is 1e+308 in epoch 3, larger than a 32-bit float"),
    "10**400": (last(10**400), "failed", "metric 'acc' is 1000"),
    "10**5000": (last(10**5000), "failed", "metric 'acc' is a int that cannot be written"),
    "missing": (
        rows({"acc": 1.0}, {"acc": 1.0}, {"accuracy": 1.0}),
        "failed",
        "no metric 'acc', which the study scores: it has accuracy",
    ),
    "nothing in it": (rows({}, {}, {}), "failed", "the row of epoch 3 has no metric 'acc', which the study scores: it has nothing"),
    "diverged": (rows(*[{"acc": 1.0, "loss": 10.0**n} for n in (0, 2, 4)]), "failed", "more than 10 times the 1 of epoch 1"),
    "NaN loss": (rows({"acc": 1.0, "loss": float("nan")}), "failed", "metric 'loss' is nan in epoch 1"),
    "late growth": (rows({"acc": 1.0}, {"acc": 1.0, "loss": 1.0}, {"acc": 1.0, "loss": 99}), "failed", "10 times the 1 of epoch 2"),
    "two names alike": (beside(**{"\0": 1, r"\x00": 2}), "failed", "two metrics of epoch 1 have the same name"),
    "reports too few": (reports(2), "failed", "reported 2 of the 3 epochs it was asked for"),
    "reports and yields": (both, "failed", "both yields its rows and reports them"),
    "swallows everything": (
        swallows_everything,
        "failed",
        "it must be a number; the training function caught hpsearch.TrialEnded, which ends a trial, and went on",
    ),
    "swallows exceptions": (swallows_exceptions, "failed", "metric 'acc' is 'broken' in epoch 3: it must be a number"),
    "turns it into another": (turns_into_another, "failed", "no metric 'acc', which the study scores: it has nothing"),
}

FINE: Table = {
    "good": (beside(), "complete", ""),
    "more rows": (rows(*[{"acc": 60.0 + n} for n in range(9)]), "complete", ""),
    "numpy": (rows(*[{"acc": np.float32(60 + n), "n": np.int64(3), "a": np.ones(3)} for n in range(3)]), "complete", ""),
    "torch": (rows(*[lambda n=n: {"acc": 60.0 * ones()[0] + n, "v": ones()} for n in range(3)]), "complete", ""),
    "whole numbers": (rows({"acc": 60}, {"acc": 61}, {"acc": 62}), "complete", ""),
    "NaN beside": (beside(auc=float("nan"), top=1e308, low=float("-inf"), many=[1.0, float("nan")]), "complete", ""),
    "huge beside": (beside(big=10**400, bigger=10**5000, text="x" * 10**6, list=list(range(10**5))), "complete", ""),
    "every second": (rows({"acc": 60.0, "b": 1.0}, {"b": 2.0}, {"acc": 62.0}), "complete", ""),
    "None before": (rows({"acc": None}, {"acc": 61.0}, {"acc": 62.0}), "complete", ""),
    "texts": (beside(best="yes", note="\x1b[31m[red]<b>\udcff\0", none=None, flag=True), "complete", ""),
    "nests": (nests, "complete", ""),
    "objects": (beside(odd=Unwritable(), cls=dict, error=Unspeakable()), "complete", ""),
    "odd names": (
        beside(**{"a\udcff": 1, "a\0b": 2, "": 3, "[bold]x[/]": 4, "<script>": 5, "n" * 9999: 6, "=1+1": 7}),
        "complete",
        "",
    ),
    "names no texts": (
        rows(*[{"acc": 60.0 + n, 1: 1.0, None: 2.0, (1, 2): 3.0, Unwritable(): 4.0} for n in range(3)]),
        "complete",
        "",
    ),
    "names of ours": (beside(key=1, epoch=0, arm=2, role=3, seed=4, round=5, state=6, seconds=0.5), "complete", ""),
    "late loss": (rows({"acc": 60.0}, {"acc": 61.0, "loss": 1.0}, {"acc": 62.0, "loss": 2.0}), "complete", ""),
    "mutates": (mutates, "complete", ""),
    "closes stdout": (closes_stdout, "complete", ""),
    "clean-up fails": (clean_up_fails, "complete", ""),
    "clean-up interrupts": (clean_up_interrupts, "complete", ""),
    "will not close": (will_not_close, "complete", ""),
    "reports": (reports(3), "complete", ""),
    "reports more": (reports(9), "complete", ""),
}
TABLE = FINE | FAILING


def train(config, seed, epochs, run):
    """Does what its config says; a generator where that is one."""
    return TABLE[config.does][0](seed, run)
