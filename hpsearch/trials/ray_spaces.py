"""Spaces as Ray Tune writes them; what one of the two cannot hold is refused by name, or dropped where ``lossy`` says so."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.search import sample

from hpsearch.errors import Refused
from hpsearch.search.spaces_elsewhere import DROP, Plain, flat
from hpsearch.space import Choice, Constant, Domain, Integers, LogIntegers, LogUniform, Space, Uniform

SHARES = "log-uniform shares that are cut at whole numbers in Ray and half-way between them here"


def to_ray(space: Space, lossy: bool = False) -> dict[str, Any]:
    """Ray Tune's search space; refused where something is lost, unless ``lossy`` drops it (see ``spaces_elsewhere.flat``).

    Ray's logarithmic whole numbers have other shares than ours: the 1 of ``lograndint(1, 9)`` is drawn with probability
    log 2 / log 9, ours with log 3 / log 17.

    >>> to_ray(Space(n=Integers(1, 4)))["n"].domain_str
    '(1, 5)'
    """
    return {name: _to_ray(name, domain, lossy) for name, domain in flat(space, "Ray Tune", lossy).items()}


def _to_ray(name: str, domain: Plain, lossy: bool) -> Any:
    if isinstance(domain, Choice):
        return tune.choice(list(domain.options))
    if isinstance(domain, Constant):
        return domain.fixed
    if isinstance(domain, LogIntegers):
        if not lossy:
            raise Refused(f"{name!r} has {SHARES}: {DROP}")
        return tune.lograndint(domain.low, domain.high + 1)
    if isinstance(domain, Integers):
        return tune.randint(domain.low, domain.high + 1)  # Ray leaves its upper end out
    return (tune.loguniform if isinstance(domain, LogUniform) else tune.uniform)(domain.low, domain.high)


def from_ray(spaces: Mapping[str, Any], lossy: bool = False) -> Space:
    """The space of a Ray Tune search space; a plain value becomes a Constant.

    Refused are grids, functions, nested dictionaries, normal and quantised draws; logarithmic whole numbers unless ``lossy``.

    >>> from_ray({"rate": tune.loguniform(1e-3, 1), "epochs": 9})
    Space(epochs=Constant(fixed=9), rate=LogUniform(low=0.001, high=1))
    """
    return Space((name, _from_ray(name, each, lossy)) for name, each in spaces.items())


def _from_ray(name: str, each: Any, lossy: bool) -> Domain:
    if isinstance(each, Mapping):
        if "grid_search" in each:
            raise Refused(f"{name!r} is a grid, which runs every option once and is not a domain: write tune.choice(...)")
        raise Refused(f"{name!r} is a nested dictionary; spaces here are flat: move its parameters to the top level")
    if not isinstance(each, sample.Domain):
        return Constant(each)
    if isinstance(each, sample.Function):
        raise Refused(f"{name!r} is drawn by a function, which has no ends and no coordinate: write a range or a choice")
    drawn = each.get_sampler()
    if isinstance(drawn, sample.Quantized):
        raise Refused(f"{name!r} is rounded to multiples of {drawn.q}, which a range cannot hold: write a choice of its values")
    if not isinstance(drawn, sample.Uniform | sample.LogUniform):
        raise Refused(
            f"{name!r} is drawn by {type(drawn).__name__.strip('_')}, which has no ends: write a range, as in tune.uniform"
        )
    if isinstance(each, sample.Categorical):
        return Choice(*each.categories)
    logarithmic = isinstance(drawn, sample.LogUniform)
    if isinstance(each, sample.Float):
        return (LogUniform if logarithmic else Uniform)(each.lower, each.upper)
    if not isinstance(each, sample.Integer):
        raise Refused(f"{name!r} is {each!r}, which no domain of hpsearch can hold")
    if logarithmic and not lossy:
        raise Refused(f"{name!r} has {SHARES}: {DROP}")
    first, last = each.lower, each.upper - 1  # Ray leaves its upper end out
    return Constant(first) if first == last else (LogIntegers if logarithmic else Integers)(first, last)
