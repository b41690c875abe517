"""All checks: importing this module registers them."""

import importlib
import pkgutil

import tests.coordinates
from tests.coordinates.registry import CHECKS

for module in pkgutil.iter_modules(tests.coordinates.__path__):
    if module.name.startswith("of_"):
        importlib.import_module(f"tests.coordinates.{module.name}")

__all__ = ["CHECKS"]
