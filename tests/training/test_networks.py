"""Laws of every family of networks, found by scanning, and the two places where a family is seen: a recipe and a trick."""

import pkgutil
from dataclasses import fields, replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hpsearch.ablation import Arm, Trick
from hpsearch.errors import Refused
from hpsearch.training import Network, PlainConvNet, Recipe, ResNet, digits, networks
from hpsearch.training.images.loop import train
from hpsearch.training.images.recipe import built, initialised
from hpsearch.training.images.streams import streams
from hpsearch.training.images.weights import load_pretrained
from hpsearch.training.parts.initialisation import initialise
from hpsearch.training.parts.norms import kinds
from hpsearch.values import from_json, to_json
from tests.training.fake_run import FakeRun, rows_of

FAMILIES = sorted(Network.__subclasses__(), key=lambda family: family.__name__)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)


def small(family):
    """A network of the family that is quickly built."""
    return family(width=8, **({"depth": 14, "stem": "small"} if family is ResNet else {}))


def test_every_file_of_networks_holds_a_family():
    files = {module.name for module in pkgutil.iter_modules(networks.__path__) if not module.ispkg} - {"network"}
    assert {family.__module__.rpartition(".")[2] for family in FAMILIES} == files


@each_family
def test_a_network_is_a_value(family):
    network = small(family)
    assert network == small(family) != family()
    assert from_json(to_json(network)) == network
    assert len({network, small(family)}) == 1


@each_family
def test_maps_images_of_any_size_and_channels_to_logits(family):
    for channels, classes, size in ((1, 10, 8), (3, 5, 33)):
        model = small(family).build(channels, classes)
        assert model(torch.rand(2, channels, size, size)).shape == (2, classes)


@each_family
def test_its_size_is_that_of_what_it_builds(family):
    network = small(family)
    model = network.build(3, 10).eval()
    assert network.parameters(3, 10) == sum(p.numel() for p in model.parameters())
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, 16, 16))
    assert network.multiply_adds(3, 10, 16) == counter.get_total_flops() // 2 > 0


@each_family
def test_building_draws_nothing_from_the_global_generator(family):
    before = torch.get_rng_state()
    small(family).build(1, 10)
    assert torch.equal(torch.get_rng_state(), before)


@each_family
def test_the_seed_decides_every_parameter(family):
    """``initialise`` knows each module there is, and each parameter is of one kind, so that the optimiser moves it."""
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        models.append(initialise(small(family).build(1, 10), "xavier", torch.Generator().manual_seed(7)))
    assert all(torch.equal(a, b) for a, b in zip(*(model.state_dict().values() for model in models), strict=True))
    found = [id(p) for kind in kinds(models[0]).values() for p in kind]
    assert sorted(found) == sorted(map(id, models[0].parameters()))


@each_family
def test_the_filters_of_its_stem_can_be_drawn(family):
    network = small(family)
    model = network.build(3, 10)
    filters = network.filters(model)
    assert filters.shape[:2] == (8, 3)
    assert torch.equal(filters, next(model.parameters()))


@each_family
def test_every_field_is_held_to_a_law(family):
    for field in fields(family):
        with pytest.raises(Refused, match=f"{family.__name__} needs .*, got {field.name}='none such'"):
            family(**{field.name: "none such"})


def test_a_network_without_convolutions_has_no_filters_to_draw():
    with pytest.raises(Refused, match="PlainConvNet has no convolution, so no filters to draw"):
        PlainConvNet().filters(nn.Linear(3, 2))


def test_refuses_a_module_that_no_seed_would_decide():
    with pytest.raises(
        Refused, match="initialise knows convolutions, linear layers and norms, and Embedding has parameters of its own"
    ):
        initialise(nn.Sequential(nn.Embedding(3, 2)), "xavier", torch.Generator())


def test_from_zero_under_weight_norm_the_seed_decides_the_directions():
    recipe = Recipe(data=digits(), network=ResNet(depth=14, width=8, norm="weight"), initialisation="zero")
    states = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = initialised(built(recipe, 1, 10), recipe, streams(3)["initialisation"])
        states.append(model.state_dict())
        assert all(torch.all(m.weight == 0) for m in model.modules() if isinstance(m, nn.Conv2d))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


ADAM = {"optimiser": "adam", "learning_rate": 0.01, "scaling": "none"}
BASE = Recipe(data=digits(), epochs=3, network=PlainConvNet(width=16, stages=(1, 1)), **ADAM)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Rows and run of the plain network."""
    run = FakeRun(tmp_path_factory.mktemp("plain"))
    return rows_of(train, replace(BASE, batch_size=32), 0, run), run


def test_a_recipe_trains_a_network_of_another_family(trained):
    rows, _ = trained
    assert rows[-1]["top1"] > 60  # chance is 10
    assert rows[-1]["decayed"][1] + rows[-1]["undecayed"][1] == BASE.network.parameters(1, 10)


def test_its_weights_come_back_with_its_network(trained):
    _, run = trained
    found = load_pretrained(run.folder / "weights.pt")
    assert (found.network, found.channels, found.classes) == (BASE.network, 1, 10)
    kept = torch.load(run.folder / "weights.pt", weights_only=True)["model"]
    assert all(torch.equal(value, kept[name]) for name, value in found.model.state_dict().items())


def test_a_network_is_a_trick_like_any_other():
    arm = Arm((Trick("plain", {"network": PlainConvNet(width=8)}), Trick("smooth", {"smoothing": 0.1})))
    recipe = arm.over(Recipe(data=digits()))
    assert (recipe.network, recipe.smoothing) == (PlainConvNet(width=8), 0.1)


def test_weights_that_an_earlier_version_kept_are_read(tmp_path):
    """At first a trial kept the fields of its residual network, with channels and classes among them."""
    network = ResNet(depth=14, width=8, stem="small", norm="group", norm_groups=4)
    model = network.build(1, 10)
    made = {field.name: getattr(network, field.name) for field in fields(network)} | {"channels": 1, "classes": 10}
    torch.save(
        {"model": model.state_dict(), "mean": torch.zeros(1, 1, 1), "deviation": torch.ones(1, 1, 1), "network": made},
        tmp_path / "weights.pt",
    )
    found = load_pretrained(tmp_path / "weights.pt")
    assert (found.network, found.channels, found.classes) == (network, 1, 10)
