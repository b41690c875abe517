"""Where results come from: commit, versions, machine, command. Gathered once per launch and kept in the record."""

import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

from hpsearch.results.urls import hidden

PACKAGES = ("hpsearch", "torch", "torchvision", "ray", "optuna", "numpy", "pandas", "scipy", "scikit-learn")


def provenance(folder: Path) -> dict[str, str]:
    """Heading to text, in the order to print; ``folder`` is where the study file lies, whose git commit is asked."""
    return {
        "command": command(sys.argv[1:]),
        "commit": commit(folder),
        "host": socket.gethostname(),
        "machine": machine(),
        "accelerators": accelerators(),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
    }


def command(words: Sequence[str]) -> str:
    """The command as a shell would take it, without the passwords of URLs.

    >>> command(["run", "my study.py", "--record=postgresql://me:secret@host/db"])
    "hpsearch run 'my study.py' '--record=postgresql://me:***@host/db'"
    """
    return shlex.join(["hpsearch", *map(_safe, words)])


def launched_as(command: str, name: str) -> tuple[str | None, dict[str, str]]:
    """The path of a study as a launch's command names it, and the options with their values; a flag's value is the next word.

    >>> launched_as("hpsearch run studies/a.py --record x.db --data=images", "a")
    ('studies/a.py', {'--record': 'x.db', '--data': 'images'})
    """
    try:
        given = shlex.split(command)
    except ValueError:  # an odd number of quotation marks
        return None, {}
    path = next((word for word in given if Path(word).name == f"{name}.py"), None)
    words = [part for word in given for part in (word.split("=", 1) if word.startswith("--") else [word])]
    return path, {flag: value for flag, value in pairwise(words) if flag.startswith("--")}


def _safe(word: str) -> str:
    """A word, or an option with its value, without the password of a URL in it."""
    name, sign, value = word.partition("=")
    return f"{name}={hidden(value)}" if name.startswith("--") and sign else hidden(word)


def commit(folder: Path) -> str:
    """The git commit of a folder and whether files differ from it; says so where there is no repository."""
    head = _output(["git", "-C", str(folder), "rev-parse", "HEAD"])
    if not head:
        return "not in a git repository"
    changed = len(_output(["git", "-C", str(folder), "status", "--porcelain"]).splitlines())
    return f"{head} with {changed} uncommitted changes" if changed else f"{head}, nothing uncommitted"


def machine() -> str:
    """Processor and number of cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def accelerators() -> str:
    """Names of NVIDIA GPUs, or ``none``."""
    found = _output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines()
    return ", ".join(found) or "none"


def _output(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip() if done.returncode == 0 else ""


@cache  # it reads a file, and a process keeps what it has imported
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
