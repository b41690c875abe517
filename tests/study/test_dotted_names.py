"""Fields of dataclasses inside a config go by dotted names wherever a field is named, and configs come back as they were."""

import re
import sqlite3
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from hpsearch import Arm, Choice, Refused, Round, Space, Study, Teacher, Trick, Tune, Uniform, ladder
from hpsearch.study import different
from hpsearch.values import field_at, field_names, overlap, with_fields
from tests.cli.giving import giving


class Act(Enum):
    RELU = 1
    GELU = 2


@dataclass(frozen=True)
class Decay:
    rate: float = 0.1
    biases: bool = True


@dataclass(frozen=True)
class Optim:
    lr: float = 0.1
    least: float = 0.0
    decay: Decay = Decay()

    def __post_init__(self) -> None:
        if not self.least <= self.lr:
            raise ValueError(f"least={self.least} is above lr={self.lr}")


@dataclass(frozen=True)
class Config:
    optim: Optim = Optim()
    act: Act = Act.RELU
    wide: bool = False
    extra: Any = None
    teacher: Any = None


def train(config, seed, epochs, run):
    yield {"top1": config.optim.lr}


WIDE = Trick("wide", {"wide": True})


def study(**changes):
    return Study(**{"question": "?", "base": Config(), "train": train, "vary": ladder(WIDE), "epochs": 2} | changes)


def tuned(**space):
    return Tune(Space(**space), Round(points=2, epochs=1))


def test_names_values_and_settings_agree():
    base = Config()
    names = field_names(base)
    assert names == (
        *("optim", "optim.lr", "optim.least", "optim.decay", "optim.decay.rate", "optim.decay.biases"),
        *("act", "wide", "extra", "teacher"),
    )
    for name in names:
        assert with_fields(base, {name: field_at(base, name)}) == base
    changed = with_fields(base, {"optim.decay.rate": 0.5, "wide": True, "optim.lr": 2.0})
    assert changed == Config(Optim(2.0, 0.0, Decay(0.5)), wide=True)
    assert different(changed, base) == {"optim.lr": 2.0, "optim.decay.rate": 0.5, "wide": True}
    assert with_fields(base, {"optim.lr": 3.0, "optim": Optim(1.0, 0.5)}).optim == Optim(3.0, 0.5)  # the whole before its part


def test_fields_of_one_dataclass_are_set_together():
    """One by one, ``least=1`` would be refused while ``lr`` is still 0.1."""
    assert with_fields(Config(), {"optim.least": 1.0, "optim.lr": 2.0}).optim == Optim(2.0, 1.0)
    with pytest.raises(ValueError, match=r"least=1.0 is above lr=0.1"):
        with_fields(Config(), {"optim.least": 1.0})


def test_items_of_a_mapping_can_be_set():
    base = Config(extra={"depth": 1})
    asked = study(base=base, vary=ladder(Trick("deep", {"extra.depth": 2}), Trick("new", {"extra.new": 1})))
    assert asked.config(asked.plan.arms[-1]).extra == {"depth": 2, "new": 1}
    assert base.extra == {"depth": 1}
    with pytest.raises(Refused, match=re.escape("set its items one by one, as in {'extra.depth': ...}")):
        Trick("deep", {"extra": {"depth": 2}})


def test_tricks_and_spaces_set_them():
    asked = study(vary=ladder(Trick("slow", {"optim.lr": 0.01}), Trick("no decay", {"optim.decay": Decay(0.0)})))
    assert asked.config(asked.plan.arms[-1]).optim == Optim(0.01, 0.0, Decay(0.0))
    searched = study(tune=tuned(**{"optim.decay.rate": 10 ** Uniform(-3, 0), "act": Choice(Act.RELU, Act.GELU)}))
    assert searched.config(Arm(), {"optim.decay.rate": 0.5, "act": Act.GELU}) == Config(Optim(decay=Decay(0.5)), Act.GELU)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"vary": lambda: ladder(Trick("a", {"optim.lrr": 1}))},
            "trick 'a' sets 'optim.lrr', which Config does not have: did you mean 'optim.lr'?",
        ),
        (
            {"vary": lambda: ladder(Trick("a", {"lr": 1}))},
            "trick 'a' sets 'lr', which Config does not have: did you mean 'optim.lr'?",
        ),
        ({"tune": lambda: tuned(**{"optim.decay.rat": Uniform(0, 1)})}, "did you mean 'optim.decay.rate'?"),
        (
            {"tune": lambda: tuned(**{"optim.least": Uniform(0, 1)})},
            "the range of 'optim.least' reaches 1.0, which is refused: least=1.0 is above lr=0.1",
        ),
        (
            {"vary": lambda: ladder(Trick("a", {"optim": Optim(0.5)})), "tune": lambda: tuned(**{"optim.lr": Uniform(0.1, 1)})},
            "'optim.lr' is both tuned and set by trick 'a': take it out of the space or the trick",
        ),
        (
            {"vary": lambda: ladder(Trick("a", {"optim.lr": 0.5})), "tune": lambda: tuned(optim=Choice(Optim(1.0), Optim(2.0)))},
            "'optim' is both tuned and set by trick 'a': take it out of the space or the trick",
        ),
        (
            {"vary": lambda: ladder(Trick("a", {"optim.lr": 0.5}), Trick("b", {"optim": Optim(2.0)}))},
            "tricks 'a' and 'b' both set 'optim' and cannot share an arm",
        ),
        (
            {"vary": lambda: ladder(Trick("a", {"optim": Optim(2.0), "optim.lr": 0.5}))},
            "trick 'a' sets 'optim' and 'optim.lr', which is a part of it: set one of the two",
        ),
        ({"vary": lambda: ladder(Trick("a", {"optim.lr": 0.1}))}, "trick 'a' changes nothing: the base already has optim.lr=0.1"),
        ({"base": lambda: Config(extra=object)}, "Study.base, Config(...), cannot be recorded: <class 'object'> (type)"),
        ({"base": lambda: Config(extra={1, 2})}, "{1, 2} (set) cannot be recorded"),
        ({"vary": lambda: ladder(Trick("a", {"extra": b"x"}))}, "arm 'a' is not a valid Config: b'x' (bytes) cannot be recorded"),
        ({"vary": lambda: ladder(Trick("a", {"extra.x": 1}))}, "'extra.x', which Config does not have"),
    ],
)
def test_mistakes_are_told_by_the_dotted_name(changes, said):
    with pytest.raises(Refused) as refused:
        study(**{name: make() for name, make in changes.items()})
    assert said in str(refused.value)


def test_a_config_that_would_not_come_back_as_it_is_is_refused():
    with pytest.raises(Refused, match=r"would not come back from the record as it is: rate=1.0 would be 2.0"):
        study(base=Doubling(0.5), vary=ladder(Trick("fast", {"rate": 2.0})))


@dataclass(frozen=True)
class Doubling:
    rate: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", 2 * self.rate)


def test_a_teacher_sets_and_follows_them():
    teacher = Teacher({"optim.decay.rate": 0.9}, follows=("optim.lr",))
    asked = study(vary=ladder(Trick("slow", {"optim.lr": 0.01}), Trick("taught", {"teacher": teacher})))
    [trial] = asked.student(asked.plan.arms[-1], 0, "final").needs.values()
    assert trial.config == Config(Optim(0.01, decay=Decay(0.9)))
    with pytest.raises(Refused, match=r"a Teacher both sets 'optim.lr' and takes it from the student"):
        Teacher({"optim.lr": 0.9}, follows=("optim",))


def test_a_part_overlaps_its_whole_and_nothing_else():
    assert [overlap("a", other) for other in ("a", "a.b", "ab", "b")] == [True, True, False, False]


STUDY = """
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from hpsearch import *

class Act(str, Enum):
    RELU = "relu"
    GELU = "gelu"

class Level(IntEnum):
    LOW = 1

@dataclass(frozen=True)
class Optim:
    lr: float = 0.1
    betas: tuple = (0.9, 0.999)
    at: Any = field(default_factory=lambda: {1: 0.5, "1": 0.25})

@dataclass(frozen=True)
class Config:
    optim: Optim = Optim()
    act: Act = Act.RELU
    level: Level = Level.LOW
    cache: Path = Path("a/b")
    names: frozenset = frozenset({"a", "b"})
    drop: float | None = None

def train(config, seed, epochs, run):
    kinds = [type(value).__name__ for value in (config.act, config.level, config.cache, config.names, config.drop, config.optim.at)]
    for epoch in range(epochs):
        yield {"top1": 10 * (config.act is Act.GELU) + config.optim.lr + (7919 * seed + 3 * (config.act is Act.GELU)) % 13 / 13,
               "kind": float(len(repr((kinds, config)))), "at": config.optim.at[1] + epoch}

study = Study(question="Q?", base=Config(), train=train, epochs=2, seeds=2,
              vary=ladder(Trick("gelu", {"act": Act.GELU}), Trick("other betas", {"optim.betas": (0.8, 0.9)})),
              tune=Tune(Space(**{"optim.lr": 10 ** Uniform(-3, 0), "drop": Choice(None, 0.5)}),
                        rounds=(Round(points=4, epochs=1, keep=2), Round(points=2, epochs=2)), arms="base"))
"""


def test_from_run_to_report_export_show_and_rerun(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("mine.py").write_text(STUDY)

    def give(*words):
        return giving(monkeypatch, capsys)(*words)[:2]

    code, said = give("run", "mine.py", "--here")
    assert (code, "0 failed" in said) == (0, True)
    assert "optim.lr" in Path("runs/mine.md").read_text()
    assert give("report", "mine.py", "--tables", "tables")[0] == 0
    searched = pd.read_csv("tables/trials.csv")
    assert searched["optim.lr"].notna().all()
    code, said = give("export", "mine.py", "--optuna", "sqlite:///view.db")
    assert code == 0
    names = optuna.study.get_all_study_names("sqlite:///view.db")
    assert any(
        "optim.lr" in trial.params
        for name in names
        for trial in optuna.load_study(study_name=name, storage="sqlite:///view.db").trials
    )
    with sqlite3.connect("runs/hpsearch.db") as record:
        keys = [key for (key,) in record.execute("select key from trials where held_out = 'final' and seed = 0")]
    shown = [give("show", "mine.py", key)[1] for key in keys]
    assert sum("act=Act.GELU" in text.split("as the base")[0] for text in shown) == 2
    assert all("optim.lr=" in text.split("as the base")[0] for text in shown)
    for key in keys:
        code, said = give("rerun", "mine.py", key)
        assert "bitwise identical over 2 epochs: top1, kind, at" in said
        assert code == 0
    Path("mine.py").rename("yours.py")
    code, said = give("rerun", "yours.py", keys[0])
    assert (code, "has changed" in said) == (0, False)
