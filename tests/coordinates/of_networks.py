"""Networks: timm's and torchvision's with the same weights, closed forms for norms and starting weights."""

import math
from dataclasses import replace

import timm
import torch
import torchvision
from scipy.stats import kstest, norm, uniform
from torch import nn

from hpsearch.training import PlainConvNet, Recipe, digits
from hpsearch.training.images.recipe import built, initialised, network_of
from hpsearch.training.parts.norms import Dropout
from tests.coordinates.of_optimisation import worst
from tests.coordinates.registry import check

A = Recipe(data=digits())
B = replace(A, downsample_in="3x3")
D = replace(B, deep_stem=True, pool_in_shortcut=True)
SMALL = replace(B, depth=14, width=8, stem="small")


def apart(recipe, reference, size=64):
    """Largest difference of logits and gradients relative to their largest, in float64, in training mode, with the same weights."""
    reference = reference.double()
    ours = built(recipe, 3, 10).double()
    ours.load_state_dict(dict(zip(ours.state_dict(), reference.state_dict().values(), strict=True)))
    images = torch.rand(4, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for model in (ours, reference):
        model.train().zero_grad()
        logits = model(images)
        nn.functional.cross_entropy(logits, torch.arange(4)).backward()
        found.append([logits.detach(), *(p.grad for p in model.parameters())])
    return worst(*(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*found, strict=True)))


@check("depth", "pool_in_shortcut", "deep_stem", against="timm resnet50d, resnet26d, resnet18d (arXiv:1812.01187)",
       measure="logits and gradients of a training step, relative, float64", bound=1e-9)  # fmt: skip
def resnet_d():
    pairs = [(50, "resnet50d"), (26, "resnet26d"), (18, "resnet18d")]
    # with its last norms at 0, timm's default, nothing would flow through the branches
    made = ((depth, timm.create_model(name, num_classes=10, zero_init_last=False)) for depth, name in pairs)
    return worst(*(apart(replace(D, depth=depth), reference) for depth, reference in made))


@check(
    "downsample_in",
    "stem",
    against="torchvision resnet50, and with its strides moved for ResNet-A",
    measure="logits and gradients of a training step, relative, float64",
    bound=1e-9,
    stem=["large", "small"],
    downsample_in=["1x1", "3x3"],
)
def resnet_a_and_b():
    moved = torchvision.models.resnet50(num_classes=10)
    for module in moved.modules():
        if isinstance(module, torchvision.models.resnet.Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
    small = torchvision.models.resnet18(num_classes=10)
    small.conv1, small.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return worst(
        apart(B, torchvision.models.resnet50(num_classes=10)),
        apart(A, moved),
        apart(replace(B, depth=18, stem="small"), small, size=16),
    )


@check(
    "width",
    against="timm ResNet with half the channels, its stem of 64 counted apart",
    measure="parameters of ResNet-50, exact",
    bound=0,
)
def width():
    wide = timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, [3, 4, 6, 3], channels=(32, 64, 128, 256), num_classes=10)
    # timm's stem stays at 64 channels: 7x7 convolution, norm, and the first block's two 1x1 convolutions see the difference
    stem = 3 * 49 * 32 + 2 * 32 + 32 * 32 + 32 * 128
    return abs(network_of(replace(B, width=32)).parameters(3, 10) + stem - sum(p.numel() for p in wide.parameters()))


@check(
    "norm",
    against="torch BatchNorm2d, GroupNorm, and w = g v over the length of v by hand",
    measure="outputs, float64",
    bound=1e-12,
    norm=["batch", "layer", "group", "weight", "none"],
)
def norms():
    x = torch.randn(8, 8, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = 0.0
    for kind, reference in (("batch", nn.BatchNorm2d(8)), ("layer", nn.GroupNorm(1, 8)), ("group", nn.GroupNorm(4, 8))):
        model = built(replace(SMALL, norm=kind, norm_groups=4), 3, 10)
        ours = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm))
        found = worst(found, (ours.double()(x) - reference.double()(x)).abs().max().item())
    layer = next(m for m in built(replace(SMALL, norm="weight"), 3, 10).double().modules() if isinstance(m, nn.Conv2d))
    g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    by_hand = g * v / v.square().sum((1, 2, 3), keepdim=True).sqrt()
    bare = built(replace(SMALL, norm="none"), 3, 10).double()
    pixels = torch.randn(2, 3, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    plain = nn.functional.conv2d(pixels, bare[0][0].weight, bare[0][0].bias, padding=1).clamp(min=0)  # nothing but bias and ReLU
    return worst(found, (layer.weight - by_hand).abs().max().item(), (bare[0](pixels) - plain).abs().max().item())


@check(
    "norm",
    "norm_images",
    against="torch BatchNorm2d on each part of the batch, one after another",
    measure="outputs and running statistics, float64",
    bound=1e-12,
    norm=["ghost"],
)
def ghost():
    model = built(replace(SMALL, norm="ghost", norm_images=4), 3, 10)
    ours, reference = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d)).double(), nn.BatchNorm2d(8).double()
    x = torch.randn(16, 8, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outputs = (ours(x) - torch.cat([reference(part) for part in x.split(4)])).abs().max()
    return worst(outputs.item(), (ours.running_var - reference.running_var).abs().max().item())


@check("norm_groups", against="mean and variance of each group by hand", measure="outputs, float64", bound=1e-12)
def groups():
    ours = next(m for m in built(replace(SMALL, norm="group", norm_groups=2), 3, 10).modules() if isinstance(m, nn.GroupNorm))
    x = torch.randn(3, 8, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parts = x.reshape(3, 2, -1)
    by_hand = (parts - parts.mean(2, keepdim=True)) / (parts.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
    return (ours.double()(x) - by_hand.reshape(x.shape)).abs().max().item()


@check("dropout", against="share dropped and factor 1 / (1 - p) of inverted dropout (torch.nn.Dropout)",
       measure="share of 1,000,000 features", bound=2e-3)  # fmt: skip
def dropout():
    module = Dropout(0.3)
    module.generator = torch.Generator().manual_seed(0)
    out = module(torch.ones(1000, 1000))
    exact = (out[out > 0] - 1 / 0.7).abs().max().item()
    return worst(abs((out == 0).double().mean().item() - 0.3), exact)


def drawn(initialisation, **changes):
    recipe = replace(B, width=32, initialisation=initialisation, **changes)
    model = initialised(built(recipe, 3, 10), recipe, torch.Generator().manual_seed(0))
    return [m.weight.detach() for m in model.modules() if isinstance(m, nn.Conv2d) and m.weight[0, 0].numel() == 9]


@check(
    "initialisation",
    against="distributions of Glorot and Bengio 2010, of mxnet's MSRAPrelu, and U(-1/sqrt d, 1/sqrt d)",
    measure="Kolmogorov-Smirnov distance of all 3x3 weights, standardised (n = 2.8 million)",
    bound=2e-3,
    initialisation=["xavier", "msra", "uniform"],
)
def initialisations():
    def standard(weights, scale):
        return torch.cat([(w / scale(*w.shape[:2])).flatten() for w in weights]).numpy()

    xavier = standard(drawn("xavier"), lambda o, i: math.sqrt(6 / (9 * (i + o))))
    msra = standard(drawn("msra"), lambda o, i: math.sqrt(2 / (1 + 0.25**2) / (9 * (i + o) / 2)))
    plain = standard(drawn("uniform"), lambda o, i: 1 / math.sqrt(9 * i))
    flat = uniform(-1, 2)
    distances = (kstest(xavier, flat.cdf), kstest(msra, norm.cdf), kstest(plain, flat.cdf))
    return worst(*(distance.statistic for distance in distances))


@check(
    "initialisation",
    "initial_deviation",
    against="N(0, s^2)",
    measure="Kolmogorov-Smirnov distance (n = 2.8 million)",
    bound=2e-3,
    initialisation=["gaussian"],
)
def gaussian():
    weights = torch.cat([w.flatten() for w in drawn("gaussian", initial_deviation=0.02)])
    return kstest((weights / 0.02).numpy(), norm.cdf).statistic


@check("initialisation", against="0", measure="weights", bound=0, initialisation=["zero"])
def nothing():
    return worst(*(w.abs().max().item() for w in drawn("zero")))


@check(
    "network",
    against="torchvision vgg11 up to its fourth stage, the mean over the image, a linear layer",
    measure="logits and gradients of a training step, relative, float64",
    bound=1e-9,
)
def plain_networks():
    features = torchvision.models.vgg11().features[:15]
    theirs = nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return apart(replace(A, network=PlainConvNet(stages=(1, 1, 2, 2), norm="none")), theirs, size=32)


@check("zero_gamma", against="timm resnet50d with zero_init_last=True", measure="tensors of zeros, by place", bound=0)
def zero_gamma():
    ours = initialised(built(D, 3, 10), replace(D, zero_gamma=True), torch.Generator().manual_seed(0))
    theirs = timm.create_model("resnet50d", num_classes=10, zero_init_last=True)
    pairs = zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True)
    return sum(
        bool((a == 0).all()) != bool((b == 0).all()) for (_, a), (name, b) in pairs if name.endswith("weight") and a.ndim == 1
    )
