"""One thread for each process of the tests, and for those they start, as a trial has: two workers share two cores.

Set before numpy and torch are imported, which read it once. With two threads each, those of one worker wait for those of the other, and burn
the processor while they do: the eigenvalues of a 256x256 matrix took 0.5 s in place of 0.02 s. What pins the threads of
trials is tested with other numbers (`tests/trials/test_executors.py`).
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings  # noqa: E402

# whether examples are drawn fast enough depends on what else the machine does
settings.register_profile("anywhere", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("anywhere")

# doctests are collected from every file, and two files of one name are not told apart
collect_ignore_glob = ["conftest.py", "*/conftest.py"]
