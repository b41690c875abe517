"""The optimiser, its rate and momentum, and which parameters it decays."""

from typing import Any

import torch
from torch import nn

from hpsearch.training.images.recipe import Recipe
from hpsearch.training.networks.norms import kinds

IMAGES = 256  # that learning_rate is given for


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser; its rate and momentum are set before every step by ``steer``.

    With g the gradient plus decay times the weight: ``sgd`` w -= rate g; ``momentum`` v = mu v + g, w -= rate v; ``nag`` the same
    v, w -= rate (g + mu v); ``adagrad``, ``rmsprop``, ``adam`` as torch.optim prints them; ``adamw`` takes rate decay w off the
    weight instead of adding to g (Loshchilov and Hutter 2019).

    The textbook's Nesterov (Sutskever et al. 2013) keeps the rate inside the velocity: u = mu u - rate g(x + mu u), x += u. At a
    constant rate the two are one, with w = x + mu u and v = -u / rate. When the rate goes from r to s, torch's velocity changes
    with it at once and the textbook's does not: after the next step torch's w lies (s / r - 1) mu^2 u from the textbook's, u the
    textbook's velocity at the change, and after n steps, on a slope that stays, (s / r - 1) mu^2 u (1 - mu^n) / (1 - mu).
    """
    parameters: Any = groups(model, recipe)
    # torch keeps a velocity, and takes Nesterov's step, only where momentum is not 0 at the start; annealing may start from 0
    momentum = recipe.momentum or (TINY if recipe.final_momentum else 0.0)
    betas = (recipe.momentum, recipe.beta2)
    match recipe.optimiser:
        case "nag":
            return torch.optim.SGD(parameters, lr=0.0, momentum=momentum, nesterov=momentum > 0, fused=True)
        case "momentum":
            return torch.optim.SGD(parameters, lr=0.0, momentum=momentum, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, lr=0.0, fused=True)
        case "adagrad":
            return torch.optim.Adagrad(parameters, lr=0.0, eps=recipe.epsilon)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=0.0, alpha=recipe.beta2, eps=recipe.epsilon)
        case "adam":
            return torch.optim.Adam(parameters, lr=0.0, betas=betas, eps=recipe.epsilon, fused=True)
    return torch.optim.AdamW(parameters, lr=0.0, betas=betas, eps=recipe.epsilon, fused=True)


TINY = 1e-30  # a momentum that is none in float32, for an optimiser that will get one later


def groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by their decay: weights of convolutions and linear layers always, biases, gammas and betas by the recipe.

    "No bias decay" of He et al. 2019, section 3.1, after Jia et al. 2018, leaves all three alone.
    """
    decayed = {"weights": True, "biases": recipe.decay_biases, "gammas": recipe.decay_gammas, "betas": recipe.decay_betas}
    found = kinds(model)
    both = [
        {"params": [p for kind in found if decayed[kind] is yes for p in found[kind]], "weight_decay": decay}
        for yes, decay in ((True, recipe.weight_decay), (False, 0.0))
    ]
    return [group for group in both if group["params"]]


def counts(model: nn.Module, recipe: Recipe) -> dict[str, list[float]]:
    """How many [tensors, parameters] are decayed and how many are not, for the row of a trial."""
    decayed = {id(p) for group in groups(model, recipe)[:1] for p in group["params"]}
    parts = {
        "decayed": [p for p in model.parameters() if id(p) in decayed],
        "undecayed": [p for p in model.parameters() if id(p) not in decayed],
    }
    return {name: [float(len(part)), float(sum(p.numel() for p in part))] for name, part in parts.items()}


def peak(recipe: Recipe, images: int) -> float:
    """The rate at the peak for batches of so many images: in proportion to them, or as it is given.

    Linear scaling of Goyal et al. 2017; He et al. 2019, section 3.1: 0.1 b / 256.

    >>> from hpsearch.training import digits
    >>> peak(Recipe(data=digits(), learning_rate=0.1), 1024), peak(Recipe(data=digits(), scaling="none"), 1024)
    (0.4, 0.1)
    """
    return recipe.learning_rate * images / IMAGES if recipe.scaling == "linear" else recipe.learning_rate


def momentum_at(recipe: Recipe, progress: float) -> float:
    """The momentum after the share ``progress`` of all steps: constant, or on a straight line to ``final_momentum``.

    >>> from hpsearch.training import digits
    >>> momentum_at(Recipe(data=digits(), momentum=0.5, final_momentum=0.9), 0.5)
    0.7
    """
    if recipe.final_momentum is None:
        return recipe.momentum
    return recipe.momentum + (recipe.final_momentum - recipe.momentum) * progress


def steer(optimiser: torch.optim.Optimizer, rate: float, momentum: float) -> None:
    """Set rate and momentum (Adam's beta1) for the next step; an optimiser without momentum is left without."""
    for group in optimiser.param_groups:
        group["lr"] = rate
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif group.get("momentum", 0) > 0:
            group["momentum"] = max(momentum, TINY)
