"""What a config holds and the training function calls without naming it: functions, and methods of its classes, are its code too."""

import sys
from pathlib import Path
from typing import Any

import pytest

from hpsearch.errors import Refused
from hpsearch.study import Study
from hpsearch.study.file import read

TEXT = """
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from hpsearch import Study, Trick, one_at_a_time
import beside_held

def relu(x):
    return max(x, 0)

def gelu(x):
    return 0.5 * scaled(x)

def scaled(x):
    return x / 3

class Kind(Enum):
    A = 1

@dataclass(frozen=True)
class Optim:
    lr: float = 0.1

    def rate(self):
        return self.lr * 2

@dataclass(frozen=True)
class Other:
    wd: float = 0.5

    def rate(self):
        return self.wd * 7

@dataclass(frozen=True)
class Config:
    act: Callable = relu
    kind: Kind = Kind.A
    optim: Any = Optim()

def train(config, seed, epochs, run):
    for epoch in range(epochs):
        yield {"acc": config.act(1.0) + config.optim.rate() + config.kind.value}

vary = one_at_a_time(Trick("gelu", {"act": gelu}), Trick("other", {"optim": Other()}), Trick("beside", {"act": beside_held.relu}))
study = Study(question="?", train=train, base=Config(), metric="acc", epochs=2, seeds=2, vary=vary)
"""
BESIDE = "def relu(x):\n    return x + 11\n"


def studied(folder: Path, text: str = TEXT, beside: str = BESIDE, name: str = "held.py") -> Study:
    sys.modules.pop("beside_held", None)
    (folder / "beside_held.py").write_text(beside)
    (folder / name).write_text(text)
    return read(folder / name).study


CHANGES = {
    "the base's function": ("max(x, 0)", "max(x, 1)"),
    "a trick's function": ("0.5 * scaled", "0.6 * scaled"),
    "what such a function reaches": ("x / 3", "x / 4"),
    "what a member of an Enum is": ("A = 1", "A = 2"),
    "a method of a dataclass": ("self.lr * 2", "self.lr * 3"),
    "a method of a dataclass that a trick puts in": ("self.wd * 7", "self.wd * 8"),
}
CHANGES_NOTHING = {
    "a field of the config": ("optim: Any = Optim()", "optim: Any = Optim()\n    more: int = 0"),
    "a field inside it": ("lr: float = 0.1", "lr: float = 0.1\n    more: int = 0"),
    "a field of what a trick puts in": ("wd: float = 0.5", "wd: float = 0.5\n    more: int = 0"),
    "a comment": ("def gelu(x):", "def gelu(x):  # smooth"),
    "a function nothing holds": ("class Kind", "def unused():\n    return 1\n\nclass Kind"),
}


@pytest.mark.parametrize("name", [*CHANGES, *CHANGES_NOTHING])
def test_the_code_changes_with_what_a_config_holds_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    old, new = (CHANGES | CHANGES_NOTHING)[name]
    assert TEXT.count(old) == 1
    before, after = studied(tmp_path), studied(tmp_path, TEXT.replace(old, new))
    assert (before.code != after.code) == (name in CHANGES)


def test_functions_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in the study and the one beside it; the name of the study's file still has no say."""
    monkeypatch.syspath_prepend(tmp_path)
    first = studied(tmp_path)
    assert studied(tmp_path, name="renamed.py").code == first.code
    assert studied(tmp_path, beside=BESIDE.replace("11", "12")).code != first.code
    keys = {first.student(arm, 0, "final").key for arm in first.plan.arms}
    assert len(keys) == 4


REFUSED = {
    "a lambda": "lambda x: x",
    "a partial": "functools.partial(relu)",
    "a class": "Kind",
    "a method": "Optim().rate",
    "a module": "functools",
    "a function written in C": "math.tanh",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_identified_is_refused_when_the_study_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    text = TEXT.replace('{"act": gelu}', f'{{"act": {REFUSED[name]}}}').replace(
        "import beside", "import functools, math\nimport beside"
    )
    with pytest.raises(Refused, match=r"cannot be recorded: use numbers, .* functions at the top of a file"):
        studied(tmp_path, text)


NETWORK = """
from dataclasses import dataclass
from hpsearch import Study, Trick, ladder
from hpsearch.training import Recipe, digits
from hpsearch.training.networks.network import Network

@dataclass(frozen=True)
class Mine(Network):
    width: int = 8

    def build(self, channels, classes):
        from torch import nn
        return nn.Sequential(nn.Flatten(), nn.Linear(64 * channels, self.width), nn.Linear(self.width, classes))

study = Study(question="?", base=Recipe(data=digits(), epochs=1, network=Mine()), vary=ladder(Trick("nesterov", {"momentum": 0.8})), seeds=2)
"""


def test_a_network_of_the_users_is_part_of_the_code_that_trains_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    first = studied(tmp_path, NETWORK)
    assert studied(tmp_path, NETWORK.replace("width: int = 8", "width: int = 8\n    deep: bool = False")).code == first.code
    assert studied(tmp_path, NETWORK.replace("nn.Flatten(),", "nn.Flatten(), nn.Dropout(),")).code != first.code
    assert "Mine" in first.parts


def test_a_network_of_ours_is_part_of_the_code_of_the_studies_that_hold_it_alone() -> None:
    from hpsearch import Trick, ladder
    from hpsearch.training import Recipe, digits
    from hpsearch.training.networks.plain import PlainConvNet

    def files(**own: Any) -> set[str]:
        study = Study(question="Q?", base=Recipe(data=digits(), **own), vary=ladder(Trick("flat", {"learning_rate": 0.2})))
        return {name.split(":")[0] for name in study.parts}

    assert files(network=PlainConvNet()) - files() == {"networks/plain.py"}
