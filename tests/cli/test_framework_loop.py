"""A loop that a framework owns, written as the README says, and what ``run`` says at the end of a search without arms."""

import re
import sys
from pathlib import Path

import pytest

from hpsearch.cli.main import main

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FRAMEWORK = """
class Callback:
    pass  # keras and lightning have such classes, with a hook that is called after each epoch

class Trainer:
    def __init__(self, model, epochs, callbacks):
        self.model, self.epochs, self.callbacks = model, epochs, callbacks

    def fit(self):
        for epoch in range(self.epochs):
            for each in self.callbacks:
                each.on_epoch_end(epoch, {"val_accuracy": self.model + epoch})

def model(config, seed):
    return 50 + 100 * config.lr
"""
STUDY = """
from dataclasses import dataclass
from hpsearch import Round, Space, Study, Tune, Uniform

@dataclass(frozen=True)
class Config:
    lr: float = 0.01

tune = Tune(Space(lr=10 ** Uniform(-5, -1)), rounds=(Round(points=4, epochs=2),))
study = Study(question="?", train=train, base=Config(), metric="acc", epochs=4, seeds=2, tune=tune)
"""


def test_the_readmes_callback_runs_and_the_closing_lines_say_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "run.report" in block]
    (tmp_path / "mine.py").write_text(FRAMEWORK + example + STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hpsearch", "run", "mine.py", "--here"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().out.splitlines()
    assert left.value.code == 0
    [done] = [place for place, line in enumerate(said) if line.startswith("6 of 6 trials done, 0 running, 0 failed, best acc ")]
    score, chosen = said[done + 2], said[done + 1]
    assert re.fullmatch(r"The search chose lr 0\.\d+\.", chosen)
    rate = float(chosen.split()[-1].rstrip("."))
    told = re.fullmatch(r"On the final set the acc of “base” is ([\d.]+), mean of 2 seeds, SD 0\.", score)
    assert told
    assert float(told[1]) == pytest.approx(53 + 100 * rate, abs=1.0)
    assert said[done + 3 :] == ["report: runs/mine.html"]
