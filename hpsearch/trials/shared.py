"""What every machine of a cluster must have in common: the trials' folder and our own code. Nothing here imports Ray."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

LOOKS = 10.0  # seconds until a file that one machine wrote is taken for unseen by another: network filesystems keep old listings


@contextmanager
def marked(folder: Path) -> Iterator[str]:
    """The name of a file that lies in the folder as long as this lasts, and in no other folder of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f".shared-{token_hex(8)}"
    (folder / name).touch()
    try:
        yield name
    finally:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def sees(folder: Path, name: str, seconds: float = LOOKS) -> bool:
    """Whether a file is there, or comes to be within some seconds."""
    deadline = time.monotonic() + seconds
    while not (folder / name).exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def fault(folder: Path, name: str, seconds: float = LOOKS) -> str:
    """Why trials cannot run on this machine, as the end of a sentence that begins with its name; empty where they can."""
    if not sees(folder, name, seconds):
        return f"does not see the trials' folder {folder}: give a path that all machines share with --folder"
    if not os.access(folder, os.W_OK):
        return f"cannot write to the trials' folder {folder}: give its user the right to, or another one with --folder"
    return ""


def code() -> str:
    """A digest of hpsearch itself: what another version trains is not the same trial."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
