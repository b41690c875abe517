"""Laws that hold for every trick there is, found by scanning ``hpsearch.tricks``; a new file of tricks is under them at once."""

import importlib
import pkgutil
from dataclasses import fields, replace
from itertools import combinations

import pytest

import hpsearch.tricks
from hpsearch.ablation import Arm, Teacher, Trick, resolved
from hpsearch.errors import Refused
from hpsearch.training import Recipe, digits
from hpsearch.training.images import loop
from hpsearch.training.images.settings import scaling
from hpsearch.values import canonical, from_json, to_json
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
STACKS = {module.__name__.split(".")[-1]: module.stack for module in MODULES}


def small(name, value):
    """A setting at the size of ``BASE``: pixels in proportion, more epochs are one more, a teacher is 26 layers in bf16."""
    if name in SIZES:
        return round(value * 8 / 224)
    if isinstance(value, Teacher):
        return Teacher({**value.settings, "depth": 26, "precision": "bf16"}, value.follows)
    return BASE.epochs + 1 if name == "epochs" else value


def laid(*tricks):
    """The base with tricks laid over it, each at its size; teachers made absolute."""
    smaller = tuple(Trick(t.name, {name: small(name, value) for name, value in t.sets}) for t in tricks)
    return resolved(Arm(smaller).over(BASE), BASE)


def rows(recipe, folder):
    """What training it records; its teacher is trained first, as a study would."""
    run = FakeRun(folder)
    if recipe.teacher is not None:
        lesson = FakeRun(folder / "lesson")
        lesson.folder.mkdir(exist_ok=True)
        rows_of(loop.train, recipe.teacher.config, recipe.teacher.seed, lesson)
        run.weights = {"teacher": lesson.folder / "weights.pt"}
    return rows_of(loop.train, recipe, SEED, run)


each_trick = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())


def silent(trick, folder):
    """The law worth most: whether laying ``trick`` leaves the recorded rows as they were, which no trick may."""
    return rows(laid(trick), folder) == rows(BASE, folder)


def test_there_are_tricks():
    assert len(TRICKS) >= 26


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_names_are_unique_in_a_file(module):
    names = [value.name for value in vars(module).values() if isinstance(value, Trick)]
    assert len(set(names)) == len(names)


@each_trick
def test_sets_fields_that_exist(trick):
    assert set(trick.settings) <= {field.name for field in fields(Recipe)} - {"data"}


@each_trick
def test_changes_every_field_that_it_sets(trick):
    for name, value in trick.sets:
        assert getattr(BASE, name) != value
    assert canonical(Arm((trick,)).over(BASE)) != canonical(BASE)


@each_trick
def test_says_why_and_what_was_claimed_where_or_that_nothing_was(trick):
    assert trick.why
    assert trick.claims or "the paper has no cell" in trick.why
    for claim in trick.claims:
        assert claim.source
        assert claim.over
        assert "Table" in claim.source or "table" in claim.source


@each_trick
def test_travels_as_json(trick):
    assert from_json(to_json(trick)) == trick


@pytest.mark.parametrize("pair", list(combinations(TRICKS, 2)), ids=" and ".join)
def test_order_does_not_matter(pair):
    one, other = (TRICKS[name] for name in pair)
    if set(one.settings) & set(other.settings):
        with pytest.raises(Refused, match=r"both set|two different tricks are named"):
            Arm((one, other))
        return
    if one.name == other.name:
        pytest.skip("the same trick of two papers")
    both = replace(replace(BASE, **one.settings), **other.settings)
    assert both == replace(replace(BASE, **other.settings), **one.settings) == Arm((other, one)).over(BASE)
    assert both not in (Arm((one,)).over(BASE), Arm((other,)).over(BASE))


@each_trick
def test_laying_a_trick_changes_the_recorded_rows(trick, tmp_path):
    assert not silent(trick, tmp_path)


PAIRS = [
    (file, pair)
    for file, module in zip(STACKS, MODULES, strict=True)
    for pair in combinations([value for value in vars(module).values() if isinstance(value, Trick)], 2)
    if not set(pair[0].settings) & set(pair[1].settings)
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The rows of each trick laid alone, made once."""
    folder = tmp_path_factory.mktemp("alone")
    return {trick: rows(laid(trick), folder) for trick in TRICKS.values()}


@pytest.mark.parametrize("file", STACKS)
def test_laying_two_tricks_is_neither_of_them(file, alone, tmp_path):
    for _, (one, other) in (each for each in PAIRS if each[0] == file):
        assert laid(one, other) == laid(other, one)
        both = rows(laid(one, other), tmp_path)
        assert both not in (alone[one], alone[other]), f"{one.name} and {other.name}"


@each_stack
def test_a_whole_stack_can_be_laid_in_any_order(stack):
    assert Arm(stack) == Arm(tuple(reversed(stack)))
    assert laid(*stack) == laid(*reversed(stack))


@each_stack
def test_in_the_whole_stack_every_trick_is_heard(stack, tmp_path):
    whole = rows(laid(*stack), tmp_path)
    for trick in stack:
        assert rows(laid(*(other for other in stack if other != trick)), tmp_path) != whole, trick.name


# planted faults: one function of the loop made deaf to one field, which the law must notice
DEAF = {
    **dict.fromkeys(("downsample_in", "deep_stem", "pool_in_shortcut"), ("built",)),
    "zero_gamma": ("initialised",),
    **dict.fromkeys(("decay_biases", "decay_gammas", "decay_betas"), ("optimiser", "counts")),
    "weight_decay": ("optimiser",),
    "schedule": ("factor",),
    "warmup": ("factor",),
    "trivial_augment": ("augmented",),
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


# a batch and a number of epochs need no wire: more of either is another training whatever is done with it
WIRED = {name: trick for name, trick in TRICKS.items() if not set(trick.settings) & {"batch_size", "epochs"}}


@pytest.mark.parametrize("trick", WIRED.values(), ids=WIRED.keys())
def test_the_law_notices_a_cut_wire(trick, tmp_path, monkeypatch):
    for field in trick.settings:
        deaf(monkeypatch, field)
    bare = [{name: value for name, value in row.items() if name != "skipped_steps"} for row in rows(laid(trick), tmp_path)]
    assert bare == rows(BASE, tmp_path)
