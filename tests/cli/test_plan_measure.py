"""``hpsearch plan --measure``: the hours rest on the second epoch, since the first pays for imports and caches."""

import time

import pytest

from hpsearch.cli.planning import _measured
from hpsearch.errors import Refused
from hpsearch.study.file import read

STUDY = """
import time
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder

@dataclass(frozen=True)
class Config:
    wide: bool = False

def train(config, seed, epochs, run):
    for seconds in (100, 2):
        time.passes(seconds)
        yield {"top1": LAST}

study = Study(question="?", train=train, base=Config(), vary=ladder(Trick("wide", {"wide": True})), epochs=5, seeds=2)
"""


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes only when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "passes", lambda seconds: now.__setitem__(0, now[0] + seconds), raising=False)


def test_an_epoch_costs_what_the_second_one_took(tmp_path, clock):
    (tmp_path / "mine.py").write_text(STUDY.replace("LAST", "1.0"))
    assert _measured(read(tmp_path / "mine.py")) == 2.0


@pytest.mark.parametrize(
    ("fails", "error"), [("1 / 0", "ZeroDivisionError"), ("exec('raise KeyboardInterrupt')", "KeyboardInterrupt")]
)
def test_a_base_that_fails_has_no_hours(tmp_path, clock, fails, error):
    (tmp_path / "mine.py").write_text(STUDY.replace("LAST", fails))
    with pytest.raises(Refused, match=rf"^two epochs of the base failed: .*{error}"):
        _measured(read(tmp_path / "mine.py"))
