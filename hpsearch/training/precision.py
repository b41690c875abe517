"""Half precision: which type products are computed in, and the loss scale that fp16 needs."""

import torch

from hpsearch.training.recipe import Precision

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SCALE = 128.0  # on the loss, for fp16: where NVIDIA's ResNet-50 recipe keeps it; adapts from there


def autocast(precision: Precision, device: str) -> torch.autocast:
    """A context in which convolutions and matrix products are computed in ``precision``; weights stay fp32."""
    return torch.autocast(device, dtype=TYPES[precision], enabled=precision != "fp32", cache_enabled=precision != "fp32")


def scaler(precision: Precision, device: str) -> torch.amp.GradScaler:
    """The loss scale, without which small gradients vanish in fp16; does nothing for fp32 and bf16."""
    return torch.amp.GradScaler(device, init_scale=SCALE, enabled=precision == "fp16")
