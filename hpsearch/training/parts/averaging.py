"""A moving average of the weights, scored instead of the last ones."""

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """The exponential moving average of a model's weights and running statistics (Polyak and Juditsky 1992).

    Every ``every`` steps the average moves by alpha = every / (horizon steps) towards the model, at most onto it; during the warmup
    it is set to it. ``horizon`` is the average's memory as a share of the training's ``steps``.

    torchvision's recipe of 2021 has a decay of 0.99998 every 32 steps, times batch / epochs: alpha = 2e-5 1024 32 / 600 = 0.00109
    with 1,251 steps an epoch, which is a horizon of 1 / (2e-5 1024 1251) = 0.039.
    """

    def __init__(self, model: nn.Module, horizon: float, every: int, steps: int, warmup: float) -> None:
        self.every, self.steps, self.warmup = every, steps, warmup
        self.alpha = min(1.0, every / (horizon * steps))
        with torch.random.fork_rng(devices=[]):
            self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - self.alpha), use_buffers=True)

    @property
    def model(self) -> nn.Module:
        """The network with the averaged weights."""
        return self.averaged.module

    def update(self, model: nn.Module, step: int) -> None:
        """Take in the model after step ``step`` (from 0) of the training."""
        if step % self.every:
            return
        if step < self.warmup * self.steps:
            self.averaged.n_averaged.fill_(0)  # the next update copies
        self.averaged.update_parameters(model)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return dict(self.averaged.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.averaged.load_state_dict(state)
