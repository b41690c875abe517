"""Search spaces: domains with a map to the unit interval, and named domains together."""

from hpsearch.space.base import Domain
from hpsearch.space.choices import Choice, Constant
from hpsearch.space.domains import Integers, LogIntegers, LogUniform, OneMinus, Uniform
from hpsearch.space.space import Dimension, Point, Space

__all__ = [
    "Choice",
    "Constant",
    "Dimension",
    "Domain",
    "Integers",
    "LogIntegers",
    "LogUniform",
    "OneMinus",
    "Point",
    "Space",
    "Uniform",
]
