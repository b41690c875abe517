"""The files that take longest begin first, so that no process of a parallel run is left with one of them at the end."""

import pytest

SLOW = ("test_driver_killed.py", "test_executors.py", "test_taught_trials.py", "test_resnet.py", "test_access.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: SLOW.index(item.path.name) if item.path.name in SLOW else len(SLOW))
