"""A study with a search that was changed after it ran: what is counted, what is offered, and what the offers do."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.cli.main import main
from tests.cli.giving import giving

STUDY = """
from dataclasses import dataclass
from hpsearch import Round, Space, Study, Trick, Tune, Uniform, ladder

@dataclass(frozen=True)
class Config:
    lr: float = 0.01
    wide: bool = False
    size: int = 8

def train(config, seed, epochs, run):
    for epoch in range(epochs):
        yield {"acc": 50 + epoch + config.lr + 3 * config.wide + seed % 3 / 10 + config.size, "loss": 1 / (epoch + 1 + config.lr)}

search = Tune(Space(lr=10 ** Uniform(-5, -1)), (Round(points=4, epochs=2, keep=2), Round(points=2, epochs=3)), arms="base")
study = Study(
    question="?", train=train, base=Config(), vary=ladder(Trick("wide", {"wide": True})), tune=search, epochs=4, seeds=3, metric="acc"
)
"""
Give = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["hpsearch", "run", "mine.py", "--here"])
        Path("mine.py").write_text(STUDY)
        with pytest.raises(SystemExit) as left:
            main()
    assert left.value.code == 0
    return folder


@pytest.fixture
def give(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Give:
    shutil.copytree(ran / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def given(*words: str) -> tuple[int, str]:
        code, out, err = giving(monkeypatch, capsys)(*words)
        return code, out + err

    return given


AGAIN = "and would be repeated: `--again` trains them anew"
NO_AUC = (
    r"the trial \w{12} finished without the metric 'auc' \(did you mean 'acc'\?\): score one that it has, or train into another"
)
COURSE = (
    "the search takes another course, and 8 finished trials of mine are no longer asked for (kept in the record): "
    "`--again` and `--keep` do the same here, they continue the search as it is asked for now and train what it lacks; or change it back"
)
EDITS = {  # what is replaced: exit code of run, what it says; exit code with --keep, what it says
    "metric that nothing has": (
        {'metric="acc"': 'metric="auc"'}, 2, NO_AUC, 2, NO_AUC,
    ),
    "metric that is new": (
        {'metric="acc"': 'metric="auc"', "yield {": 'yield {"auc": config.lr, '},
        78, rf"\(changed: train\) {AGAIN}; they cannot be used, for {NO_AUC}", 2, NO_AUC,
    ),
    "direction": (
        {'metric="acc"': 'metric="acc", goal="minimise"'},
        78, "goal was 'maximise' and is 'minimise': " + re.escape(COURSE), 0, "12 of 12 trials done.*; 8 of them ran now",
    ),
    "last": ({'metric="acc"': 'metric="acc", last=2'}, 0, "; 0 of them ran now", 0, "; 0 of them ran now"),
    "default": (
        {"size: int = 8": "size: int = 9"},
        78, rf"12 finished trials of mine were made under another default \(size was 8 and is 9\) {AGAIN}, `--keep` uses the old "
        r"results in their place, so give it only if this makes no difference to them \(the report marks them\)\s",
        0, r"; 0 of them ran now(.|\n)*12 finished trials made under another default \(size was 8 and is 9\): used as they are",
    ),
    "code": (
        {"50 + epoch": "51 + epoch"},
        78, rf"12 finished trials of mine were made by older training code \(changed: train\) {AGAIN}, `--keep` uses the old results; "
        r"`hpsearch rerun mine.py \w{12} --adopt`", 0, "; 0 of them ran now",
    ),
    "code and default": (
        {"50 + epoch": "51 + epoch", "size: int = 8": "size: int = 9"},
        78, r"12 finished trials of mine were made by older training code \(changed: train\) and another default(.|\n)*in their place",
        0, "; 0 of them ran now",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named_with_all_that_it_costs_and_what_may_be_done(give: Give, name: str) -> None:
    """All twelve trials are counted, though only the first round of the search is known before anything is decided."""
    edits, code, said, code_kept, said_kept = EDITS[name]
    text = STUDY
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    Path("mine.py").write_text(text)
    left, told = give("run", "mine.py", "--here")
    assert left == code, told
    assert re.search(said, told), told
    assert "Traceback" not in told
    if code == 78:
        assert re.search(said, give("plan", "mine.py")[1])
    left, told = give("run", "mine.py", "--here", "--keep")
    assert left == code_kept, told
    assert re.search(said_kept, told), told


def test_runs_of_an_earlier_search_are_said_to_be_left_out(give: Give) -> None:
    text = STUDY.replace("points=4", "points=6")
    Path("mine.py").write_text(text)
    assert "earlier searches" not in give("run", "mine.py", "--here")[1]
    Path("mine.py").write_text(text.replace("50 + epoch", "51 + epoch"))
    code, told = give("run", "mine.py", "--here")
    assert code == 78
    assert "; runs that only its earlier searches asked for are not among them, and are used no more" in told
