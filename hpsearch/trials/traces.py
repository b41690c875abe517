"""What a trial leaves behind in its process is taken back, so that the next one starts as in a fresh process.

A training function may set things for its whole process that change what the next one computes: the folder, the environment, the
precision of torch. Each has a line below, which reads it and sets it again. What still differs afterwards makes the process unfit
for another trial.
"""

import decimal
import importlib.util
import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

SEEDED = ("numpy", "torch")  # libraries with a random state of their own
Read = Callable[[], Any]
Put = Callable[[Any], object]


def traces() -> dict[str, Any]:
    """The state of this process, by name; values that can be compared and set again."""
    return {name: read() for name, (read, _) in _all().items()}


def restore(before: Mapping[str, Any]) -> list[str]:
    """Set the process back to an earlier state; the names of what could not be."""
    after = _all()
    for name, value in before.items():
        read, put = after[name]
        if read() != value:
            try:
                put(value)
            except Exception:
                continue
    return sorted(name for name, (read, _) in after.items() if name not in before or read() != before[name])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Give every random state of the process one value, now or when its library is first imported.

    A trial that draws without seeding then draws the same in a process that others have used.
    """
    random.seed(seed)
    for name in SEEDED:
        if module := sys.modules.get(name):
            _seed(module, seed)
    finder = _Seeding(seed)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the training took it out
            sys.meta_path.remove(finder)


def _seed(module: ModuleType, seed: int) -> None:
    if module.__name__ == "numpy":
        module.random.seed(seed % 2**32)
    else:
        module.manual_seed(seed)


class _Seeding(MetaPathFinder):
    """Seeds the libraries that a trial imports itself."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._busy = False

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec that others find, with a loader that seeds the module once it is there."""
        if name not in SEEDED or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec and spec.loader:
            spec.loader = _Seeded(spec.loader, self.seed)
        return spec


class _Seeded(Loader):
    def __init__(self, loader: Loader, seed: int) -> None:
        self._loader, self._seed = loader, seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _seed(module, self._seed)


def _all() -> dict[str, tuple[Read, Put]]:
    known: dict[str, tuple[Read, Put]] = {
        "the working folder": (_folder, os.chdir),
        "the environment": (lambda: dict(os.environ), _put_environment),
        "the file mask": (_mask, os.umask),
        "handlers of signals": (_handlers, _put_handlers),
        "sys.path": (lambda: list(sys.path), lambda paths: sys.path.__setitem__(slice(None), paths)),
        "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
        "tracing": (sys.gettrace, sys.settrace),
        "profiling": (sys.getprofile, sys.setprofile),
        "the exception hook": (lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
        "standard output": (lambda: sys.stdout, lambda stream: setattr(sys, "stdout", stream)),
        "standard error": (lambda: sys.stderr, lambda stream: setattr(sys, "stderr", stream)),
        "filters of warnings": (lambda: list(warnings.filters), _put_filters),
        "the locale": (lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
        "the context of decimal": (_decimal, _put_decimal),
        "threads": (lambda: [thread.name for thread in threading.enumerate() if not thread.daemon], _unset),
    }
    if numpy := sys.modules.get("numpy"):
        known["numpy's handling of errors"] = (numpy.geterr, lambda errors: numpy.seterr(**errors))
    if torch := sys.modules.get("torch"):
        known |= _of_torch(torch)
    return known


def _of_torch(torch: Any) -> dict[str, tuple[Read, Put]]:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def flag(where: Any, name: str) -> tuple[Read, Put]:
        return lambda: getattr(where, name), lambda value: setattr(where, name, value)

    return {
        "torch's default type": (torch.get_default_dtype, torch.set_default_dtype),
        "torch's default device": (lambda: str(torch.get_default_device()), lambda _: torch.set_default_device(None)),
        "torch's deterministic algorithms": (
            lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
            lambda both: torch.use_deterministic_algorithms(both[0], warn_only=both[1]),
        ),
        "torch's precision of products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        "torch's TF32 in products": flag(matmul, "allow_tf32"),
        "cuDNN's TF32": flag(cudnn, "allow_tf32"),
        "cuDNN": flag(cudnn, "enabled"),
        "cuDNN's benchmarks": flag(cudnn, "benchmark"),
        "cuDNN's determinism": flag(cudnn, "deterministic"),
        "torch's recording of gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
        "torch's detection of anomalies": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        "torch's threads": (torch.get_num_threads, torch.set_num_threads),
        "torch's handling of denormals": (
            lambda: bool(torch.tensor([2e-39]).mul_(0.5).item() != 0.0),  # it cannot be asked
            lambda kept: torch.set_flush_denormal(not kept),
        ),
    }


def _unset(value: object) -> None:
    """Some things cannot be set again."""


def _decimal() -> tuple[Any, ...]:
    now = decimal.getcontext()
    return now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, tuple(now.traps.items())


def _put_decimal(given: tuple[Any, ...]) -> None:
    prec, rounding, least, most, capitals, clamp, traps = given
    decimal.setcontext(decimal.Context(prec, rounding, least, most, capitals, clamp, [], dict(traps)))


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _put_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


def _handlers() -> dict[int, Any]:
    found = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in found.items() if handler is not None}


def _put_handlers(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _put_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()
    warnings.filters[:] = filters  # type: ignore[index]
