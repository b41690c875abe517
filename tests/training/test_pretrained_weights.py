"""Weights from files: timm's and torchvision's by name, a trial's own, and everything that is none."""

import re
from argparse import Namespace
from collections import OrderedDict
from dataclasses import replace

import pytest
import timm
import torch
import torchvision

from hpsearch.errors import Refused
from hpsearch.training import Pretrained, Recipe, digits
from hpsearch.training.images.loop import train
from hpsearch.training.images.weights import load_pretrained, said_of
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
    "timm resnet18d": lambda: timm.create_model("resnet18d", num_classes=7),
    "timm resnet26d": lambda: timm.create_model("resnet26d", num_classes=7),
}


@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS.keys())
def test_takes_their_state_dicts_by_name(made, tmp_path):
    theirs = lively(made())
    state = theirs.state_dict()
    torch.save(dict(reversed(state.items())), tmp_path / "w.pt")  # by name: the order is of no account
    found = load_pretrained(tmp_path / "w.pt")
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():  # in float64, for random weights make so little of the images that float32 hides other networks
        torch.testing.assert_close(found.model.double().eval()(images), theirs.double()(images), rtol=1e-9, atol=1e-12)
    assert (found.channels, found.classes) == (3, 7)
    assert found.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])


def zeros(state):
    return {name: torch.zeros(value.shape) if name.startswith("fc") else value for name, value in state.items()}


def light(model):
    """A state dict of a model on the meta device, as large on disk as it has tensors."""
    return {name: torch.zeros((), dtype=t.dtype, device="cpu").expand(t.shape) for name, t in model.state_dict().items()}


@pytest.mark.parametrize(("depth", "parameters"), [(152, 60_212_040), (101, 44_568_392)])
def test_the_teacher_of_the_paper_fits(depth, parameters, tmp_path):
    with torch.device("meta"):
        torch.save(light(timm.create_model(f"resnet{depth}d")), tmp_path / "w.pt")
    found = load_pretrained(tmp_path / "w.pt")
    assert sum(p.numel() for p in found.model.parameters()) == parameters
    assert (found.network.depth, found.network.deep_stem, found.network.pool_in_shortcut, found.classes) == (
        depth,
        True,
        True,
        1000,
    )


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."])
@pytest.mark.parametrize(
    ("wrapped", "place"),
    [
        (lambda s: s, ""),
        (lambda s: {"state_dict": s, "epoch": 3, "args": Namespace(model="resnet18", lr=0.1), "arch": "resnet18"}, "state_dict"),
        (lambda s: {"model": s}, "model"),
        (lambda s: {"model": {"state_dict": s}}, "model.state_dict"),
        (lambda s: {"state_dict": zeros(s), "state_dict_ema": s}, "state_dict_ema"),
        (lambda s: {"model": zeros(s), "model_ema": {**s, "n_averaged": torch.tensor(3)}}, "model_ema"),
    ],
)
def test_takes_what_training_scripts_put_around_it(wrapped, place, prefix, tmp_path):
    with torch.device("meta"):
        state = light(torchvision.models.resnet18(num_classes=3))
    state["fc.weight"] = torch.rand(3, 512, generator=torch.Generator().manual_seed(0))
    torch.save(wrapped(OrderedDict((prefix + name, value) for name, value in state.items())), tmp_path / "w.pt")
    found = load_pretrained(tmp_path / "w.pt")
    assert torch.equal(found.model[2][-1].weight, state["fc.weight"])  # the average's, where there is one
    assert (f"w.pt, {place}, is read as" if place else "w.pt is read as") in found.said


# A stride, a blur and an activation leave no trace in a state dict

PLAIN = {f"resnet{depth}{variant}" for depth in (18, 26, 34, 50, 101, 152) for variant in ("", "c", "d")}
SILENT = ("resnetaa", "resnetblur")  # of these only the name tells
TIMMS = [name for name in timm.list_models("resnet*") if not re.search(r"v2|clip|101|152|[2345]\d\d", name)]  # one depth is enough
OTHERS = ["seresnet18", "skresnet18", "ecaresnet26t", "resnest14d", "resnext50_32x4d", "wide_resnet50_2"]


@pytest.mark.parametrize("name", TIMMS + OTHERS)
def test_every_residual_network_of_timm_is_one_of_ours_or_refused(name, tmp_path):
    with torch.device("meta"):
        state = light(timm.create_model(name, pretrained=False))
    for file in (tmp_path / f"{name}_a1_0-14fe96d1.pth", tmp_path / "w.pt"):
        torch.save(state, file)
        if name in PLAIN:
            assert re.search(rf"{file.name} is read as ResNet-\d+-[BCD] \(assumed, .* declare it with variant=", said_of(file))
        elif file.name == "w.pt" and name.startswith(SILENT):
            assert "nothing is blurred or averaged before a stride" in said_of(file)
        else:
            with pytest.raises(Refused):
                said_of(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("resnetaa50-1a2b3c4d.pth", lambda s: s),
        ("models--timm--resnetblur18.bt_in1k/snapshots/0123/pytorch_model.bin", lambda s: s),
        ("w.pt", lambda s: {"arch": "resnetblur18", "state_dict": s}),
        ("w.pt", lambda s: {"state_dict": s, "args": Namespace(model="seresnet18")}),
        ("resnet50_caffe-788b5fa3.pth", lambda s: s),
    ],
)
def test_a_name_that_is_known_to_differ_is_refused_until_it_is_said_to_mislead(name, content, tmp_path):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content(torchvision.models.resnet18(num_classes=3).state_dict()), file)
    with pytest.raises(Refused, match=r"is called .* a network that .* say that the name misleads with variant='B'"):
        Pretrained(str(file)).prepare(tmp_path)
    assert Pretrained(str(file), variant="B").remark().endswith("is read as ResNet-18-B (as declared)")


def test_a_declared_a_has_its_strides_in_the_first_1x1(tmp_path):
    theirs = lively(torchvision.models.resnet50(num_classes=7))
    torch.save(theirs.state_dict(), tmp_path / "w.pt")  # the very names of B
    for stage in (theirs.layer2, theirs.layer3, theirs.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        expected = theirs.double()(images)
        declared = load_pretrained(tmp_path / "w.pt", "A").model.double().eval()(images)
        concluded = load_pretrained(tmp_path / "w.pt").model.double().eval()(images)
    torch.testing.assert_close(declared, expected, rtol=1e-9, atol=1e-12)
    assert (concluded - expected).abs().max() > 1e-5  # what was silent; weights drawn at random make little of it


@pytest.mark.parametrize(("name", "wrong"), [("resnet18", "CD"), ("resnet18d", "ABC"), ("resnet50c", "ABD")])
def test_a_declaration_that_names_and_shapes_contradict_is_refused(name, wrong, tmp_path):
    with torch.device("meta"):
        torch.save(light(timm.create_model(name)), tmp_path / "w.pt")
    for variant in wrong:
        with pytest.raises(Refused, match=f"is declared variant='{variant}', and its names and shapes are of ResNet-"):
            Pretrained(str(tmp_path / "w.pt"), variant=variant).prepare(tmp_path)


def test_what_is_declared_is_part_of_the_trial_and_nonsense_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    identities = {canonical(Pretrained(str(tmp_path / "a"), variant)) for variant in (None, "A", "B")}
    assert len(identities) == 3
    with pytest.raises(Refused, match="needs variant to be 'A' or 'B' or 'C' or 'D', or None, got variant='aa'"):
        Pretrained("x", variant="aa")


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
    # 60 to 75 with four seeds, 6 to 17 under a teacher that was never trained: a margin for any processor's rounding
    assert rows_of(train, taught, 1, FakeRun(tmp_path))[-1]["top1"] > 35


def test_refuses_a_teacher_of_other_data(tmp_path):
    torch.save(torchvision.models.resnet18(num_classes=3).state_dict(), tmp_path / "w.pt")
    recipe = Recipe(data=digits(100), depth=14, width=8, stem="small", epochs=1, teacher=Pretrained(str(tmp_path / "w.pt")))
    with pytest.raises(Refused, match="takes 3 channels and has 3 classes, the data has 1 and 10"):
        next(train(recipe, 0, 1, FakeRun(tmp_path)))


def changed(change):
    state = torchvision.models.resnet18(num_classes=3).state_dict()
    change(state)
    return state


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: [1, 2], "holds no state dict, a mapping of names to tensors"),
        (lambda: {"weight": torch.zeros(3)}, "is not a ResNet of timm or torchvision with 18 to 152 layers"),
        (lambda: changed(lambda s: s.pop("layer3.1.bn2.weight")), "lacks '1.5.branch.4.weight' of the network"),
        (lambda: changed(lambda s: s.update({"extra.weight": torch.zeros(1)})), "has 'extra.weight', which no ResNet of timm"),
        (lambda: changed(lambda s: s.update({"fc.bias": torch.zeros(9)})), r"of shape \(9,\), and the network's is \(3,\)"),
        (lambda: torchvision.models.resnet18(), "cannot be read safely as a file of weights"),  # a pickled object
    ],
)
def test_refuses_what_is_no_such_file(content, sentence, tmp_path):
    torch.save(content(), tmp_path / "w.pt")
    with pytest.raises(Refused, match=sentence):
        load_pretrained(tmp_path / "w.pt")


def test_refuses_a_text(tmp_path):
    (tmp_path / "w.pt").write_text("no weights here")
    with pytest.raises(Refused, match="cannot be read safely as a file of weights"):
        load_pretrained(tmp_path / "w.pt")


def test_a_file_is_known_by_its_content(tmp_path, monkeypatch):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("WEIGHTS", str(tmp_path))
    one, same, other = (canonical(Pretrained(path)) for path in ("$WEIGHTS/a", str(tmp_path / "b"), str(tmp_path / "c")))
    assert one == same != other
    with pytest.raises(Refused, match="there is no weights file"):
        Pretrained(str(tmp_path / "gone")).check()
