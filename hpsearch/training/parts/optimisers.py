"""The optimiser, its rate and momentum, and which parameters it decays."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, assert_never

if TYPE_CHECKING:  # a recipe names its choices without torch
    from torch import nn
    from torch.optim import Optimizer

Optimiser = Literal["nag", "momentum", "sgd", "adagrad", "rmsprop", "adam", "adamw"]
Scaling = Literal["linear", "none"]

IMAGES = 256  # that a rate is given for under linear scaling
TINY = 1e-30  # a momentum that is none in float32, for an optimiser that will get one later


def optimiser(
    parameters: "Iterable[nn.Parameter] | Iterable[dict[str, Any]]",
    name: Optimiser,
    *,
    rate: float,
    momentum: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    anneals: bool = False,
) -> "Optimizer":
    """torch's optimiser of that name over parameters, or over groups of them with a decay of their own, as ``groups`` makes.

    With g the gradient plus decay times the weight: ``sgd`` w -= rate g; ``momentum`` v = mu v + g, w -= rate v; ``nag`` the same
    v, w -= rate (g + mu v); ``adagrad``, ``rmsprop`` (alpha is ``beta2``), ``adam`` (beta1 is ``momentum``) as torch.optim prints
    them; ``adamw`` takes rate decay w off the weight instead of adding to g (Loshchilov and Hutter 2019). ``epsilon`` is added to
    the root of the mean square. Those without momentum or a mean square leave these numbers alone. A momentum that starts at 0
    and will be raised by ``steer`` needs ``anneals=True``, because torch keeps a velocity only where it starts with momentum.

    The textbook's Nesterov (Sutskever et al. 2013) keeps the rate inside the velocity: u = mu u - rate g(x + mu u), x += u. At a
    constant rate the two are one, with w = x + mu u and v = -u / rate. When the rate goes from r to s, torch's velocity changes
    with it at once and the textbook's does not: after the next step torch's w lies (s / r - 1) mu^2 u from the textbook's, u the
    textbook's velocity at the change, and after n steps, on a slope that stays, (s / r - 1) mu^2 u (1 - mu^n) / (1 - mu).

    >>> import torch
    >>> w = torch.nn.Parameter(torch.ones(1))
    >>> mover = optimiser([w], "momentum", rate=0.1)
    >>> for _ in range(2):  # v = 1, then 0.9 + 1
    ...     w.grad = torch.ones(1)
    ...     mover.step()
    >>> round(w.item(), 6)
    0.71
    """
    import torch

    mu = momentum or (TINY if anneals else 0.0)
    each: dict[str, Any] = {"params": parameters, "lr": rate, "weight_decay": weight_decay}
    adams: dict[str, Any] = {"betas": (momentum, beta2), "eps": epsilon, "fused": True}
    match name:
        case "nag":
            return torch.optim.SGD(**each, momentum=mu, nesterov=mu > 0, fused=True)
        case "momentum":
            return torch.optim.SGD(**each, momentum=mu, fused=True)
        case "sgd":
            return torch.optim.SGD(**each, fused=True)
        case "adagrad":
            return torch.optim.Adagrad(**each, eps=epsilon)
        case "rmsprop":
            return torch.optim.RMSprop(**each, alpha=beta2, eps=epsilon)
        case "adam":
            return torch.optim.Adam(**each, **adams)
        case "adamw":
            return torch.optim.AdamW(**each, **adams)
        case _:
            assert_never(name)


def decayed(
    model: "nn.Module", *, biases: bool = True, gammas: bool = True, betas: bool = True
) -> "tuple[list[nn.Parameter], list[nn.Parameter]]":
    """A model's parameters, each once: those that are decayed and those that are not, by their kind (``norms.kinds``).

    Weights always are. "No bias decay" of He et al. 2019, section 3.1 (after Jia et al. 2018) spares biases, gammas and betas.
    """
    from hpsearch.training.parts.norms import kinds

    shrink = {"weights": True, "biases": biases, "gammas": gammas, "betas": betas}
    found = kinds(model)
    yes, no = ([p for kind in found if shrink[kind] is which for p in found[kind]] for which in (True, False))
    return yes, no


def groups(
    model: "nn.Module", weight_decay: float, *, biases: bool = True, gammas: bool = True, betas: bool = True
) -> list[dict[str, Any]]:
    """Groups for ``optimiser``: the parameters that ``decayed`` names under ``weight_decay``, the others under 0.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 10))
    >>> [(len(group["params"]), group["weight_decay"]) for group in groups(model, 0.01, biases=False, gammas=False, betas=False)]
    [(2, 0.01), (3, 0.0)]
    """
    both = zip(decayed(model, biases=biases, gammas=gammas, betas=betas), (weight_decay, 0.0), strict=True)
    return [{"params": params, "weight_decay": decay} for params, decay in both if params]


def peak(rate: float, images: int, scaling: Scaling = "linear") -> float:
    """The rate at the peak for steps of so many images: ``rate`` images / 256, or ``rate`` as it is.

    Linear scaling of Goyal et al. 2017; He et al. 2019, section 3.1: 0.1 b / 256.

    >>> peak(0.1, 1024), peak(0.1, 1024, "none")
    (0.4, 0.1)
    """
    match scaling:
        case "linear":
            return rate * images / IMAGES
        case "none":
            return rate
        case _:
            assert_never(scaling)


def momentum_at(progress: float, start: float, end: float | None = None) -> float:
    """The momentum after the share ``progress`` of all steps: ``start``, or on a straight line from there to ``end``.

    >>> momentum_at(0.5, 0.5, 0.9), momentum_at(0.5, 0.9)
    (0.7, 0.9)
    """
    return start if end is None else start + (end - start) * progress


def steer(optimiser: "Optimizer", rate: float, momentum: float) -> None:
    """Set rate and momentum (Adam's beta1) for the next step; an optimiser without momentum is left without."""
    for group in optimiser.param_groups:
        group["lr"] = rate
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif group.get("momentum", 0) > 0:
            group["momentum"] = max(momentum, TINY)
