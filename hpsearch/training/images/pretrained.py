"""Weights made elsewhere: a file that a student may be taught from."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from hpsearch.errors import Refused
from hpsearch.training.data.listing import expand
from hpsearch.values import Value

Variant = Literal["A", "B", "C", "D"]  # of a residual network, as hpsearch.training.networks.resnet names them


@dataclass(frozen=True)
class Pretrained(Value):
    """The weights in a file: a state dict of timm or torchvision, or the ``weights.pt`` of a trial.

    ``variant`` declares what names and shapes do not show: A has its strides in the first 1x1 of a block, B, C and D in the 3x3.
    Without it B, C or D is concluded, and a run says so.

    >>> Pretrained("")
    Traceback (most recent call last):
    hpsearch.errors.Refused: Pretrained needs the path of a file as text, got path=''
    """

    path: str  # file; $VARIABLE and ~ are replaced on use
    variant: Variant | None = None  # of the network; None: concluded from the file

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise Refused(f"Pretrained needs the path of a file as text, got path={self.path!r}")
        if self.variant is not None and self.variant not in get_args(Variant):
            known = " or ".join(map(repr, get_args(Variant)))
            raise Refused(f"Pretrained needs variant to be {known}, or None, got variant={self.variant!r}")

    @property
    def file(self) -> Path:
        """Where the weights lie on this machine."""
        return expand(self.path)

    def identity(self) -> dict[str, Any]:
        """The SHA-256 of the file, and the variant where it is declared; where it lies is no part of it."""
        self.check()
        with open(self.file, "rb") as file:
            declared = {"variant": self.variant} if self.variant else {}
            return {"is": "Pretrained", "sha256": hashlib.file_digest(file, "sha256").hexdigest(), **declared}

    def check(self) -> None:
        """Refuse a file that is missing."""
        if not self.file.is_file():
            raise Refused(f"there is no file of weights {os.fspath(self.file)}: give the path of a timm or torchvision state dict")

    def prepare(self, cache: Path) -> None:
        """Nothing to make; refuses a file that holds no residual network of ours before anything is trained."""
        self.remark()

    def remark(self) -> str:
        """What the file is taken for, in a sentence: for whoever started a run, and for its provenance."""
        from hpsearch.training.images.weights import said_of

        self.check()
        return said_of(self.file, self.variant)
