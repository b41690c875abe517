"""Random numbers: one seed, one generator per purpose, so that using more of one leaves the others as they were."""

import hashlib

import torch

PURPOSES = ("initialisation", "order", "crop", "augmentation", "mixup", "dropout")


def streams(seed: int) -> dict[str, torch.Generator]:
    """One generator on the CPU for each purpose; the device has no say in what is drawn.

    >>> a, b = streams(1), streams(1)
    >>> _ = torch.rand(5, generator=a["mixup"])
    >>> torch.equal(torch.randperm(9, generator=a["order"]), torch.randperm(9, generator=b["order"]))
    True
    """
    return {purpose: torch.Generator().manual_seed(_seed(seed, purpose)) for purpose in PURPOSES}


def _seed(seed: int, purpose: str) -> int:
    """63 bits that differ for every seed and purpose."""
    return int.from_bytes(hashlib.sha256(f"{purpose} {seed}".encode()).digest()[:8], "big") >> 1
