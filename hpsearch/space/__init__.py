"""Search spaces: domains with a map to the unit interval, and named domains together."""

from hpsearch.space.domains import Choice, Domain, Integers, LogIntegers, LogUniform, OneMinus, Uniform
from hpsearch.space.space import Point, Space

__all__ = ["Choice", "Domain", "Integers", "LogIntegers", "LogUniform", "OneMinus", "Point", "Space", "Uniform"]
