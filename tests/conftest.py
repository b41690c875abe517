"""One thread for each process of the tests, and for those they start, as a trial has: two workers share two cores.

Set before numpy and torch are imported, which read it once. With two threads each, those of one worker wait for those of the other, and burn
the processor while they do: the eigenvalues of a 256x256 matrix took 0.5 s in place of 0.02 s. What pins the threads of
trials is tested with other numbers (`tests/trials/test_executors.py`).
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from tests.postgres import BINARIES, MISSING, Server  # noqa: E402

# whether examples are drawn fast enough depends on what else the machine does
settings.register_profile("anywhere", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("anywhere")

# doctests are collected from every file, and two files of one name are not told apart
collect_ignore_glob = ["conftest.py", "*/conftest.py"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, shared by all tests of a process."""
    if BINARIES is None:
        pytest.skip(MISSING)
    server = Server()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a record may be made: a file, and a database of the server's."""
    if request.param == "sqlite":
        return str(tmp_path / "x.db")
    server: Server = request.getfixturevalue("server")
    return server.url()
