"""Giving a command in this process, as a user gives it in a terminal."""

import sys
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
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return give
