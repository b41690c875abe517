"""Folders of this machine."""

import os
from pathlib import Path

from hpsearch.errors import Refused


def cache_folder() -> Path:
    """What can be made again is kept here, decoded data above all: $HPSEARCH_CACHE, or the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(os.environ.get("HPSEARCH_CACHE") or f"{base}/hpsearch").expanduser().absolute()
    except RuntimeError as error:  # nobody's home
        raise Refused("there is no home directory to keep decoded data in: set HPSEARCH_CACHE to a folder for it") from error
