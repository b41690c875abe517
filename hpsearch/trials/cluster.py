"""A Ray cluster that is not ours: what its machines must have before a trial runs there, and what to do when its head is lost."""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import ray
from ray._private import worker
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from hpsearch.errors import Lost, Refused
from hpsearch.trials import shared
from hpsearch.trials.answers import reached
from hpsearch.trials.session import Resources

ANSWERS = 120.0  # seconds that a machine has to start a process and look
GONE = 30.0  # seconds without anybody at the head's port until it is given up; Ray aborts the process after 60
LEAVES = 5.0  # seconds for an orderly end after that
LOOK = 1.0


def machines(resources: Resources) -> dict[str, Mapping[str, Any]]:
    """The nodes of the cluster on which a trial fits, by their names."""
    fits = [node for node in ray.nodes() if node["Alive"] and _slots(node, resources)]
    return {f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})": node for node in fits}


def slots(resources: Resources) -> int:
    """How many trials run at a time: as many as were asked for, or as fit on the machines of the cluster."""
    return resources.slots or max(1, sum(_slots(node, resources) for node in machines(resources).values()))


def _slots(node: Mapping[str, Any], resources: Resources) -> int:
    asked = {"CPU": resources.cpus, "GPU": resources.gpus}
    return min(int(node["Resources"].get(name, 0) // need) for name, need in asked.items() if need)


def refuse_strangers(folder: Path, name: str, resources: Resources) -> None:
    """Refuse machines that do not share the trials' folder or have another hpsearch, before anything is trained.

    A trial on such a machine would start anew where it should go on, and its result would never be found.
    """
    ours = shared.code()

    def look() -> str:  # pickled by value, as it has no name of its own: the machine may have no hpsearch
        try:
            from hpsearch.trials.shared import code, fault
        except ImportError:
            return "has no hpsearch, or an older one: install the same version there"
        return fault(folder, name) if code() == ours else "has another version of hpsearch: install the same one there"

    asked = {}
    for machine, node in machines(resources).items():
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[ray.remote(num_cpus=0, max_retries=0)(look).options(scheduling_strategy=there).remote()] = machine
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWERS)
    if silent:
        raise Refused(f"the machine {asked[silent[0]]} did not start a process within {ANSWERS:g} s: take it out of the cluster")
    for reference in answered:
        if said := ray.get(reference):
            raise Refused(f"the machine {asked[reference]} {said}")


@contextmanager
def in_words(tell: Callable[[str], object]) -> Iterator[None]:
    """Say in a sentence that a machine was lost, where Ray would print a page of its logs and tracebacks."""

    def instead(data: Any, ignore_prefix: bool) -> None:
        for found in re.finditer(r"address: (\S+) .*marked dead", "\n".join(data["lines"])):
            tell(f"the machine {found[1]} was lost; what ran there goes on elsewhere from its last checkpoint")

    tune, prints = logging.getLogger("ray.tune"), worker.print_to_stdstream
    level = tune.level
    tune.setLevel(logging.CRITICAL)
    worker.print_to_stdstream = instead
    try:
        yield
    finally:
        worker.print_to_stdstream = prints
        tune.setLevel(level)


@contextmanager
def head_watched(address: str, tell: Callable[[Lost], object], leave: Callable[[int], object] = os._exit) -> Iterator[None]:
    """Notice that nobody answers at the head's port any more.

    Ray's calls would wait for it for a minute and then end the process without a word. It is ended before that, as by ``kill -9``,
    which loses nothing.
    """
    ended = threading.Event()

    def watch() -> None:
        heard = time.monotonic()
        while not ended.wait(LOOK):
            if reached(address, LOOK):
                heard = time.monotonic()
            elif time.monotonic() - heard > GONE:
                break
        if ended.is_set():
            return
        error = Lost(lost(address))
        tell(error)
        if not ended.wait(LEAVES):
            with suppress(OSError):
                os.write(2, f"hpsearch: {error}\n".encode())
            leave(error.exit_code)

    watcher = threading.Thread(target=watch, name="hpsearch-head", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()


def lost(address: str) -> str:
    """That the cluster is gone, and what to do."""
    return (
        f"the Ray cluster at {address} no longer answers; what was finished is kept: give the same command again when it is back, "
        "or with the --address of another one"
    )
