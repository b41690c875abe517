"""The optimiser and which parameters it decays."""

import torch
from torch import nn

from hpsearch.training.recipe import Recipe


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Stochastic gradient with Nesterov's momentum; the rate is set before every step.

    v = momentum v + g + decay w; w = w - rate (g + decay w + momentum v). Source: ``torch.optim.SGD``, Sutskever et al. 2013.
    """
    # without momentum Nesterov's step is the plain one, and torch wants to be told so
    return torch.optim.SGD(groups(model, recipe), lr=0.0, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True)


def groups(model: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Parameters by their decay: weights of convolutions and linear layers always, biases and batch norms by the recipe.

    "No bias decay" of He et al. 2019, section 3.1, after Jia et al. 2018: one-dimensional parameters are left alone.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    biases = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": biases, "weight_decay": recipe.weight_decay if recipe.decay_biases else 0.0},
    ]
