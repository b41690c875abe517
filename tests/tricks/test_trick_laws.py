"""Laws that hold for every trick there is, found by scanning ``hpsearch.tricks``; a new file of tricks is under them at once."""

import importlib
import pkgutil
from dataclasses import fields, replace
from itertools import combinations

import pytest

import hpsearch.tricks
from hpsearch.ablation import Arm, Trick
from hpsearch.errors import Refused
from hpsearch.training import Recipe, digits, loop
from hpsearch.values import canonical, from_json, to_json
from tests.training.fake_run import FakeRun, rows_of

MODULES = [importlib.import_module(f"hpsearch.tricks.{module.name}") for module in pkgutil.iter_modules(hpsearch.tricks.__path__)]
TRICKS = {
    f"{m.__name__.split('.')[-1]}.{name}": value for m in MODULES for name, value in vars(m).items() if isinstance(value, Trick)
}

# small enough to train in a moment, large enough that every trick has something to change: 75 images to learn from in four
# batches, which a batch of 1024 makes one; a warmup of 5/120 of these 8 steps still changes the first
BASE = Recipe(data=digits(100), depth=14, width=8, stem="small", batch_size=16, epochs=2)
SEED = 0

each_trick = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())


def silent(trick, base, folder):
    """The law worth most: whether laying ``trick`` leaves the recorded rows as they were, which no trick may."""
    laid = Arm((trick,)).over(base)
    return rows_of(loop.train, laid, SEED, FakeRun(folder)) == rows_of(loop.train, base, SEED, FakeRun(folder))


def test_there_are_tricks():
    assert len(TRICKS) >= 11


def test_names_are_unique():
    assert len({trick.name for trick in TRICKS.values()}) == len(TRICKS)


@each_trick
def test_sets_fields_that_exist(trick):
    assert set(trick.settings) <= {field.name for field in fields(Recipe)} - {"data", "epochs"}


@each_trick
def test_changes_every_field_that_it_sets(trick):
    for name, value in trick.sets:
        assert getattr(BASE, name) != value
    assert canonical(Arm((trick,)).over(BASE)) != canonical(BASE)


@each_trick
def test_says_why_and_what_was_claimed_where(trick):
    assert trick.why
    assert trick.claims
    for claim in trick.claims:
        assert claim.source
        assert claim.over
        assert "Table" in claim.source


@each_trick
def test_travels_as_json(trick):
    assert from_json(to_json(trick)) == trick


@pytest.mark.parametrize("pair", list(combinations(TRICKS, 2)), ids=" and ".join)
def test_order_does_not_matter(pair):
    one, other = (TRICKS[name] for name in pair)
    if set(one.settings) & set(other.settings):
        with pytest.raises(Refused, match="both set"):
            Arm((one, other))
        return
    laid = replace(replace(BASE, **one.settings), **other.settings)
    assert laid == replace(replace(BASE, **other.settings), **one.settings) == Arm((other, one)).over(BASE)
    assert laid not in (Arm((one,)).over(BASE), Arm((other,)).over(BASE))


@each_trick
def test_laying_a_trick_changes_the_recorded_rows(trick, tmp_path):
    assert not silent(trick, BASE, tmp_path)


# planted faults: one function of the loop made deaf to one field, which the law must notice
DEAF = {
    "downsample_in": "resnet",
    "deep_stem": "resnet",
    "pool_in_shortcut": "resnet",
    "decay_biases": "optimiser",
    "schedule": "factor",
    "warmup": "factor",
}


def deaf(monkeypatch, field):
    """The loop without one of its wires."""
    if field in DEAF:
        heard = getattr(loop, DEAF[field])

        def unhearing(*args):
            return heard(*(replace(arg, **{field: getattr(BASE, field)}) if isinstance(arg, Recipe) else arg for arg in args))

        monkeypatch.setattr(loop, DEAF[field], unhearing)
    elif field == "zero_gamma":
        initialise = loop.initialise
        monkeypatch.setattr(loop, "initialise", lambda model, kind, _, generator: initialise(model, kind, False, generator))
    elif field == "precision":
        autocast, scaler = loop.autocast, loop.scaler
        monkeypatch.setattr(loop, "autocast", lambda _, device: autocast("fp32", device))
        monkeypatch.setattr(loop, "scaler", lambda _, device: scaler("fp32", device))
    elif field == "smoothing":
        smoothed = loop.smoothed
        monkeypatch.setattr(loop, "smoothed", lambda labels, classes, _: smoothed(labels, classes, 0.0))
    elif field == "mixup":
        monkeypatch.setattr(loop, "mix", lambda images, targets, *_: (images, targets))
    else:
        pytest.fail(f"no fault is planted for {field!r}: add one")


WIRED = {name: trick for name, trick in TRICKS.items() if set(trick.settings) != {"batch_size"}}  # a batch needs no wire


@pytest.mark.parametrize("trick", WIRED.values(), ids=WIRED.keys())
def test_the_law_notices_a_cut_wire(trick, tmp_path, monkeypatch):
    for field in trick.settings:
        deaf(monkeypatch, field)
    assert silent(trick, BASE, tmp_path)
