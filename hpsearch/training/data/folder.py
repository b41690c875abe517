"""Folders of images, one folder per class, decoded once per machine.

Two layouts, both those of torchvision's ``ImageFolder``: ``train/CLASS/*`` with ``val/CLASS/*`` (val is the final set), or
``CLASS/*`` alone (a fixed fifth is the final set). Images lie directly in their class folder; hidden files are ignored.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import Refused
from hpsearch.training.data.images import Images
from hpsearch.training.data.split import sizes, take
from hpsearch.values import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray
