"""Weights made elsewhere: a file that a student may be taught from."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused
from hpsearch.training.data.listing import expand
from hpsearch.values import Value


@dataclass(frozen=True)
class Pretrained(Value):
    """The weights in a file: a state dict of timm or torchvision, or the ``weights.pt`` of a trial.

    >>> Pretrained("")
    Traceback (most recent call last):
    hpsearch.errors.Refused: Pretrained needs the path of a file as text, got path=''
    """

    path: str  # file; $VARIABLE and ~ are replaced on use

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise Refused(f"Pretrained needs the path of a file as text, got path={self.path!r}")

    @property
    def file(self) -> Path:
        """Where the weights lie on this machine."""
        return expand(self.path)

    def identity(self) -> dict[str, Any]:
        """The SHA-256 of the file; where it lies is no part of it."""
        self.check()
        with open(self.file, "rb") as file:
            return {"is": "Pretrained", "sha256": hashlib.file_digest(file, "sha256").hexdigest()}

    def check(self) -> None:
        """Refuse a file that is missing."""
        if not self.file.is_file():
            raise Refused(f"there is no file of weights {os.fspath(self.file)}: give the path of a timm or torchvision state dict")

    def prepare(self, cache: Path) -> None:
        """Nothing to make."""
