"""A Ray cluster of several nodes on this machine, each a ``ray start`` of its own, to be killed node by node."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

MARK = "HPSEARCH_TEST_CLUSTER"  # in the environment of all that a cluster starts
NOT_OURS = ("RAY_", "PYTHONDONTWRITEBYTECODE")


def waited(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """What the condition gives once it holds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)  # between looks at the condition
    return found


class Cluster:
    """A head and further nodes at 127.0.0.2, 127.0.0.3, ...; ``close`` kills whatever is left of it."""

    def __init__(self, token: bool = True, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hps-", dir="/tmp"))  # short: names of sockets are limited
        with socket.socket() as free:
            free.bind(("127.0.0.2", 0))
            self.address = f"127.0.0.2:{free.getsockname()[1]}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        self.token = self.folder / "token"
        self.token.write_text(secrets.token_hex(32))
        self.token.chmod(0o600)
        how = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token)} if token else {"RAY_AUTH_MODE": "disabled"}
        self.environment = {**kept, **how, "RAY_USAGE_STATS_ENABLED": "0", "HOME": str(self.folder)}
        self.marked = {**self.environment, MARK: str(self.folder), **settings}  # for what ``close`` is to end
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self, *prefix: str, cpus: int = 2) -> int:
        """One more node, the first one the head; ``prefix`` is a command that starts it, its last word -- if at all. Its number."""
        number = len(self.nodes)
        role = ["--address", self.address] if number else ["--head", "--port", self.address.split(":")[1]]
        if not number:
            role += ["--include-dashboard", "false", "--temp-dir", str(self.folder / "r")]
        where = ["--node-ip-address", f"127.0.0.{number + 2}", "--num-cpus", str(cpus), "--object-store-memory", "80000000"]
        command = [*prefix, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *role, *where]
        log = self.folder / f"node-{number}.log"
        with open(log, "wb") as out:
            node = subprocess.Popen(command, env=self.marked, stdout=out, stderr=out, start_new_session=True)
        self.nodes.append(node)
        waited(lambda: b"Ray runtime started" in log.read_bytes() or node.poll() is not None, "a node to start", 180)
        assert node.poll() is None, log.read_text()
        return number

    def processes(self, number: int, name: str = "") -> list[psutil.Process]:
        """Processes of a node, all or those whose program has this name."""
        found = psutil.Process(self.nodes[number].pid).children(recursive=True)
        return [each for each in found if name in _program(each)]

    def signal(self, number: int, which: signal.Signals, name: str = "") -> list[psutil.Process]:
        """Send processes of a node a signal; which ones."""
        found = self.processes(number, name)
        for each in found:
            each.send_signal(which)
        return found

    def alive(self) -> set[str]:
        """Addresses of the nodes that the head takes to be alive."""
        ask = "print(*(node['NodeManagerAddress'] for node in ray.nodes() if node['Alive']))"
        code = f"import ray; ray.init(address={self.address!r}, log_to_driver=False, logging_level='ERROR'); {ask}"
        told = subprocess.run([sys.executable, "-c", code], env=self.environment, capture_output=True, text=True, check=True)
        return set(told.stdout.split())

    def name(self, number: int) -> str:
        """A node's address."""
        return f"127.0.0.{number + 2}"

    def close(self) -> None:
        """Kill all that carries our mark, whoever its parent is by now."""
        for _ in range(3):  # they start others while they are killed
            for each in psutil.process_iter():
                try:
                    if each.environ().get(MARK) == str(self.folder):
                        each.kill()
                except psutil.Error:
                    continue
        for node in self.nodes:
            node.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def _program(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""
