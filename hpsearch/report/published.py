"""Published ladders: which of them a study's tricks come from, what each rung added, and where its arms stand on it."""

from dataclasses import dataclass
from types import ModuleType

from hpsearch.ablation import Arm, Claim, Plan, Rung, Trick
from hpsearch.study import Study
from hpsearch.tricks import he2019, torchvision2021

LEAST = 3  # rungs a study has to climb to be said to climb the ladder
ERRATA = {  # of rungs that are no single trick's claim
    (he2019.PAPER, "0"): "the abstract's 75.3 to 79.29 starts here: 0.57 of its 3.99 points come from a different implementation",
}


@dataclass(frozen=True)
class Published:
    """A ladder as it was printed, what it was measured on, and the tricks it is made of."""

    paper: str  # how the sources of its claims begin
    rungs: tuple[Rung, ...]
    tricks: tuple[Trick, ...]
    data: str
    network: str
    epochs: int
    note: str

    @property
    def start(self) -> Rung:
        """The rung that the others are laid over."""
        return next(rung for rung in self.rungs if any(other.over == rung.rung for other in self.rungs))

    def rung(self, number: str | None) -> Rung | None:
        """The rung of that number."""
        return next((rung for rung in self.rungs if rung.rung == number), None)

    def step(self, rung: Rung) -> float | None:
        """Top-1 over the rung below, in points; None for one that stands on none."""
        below = self.rung(rung.over)
        return None if below is None else round(rung.top1 - below.top1, 3)

    def claims(self, trick: Trick | None, rung: Rung) -> Claim | None:
        """The claim of a trick that is this rung's step, where it has one."""
        step = self.step(rung)
        found = (c for c in (trick.claims if trick else ()) if c.metric == "top1" and c.source == rung.source and c.value == step)
        return next(found, None)

    def errata(self, rung: Rung) -> str:
        """What is known to be wrong, left out or contradicted where the rung is printed."""
        claims = (self.claims(trick, rung) for trick in self.tricks)
        return ERRATA.get((self.paper, rung.rung)) or next((claim.note for claim in claims if claim), "")

    def placed(self, plan: Plan) -> dict[str, Arm]:
        """The arms of a plan that stand on a rung, by the rung: each lays a rung's trick over the arm of the rung below."""
        found = self._roots(plan)
        for rung in self.rungs:
            below = found.get(rung.over or "")
            for trick in plan.tricks if below and rung.rung not in found else ():
                arm = Arm((*below.tricks, trick)) if below and self.claims(trick, rung) else None
                if arm in plan.arms and arm is not None:
                    found[rung.rung] = arm
        return found

    def _roots(self, plan: Plan) -> dict[str, Arm]:
        """The rung that the first step of the plan's ladder was laid over in the paper, and the arm it is laid over here."""
        for contrast in plan.steps:
            for rung in self.rungs:
                if self.claims(contrast.trick, rung):
                    return {rung.over or "": next(arm for arm, weight in contrast.weights if weight < 0)}
        return {}


def published(plan: Plan) -> tuple[Published, ...]:
    """The ladders that the claims of a plan's tricks are taken from."""
    sources = [claim.source for trick in plan.tricks for claim in trick.claims]
    return tuple(each for each in LADDERS if any(source.startswith(each.paper) for source in sources))


def climbed(plan: Plan) -> tuple[Published, dict[str, Arm]] | None:
    """The published ladder that a plan climbs from its first rung on, and the arms on its rungs; None where it climbs none."""
    for each in published(plan):
        placed = each.placed(plan)
        if len(placed) > LEAST and each.start.rung in placed:
            return each, placed
    return None


def compared(study: Study, ladder: Published) -> str:
    """How a study's data, network and budget differ from those of a published ladder, in two sentences."""
    theirs = f"Published: {ladder.network} on {ladder.data}, {ladder.epochs:,} epochs; {ladder.note}."
    config = study.config(study.plan.arms[0])
    epochs = study.length(config)
    if study.train is not None or not hasattr(config, "data"):
        return f"{theirs} This study trains its own function for {epochs:,} epochs: data set, network and budget differ."
    data, network = data_words(config.data), f"ResNet-{config.depth}" + (f" of width {config.width}" if config.width != 64 else "")
    pairs = ((data, ladder.data, "data set"), (network, ladder.network, "network"), (epochs, ladder.epochs, "budget"))
    other = [f"a different {what}" for mine, published, what in pairs if mine != published]
    ours = f"This study: {network} on {data}, {epochs:,} epochs"
    if not other:
        return f"{theirs} {ours}: the same data set, network and budget."
    listed = " and ".join(filter(None, (", ".join(other[:-1]), other[-1])))
    return f"{theirs} {ours}: {listed}, so only agreement in sign can be expected."


def data_words(data: object) -> str:
    """A data set by name, with its amounts where it is a part of one.

    >>> from hpsearch.training import cifar10, image_folder, imagenet
    >>> data_words(imagenet("/data")), data_words(cifar10(per_class=50))
    ('ImageNet', 'CIFAR10, 50 training images of each class')
    >>> data_words(image_folder("/data", size=32))
    'a folder of images, 32 pixels'
    """
    kind = type(data).__name__
    name = str(getattr(data, "name", "a folder of images" if kind == "ImageFolder" else kind))
    size, amount = getattr(data, "size", None), getattr(data, "per_class", None)
    name += f", {size} pixels" if size and kind != "ImageNet" else ""
    return name + (f", {amount} training images of each class" if amount else "")


def _tricks(module: ModuleType) -> tuple[Trick, ...]:
    return tuple(value for value in vars(module).values() if isinstance(value, Trick))


LADDERS = (
    Published(
        he2019.PAPER,
        he2019.ladder,
        _tricks(he2019),
        "ImageNet",
        "ResNet-50",
        120,  # section 2; the rungs with mixup 200
        "200 with mixup, the number of seeds not stated",
    ),
    Published(
        torchvision2021.POST,
        torchvision2021.ladder,
        _tricks(torchvision2021),
        "ImageNet",
        "ResNet-50",
        90,
        "600 from the third step on, each number the best of three runs",
    ),
)
