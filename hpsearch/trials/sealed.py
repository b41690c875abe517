"""Sealed files: written whole or not at all, and known to be whole when they are read.

A file is written beside its place, flushed to the disk, and renamed; its SHA-256 stands in a small JSON text beside it.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place(temporary: Path, path: Path) -> None:
    """Move a finished file to its place, on the disk before it has the name."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name itself
    finally:
        os.close(folder)


def write_json(path: Path, content: Any) -> None:
    """Seal a JSON text: the content and the digest of its text."""
    text = json.dumps(content, sort_keys=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    sealed = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "content": content}
    try:
        temporary.write_text(json.dumps(sealed, sort_keys=True), encoding="utf-8")
        place(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)  # half a file is of use to nobody, least of all where the disk is full
        raise


def read_json(path: Path) -> Any | None:
    """The content of a sealed JSON text; None where it is missing or not whole."""
    try:
        sealed = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(sealed["content"], sort_keys=True)
        whole = hashlib.sha256(text.encode()).hexdigest() == sealed["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return sealed["content"] if whole else None
