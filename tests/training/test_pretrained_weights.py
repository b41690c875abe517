"""Weights from files: timm's and torchvision's by name, a trial's own, and everything that is none."""

from dataclasses import replace

import pytest
import timm
import torch
import torchvision

from hpsearch.errors import Refused
from hpsearch.training import Pretrained, Recipe, digits
from hpsearch.training.images.loop import train
from hpsearch.training.images.weights import load_pretrained
from hpsearch.values import canonical
from tests.training.fake_run import FakeRun, rows_of


def lively(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.2, 0.4, generator=generator)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2, generator=generator)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5, generator=generator)
    return model.eval()


MODELS = {
    "torchvision resnet50": lambda: torchvision.models.resnet50(num_classes=7),
    "torchvision resnet18": lambda: torchvision.models.resnet18(num_classes=7),
    "timm resnet50": lambda: timm.create_model("resnet50", num_classes=7),
    "timm resnet50c": lambda: timm.create_model("resnet50c", num_classes=7),
    "timm resnet50d": lambda: timm.create_model("resnet50d", num_classes=7),
    "timm resnet101d": lambda: timm.create_model("resnet101d", num_classes=7),
    "timm resnet18d": lambda: timm.create_model("resnet18d", num_classes=7),
    "timm resnet26d": lambda: timm.create_model("resnet26d", num_classes=7),
}


@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS.keys())
def test_takes_their_state_dicts_by_name(made, tmp_path):
    theirs = lively(made())
    state = theirs.state_dict()
    torch.save(dict(reversed(state.items())), tmp_path / "w.pt")  # by name: the order is of no account
    found = load_pretrained(tmp_path / "w.pt")
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(found.model.eval()(images), theirs(images), rtol=1e-4, atol=1e-4)
    assert (found.channels, found.classes) == (3, 7)
    assert found.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])


def test_the_teacher_of_the_paper_fits(tmp_path):
    with torch.device("meta"):
        state = timm.create_model("resnet152d").state_dict()
    torch.save({name: torch.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in state.items()}, tmp_path / "w.pt")
    found = load_pretrained(tmp_path / "w.pt")
    assert sum(p.numel() for p in found.model.parameters()) == 60_212_040
    assert (found.recipe.depth, found.recipe.deep_stem, found.recipe.pool_in_shortcut, found.classes) == (152, True, True, 1000)


@pytest.mark.parametrize("wrapped", [lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}])
def test_takes_what_training_scripts_put_around_it(wrapped, tmp_path):
    state = {f"module.{name}": value for name, value in torchvision.models.resnet18(num_classes=3).state_dict().items()}
    torch.save(wrapped(state), tmp_path / "w.pt")
    assert load_pretrained(tmp_path / "w.pt").classes == 3


def test_takes_what_a_trial_kept(tmp_path):
    recipe = Recipe(data=digits(100), depth=14, width=8, stem="small", deep_stem=True, norm="group", norm_groups=4, epochs=1)
    run = FakeRun(tmp_path)
    (row,) = rows_of(train, recipe, 0, run)
    found = load_pretrained(tmp_path / "weights.pt")
    images = recipe.data.load(tmp_path)
    pixels = torch.from_numpy(images.pixels[images.tuning]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        said = found.model.eval()((pixels - found.mean) / found.deviation).argmax(1)
    assert 100 * (said == torch.from_numpy(images.labels[images.tuning])).double().mean().item() == pytest.approx(row["top1"])


def test_a_student_learns_from_a_file(tmp_path):
    recipe = Recipe(data=digits(), depth=14, width=8, stem="small", batch_size=64, epochs=3)
    rows_of(train, recipe, 0, FakeRun(tmp_path))
    taught = replace(recipe, width=6, hard_weight=0.0, teacher=Pretrained(str(tmp_path / "weights.pt")))
    # 60 to 74 with four seeds, 7 to 13 under a teacher that was never trained: a margin for any processor's rounding
    assert rows_of(train, taught, 1, FakeRun(tmp_path))[-1]["top1"] > 35


def test_refuses_a_teacher_of_other_data(tmp_path):
    torch.save(torchvision.models.resnet18(num_classes=3).state_dict(), tmp_path / "w.pt")
    recipe = Recipe(data=digits(100), depth=14, width=8, stem="small", epochs=1, teacher=Pretrained(str(tmp_path / "w.pt")))
    with pytest.raises(Refused, match="takes 3 channels and tells 3 classes apart, the data has 1 and 10"):
        next(train(recipe, 0, 1, FakeRun(tmp_path)))


def changed(change):
    state = torchvision.models.resnet18(num_classes=3).state_dict()
    change(state)
    return state


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: [1, 2], "holds no state dict, a mapping of names to tensors"),
        (lambda: {"weight": torch.zeros(3)}, "is no ResNet of timm or torchvision with 18 to 152 layers"),
        (lambda: changed(lambda s: s.pop("layer3.1.bn2.weight")), "lacks '1.5.branch.4.weight' of the network"),
        (lambda: changed(lambda s: s.update({"extra.weight": torch.zeros(1)})), "has 'extra.weight', which no ResNet of timm"),
        (lambda: changed(lambda s: s.update({"fc.bias": torch.zeros(9)})), r"of shape \(9,\), and the network's is \(3,\)"),
        (lambda: torchvision.models.resnet18(), "is no file of weights that can be read safely"),  # a pickled object
    ],
)
def test_refuses_what_is_no_such_file(content, sentence, tmp_path):
    torch.save(content(), tmp_path / "w.pt")
    with pytest.raises(Refused, match=sentence):
        load_pretrained(tmp_path / "w.pt")


def test_refuses_a_text(tmp_path):
    (tmp_path / "w.pt").write_text("no weights here")
    with pytest.raises(Refused, match="is no file of weights that can be read safely"):
        load_pretrained(tmp_path / "w.pt")


def test_a_file_is_known_by_its_content(tmp_path, monkeypatch):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("WEIGHTS", str(tmp_path))
    one, same, other = (canonical(Pretrained(path)) for path in ("$WEIGHTS/a", str(tmp_path / "b"), str(tmp_path / "c")))
    assert one == same != other
    with pytest.raises(Refused, match="there is no file of weights"):
        Pretrained(str(tmp_path / "gone")).check()
