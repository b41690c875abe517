"""The page's templates, by jinja2: text is escaped on its way into them."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup


def render(template: str, /, **values: Any) -> Markup:
    """A template of this folder with its values; a value it lacks is an error."""
    return Markup(_template(template).render(**values))


def text_of(name: str) -> str:
    """A file of this folder."""
    return (files("hpsearch.report") / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text_of(name))
