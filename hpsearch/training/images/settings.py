"""From a recipe to the arguments of the parts: the one place where a field of the recipe is handed to what it sets."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.training.images.recipe import Recipe, network_of
from hpsearch.training.parts import averaging, initialisation, losses, optimisers, precision, schedules


def built(recipe: Recipe, channels: int, classes: int) -> nn.Module:
    """The recipe's network, before it is given its values."""
    return network_of(recipe).build(channels, classes)


def initialised(model: nn.Module, recipe: Recipe, generator: torch.Generator) -> nn.Module:
    """The model with its starting values."""
    zero = network_of(recipe).last_norms(model) if recipe.zero_gamma else ()
    return initialisation.initialise(model, recipe.initialisation, generator, deviation=recipe.initial_deviation, zero_gammas=zero)


def _decays(recipe: Recipe) -> dict[str, bool]:
    return {"biases": recipe.decay_biases, "gammas": recipe.decay_gammas, "betas": recipe.decay_betas}


def groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by their decay."""
    return optimisers.groups(model, recipe.weight_decay, **_decays(recipe))


def counts(model: nn.Module, recipe: Recipe) -> dict[str, list[float]]:
    """How many [tensors, parameters] are decayed and how many are not, for the row of a trial."""
    both = zip(("decayed", "undecayed"), optimisers.decayed(model, **_decays(recipe)), strict=True)
    return {name: [float(len(part)), float(sum(p.numel() for p in part))] for name, part in both}


def optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
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


def loss(recipe: Recipe, logits: Tensor, targets: Tensor, teachers: Tensor | None = None) -> Tensor:
    """What is minimised on the targets, and on the teacher's logits."""
    return losses.loss(
        logits,
        targets,
        recipe.loss,
        teachers=teachers,
        temperature=recipe.temperature,
        hard_weight=recipe.hard_weight,
        soft_weight=recipe.soft_weight,
    )


def scaling(recipe: Recipe, device: str) -> precision.Scaling:
    """The scale on the loss that the precision needs."""
    return precision.Scaling(device, recipe.precision, recipe.loss_scaling, recipe.loss_scale)


def average(recipe: Recipe, model: nn.Module, steps: int) -> averaging.Average | None:
    """The moving average that is scored instead of the model; None where the model itself is."""
    return averaging.Average(model, recipe.ema, recipe.ema_every, steps, recipe.warmup_share) if recipe.ema > 0 else None
