"""Networks as values, a family to a file; every file here is imported, so that a record can name what is in it."""

import pkgutil
from importlib import import_module

for _family in pkgutil.iter_modules(__path__):
    if not _family.ispkg:  # modules, which are made of torch
        import_module(f"{__name__}.{_family.name}")
