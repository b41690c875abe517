"""Half precision: which type products are computed in, and the loss scale that fp16 needs."""

import math
from typing import Any, assert_never

import torch
from torch import Tensor

from hpsearch.training.parts.literals import LossScaling, Precision


def autocast(precision: Precision, device: str) -> torch.autocast:
    """A context in which convolutions and matrix products are computed in ``precision``; weights stay fp32.

    He et al. 2019 cast the network to fp16 and keep a master copy in fp32 for the update; here the weights are that copy, and each
    product casts what it needs. What is stored from step to step, and what the update is made of, is the same.
    """
    match precision:
        case "fp32":
            return torch.autocast(device, dtype=torch.float32, enabled=False, cache_enabled=False)
        case "bf16":
            return torch.autocast(device, dtype=torch.bfloat16, cache_enabled=True)
        case "fp16":
            return torch.autocast(device, dtype=torch.float16, cache_enabled=True)
        case _:
            assert_never(precision)


class Scaling:
    """The scale on the loss without which small gradients vanish in fp16; for fp32 and bf16 there is none.

    It starts at ``scale``. A step whose gradients overflow is left out and counted in ``skipped``. A ``dynamic`` scale halves then,
    and doubles after 2,000 steps without one (Micikevicius et al. 2018); a ``static`` one stays.

    >>> w = torch.nn.Parameter(torch.ones(1))
    >>> mover, scaling = torch.optim.SGD([w], lr=0.1), Scaling("cpu", "fp16", scale=128.0)
    >>> for slope in (2.0, math.inf):
    ...     mover.zero_grad()
    ...     scaling.backward(slope * w.sum())
    ...     print(scaling.step(mover), round(w.item(), 6))
    True 0.8
    False 0.8
    """

    def __init__(self, device: str, precision: Precision, kind: LossScaling = "dynamic", scale: float = 128.0) -> None:
        self.skipped = 0
        match kind:
            case "static":
                self.static: float | None = float(scale)
            case "dynamic":
                self.static = None
            case _:
                assert_never(kind)
        self._scaler = torch.amp.GradScaler(device, init_scale=scale, enabled=_underflows(precision))

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the scaled loss."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self, optimiser: torch.optim.Optimizer) -> bool:
        """Take the step with gradients scaled back; False where they overflowed and nothing was done."""
        if not self._scaler.is_enabled():
            optimiser.step()
            return True
        self._scaler.unscale_(optimiser)
        finite = _finite(optimiser)
        if finite:  # a fused optimiser that is asked to skip its first step keeps a velocity that nobody wrote
            self._scaler.step(optimiser)
        self._scaler.update(self.static)
        self.skipped += not finite
        return finite

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"scaler": self._scaler.state_dict(), "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._scaler.load_state_dict(state["scaler"])
        self.skipped = state["skipped"]


def _finite(optimiser: torch.optim.Optimizer) -> bool:
    """Whether all gradients are; one number crosses from an accelerator, however many tensors there are."""
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    return math.isfinite(torch.nn.utils.get_total_norm(gradients, norm_type=math.inf).item())


def _underflows(precision: Precision) -> bool:
    """Whether gradients may be too small for the type; bfloat16 has float32's exponents."""
    match precision:
        case "fp16":
            return True
        case "fp32" | "bf16":
            return False
        case _:
            assert_never(precision)
