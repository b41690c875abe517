"""Who answers at the address of a Ray cluster, asked by a short-lived process of its own: ``python -m hpsearch.trials.answers``.

Whether Ray sends a token is decided for a whole process when Ray is imported, so each way of asking is a process.
"""

import json
import os
import socket
import subprocess
import sys
from typing import Literal

Word = Literal["none", "nobody", "welcome", "token", "no ray"]  # no cluster is known; nobody listens; come in; a token is missing
CONNECTS, ANSWERS = 5.0, 60.0  # seconds for a connection, and for a process that imports Ray and asks


def ask(address: str, mode: Literal["disabled", "token"]) -> tuple[Word, str]:
    """What the cluster at ``address`` says to a caller who has no token, or to one with ours; and its address as host:port."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from hpsearch.trials.answers import main; main({address!r})"
    environment = {**os.environ, "RAY_AUTH_MODE": mode}
    try:
        told = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=ANSWERS, check=False
        ).stdout
        word, where = json.loads(told.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):  # Ray ends a process to which a cluster does not answer
        return "no ray", address
    return word, where


def main(address: str) -> None:
    """Ask, and print the word and the address."""
    from ray._private.services import canonicalize_bootstrap_address
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled
    from ray.exceptions import AuthenticationError

    word: Word = "welcome"
    try:
        where = canonicalize_bootstrap_address(address) or ""
    except (ConnectionError, ValueError):
        where = ""
    if not where:
        word = "none"
    elif not reached(where, CONNECTS):
        word = "nobody"
    else:
        try:
            GcsClient(address=where)
        except AuthenticationError:
            word = "token"
    print(json.dumps([word, where]))  # noqa: T201


def reached(address: str, seconds: float) -> bool:
    """Whether somebody listens at host:port."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            return True
    except (OSError, ValueError):
        return False
