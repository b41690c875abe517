"""What a user did not write and would want to know is said by the commands and kept with the results."""

import json
from pathlib import Path

import pytest
import torch
import torchvision

from hpsearch.cli.main import main
from hpsearch.results.record import Record
from hpsearch.training import Recipe, digits
from hpsearch.training.images.recipe import factor
from hpsearch.training.images.remarks import all_steps, remarks

STUDY = """
from hpsearch import *
from hpsearch.training import *
base = Recipe(data=digits(100), depth=14, width=8, stem="small", batch_size=16, epochs=3)
tricks = Trick("cycles", {"schedule": "cyclic", "cycles": 4}), Trick("taught", {"teacher": Pretrained("resnet18.pth")})
study = Study(question="Does it say so?", base=base, vary=ladder(*tricks), seeds=2)
"""
CUT = "4 cycles do not divide 18 steps: there are 3 of 5 steps, and the last is cut short to 3 and ends at 0.65 of the peak rate"
READ = "resnet18.pth is read as ResNet-18-B (assumed, for names and shapes do not show it: "


def call(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["hpsearch", *words])
        with pytest.raises(SystemExit) as end:
            main()
    return end.value.code


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = torchvision.models.resnet18(num_classes=10)
    weights.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    torch.save(weights.state_dict(), "resnet18.pth")
    Path("mine.py").write_text(STUDY)


def test_plan_and_run_say_it_and_the_record_keeps_it(study, capsys, monkeypatch):
    assert not call("plan", "mine.py")
    assert CUT in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr("hpsearch.trials.launch._execute", lambda session, options: None)
    call("run", "mine.py", "--here")
    said = " ".join(capsys.readouterr().out.split())
    assert f"note: {CUT}" in said
    assert f"note: {READ}" in said
    launch = Record.open("runs/hpsearch.db").launch("mine")
    kept = json.loads(launch["provenance"])["remarks"]
    assert CUT in kept
    assert READ in kept


@pytest.mark.parametrize("warmup", [0.0, 0.25, 0.1])
@pytest.mark.parametrize("cycles", range(1, 9))
def test_it_is_said_exactly_where_the_schedule_has_other_cycles_than_asked_for(cycles, warmup):
    recipe = Recipe(data=digits(), schedule="cyclic", cycles=cycles, warmup=warmup, epochs=6, batch_size=150)
    steps = all_steps(recipe, 1200)
    rates = [factor(recipe, i / steps, 1 / steps) for i in range(steps)]
    starts = [i for i in range(steps) if rates[i] == 1.0]
    lengths = {b - a for a, b in zip(starts, [*starts[1:], steps], strict=True)}
    said = list(remarks(recipe))
    assert bool(said) == (len(lengths) > 1 or len(starts) != cycles)
    if len(lengths) > 1:
        assert f"cut short to {steps - starts[-1]} and ends at {rates[-1]:.2g} of the peak rate" in said[0]


@pytest.mark.parametrize("schedule", ["cosine", "step", "plateau"])
def test_other_schedules_have_nothing_to_say(schedule):
    assert list(remarks(Recipe(data=digits(), schedule=schedule, cycles=7))) == []
