"""What an edit of a study costs: which finished trials are still known, what is said of those that are not, and what is done."""

import re
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from hpsearch.errors import Undecided
from hpsearch.results.frames import evidence
from hpsearch.results.history import with_history
from hpsearch.results.question import question
from hpsearch.results.record import Record
from hpsearch.results.replay import replayed
from hpsearch.study.file import read
from hpsearch.trials import launch
from hpsearch.trials.session import Resources

STUDY = '''"""A study."""
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from beside import noise
from hpsearch import Run, Study, Trick, ladder

SCALE = 10


class Act(str, Enum):
    RELU = "relu"
    GELU = "gelu"


@dataclass(frozen=True)
class Text:
    path: str

    def identity(self):
        return {"is": "Text", "text": Path(self.path).read_text()}

    def check(self):
        pass

    def prepare(self, cache):
        pass


@dataclass(frozen=True)
class Optim:
    lr: float = 0.1


@dataclass(frozen=True)
class Config:
    data: Text
    optim: Optim = Optim()
    depth: int = 1
    act: Act = Act.RELU
    wide: bool = False

    def __post_init__(self):
        if self.depth < 0:
            raise ValueError("depth")

    def size(self):
        return 1


def train(config: Config, seed: int, epochs: int, run: Run):
    """Train."""
    for epoch in range(epochs):
        yield {"top1": SCALE * config.wide + config.depth + noise(seed), "loss": 1.0}


study = Study(question="Q?", base=Config(Text("words.txt")), train=train, vary=ladder(Trick("wide", {"wide": True})), seeds=2,
              epochs=2)
'''
BESIDE = "def noise(seed):\n    return seed * 0.37 % 1\n\n\ndef unused():\n    return 1\n"
MORE = "\ndef more():\n    return 0\n"
MINE = "mine.py"


def replaced(name, old, new):
    """An edit: a text in a file gives place to another."""

    def edit():
        text = Path(name).read_text()
        assert old in text
        Path(name).write_text(text.replace(old, new))
        return MINE

    return edit


def renamed():
    Path(MINE).rename("other-name.py")
    return "other-name.py"


def copied():
    Path("copy").mkdir()
    for name in (MINE, "beside.py"):
        shutil.copy(name, Path("copy") / name)
    return "copy/mine.py"


def renamed_helper():
    Path("beside.py").rename("helpers.py")
    return replaced(MINE, "from beside import", "from helpers import")()


def helper_moved_in():
    text = Path(MINE).read_text().replace("from beside import noise\n", BESIDE)
    Path(MINE).write_text(text)
    return MINE


SAME = {
    "nothing": replaced(MINE, '"Q?"', '"Q?"'),
    "a comment and a docstring": replaced(MINE, '    """Train."""\n', '    """Train it."""\n    # well\n'),
    "another question": replaced(MINE, '"Q?"', '"What then?"'),
    "the file renamed": renamed,
    "the file copied": copied,
    "a field with a default": replaced(MINE, "    wide: bool = False", "    wide: bool = False\n    dropout: float = 0.0"),
    "a field of a nested config": replaced(MINE, "    lr: float = 0.1", "    lr: float = 0.1\n    nesterov: bool = False"),
    "a field in front": replaced(MINE, "    data: Text\n", "    data: Text\n    first: tuple = (1, 2)\n"),
    "an import for the study alone": replaced(MINE, "Trick, ladder", "Trick, factorial, ladder"),
    "a function nothing reaches": replaced("beside.py", "return 1", "return 2"),
    "a module beside it renamed": renamed_helper,
    "a member of an Enum by its name": replaced(MINE, "act: Act = Act.RELU", 'act: Act = Act("relu")'),
}
OTHER = {
    "a print": (replaced(MINE, "    for epoch in", "    print(1)\n    for epoch in"), r"older training code \(changed: train\)"),
    "a metric": (replaced(MINE, '"loss": 1.0', '"loss": 1.0, "more": 2.0'), r"older training code \(changed: train\)"),
    "a constant": (replaced(MINE, "SCALE = 10", "SCALE = 11"), r"older training code \(changed: SCALE\)"),
    "a module beside": (replaced("beside.py", "0.37", "0.38"), r"older training code \(changed: beside.py: noise\)"),
    "a law of the config": (replaced(MINE, "depth < 0", "depth < -1"), r"older training code \(changed: Config\)"),
    "a method of the config": (replaced(MINE, "return 1\n", "return 2\n"), r"older training code \(changed: Config\)"),
    "the function renamed": (
        lambda: replaced(MINE, "def train(", "def fit(")() and replaced(MINE, "train=train", "train=fit")(),
        r"older training code \(new: fit; gone: train\)",
    ),
    "a function that is new": (
        lambda: replaced(MINE, "+ noise(seed)", "+ noise(seed) + more()")() and replaced(MINE, "\nstudy =", f"{MORE}\n\nstudy =")(),
        r"older training code \(changed: train; new: more\)",
    ),
    "a default": (replaced(MINE, "depth: int = 1", "depth: int = 2"), r"made under another default \(depth was 1 and is 2\)"),
    "a nested default": (
        replaced(MINE, "lr: float = 0.1", "lr: float = 0.2"),
        r"made under another default \(optim.lr was 0.1 and is 0.2\)",
    ),
    "a default of an Enum": (
        replaced(MINE, "act: Act = Act.RELU", "act: Act = Act.GELU"),
        r"another default \(act was Act.RELU and is Act.GELU\)",
    ),
    "the data": (replaced("words.txt", "a b", "a c"), "made with other data"),
    "the data and the code": (
        lambda: replaced("words.txt", "a b", "a c")() and replaced(MINE, "SCALE = 10", "SCALE = 11")(),
        r"older training code \(changed: SCALE\) and other data",
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study of four trials, finished."""
    monkeypatch.chdir(tmp_path)
    Path(MINE).write_text(STUDY)
    Path("beside.py").write_text(BESIDE)
    Path("words.txt").write_text("a b")
    run(MINE)
    return tmp_path


def run(name, decision=""):
    """Trials that ran."""
    options = launch.Options("x.db", None, Path("cache"), True, None, Resources(1, 0, 1), False, decision)
    for module in ("beside", "helpers"):
        sys.modules.pop(module, None)
    return launch.run(read(Path(name)), options, lambda session: None, lambda doing: None).ran


def asked(name):
    """What there is to decide, and how many trials are known to be done."""
    file, record = read(Path(name)), Record.open("x.db")
    found = replayed(record, with_history(record, file.study, file.name))
    return question(record, found, file.name), len(found.scores)


def rows():
    with sqlite3.connect("x.db") as record:
        lines = "select metrics from rows order by key, epoch", "select count(*) from trials"
        return [record.execute(line).fetchall() for line in lines]


@pytest.mark.parametrize("edit", SAME)
def test_an_edit_that_changes_no_training_repeats_none(folder, edit):
    name = SAME[edit]()
    assert asked(name) == ("", 4)
    assert run(name) == 0


@pytest.mark.parametrize("edit", OTHER)
def test_an_edit_that_changes_training_is_named_and_asks_for_a_decision(folder, edit):
    """Nothing is run before the user has decided; then old results are used, or left where they are."""
    change, said = OTHER[edit]
    name, before = change(), rows()
    told, done = asked(name)
    assert done == 0
    for words in (r"^4 finished trials of mine were made ", said, "would be repeated: `--again` trains them anew, `--keep` uses"):
        assert re.search(words, told)
    with pytest.raises(Undecided) as refused:
        run(name)
    assert (str(refused.value), refused.value.exit_code) == (told, 78)
    assert rows() == before
    assert run(name, "kept") == 0
    assert asked(name) == ("", 4)
    assert run(name) == 0
    found = evidence(Record.open("x.db"), read(Path(name)).study, "mine", "")
    assert set(found.trials["older"]) == {"older, kept"}
    assert len(found.older) == 1
    assert rows() == before
    assert run(name, "again") == 4  # the user has thought again
    assert asked(name) == ("", 4)
    assert run(name) == 0
    assert rows()[1] == [(8,)]
    assert {row for (row,) in before[0]} <= {row for (row,) in rows()[0]}


def test_a_default_that_is_put_back_finds_the_results_that_were_made_under_it(folder):
    change = replaced(MINE, "depth: int = 1", "depth: int = 2")()
    assert run(change, "again") == 4
    replaced(MINE, "depth: int = 2", "depth: int = 1")()
    assert asked(MINE) == ("", 4)
    assert run(MINE) == 0
    found = evidence(Record.open("x.db"), read(Path(MINE)).study, "mine", "")
    assert set(found.trials["older"]) == {""}  # they are what the study asks for, and no older results
    assert sorted(found.trials["score"]) == sorted([1.0, 1.37, 11.0, 11.37])


@pytest.mark.parametrize("decision", ["again", "kept"])
@pytest.mark.parametrize(
    "edits",
    [
        (("depth: int = 1", "depth: int = 2"), ("depth: int = 2", "depth: int = 3")),
        (("SCALE = 10", "SCALE = 15"), ("depth: int = 1", "depth: int = 2")),
        (("depth: int = 1", "depth: int = 2"), ("SCALE = 10", "SCALE = 15")),
        (("depth: int = 1", "depth: int = 2"), ("SCALE = 10", "SCALE = 15"), ("depth: int = 2", "depth: int = 3")),
        (("depth: int = 1", "depth: int = 2"), ("depth: int = 2", "depth: int = 3"), ("depth: int = 3", "depth: int = 4")),
    ],
)
def test_after_several_edits_the_newest_results_are_asked_about_and_no_older_ones_stand_for_the_present(folder, edits, decision):
    def scores():
        found = evidence(Record.open("x.db"), read(Path(MINE)).study, "mine", "")
        return sorted(found.trials["score"])

    def expected():
        text = Path(MINE).read_text()
        scale, depth = (int(re.search(f"{name} = ([0-9]+)", text)[1]) for name in ("SCALE", "depth: int"))
        return pytest.approx(sorted(scale * wide + depth + seed * 0.37 % 1 for wide in (0, 1) for seed in (0, 1)))

    *before, last = edits
    for old, new in before:
        replaced(MINE, old, new)()
        assert run(MINE, "again") == 4
        assert scores() == expected()
    newest = expected()
    replaced(MINE, *last)()
    told, _ = asked(MINE)
    assert told.startswith("4 finished trials of mine were made ")
    assert ("depth was" in told) == ("depth" in last[0])
    assert ("SCALE" in told) == ("SCALE" in last[0])
    if "depth" in last[0]:
        assert f"depth was {last[0][-1]} and is {last[1][-1]}" in told
    assert run(MINE, decision) == (4 if decision == "again" else 0)
    assert scores() == (expected() if decision == "again" else newest)


def scored():
    """Score of every trial by arm and seed, and whether it is an older result."""
    trials = evidence(Record.open("x.db"), read(Path(MINE)).study, "mine", "").trials
    return {
        (arm, seed): (score, bool(older))
        for arm, seed, score, older in trials[["arm", "seed", "score", "older"]].itertuples(index=False)
    }


EDITED = {  # what is edited, twice, and what seeds 0 and 1 score after the first edit, seed 2 after the second
    "code": ("SCALE = 10", "SCALE = 15", "SCALE = 20", {"base": (1, 1.37, 1.74), "wide": (16, 16.37, 21.74)}),
    "default": ("depth: int = 1", "depth: int = 2", "depth: int = 3", {"base": (2, 2.37, 3.74), "wide": (12, 12.37, 13.74)}),
}


@pytest.mark.parametrize("kind", EDITED)
def test_what_was_declined_stands_for_nothing_that_a_newer_generation_lacks(folder, kind):
    """The first edit's results were preferred to the study's first ones, but it ran fewer seeds: keeping them takes no others."""
    first, second, third, scores = EDITED[kind]
    assert run(replaced(MINE, "seeds=2", "seeds=3")()) == 2
    replaced(MINE, "seeds=3", "seeds=2")()
    assert run(replaced(MINE, first, second)(), "again") == 4
    replaced(MINE, "seeds=2", "seeds=3")()
    replaced(MINE, second, third)()
    told, _ = asked(MINE)
    assert told.startswith("4 finished trials of mine were made ")
    assert told.endswith("; 2 finished trials that `--again` declined before stay so, and are trained anew in any case")
    assert run(MINE, "kept") == 2
    expected = {(arm, seed): (pytest.approx(each[seed]), seed < 2) for arm, each in scores.items() for seed in range(3)}
    assert {("wide" if "wide" in arm else "base", seed): told for (arm, seed), told in scored().items()} == expected
    assert asked(MINE) == ("", 6)
    assert run(MINE) == 0


def test_other_data_that_was_declined_stays_so(folder):
    assert run(replaced(MINE, "seeds=2", "seeds=3")()) == 2
    replaced(MINE, "seeds=3", "seeds=2")()
    assert run(replaced("words.txt", "a b", "a c")() and MINE, "again") == 4
    replaced(MINE, "seeds=2", "seeds=3")()
    replaced("words.txt", "a c", "a d")()
    assert run(MINE, "kept") == 2
    assert {(seed, older) for (_, seed), (_, older) in scored().items()} == {(0, True), (1, True), (2, False)}


def test_what_was_declined_for_something_that_has_no_results_is_asked_about(folder):
    """No trial of what was preferred ever finished: nothing newer is there to be kept in their place."""
    replaced(MINE, "    for epoch in", "    assert not epochs\n    for epoch in")()
    assert run(MINE, "again") == 4
    replaced(MINE, "    assert not epochs\n", "    print(1)\n")()
    assert asked(MINE)[0].startswith("4 finished trials of mine were made by older training code (")
    assert run(MINE, "kept") == 0


def test_a_default_that_moves_while_the_study_says_the_former_one_changes_nothing(folder):
    replaced(MINE, "depth: int = 1", "depth: int = 2")()
    replaced(MINE, "Config(Text(", "Config(depth=1, data=Text(")()
    assert asked(MINE) == ("", 4)  # the keys are others, the values are not
    assert run(MINE) == 0
    replaced(MINE, "depth=1, ", "")()
    assert asked(MINE)[0].startswith("4 finished trials of mine were made under another default (depth was 1 and is 2)")


def test_code_that_is_put_back_needs_no_decision(folder):
    assert run(replaced(MINE, "SCALE = 10", "SCALE = 11")(), "again") == 4
    replaced(MINE, "SCALE = 11", "SCALE = 10")()
    assert asked(MINE) == ("", 4)
    assert run(MINE) == 0


def test_a_trial_that_failed_under_older_code_is_tried_again_without_a_question(folder):
    replaced(MINE, "    for epoch in", "    assert seed < 1 or not config.wide\n    for epoch in")()
    assert run(MINE, "again") == 4
    replaced(MINE, "    assert seed < 1 or not config.wide\n", "")()
    replaced(MINE, "    for epoch in", "    seed + 0\n    for epoch in")()
    told, _ = asked(MINE)
    assert told.startswith("3 finished trials of mine were made by older training code (")  # the first version's were declined
    assert "1 finished trial that `--again` declined before stays so" in told
    Path("x.db").unlink()
    replaced(MINE, "    seed + 0\n", "    assert seed < 1 or not config.wide\n")()
    shutil.rmtree("trials")
    run(MINE)
    replaced(MINE, "    assert seed < 1 or not config.wide\n", "")()
    assert asked(MINE)[0].startswith("3 finished trials of mine were made by older training code (changed: train)")
    assert run(MINE, "kept") == 1


SEARCHED = STUDY.replace("seeds=2,", 'seeds=2, tune=Tune(Space(rate=10 ** Uniform(-3, 0)), ROUNDS, arms="base", confirm=None),')
SEARCHED = SEARCHED.replace("import Run, Study,", "import Round, Run, Space, Study, Tune, Uniform,").replace(
    "    depth: int = 1\n", "    depth: int = 1\n    rate: float = 0.1\n"
)
SEARCHED = SEARCHED.replace('"loss": 1.0', '"loss": config.rate').replace("+ noise(seed)", "+ config.rate")
SEARCHED = SEARCHED.replace("ROUNDS", "(Round(points=8, epochs=1, keep=1), Round(points=4, epochs=2))")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "vary=ladder",
            'goal="minimise", vary=ladder',
            r"^goal was 'maximise' and is 'minimise': the search takes another course, and ",
        ),
        (
            "vary=ladder",
            'metric="loss", goal="minimise", vary=ladder',
            r"^metric was 'top1' and is 'loss', goal was 'maximise' and is",
        ),
    ],
)
def test_finished_trials_that_another_metric_or_direction_leaves_are_counted(folder, old, new, said):
    Path(MINE).write_text(SEARCHED)
    assert run(MINE, "again") == 16
    replaced(MINE, old, new)()
    told, _ = asked(MINE)
    assert re.search(said, told)
    lost = int(re.search(r"and (\d+) finished trials of mine are no longer asked for", told)[1])
    assert 4 <= lost <= 12  # all but the first points of the first round, which follow from no score
    with pytest.raises(Undecided):
        run(MINE)
    assert run(MINE, "again") == lost
    assert asked(MINE)[0] == ""


def test_a_renamed_study_goes_on_with_its_earlier_searches(folder):
    Path(MINE).write_text(SEARCHED)
    run(MINE, "again")
    replaced(MINE, "Uniform(-3, 0)", "Uniform(-2.5, 0)")()
    run(MINE)
    record, study = Record.open("x.db"), read(Path(MINE)).study
    before = with_history(record, study, "mine")
    assert len(before.tune.earlier) == 1
    name = renamed()
    assert with_history(record, read(Path(name)).study, "other-name").tune.earlier == before.tune.earlier
    assert asked(name)[0] == ""
    assert run(name) == 0
    assert evidence(Record.open("x.db"), read(Path(name)).study, "other-name", "").provenance["command"]


TAUGHT = """
from dataclasses import dataclass
from typing import Any
from hpsearch import Study, Teacher, Trick, ladder

@dataclass(frozen=True)
class Config:
    depth: int = 1
    teacher: Any = None

def train(config, seed, epochs, run):
    learned = float(run.given("teacher").read_text()) if config.teacher else 0.0
    with run.keeping("weights.pt") as path:
        path.write_text(str(config.depth * 10))
    yield {"top1": learned + seed}

study = Study(question="Q?", base=Config(), train=train, epochs=1, seeds=2,
              vary=ladder(Trick("taught", {"teacher": Teacher({"depth": 3})})))
"""


def test_a_new_student_learns_from_a_teacher_that_was_kept(folder):
    Path(MINE).write_text(TAUGHT)
    assert run(MINE, "again") == 5
    replaced(MINE, "    yield", "    print(1)\n    yield")()
    replaced(MINE, "seeds=2", "seeds=3")()
    assert asked(MINE)[0].startswith("5 finished trials of mine were made by older training code (changed: train)")
    assert run(MINE, "kept") == 2  # the third seed of both arms
    measured = evidence(Record.open("x.db"), read(Path(MINE)).study, "mine", "").measurements()
    assert dict(measured[measured["arm"] == "taught"][["seed", "score"]].to_numpy().tolist()) == {0: 30.0, 1: 31.0, 2: 32.0}
    assert measured["older"].tolist() == ["older, kept", "older, kept", ""] * 2
