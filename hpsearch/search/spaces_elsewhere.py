"""Spaces as other libraries write them: what they cannot hold is refused by name, or dropped where ``lossy`` says so.

Optuna's form is here, in natural values; Ray Tune's is in ``hpsearch.trials.ray_spaces``.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hpsearch.errors import Refused
from hpsearch.space import Choice, Constant, Domain, Integers, LogIntegers, LogUniform, OneMinus, Space, Uniform

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Plain = Uniform | LogUniform | Integers | LogIntegers | Choice | Constant
DROP = "pass lossy=True to drop that"


def flat(space: Space, where: str, lossy: bool = False) -> dict[str, Plain]:
    """The parameters by name in the domains that other libraries know; refused where ``where`` cannot hold a part of the meaning.

    Lost, and dropped with ``lossy``, are conditions (every parameter then always exists, under its label), hard limits, and the
    logarithm of 1 - value (the plain range stays).

    >>> flat(Space(x=Uniform(0, 1)), "Optuna")
    {'x': Uniform(low=0, high=1)}
    """
    conditional = next((each for each in space.parameters if each.when), None)
    if conditional and not lossy:
        raise Refused(f"{conditional.label} exists only under its condition, which {where} cannot hold: {DROP}")
    times = Counter(each.name for each in space.parameters)
    named = {each.name if times[each.name] == 1 else each.label: each.domain for each in space.parameters}
    return {name: _plain(name, domain, where, lossy) for name, domain in named.items()}


def _plain(name: str, domain: Domain, where: str, lossy: bool) -> Plain:
    if isinstance(domain, Choice):
        return Choice(*domain.options)  # its branches stand beside it, or were refused
    if isinstance(domain, Constant):
        return domain
    if isinstance(domain, OneMinus):
        if domain.rest.logarithmic and not lossy:
            raise Refused(
                f"{name!r} is uniform in the logarithm of 1 - {name}, which {where} cannot hold: {DROP} and keep the range"
            )
        plain: Uniform | LogUniform | Integers | LogIntegers = Uniform(domain.value(0.0), domain.value(1.0))
    elif isinstance(domain, Uniform | LogUniform | Integers | LogIntegers):
        plain = replace(domain, least=None, most=None)
    else:
        raise Refused(f"{name!r} is {domain!r}, which has no form in {where}")
    if not lossy and (plain.floor, plain.ceiling) != (domain.floor, domain.ceiling):
        raise Refused(f"{name!r} has hard limits of {domain.floor} and {domain.ceiling}, which {where} cannot hold: {DROP}")
    return plain


def to_optuna(space: Space, lossy: bool = False) -> "dict[str, BaseDistribution]":
    """Optuna's distributions by name, in natural values; refused where something is lost, unless ``lossy`` drops it (see ``flat``).

    >>> to_optuna(Space(x=10 ** Uniform(-2, 0)))
    {'x': FloatDistribution(high=1.0, log=True, low=0.01, step=None)}
    """
    return {name: _distribution(name, domain) for name, domain in flat(space, "Optuna", lossy).items()}


def _distribution(name: str, domain: Plain) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, Choice | Constant):
        odd = [option for option in domain.options if not isinstance(option, None | bool | int | float | str)]
        if odd:
            raise Refused(f"{name!r} has the option {odd[0]!r}; Optuna takes None, bool, int, float and str: use strings")
        return CategoricalDistribution(domain.options)
    if isinstance(domain, Integers | LogIntegers):
        return IntDistribution(domain.low, domain.high, log=domain.logarithmic)
    return FloatDistribution(domain.low, domain.high, log=domain.logarithmic)


def from_optuna(distributions: "Mapping[str, BaseDistribution]") -> Space:
    """The space of Optuna's distributions; one with a step is refused, one with a single value becomes a Constant.

    >>> from optuna.distributions import IntDistribution
    >>> from_optuna({"width": IntDistribution(8, 512, log=True)})
    Space(width=LogIntegers(low=8, high=512))
    """
    return Space((name, _domain(name, distribution)) for name, distribution in distributions.items())


def _domain(name: str, distribution: "BaseDistribution") -> Domain:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return Constant(distribution.choices[0]) if distribution.single() else Choice(*distribution.choices)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise Refused(f"{name!r} is {distribution!r}, which no domain of hpsearch can hold")
    if distribution.step not in (None, 1) or (distribution.step == 1 and isinstance(distribution, FloatDistribution)):
        raise Refused(f"{name!r} has step={distribution.step}, which a range cannot hold: write Choice of its values")
    if distribution.single():
        return Constant(distribution.low)
    kinds: dict[tuple[bool, bool], Any] = {(False, False): Uniform, (False, True): LogUniform, (True, False): Integers}
    kind = kinds.get((isinstance(distribution, IntDistribution), distribution.log), LogIntegers)
    return kind(distribution.low, distribution.high)  # type: ignore[no-any-return]
