"""Laws that hold for every trick there is, found by scanning ``hpsearch.tricks``; a new file of tricks is under them at once."""

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest

import hpsearch.tricks
from hpsearch.ablation import Arm, Teacher, Trick, resolved
from hpsearch.errors import Refused
from hpsearch.training import Recipe, digits
from hpsearch.training.images import loop
from hpsearch.training.images.recipe import scaling
from hpsearch.values import digest, from_json, to_json
from tests.training.fake_run import FakeRun, rows_of

MODULES = [importlib.import_module(f"hpsearch.tricks.{module.name}") for module in pkgutil.iter_modules(hpsearch.tricks.__path__)]
TRICKS = {
    f"{m.__name__.split('.')[-1]}.{name}": value for m in MODULES for name, value in vars(m).items() if isinstance(value, Trick)
}

# small enough to train in a moment, large enough that every trick has something to change: 75 images to learn from in four
# batches, which a batch of 1024 makes one; a warmup of 5/120 of these 8 steps still changes the first
BASE = Recipe(data=digits(100), depth=14, width=8, stem="small", batch_size=16, epochs=2, test_size=8, test_resize=9)
SEED = 0
SIZES = ("train_size", "test_size", "test_resize")  # pixels of 224, here of 8
# the tricks of a file in their paper's order, which one with few tricks need not say
STACKS = {
    m.__name__.split(".")[-1]: getattr(m, "stack", None) or tuple(value for value in vars(m).values() if isinstance(value, Trick))
    for m in MODULES
}


def small(name, value):
    """A setting at the size of ``BASE``: pixels in proportion, more epochs are one more, a teacher is 26 layers in bf16."""
    if name in SIZES:
        return round(value * 8 / 224)
    if isinstance(value, Teacher):
        return Teacher({**value.settings, "depth": 26, "precision": "bf16"}, value.follows)
    return {"epochs": BASE.epochs + 1, "warmup_of": BASE.epochs}.get(name, value)


def laid(*tricks):
    """The base with tricks laid over it, each at its size; teachers made absolute."""
    smaller = tuple(Trick(t.name, {name: small(name, value) for name, value in t.sets}) for t in tricks)
    return resolved(Arm(smaller).over(BASE), BASE)


def rows(recipe, folder):
    """What training it records; its teacher is trained first, as a study would, once in a folder however many learn from it."""
    run = FakeRun(folder)
    if recipe.teacher is not None:
        lesson = FakeRun(folder / f"lesson-{digest((recipe.teacher.config, recipe.teacher.seed))}")
        if not lesson.folder.exists():
            lesson.folder.mkdir()
            rows_of(loop.train, recipe.teacher.config, recipe.teacher.seed, lesson)
        run.weights = {"teacher": lesson.folder / "weights.pt"}
    return rows_of(loop.train, recipe, SEED, run)


each_trick = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The rows of the base with tricks laid over it; each set of tricks is trained once, however many laws ask for it."""
    folder = tmp_path_factory.mktemp("recorded")
    return cache(lambda *tricks: rows(laid(*tricks), folder))


def test_there_are_tricks():
    assert len(TRICKS) >= 26


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_names_are_unique_in_a_file(module):
    names = [value.name for value in vars(module).values() if isinstance(value, Trick)]
    assert len(set(names)) == len(names)


# what can be seen without training takes a millisecond: one test for all tricks, which says which of them broke it


def test_every_field_that_a_trick_sets_exists_and_is_changed():
    same = {key: name for key, trick in TRICKS.items() for name, value in trick.sets if getattr(BASE, name) == value}
    assert same == {}
    assert {key for key, trick in TRICKS.items() if "data" in trick.settings} == set()


def test_every_trick_says_why_and_what_was_claimed_where_or_that_nothing_was():
    def lacking(trick):
        sources = [claim.source.lower() for claim in trick.claims if claim.over]
        cells = [source for source in sources if "table" in source]
        return not trick.why or len(cells) < len(trick.claims) or not (cells or "the paper has no cell" in trick.why)

    assert [key for key, trick in TRICKS.items() if lacking(trick)] == []


def test_every_trick_travels_as_json():
    assert [key for key, trick in TRICKS.items() if from_json(to_json(trick)) != trick] == []


def test_tricks_share_an_arm_unless_both_set_a_field():
    """That updates of disjoint fields commute needs no test; that overlapping ones are refused, and no others, does."""

    for pair in combinations(TRICKS.values(), 2):
        if pair[0] == pair[1]:  # the same trick of two papers
            continue
        if set(pair[0].settings) & set(pair[1].settings):
            with pytest.raises(Refused, match=r"both set|two different tricks are named"):
                Arm(pair)
        else:
            assert set(Arm(pair).tricks) == set(pair)


@each_trick
def test_laying_a_trick_changes_the_recorded_rows(trick, recorded):
    """The law worth most."""
    assert recorded(trick) != recorded()


PAIRS = [
    (file, pair)
    for (file, stack), module in zip(STACKS.items(), MODULES, strict=True)
    for pair in combinations([value for value in vars(module).values() if isinstance(value, Trick)], 2)
    if not set(pair[0].settings) & set(pair[1].settings) and not set(pair) <= set(stack)  # those meet in the whole stack
]


@pytest.mark.parametrize("file", STACKS)
@pytest.mark.parametrize("longer", [False, pytest.param(True, marks=pytest.mark.full)])  # those that train for more epochs
def test_laying_a_trick_beside_the_stack_on_another_is_neither_of_them(file, longer, recorded):
    for _, (one, other) in (
        each for each in PAIRS if each[0] == file and ("epochs" in each[1][1].settings | each[1][0].settings) == longer
    ):
        assert recorded(one, other) not in (recorded(one), recorded(other)), f"{one.name} and {other.name}"


@each_stack
def test_in_the_whole_stack_every_trick_is_heard(stack, recorded):
    assert laid(*stack) == laid(*reversed(stack))
    for trick in stack:
        assert recorded(*(other for other in stack if other != trick)) != recorded(*stack), trick.name


# planted faults: one function of the loop made deaf to one field, which the law must notice
DEAF = {
    **dict.fromkeys(("downsample_in", "deep_stem", "pool_in_shortcut"), ("built",)),
    "zero_gamma": ("initialised",),
    **dict.fromkeys(("decay_biases", "decay_gammas", "decay_betas"), ("optimiser", "counts")),
    "weight_decay": ("optimiser",),
    "schedule": ("factor",),
    "warmup": ("factor",),
    "trivial_augment": ("augmented",),
    "trivial_interpolation": ("augmented",),
    "train_size": ("augmented",),
    "test_resize": ("plain",),
}
REPLACED = {
    "smoothing": {"smoothed": lambda labels, classes, *_: loop_smoothed(labels, classes, 0.0)},
    "mixup": {"mixed": lambda images, targets, *_: (images, targets)},
    "cutmix": {"mixed": lambda images, targets, *_: (images, targets)},
    "erasing": {"erased": lambda images, *_: images},
    "repeats": {"repeated": lambda order, _: order},
    "ema": {"average": lambda recipe, model, *_: NoAverage(model)},
}
loop_smoothed = loop.smoothed


class NoAverage:
    def __init__(self, model):
        self.model = model

    def update(self, *_):
        """Nothing."""

    def state_dict(self):
        return {}


def deaf(monkeypatch, field):
    """The loop without one of its wires."""

    def unhearing(heard):
        return lambda *args: heard(*(replace(a, **{field: getattr(BASE, field)}) if isinstance(a, Recipe) else a for a in args))

    if field in DEAF:
        for name in DEAF[field]:
            monkeypatch.setattr(loop, name, unhearing(getattr(loop, name)))
    elif field in REPLACED:
        for name, instead in REPLACED[field].items():
            monkeypatch.setattr(loop, name, instead)
    elif field == "precision":
        autocast = loop.autocast
        monkeypatch.setattr(loop, "autocast", lambda _, device: autocast("fp32", device))
        monkeypatch.setattr(loop, "scaling", lambda recipe, device: scaling(replace(recipe, precision="fp32"), device))
    elif field == "teacher":
        monkeypatch.setattr(loop, "guide", lambda *_: None)
    else:
        pytest.fail(f"no fault is planted for {field!r}: add one")


# planting is a check of the law, not of the tricks: a new trick need not have a fault planted for it. A batch and a number of
# epochs have no wire: more of either is another training whatever is done with it
PLANTED = {*DEAF, *REPLACED, "precision", "teacher"}
WIRED = {name: trick for name, trick in TRICKS.items() if set(trick.settings) <= PLANTED}


def test_faults_are_planted_for_most_tricks():
    assert len(WIRED) >= 20


@pytest.mark.parametrize("trick", WIRED.values(), ids=WIRED.keys())
def test_the_law_notices_a_cut_wire(trick, recorded, tmp_path, monkeypatch):
    intact = recorded()
    for field in trick.settings:
        deaf(monkeypatch, field)
    bare = [{name: value for name, value in row.items() if name != "skipped_steps"} for row in rows(laid(trick), tmp_path)]
    assert bare == intact
