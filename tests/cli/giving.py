"""Giving a command in this process, as a user gives it in a terminal."""

import sys
import threading
from collections.abc import Callable

import pytest

from hpsearch.cli.main import main

Given = Callable[..., tuple[int, str, str]]


def giving(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Given:
    """A function that takes a command's words after ``hpsearch``: its exit code, what it printed, what it complained."""

    def give(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hpsearch", *words])
        with pytest.raises(SystemExit) as left:
            main()
        watched = [thread for thread in threading.enumerate() if thread.name == "hpsearch-signals"]
        assert watched == [], "only the command line's own process may be ended in time after a signal: this one goes on"
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return give
