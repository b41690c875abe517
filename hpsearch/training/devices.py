"""What PyTorch can use on this machine."""

import torch


def gpus() -> int:
    """GPUs that PyTorch can use in this process: it minds CUDA_VISIBLE_DEVICES, the driver, and what it was built for."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0
