"""Training functions that hang, crash, grow or leave things behind; each does it in epoch 2."""

import decimal
import os
import random
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

from hpsearch.protocol import Run
from tests.trials.helpers import Config


def _sleep() -> None:
    time.sleep(3600)


def _hold_the_lock() -> None:
    re.match(r"(a|a)*b", "a" * 40)  # in C, for hours, without letting another thread run


def _deadlock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


HANGS = {"sleep": _sleep, "hold the lock": _hold_the_lock, "deadlock": _deadlock}


def hanging(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    """Hangs in its first attempt, or in every one."""
    how, _, often = config.kind.partition(", ")
    for epoch in range(len(run.rows) + 1, epochs + 1):
        marker = run.cache / f"hung-{how}"
        if epoch == 2 and (often == "always" or not marker.exists()):
            run.cache.mkdir(parents=True, exist_ok=True)
            marker.touch()
            HANGS[how]()
        with run.saving() as path:
            path.write_text(str(epoch))
        yield {"top1": float(epoch), "process": float(os.getpid())}


def growing(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    """Takes memory in epoch 2 until it is stopped."""
    yield {"top1": 1.0}
    held = []
    while len(held) < 400:  # 4 GB, should nobody stop it
        held.append(bytearray(os.urandom(1)) * 10_000_000)
        time.sleep(0.005)
    yield {"top1": 2.0}


def crashing(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    """Ends its process in epoch 2."""
    yield {"top1": 1.0}
    {
        "exit 0": lambda: os._exit(0),
        "exit 3": lambda: os._exit(3),
        "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "abort": os.abort,
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "closes all files": lambda: os.closerange(3, 256),
        "leaves a child": _leave_a_child,
    }[config.kind]()
    yield {"top1": 2.0}


def _leave_a_child() -> None:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os._exit(4)


def state() -> dict[str, Any]:
    """What a training could find changed in its process, and what it draws without a seed."""
    import numpy as np
    import torch

    return {
        "drawn": [random.random(), float(np.random.random()), float(torch.rand(()))],
        "folder": os.getcwd(),
        "variable": os.environ.get("LEFT", ""),
        "mask": oct(os.umask(os.umask(0o22) or 0o22)),
        "type": str(torch.get_default_dtype()),
        "product": str((torch.ones(2) @ torch.full((2,), 1 / 3)).item()),
        "flags": str([torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, torch.is_grad_enabled()]),
        "precision": torch.get_float32_matmul_precision(),
        "denormal": float(torch.tensor([2e-39]).mul(0.5).item()),
        "handler": str(signal.getsignal(signal.SIGUSR1)),
        "paths": len(sys.path),
        "depth": sys.getrecursionlimit(),
        "filters": len(warnings.filters),
        "threads": len([thread for thread in threading.enumerate() if not thread.daemon]),
        "third": str(decimal.Decimal(1) / 3),
    }


def leaving(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, Any]]:
    """Tells the state it finds; then, where its kind says so, changes all of it."""
    yield {"top1": 1.0, "process": os.getpid(), **state()}
    if config.kind == "all that can be set":
        _change_all()
    elif config.kind == "a thread":
        threading.Thread(target=_sleep).start()
    yield {"top1": 2.0}


def _change_all() -> None:
    import torch

    os.chdir("/")
    os.environ["LEFT"] = "behind"
    os.umask(0o77)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = True
    torch.set_grad_enabled(False)
    torch.set_float32_matmul_precision("medium")
    torch.set_flush_denormal(True)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    sys.path.append("/left")
    sys.setrecursionlimit(500)
    warnings.simplefilter("error")
    decimal.getcontext().prec = 3
    random.seed(1)
    torch.manual_seed(1)
