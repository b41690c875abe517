"""The embedded digits: scikit-learn's own numbers, split for ever in the same way."""

from dataclasses import replace

import numpy as np
import pytest

from hpsearch.errors import Refused
from hpsearch.protocol import Source
from hpsearch.training import digits
from hpsearch.training.data import Dataset, Digits

# positions in scikit-learn's table, written down once: a change would make old and new results incomparable
FINAL_STARTS = [0, 1, 2, 4, 5]
TUNING_STARTS = [3, 6, 7, 15, 17]


def example(folder, monkeypatch) -> Digits:
    return digits(100)


def test_holds_the_images_of_scikit_learn(tmp_path):
    from sklearn.datasets import load_digits  # 2 s, which the workers that do not run this need not spend

    reference = load_digits()
    images = digits().load(tmp_path)
    assert np.array_equal(images.labels, reference.target)
    assert np.array_equal(np.rint(images.pixels[..., 0] * (16 / 255)), reference.images)
    assert (images.pixels.dtype, images.pixels.max(), images.size, images.channels, images.classes) == (np.uint8, 255, 8, 1, 10)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [None, 1200, 400, 40])
def test_roles_are_disjoint_and_stratified(count, tmp_path):
    images = digits(count).load(tmp_path)
    used = count or 1200
    assert (len(images.train), len(images.tuning), len(images.final)) == (used - used // 4, used // 4, 597)
    everything = np.concatenate([images.train, images.tuning, images.final])
    assert len(set(everything.tolist())) == len(everything)
    overall = np.bincount(images.labels) / len(images.labels)
    for part in (images.train, images.tuning, images.final):
        assert np.all(np.diff(part) > 0)
        assert np.abs(np.bincount(images.labels[part], minlength=10) - overall * len(part)).max() < 2


def test_what_is_scored_is_never_learned(tmp_path):
    images = digits().load(tmp_path)
    for held_out in ("tuning", "final"):
        assert not set(images.learned(held_out)) & set(images.scored(held_out))
    assert len(images.learned("tuning")) == 900
    assert len(images.learned("final")) == 1200
    assert not set(images.learned("final")) & set(images.final)


def test_fewer_images_are_some_of_the_more(tmp_path):
    few, many = digits(100).load(tmp_path), digits().load(tmp_path)
    assert set(few.learned("final")) < set(many.learned("final"))
    assert np.array_equal(few.final, many.final)


def test_the_split_is_the_same_for_ever(tmp_path):
    images = digits().load(tmp_path)
    assert images.final[:5].tolist() == FINAL_STARTS
    assert images.tuning[:5].tolist() == TUNING_STARTS


def test_identity_is_the_content():
    assert digits().identity() == digits(1200).identity() != digits(100).identity()
    assert len(digits().identity()["sha256"]) == 64


@pytest.mark.parametrize("count", [0, 39, 1201, 100.0, True, "all"])
def test_refuses_a_number_of_images(count):
    with pytest.raises(Refused, match=rf"digits needs 40 <= images <= 1200, or None for all 1200, got images={count!r}"):
        digits(count)


def test_refuses_to_run_without_scikit_learn(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Refused, match="scikit-learn, which is not installed: pip install scikit-learn"):
        digits().check()


def test_refuses_a_broken_installation(monkeypatch, tmp_path):
    spec = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    with pytest.raises(Refused, match="which is missing: reinstall scikit-learn"):
        digits().identity()


def test_answers_as_a_data_set(tmp_path):
    assert isinstance(digits(), Source)
    assert isinstance(digits(), Dataset)
    digits().check()
    digits().prepare(tmp_path)
    assert replace(digits(), images=50) == digits(50)
