"""The recipe: everything a training run needs, one coordinate per field, its law beside it; below, which part each is handed to.

Parts are imported where they are called, because a study names its recipe without torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from hpsearch.ablation.teacher import Teacher, Trained
from hpsearch.errors import Refused
from hpsearch.training.data import Dataset
from hpsearch.training.images.pretrained import Pretrained
from hpsearch.training.laws import Law, laws, number, refuse_unlawful, whole
from hpsearch.training.networks.network import Network
from hpsearch.training.networks.resnet import Depth, DownsampleIn, Dropout, NormGroups, NormImages, ResNet, Stem, Width
from hpsearch.training.parts import optimisers, schedules
from hpsearch.training.parts.literals import (
    Colour,
    ImageNets,
    Initialisation,
    Interpolation,
    Loss,
    LossScaling,
    Norm,
    Partner,
    PlateauOn,
    Precision,
    SmoothingForm,
)
from hpsearch.training.parts.optimisers import Optimiser, Scaling
from hpsearch.training.parts.schedules import Schedule, WarmupForm
from hpsearch.values import Value

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from hpsearch.training.parts.averaging import Average
    from hpsearch.training.parts.precision import Scaling as LossScale

Crop = Literal["none", "pad", "resized"]
Pixels = Literal["own", ImageNets]

Positive = Annotated[float, number("{} > 0", lambda value: value > 0)]
NotNegative = Annotated[float, number("{} >= 0", lambda value: value >= 0)]
Share = Annotated[float, number("0 <= {} < 1", lambda value: 0 <= value < 1)]
ShareOfTraining = Annotated[float, number("0 <= {} < 1, a share of training", lambda value: 0 <= value < 1)]
Factor = Annotated[float, number("0 < {} <= 1", lambda value: 0 < value <= 1)]
ShareOfImage = Annotated[float, number("0 < {} <= 1, a share of the image", lambda value: 0 < value <= 1)]
Probability = Annotated[float, number("0 <= {} <= 1, a probability", lambda value: 0 <= value <= 1)]
Scale = Annotated[float, number("{} >= 1", lambda value: value >= 1)]
Count = Annotated[int, whole(1)]
Images = Annotated[int, whole(2, ", for batch norm")]
Epochs = Annotated[int, whole(1, " in epochs")]
Steps = Annotated[int, whole(1, " in steps")]
Side = Annotated[int, whole(1, " in pixels")]


def _rising(value: object) -> bool:
    inside = number("", lambda share: 0 < share < 1).holds
    return isinstance(value, tuple) and all(map(inside, value)) and all(a < b for a, b in pairwise(value))


Rising = Annotated[tuple[float, ...], Law("{} to be a tuple of rising shares of training between 0 and 1", _rising)]
Data = Annotated[Dataset, Law("a data set such as digits() or image_folder(path, size)", lambda value: isinstance(value, Dataset))]
AnyTeacher = Annotated[
    Teacher | Trained | Pretrained | None,
    Law("a Teacher or Pretrained, or None", lambda value: value is None or isinstance(value, Teacher | Trained | Pretrained)),
]
AnyNetwork = Annotated[
    Network | None,
    Law("a network such as PlainConvNet(width=32), or None", lambda value: value is None or isinstance(value, Network)),
]


@dataclass(frozen=True, kw_only=True)
class Recipe(Value):
    """How to train a network on images. The defaults are the baseline of He et al. 2019 (arXiv:1812.01187), table 2.

    A trick sets fields of its own, so every subset of tricks is a recipe. A field that another one makes idle is kept and not used:
    ``milestones`` and ``drop`` under the cosine, ``pad`` without ``crop="pad"``. Where the paper's text and its code differ, both
    are there, under the names ``paper`` and ``code`` or ``gluoncv``. A field's law stands in its annotation (``training/laws.py``).

    >>> from hpsearch.training import digits
    >>> Recipe(data=digits(), momentum=1.2)
    Traceback (most recent call last):
    hpsearch.errors.Refused: Recipe needs 0 <= momentum < 1, got momentum=1.2
    """

    data: Data  # digits(), image_folder(path, size), imagenet(path), or a data set of one's own
    epochs: Count = 120  # passes over the training images
    batch_size: Images = 256  # images per step; a smaller training set is one batch
    micro_batch: Images | None = None  # images in memory at a time, their gradients summed to the batch's; None: the whole batch
    repeats: Count = 1  # times an image stands in one batch, each time augmented anew; an epoch sees 1/repeats of the images

    network: AnyNetwork = None  # of another family, PlainConvNet(width=32); None: the residual network of the next ten fields
    depth: Depth = 50  # layers as timm names them: 18, 34 basic blocks; 14, 26, 50, 101, 152 bottlenecks
    width: Width = 64  # channels of the first stage, before a bottleneck's expansion by 4
    stem: Stem = "large"  # large: 7x7 of stride 2 and max-pool, for 96 px and more; small: one 3x3 of stride 1
    downsample_in: DownsampleIn = "1x1"  # which convolution of a bottleneck has the stride: 1x1 ResNet-A, 3x3 ResNet-B
    deep_stem: bool = False  # ResNet-C: three 3x3 convolutions of width/2, width/2, width
    pool_in_shortcut: bool = False  # ResNet-D: the stride of a shortcut is a 2x2 average pool
    norm: Norm = "batch"  # after each convolution; ghost: batch norm over parts of the batch; weight: of the weights instead
    norm_images: NormImages = 32  # images whose statistics a ghost batch norm shares: the paper's 256 on 8 GPUs
    norm_groups: NormGroups = 32  # groups of channels of group norm
    dropout: Dropout = 0.0  # share of the features that is dropped before the last layer

    initialisation: Initialisation = "xavier"  # of convolutions and the last layer; biases 0, gammas 1, betas 0
    initial_deviation: Positive = 0.01  # of initialisation="gaussian"
    zero_gamma: bool = False  # last norm of each residual block starts at 0

    optimiser: Optimiser = "nag"  # Nesterov's momentum; how it takes a change of rate: optimiser() in parts/optimisers.py
    learning_rate: Positive = 0.1  # at the peak, per 256 images: a step uses learning_rate * images in the batch / 256
    scaling: Scaling = "linear"  # none: learning_rate is the peak whatever the batch
    momentum: Share = 0.9  # share of the velocity kept per step; beta1 of Adam
    final_momentum: Share | None = None  # momentum goes there in a straight line over training; None: it stays
    beta2: Share = 0.999  # share of the mean square kept per step: Adam's beta2, RMSprop's alpha
    epsilon: Positive = 1e-8  # added to the root of the mean square
    weight_decay: NotNegative = (
        1e-4  # added to the gradient, times the weight; AdamW: off the weight, times the rate and the weight
    )
    decay_biases: bool = True  # of convolutions and the last layer
    decay_gammas: bool = True  # scales of norms
    decay_betas: bool = True  # offsets of norms

    schedule: Schedule = "step"
    milestones: Rising = (0.25, 0.5, 0.75)  # shares of training at which step drops the rate: 30, 60, 90 of 120
    drop: Factor = 0.1  # factor on the rate at a milestone, or when plateau sees no progress
    falling: Positive = 5.0  # k of exponential e^(-k p) and inverse 1 / (1 + k p), p the share of training done after the warmup
    patience: Epochs = 5  # epochs without a lower loss until plateau drops the rate
    cycles: Count = 5  # of the cosine in cyclic, ceil(steps / cycles) long; the last is cut short where that does not fit
    warmup: ShareOfTraining = 0.0  # share of training, linear from 0, per batch; the paper's 5 of 120 epochs is 5/120
    warmup_form: WarmupForm = "code"  # step i of m, from 1: code (i - 1) / m, so that the first rate is 0; paper i / m
    warmup_of: Epochs | None = (
        None  # epochs that warmup is a share of: 5/120 of 120 is 5 epochs of a longer training too; None: all
    )
    plateau_on: PlateauOn = "training"  # images whose loss plateau follows; tuning: the tuning slice, then never learned from

    loss: Loss = "cross entropy"  # hinge: Weston and Watkins, margin 1; for diagnosis
    smoothing: Share = 0.0  # epsilon: probability taken from the label
    smoothing_form: SmoothingForm = "paper"  # who gets it: paper, the other classes; code, all classes
    mixup: NotNegative = 0.0  # alpha of Beta(alpha, alpha), one weight per batch; 0: off
    partner: Partner = "permutation"  # whom an image is mixed with: at random, or the one as far from the batch's end (code)
    cutmix: NotNegative = 0.0  # alpha of Beta(alpha, alpha); beside mixup each batch takes one of the two; 0: off
    teacher: AnyTeacher = None  # whose softened outputs are learned as well
    temperature: Positive = 20.0  # T: logits are divided by it before the teacher is compared
    hard_weight: NotNegative = 1.0  # of the loss on the labels; the code has 0.5
    soft_weight: NotNegative = 1.0  # of T^2 times the loss on the teacher's outputs; the code has 0.5
    ema: ShareOfTraining = 0.0  # memory of the averaged weights that are scored, of training; 0: the last weights are scored
    ema_every: Steps = 32  # steps from one update of the average to the next

    precision: Precision = "fp32"  # of convolutions and matrix products; weights stay fp32
    loss_scaling: LossScaling = "dynamic"  # of fp16: dynamic halves the scale after an overflow and doubles it after 2000 steps
    loss_scale: Scale = 128.0  # factor on the loss in fp16, at the start
    channels_last: bool = False  # layout of images in memory: faster on GPUs with tensor cores
    compile: bool = False  # torch.compile; pays on GPUs and long trainings

    crop: Crop = "none"  # pad: black border, then a random window; resized: a random box, aspect 3/4 to 4/3
    pad: Side = 4  # pixels on each side, for crop="pad"
    least_area: ShareOfImage = 0.08  # share of the image that a random box has at least
    flip: bool = False  # left to right, with probability 1/2
    trivial_augment: bool = False  # one random operation of TrivialAugmentWide per image
    colour: Colour = "none"  # factors U[0.6, 1.4] on: paper, hue, saturation, brightness; gluoncv, brightness, contrast, saturation
    pca_noise: NotNegative = 0.0  # standard deviation of the noise along ImageNet's principal colours; the paper's is 0.1
    pixels: Pixels = "own"  # mean and standard deviation of the channels: the training images' own, or ImageNet's
    erasing: Probability = 0.0  # probability that a random box of an image is made 0, its mean colour
    train_size: Side | None = None  # pixels, height and width of training images; None: as the data set stores them
    test_size: Side | None = None  # pixels, the centre square that is scored; None: as the data set stores them
    test_resize: Side | None = None  # pixels, the short side before the centre square is cut out; None: test_size
    trivial_interpolation: Interpolation = "nearest"  # of TrivialAugment's rotations and shifts; torchvision's recipe: bilinear

    def __post_init__(self) -> None:
        refuse_unlawful(self)
        _refuse_contradictions(self)

    @property
    def watches_tuning(self) -> bool:
        """Whether the tuning slice steers the rate, and so is held out of every training, a final one too."""
        return self.schedule == "plateau" and self.plateau_on == "tuning"

    @property
    def warmup_share(self) -> float:
        """The warmup as a share of this training, whatever length ``warmup`` is a share of."""
        return self.warmup if self.warmup_of is None else self.warmup * self.warmup_of / self.epochs


RESIDUAL = tuple(field.name for field in fields(ResNet))  # fields of a recipe that describe its residual network


def network_of(recipe: Recipe) -> Network:
    """The recipe's network: ``network``, or the residual network that the recipe's own fields describe.

    >>> from hpsearch.training import digits
    >>> network_of(Recipe(data=digits(), depth=50)).multiply_adds(channels=3, classes=1000, size=224)
    3857973248
    """
    return recipe.network or ResNet(**{name: getattr(recipe, name) for name in RESIDUAL})


def _refuse_contradictions(recipe: Recipe) -> None:
    if recipe.network is not None:
        _refuse_two_networks(recipe, recipe.network)
    if (lacking := network_of(recipe).lacks_last_norms) and recipe.zero_gamma:
        raise Refused(f"zero_gamma=True needs {lacking}: drop one of the two")
    if recipe.micro_batch is not None and recipe.batch_size % recipe.micro_batch:
        raise Refused(f"micro_batch={recipe.micro_batch} must divide batch_size={recipe.batch_size}: give a divisor of it")
    if recipe.batch_size % recipe.repeats:
        raise Refused(f"repeats={recipe.repeats} must divide batch_size={recipe.batch_size}: give a divisor of it")
    if recipe.warmup_share >= 1:
        raise Refused(
            f"warmup={recipe.warmup} of warmup_of={recipe.warmup_of} epochs does not fit into epochs={recipe.epochs}: "
            "train for longer, or leave warmup_of out, so that warmup is a share of this training"
        )
    if recipe.schedule == "step" and recipe.milestones and recipe.warmup_share > recipe.milestones[0]:
        raise Refused(
            f"warmup must end before the first milestone, got warmup={recipe.warmup} and milestones={recipe.milestones}: "
            "shorten the one or move the other"
        )
    if recipe.test_resize is not None and recipe.test_resize < (recipe.test_size or 1):
        raise Refused(
            f"test_size={recipe.test_size} is cut out of images of test_resize={recipe.test_resize} pixels: raise test_resize"
        )
    _refuse_enlarged(recipe)


def _refuse_enlarged(recipe: Recipe) -> None:
    """Pixels that decoding has thrown away do not come back: a protocol of 256 needs images that are stored at 256."""
    stored = getattr(recipe.data, "reduced_to", None)
    sizes = {name: getattr(recipe, name) or 0 for name in ("train_size", "test_size", "test_resize")}
    largest = max(sizes, key=lambda name: sizes[name])
    if stored is not None and sizes[largest] > stored:
        raise Refused(
            f"{largest}={sizes[largest]} would enlarge images that the data set has reduced to size={stored} pixels: "
            f"give the data set size={sizes[largest]}, or lower {largest}"
        )


def _refuse_two_networks(recipe: Recipe, network: Network) -> None:
    """Where ``network`` is given, the fields that describe a residual network would be set for nothing."""
    for field in fields(recipe):
        if field.name in RESIDUAL and getattr(recipe, field.name) != field.default:
            raise Refused(
                f"{field.name}={getattr(recipe, field.name)!r} describes a residual network, and the recipe's network is "
                f"{network!r}: set what it has within it, network={type(network).__name__}(...), or leave network=None"
            )


if lawless := {field.name for field in fields(Recipe)} - laws(Recipe).keys():
    raise TypeError(f"these fields of Recipe have no law: {lawless}")
if wrong := [f.name for f in fields(ResNet) if f.default != Recipe.__dataclass_fields__[f.name].default]:
    raise TypeError(f"these fields have another default in Recipe than in ResNet: {wrong}")


# From fields to the arguments of the parts: what the loop calls, and no part knows.


def built(recipe: Recipe, channels: int, classes: int) -> "nn.Module":
    """The recipe's network, before it is given its values."""
    return network_of(recipe).build(channels, classes)


def initialised(model: "nn.Module", recipe: Recipe, generator: "torch.Generator") -> "nn.Module":
    """The model with its starting values."""
    from hpsearch.training.parts.initialisation import initialise

    zero = network_of(recipe).last_norms(model) if recipe.zero_gamma else ()
    return initialise(model, recipe.initialisation, generator, deviation=recipe.initial_deviation, zero_gammas=zero)


def _decays(recipe: Recipe) -> dict[str, bool]:
    return {"biases": recipe.decay_biases, "gammas": recipe.decay_gammas, "betas": recipe.decay_betas}


def groups(model: "nn.Module", recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by their decay."""
    return optimisers.groups(model, recipe.weight_decay, **_decays(recipe))


def counts(model: "nn.Module", recipe: Recipe) -> dict[str, list[float]]:
    """How many [tensors, parameters] are decayed and how many are not, for the row of a trial."""
    both = zip(("decayed", "undecayed"), optimisers.decayed(model, **_decays(recipe)), strict=True)
    return {name: [float(len(part)), float(sum(p.numel() for p in part))] for name, part in both}


def optimiser(model: "nn.Module", recipe: Recipe) -> "torch.optim.Optimizer":
    """What moves the model; its rate and momentum are set before every step by ``steer``."""
    return optimisers.optimiser(
        groups(model, recipe),
        recipe.optimiser,
        rate=0.0,
        momentum=recipe.momentum,
        beta2=recipe.beta2,
        epsilon=recipe.epsilon,
        anneals=bool(recipe.final_momentum),
    )


def peak(recipe: Recipe, images: int) -> float:
    """The rate at the peak for steps of so many images."""
    return optimisers.peak(recipe.learning_rate, images, recipe.scaling)


def momentum_at(recipe: Recipe, progress: float) -> float:
    """The momentum after the share ``progress`` of all steps."""
    return optimisers.momentum_at(progress, recipe.momentum, recipe.final_momentum)


def factor(recipe: Recipe, progress: float, step_size: float = 0.0, losses: Sequence[float] = ()) -> float:
    """The factor on the peak rate after the share ``progress`` of all steps; ``losses`` are those that plateau follows."""
    return schedules.factor(
        progress,
        schedule=recipe.schedule,
        step_size=step_size,
        warmup=recipe.warmup_share,
        warmup_form=recipe.warmup_form,
        milestones=recipe.milestones,
        drop=recipe.drop,
        falling=recipe.falling,
        patience=recipe.patience,
        cycles=recipe.cycles,
        losses=losses,
    )


def loss(recipe: Recipe, logits: "Tensor", targets: "Tensor", teachers: "Tensor | None" = None) -> "Tensor":
    """What is minimised on the targets, and on the teacher's logits."""
    from hpsearch.training.parts import losses

    return losses.loss(
        logits,
        targets,
        recipe.loss,
        teachers=teachers,
        temperature=recipe.temperature,
        hard_weight=recipe.hard_weight,
        soft_weight=recipe.soft_weight,
    )


def scaling(recipe: Recipe, device: str) -> "LossScale":
    """The scale on the loss that the precision needs."""
    from hpsearch.training.parts.precision import Scaling as LossScale

    return LossScale(device, recipe.precision, recipe.loss_scaling, recipe.loss_scale)


def average(recipe: Recipe, model: "nn.Module", steps: int) -> "Average | None":
    """The moving average that is scored instead of the model; None where the model itself is."""
    from hpsearch.training.parts.averaging import Average

    return Average(model, recipe.ema, recipe.ema_every, steps, recipe.warmup_share) if recipe.ema > 0 else None
