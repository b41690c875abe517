"""A study is checked whole when it is built: every refusal with its words, and the cost against hand counts."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hpsearch import (
    Arm,
    Choice,
    Confirm,
    Integers,
    Round,
    Space,
    Study,
    Trick,
    Tune,
    Uniform,
    factorial,
    ladder,
    leave_one_out,
    one_at_a_time,
)
from hpsearch.ablation import Plan
from hpsearch.errors import Refused
from hpsearch.study import Trial
from hpsearch.training import Recipe, digits
from hpsearch.values import from_json, to_json


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    width: int = 8
    kind: str = "a"
    drop: float = 0.0
    warm: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate must be in (0, 1], got {self.rate}")
        if self.kind not in "abc":
            raise Refused(f"kind is a, b or c, got {self.kind}")
        if self.drop and self.warm > 0.5:
            raise ValueError("drop needs warm to be at most 0.5")


@dataclass(frozen=True)
class Long(Config):
    epochs: Any = 7


@dataclass
class Loose:
    rate: float = 0.1


@dataclass(frozen=True)
class Unrecorded:
    things: Any = field(default_factory=set)


def train(config, seed, epochs, run):
    yield {"top1": config.rate}


def short(config, seed):
    yield {"top1": config.rate}


WIDE, SECOND, DROP = Trick("wide", {"width": 16}), Trick("second", {"kind": "b"}), Trick("drop", {"drop": 0.5})
RATE = Space(rate=10 ** Uniform(-3, 0))
ROUNDS = (Round(points=6, epochs=2, keep=2), Round(points=3, epochs=4))  # too few to confirm
LONGER = (Round(points=20, epochs=2), Round(points=10, epochs=4))


def study(**changes):
    return Study(**{"question": "Is it?", "base": Config(), "train": train, "vary": ladder(WIDE, SECOND), "epochs": 5} | changes)


REFUSED = [
    ({"question": " "}, "Study.question is empty: say in one sentence what the study asks"),
    ({"base": Loose()}, "Study.base must be an instance of a frozen dataclass, got Loose(rate=0.1): write @dataclass(frozen=True)"),
    ({"base": {"rate": 1}}, "Study.base must be an instance of a frozen dataclass, got {'rate': 1}: write @dataclass(frozen=True)"),
    (
        {"base": Unrecorded(), "vary": Plan((Arm(),))},
        "Study.base, Unrecorded(...), cannot be recorded: set() (set) cannot be recorded: use numbers, texts, paths, "
        "members of an Enum, functions at the top of a file, tuples, or frozen dataclasses of them",
    ),
    ({"train": None}, "Study.base is a Config, so the study needs train=, the function that trains it"),
    ({"train": short}, f"Study.train must be a function (config, seed, epochs, run), got {short!r}"),
    ({"train": "train"}, "Study.train must be a function (config, seed, epochs, run), got 'train'"),
    ({"vary": None}, "the study asks nothing: give it vary=, a plan of arms, or tune=, a space to search"),
    ({"vary": (WIDE,)}, f"Study.vary must be a plan such as ladder(...), got {(WIDE,)!r}"),
    ({"tune": RATE}, f"Study.tune must be a Tune(Space(...), rounds=...), got {RATE!r}"),
    (
        {"vary": ladder(Trick("w", {"widht": 1}))},
        "trick 'w' sets 'widht', which Config does not have: did you mean 'width'?",
    ),
    (
        {"tune": Tune(Space(rat=Uniform(0.1, 1)), ROUNDS)},
        "the space of Study.tune sets 'rat', which Config does not have: did you mean 'rate'?",
    ),
    (
        {"vary": ladder(Trick("same", {"width": 8, "kind": "a"}))},
        "trick 'same' changes nothing: the base already has kind='a', width=8",
    ),
    (
        {"vary": one_at_a_time(WIDE, Trick("wide again", {"width": 16}))},
        "arms 'wide' and 'wide again' train exactly the same thing: drop one",
    ),
    ({"vary": ladder(Trick("z", {"kind": "z"}))}, "arm 'z' is not a valid Config: kind is a, b or c, got z"),
    ({"vary": ladder(Trick("fast", {"rate": 2.0}))}, "arm 'fast' is not a valid Config: rate must be in (0, 1], got 2.0"),
    (
        {"tune": Tune(Space(width=Integers(1, 9)), ROUNDS)},
        "'width' is both tuned and set by trick 'wide': take it out of the space or the trick",
    ),
    (
        {"tune": Tune(Space(rate=10 ** Uniform(-1, 1)), ROUNDS)},
        "the range of 'rate' reaches 10.0, which is refused: rate must be in (0, 1], got 10.0",
    ),
    (
        {"vary": ladder(WIDE), "tune": Tune(Space(kind=Choice("a", "z", "b")), ROUNDS)},
        "the range of 'kind' reaches 'z', which is refused: kind is a, b or c, got z",
    ),
    (
        {"vary": ladder(DROP), "tune": Tune(Space(warm=Uniform(0, 1)), ROUNDS, arms="base")},
        "the range of 'warm' reaches 1.0, which is refused: drop needs warm to be at most 0.5",
    ),
    (
        {"tune": Tune(Space(rate=Choice(0.1, 0.2, 5.0)), ROUNDS)},
        "the range of 'rate' reaches 5.0, which is refused: rate must be in (0, 1], got 5.0",
    ),
    (
        {"vary": None, "tune": Tune(Space(kind=Choice("a", b=Space(wdth=Integers(1, 9)))), ROUNDS)},
        "the space of Study.tune sets 'wdth', which Config does not have: did you mean 'width'?",
    ),
    (
        {"vary": ladder(WIDE), "tune": Tune(Space(kind=Choice("a", b=Space(width=Integers(1, 9)))), ROUNDS)},
        "'width' is both tuned and set by trick 'wide': take it out of the space or the trick",
    ),
    (
        {"vary": None, "tune": Tune(Space(kind=Choice("a", b=Space(rate=Uniform(0.5, 2)))), ROUNDS)},
        "the range of 'rate' reaches 2.0, which is refused: rate must be in (0, 1], got 2.0",
    ),
    (
        {"base": Long(), "epochs": None, "tune": Tune(Space(epochs=Integers(1, 9)), ROUNDS)},
        "'epochs' cannot be tuned, the rounds say how long each trial is: take it out of the space",
    ),
    (
        {"base": Long(), "vary": ladder(Trick("long", {"epochs": 9}))},
        "trick 'long' sets 'epochs', which Study.epochs=5 overrides: drop one of the two",
    ),
    (
        {"vary": one_at_a_time(WIDE, SECOND), "tune": Tune(RATE, ROUNDS, arms="stack")},
        "Tune.arms='stack' searches the arm with all tricks, and the plan has none: take 'each' or 'base'",
    ),
    ({"epochs": None}, "Config has no field 'epochs', so the study needs epochs="),
    ({"epochs": 0}, "arm 'base' would train for 0 epochs: give it a whole number, at least 1"),
    ({"epochs": 2.5}, "arm 'base' would train for 2.5 epochs: give it a whole number, at least 1"),
    (
        {"base": Long(), "epochs": None, "vary": ladder(Trick("half", {"epochs": 3.5}))},
        "arm 'half' would train for 3.5 epochs: give it a whole number, at least 1",
    ),
    ({"seeds": 0}, "Study.seeds is how many times each arm is repeated, at least 1, got 0"),
    ({"seeds": 2.0}, "Study.seeds is how many times each arm is repeated, at least 1, got 2.0"),
    ({"seeds": 1}, "an interval on a difference needs at least 2 seeds, got seeds=1: raise Study.seeds (5 is a fair start)"),
    ({"metric": ""}, "Study needs metric=, a name, and goal='maximise' or 'minimise', got '' and 'maximise'"),
    ({"goal": "max"}, "Study needs metric=, a name, and goal='maximise' or 'minimise', got 'top1' and 'max'"),
    ({"divergence": 10}, "Study.divergence is Divergence(metric=..., multiple=...) or None, got 10"),
    (
        {"budget": 74},
        "the study needs 75 epochs and the budget is 74: raise Study.budget, or ask for fewer seeds, arms, points or epochs",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_a_study_that_cannot_be_answered_is_refused_when_it_is_built(changes, message):
    with pytest.raises(Refused) as refused:
        study(**changes)
    assert str(refused.value) == message


def test_a_function_whose_code_cannot_be_told_apart_is_refused_when_the_study_is_built():
    with pytest.raises(Refused, match="must be a function at the top level of a file"):
        study(train=lambda config, seed, epochs, run: iter(()))


def test_a_trick_may_repeat_some_of_the_base():
    assert study(vary=ladder(Trick("both", {"width": 8, "kind": "b"}))).trials == 10


def test_one_seed_is_enough_where_nothing_is_compared():
    assert study(vary=None, tune=Tune(RATE, ROUNDS), seeds=1).cost == 6 * 2 + 3 * 4 + 5


@pytest.mark.parametrize(
    ("changes", "trials", "cost"),
    [
        ({}, 3 * 5, 3 * 5 * 5),
        ({"vary": factorial(WIDE, SECOND, DROP), "seeds": 2, "epochs": 3}, 8 * 2, 8 * 2 * 3),
        ({"tune": Tune(RATE, ROUNDS)}, 3 * 5 + 3 * 9, 75 + 3 * (12 + 12)),
        ({"tune": Tune(RATE, ROUNDS, arms="base")}, 3 * 5 + 9, 75 + 24),
        ({"tune": Tune(RATE, ROUNDS, arms="stack")}, 3 * 5 + 9, 75 + 24),
        ({"vary": None, "tune": Tune(RATE, ROUNDS), "seeds": 4}, 4 + 9, 4 * 5 + 24),
        ({"tune": Tune(RATE, LONGER)}, 3 * 5 + 3 * (20 + 10 + 2 * 2), 75 + 3 * (40 + 40 + 2 * 2 * 4)),
        ({"tune": Tune(RATE, LONGER, confirm=None)}, 3 * 5 + 3 * (20 + 10), 75 + 3 * (40 + 40)),
        ({"tune": Tune(RATE, LONGER, arms="base", confirm=Confirm(3, 4))}, 3 * 5 + 30 + 12, 75 + 80 + 12 * 4),
        ({"base": Long(), "epochs": None, "vary": ladder(Trick("long", {"epochs": 10})), "seeds": 2}, 4, 2 * 7 + 2 * 10),
        ({"vary": leave_one_out(WIDE, SECOND), "base": Long(), "epochs": None}, 15, 15 * 7),
        ({"budget": 75}, 15, 75),
        ({"vary": one_at_a_time(WIDE, SECOND), "tune": Tune(RATE, ROUNDS)}, 3 * 5 + 3 * 9, 75 + 3 * 24),
    ],
)
def test_trials_and_epochs_are_those_counted_by_hand(changes, trials, cost):
    asked = study(**changes)
    assert (asked.trials, asked.cost) == (trials, cost)


def test_a_study_with_its_own_config_and_function_travels_as_json():
    asked = study(tune=Tune(RATE | Space(drop=Uniform(0, 0.5)), ROUNDS, proposals="tpe"), budget=1000, goal="minimise")
    again = from_json(json.loads(json.dumps(to_json(asked))), known=(Config, train))
    assert again == asked
    assert again.code == asked.code
    assert (again.trials, again.cost) == (asked.trials, asked.cost)


def test_a_study_of_our_own_recipe_needs_nothing_named_to_be_read_back():
    asked = Study(question="?", base=Recipe(data=digits(), epochs=2), vary=ladder(Trick("smooth", {"smoothing": 0.1})))
    assert from_json(json.loads(json.dumps(to_json(asked)))) == asked


def test_a_trial_follows_its_epochs_in_the_config_where_there_is_such_a_field():
    asked = study(base=Long(), epochs=None)
    trial = asked.trial(Long(), 0, 3, "tuning")
    assert trial == Trial(Long(epochs=3), 0, 3, "tuning", asked.code)


def test_the_key_differs_by_each_member_and_by_nothing_else():
    first = Trial(Config(), 0, 5, "final", "c0de")
    others = [
        replace(first, seed=1),
        replace(first, epochs=6),
        replace(first, held_out="tuning"),
        replace(first, code="c0df"),
        replace(first, config=Config(rate=0.2)),
        replace(first, config=Long()),
    ]
    assert len({trial.key for trial in [first, *others]}) == 7
    assert replace(first, config=Config(width=8.0)).key == first.key == Trial(Config(), 0, 5, "final", "c0de").key
    assert len(first.key) == 32
