"""The points of a search by dimension: which value every trial was given, and over what range the rounds looked.

A dimension goes by its label, as in ``momentum (optimiser=sgd)`` where a name alone would be ambiguous. Rounds may look beyond the
space the search began with, so a dimension is as wide as whatever was looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from hpsearch.results.evidence import Evidence
from hpsearch.space import Dimension, Domain, Integers, LogIntegers, LogUniform, OneMinus, Point, Space, Uniform
from hpsearch.study.agenda import ArmRound

Values = dict[str, Any]  # dimension's label to value; one that does not exist at the point has none


_known: "WeakKeyDictionary[Evidence, dict[str, Values]]" = WeakKeyDictionary()  # every picture of a search asks for the same


def values_by_key(evidence: Evidence) -> dict[str, Values]:
    """The tuned values of every trial of a search, by its key."""
    if evidence not in _known:
        labelled = _labelled(evidence)
        _known[evidence] = {
            trial.key: values_of(point, labelled)
            for round_ in evidence.agenda.rounds
            for trial, point in zip(round_.trials, round_.points, strict=True)
        }
    return _known[evidence]


def dimensions(evidence: Evidence, arm: str, number: int | None = None) -> dict[str, Domain]:
    """The domain of every dimension, as wide as a search has looked: in one round, or in all."""
    rounds, labelled = list(unfolded_rounds(evidence, arm, number)), _labelled(evidence)
    spaces = [box_domains(evidence, round_.whole) for round_ in rounds]
    spaces += [box for round_ in rounds for box in boxes_of(evidence, round_)]
    points = [values_of(point, labelled) for round_ in rounds for point in round_.points]
    found = {}
    for label, dimension in labelled.items():
        ends = [box[label].value(at) for box in spaces if label in box for at in (0.0, 1.0)]
        found[label] = widened(dimension.domain, [*ends, *(point[label] for point in points if label in point)])
    return found


def rounds_of(evidence: Evidence, arm: str) -> list[int]:
    """The rounds of one search that looked for points (from 1); not the one that runs the best again."""
    return sorted({round_.index + 1 for round_ in unfolded_rounds(evidence, arm) if not round_.confirming})


def boxes_of(evidence: Evidence, round_: ArmRound) -> list[dict[str, Domain]]:
    """The boxes into which a round sent its points, step by step, under the labels of the whole space."""
    return [box_domains(evidence, box) for box in dict.fromkeys(step.box for step in round_.steps) if box is not None]


def unfolded_rounds(evidence: Evidence, arm: str, number: int | None = None) -> Iterator[ArmRound]:
    """The rounds of one search, or the one with a number (from 1), as far as they have unfolded."""
    return (each for each in evidence.agenda.rounds if each.arm.name == arm and number in (None, each.index + 1))


def box_domains(evidence: Evidence, box: Space) -> dict[str, Domain]:
    """The domains of a box under the labels of the whole space; a branch that the box has left has none."""
    inside = {(each.name, each.when): each.domain for each in box.dimensions}
    return {label: inside[d.name, d.when] for label, d in _labelled(evidence).items() if (d.name, d.when) in inside}


def values_of(point: Point, labelled: Mapping[str, Dimension]) -> Values:
    """The values of a point by label."""
    return {
        label: point[each.name]
        for label, each in labelled.items()
        if each.name in point and all(name in point and point[name] == option for name, option in each.when)
    }


def widened(domain: Domain, values: Iterable[Any]) -> Domain:
    """The domain, wide enough for these values.

    >>> widened(Uniform(0, 1), [0.5, 2]), widened(OneMinus(LogUniform(0.01, 0.5)), [0.875])
    (Uniform(low=0, high=2), OneMinus(rest=LogUniform(low=0.01, high=0.5)))
    """
    outside = [value for value in values if value not in domain]
    if outside and isinstance(domain, OneMinus):
        return OneMinus(widened(domain.rest, [1 - value for value in outside]))  # type: ignore[arg-type]
    if outside and isinstance(domain, Uniform | LogUniform | Integers | LogIntegers):
        return replace(domain, low=min(domain.low, *outside), high=max(domain.high, *outside))
    return domain


def _labelled(evidence: Evidence) -> dict[str, Dimension]:
    space = evidence.study.tune.space if evidence.study.tune else None
    return dict(zip(space.labels, space.dimensions, strict=True)) if space else {}
