"""What a study refuses when it is built: a base, a plan, a search or numbers that could not be trained, recorded or compared."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, get_args

from hpsearch.ablation import Arm, Plan, Teacher
from hpsearch.ablation.seeds import Seeds
from hpsearch.errors import Refused, did_you_mean
from hpsearch.protocol import Goal
from hpsearch.search import Divergence, Tune
from hpsearch.space import Choice
from hpsearch.study.trial import TUNING_SEED, different
from hpsearch.values import (
    Known,
    canonical,
    digest,
    field_at,
    field_names,
    from_json,
    kinds,
    overlap,
    same,
    to_json,
)

if TYPE_CHECKING:
    from hpsearch.study.study import Study


def check(study: "Study") -> None:
    """Refuse a study that could not run to its end, with the value and the remedy."""
    _check_base(study)
    _check_plan(study)
    _check_tune(study)
    _check_numbers(study)


def _item(config: Any, name: str) -> bool:
    """Whether a dotted name stands for an item of a mapping, which need not be there before it is set."""
    above, dot, _ = name.rpartition(".")
    return bool(dot) and (above in field_names(config) or _item(config, above)) and isinstance(field_at(config, above), dict)


def _same_at(config: Any, name: str, value: Any) -> bool:
    try:
        return same(field_at(config, name), value)
    except Refused:
        return False


def _check_recorded(config: Any, known: frozenset[Known], whose: str) -> None:
    """Refuse a config that the record could not give back as it is."""
    try:
        again = from_json(to_json(config), known)
    except (Refused, TypeError) as error:
        raise Refused(f"{whose} cannot be recorded: {error}") from error
    if again != config or canonical(again) != canonical(config):
        raise Refused(f"{whose} would not come back from the record as it is: {_changed(again, config)}")


def _changed(again: Any, config: Any) -> str:
    differs = [f"{name}={value!r} would be {field_at(again, name)!r}" for name, value in different(config, again).items()]
    return f"{', '.join(differs) or 'it does not equal its copy'}; let its __post_init__ take its own values unchanged"


def _check_base(study: "Study") -> None:
    base = study.base
    frozen = is_dataclass(base) and not isinstance(base, type) and base.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen:
        raise Refused(f"Study.base must be an instance of a frozen dataclass, got {base!r}: write @dataclass(frozen=True)")
    if study.train is None:
        if not type(base).__module__.startswith("hpsearch.training"):
            raise Refused(f"Study.base is a {type(base).__name__}, so the study needs train=, the function that trains it")
    elif not inspect.isfunction(study.train) or len(inspect.signature(study.train).parameters) != 4:
        raise Refused(f"Study.train must be a function (config, seed, epochs, run), got {study.train!r}")
    _check_recorded(base, frozenset(kinds(base)), f"Study.base, {type(base).__name__}(...),")


def _check_field(study: "Study", field: str, whose: str) -> None:
    known = field_names(study.base)
    if field not in known and not _item(study.base, field):
        raise Refused(f"{whose} sets {field!r}, which {type(study.base).__name__} does not have: {did_you_mean(field, known)}")


def _check_plan(study: "Study") -> None:
    if study.vary is not None and not isinstance(study.vary, Plan):
        raise Refused(f"Study.vary must be a plan such as ladder(...), got {study.vary!r}")
    for trick in study.plan.tricks:
        for field, value in trick.sets:
            _check_field(study, field, f"trick {trick.name!r}")
            if isinstance(value, Teacher):
                _check_teacher(study, value, f"the teacher of trick {trick.name!r}")
        if study.epochs is not None and "epochs" in trick.settings:
            raise Refused(f"trick {trick.name!r} sets 'epochs', which Study.epochs={study.epochs} overrides: drop one of the two")
        if all(_same_at(study.base, field, value) for field, value in trick.sets):
            raise Refused(f"trick {trick.name!r} changes nothing: the base already has {_written(trick.settings)}")
    for name in field_names(study.base):
        if isinstance(value := field_at(study.base, name), Teacher):
            _check_teacher(study, value, f"the teacher in the base's {name!r}")
    seen: dict[str, Arm] = {}
    for arm in study.plan.arms:
        try:
            config = study.config(arm)
            content = digest(config)
        except ValueError as error:
            raise Refused(f"arm {arm.name!r} is not a valid {type(study.base).__name__}: {error}") from error
        _check_recorded(config, study.kinds | kinds(config), f"arm {arm.name!r}")
        if seen.setdefault(content, arm) != arm:
            raise Refused(f"arms {seen[content].name!r} and {arm.name!r} train exactly the same thing: drop one")


def _check_teacher(study: "Study", teacher: Teacher, whose: str) -> None:
    for field in (*teacher.settings, *teacher.follows):
        _check_field(study, field, whose)
    for value in teacher.settings.values():
        if isinstance(value, Teacher):
            _check_teacher(study, value, f"the teacher of {whose}")


def _written(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{field}={value!r}" for field, value in settings.items())


def _check_tune(study: "Study") -> None:
    if study.tune is None:
        return
    if not isinstance(study.tune, Tune):
        raise Refused(f"Study.tune must be a Tune(Space(...), rounds=...), got {study.tune!r}")
    if study.tune.arms == "stack" and not any(set(study.plan.tricks) <= set(arm.tricks) for arm in study.plan.arms):
        raise Refused("Tune.arms='stack' searches the arm with all tricks, and the plan has none: take 'each' or 'base'")
    varied = {field: trick for trick in study.plan.tricks for field in trick.settings}
    for each in study.tune.space.parameters:
        name, domain = each.name, each.domain
        _check_field(study, name, "the space of Study.tune")
        if twice := next((trick for field, trick in varied.items() if overlap(name, field)), None):
            raise Refused(f"{name!r} is both tuned and set by trick {twice.name!r}: take it out of the space or the trick")
        if name == "epochs":
            raise Refused("'epochs' cannot be tuned, the rounds say how long each trial is: take it out of the space")
        values = domain.options if isinstance(domain, Choice) else (domain.value(0.0), domain.value(1.0))
        for arm in dict.fromkeys((*study.searches, *study.plan.arms)):  # a shared winner is laid over every arm
            for value in values:
                _try(study, arm, name, value, dict(each.when))


def _try(study: "Study", arm: Arm, name: str, value: Any, chosen: Mapping[str, Any]) -> None:
    try:
        study.config(arm, {**chosen, name: value})
    except ValueError as error:
        raise Refused(f"the range of {name!r} reaches {value!r}, which is refused: {error}") from error


def _check_also(study: "Study") -> None:
    known = {study.metric}
    for pair in study.also:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and pair[0]):
            raise Refused(
                f"Study.also is pairs of a metric and 'maximise' or 'minimise', got {pair!r}: write also=(('loss', 'minimise'),)"
            )
        metric, goal = pair
        if goal not in ("maximise", "minimise"):
            raise Refused(f"Study.also needs 'maximise' or 'minimise' for {metric!r}, got {goal!r}")
        if metric in known:
            raise Refused(f"Study.also names {metric!r}, which is judged already: name each metric once")
        known.add(metric)


def _check_numbers(study: "Study") -> None:
    if study.vary is None and study.tune is None:
        raise Refused("the study asks nothing: give it vary=, a plan of arms, or tune=, a space to search")
    if not study.question.strip():
        raise Refused("Study.question is empty: say in one sentence what the study asks")
    if not study.metric or study.goal not in get_args(Goal):
        raise Refused(f"Study needs metric=, a name, and goal='maximise' or 'minimise', got {study.metric!r} and {study.goal!r}")
    _check_also(study)
    if study.margin is not None and (isinstance(study.margin, bool) or not 0 < study.margin < math.inf):
        raise Refused(f"Study.margin is a positive number in the unit of {study.metric!r}, or None, got {study.margin!r}")
    if isinstance(study.seeds, Seeds):
        if not study.plan.contrasts:
            raise Refused("Study.seeds=Seeds(...) asks where seeds matter, and the plan has no contrasts: give a whole number")
    elif isinstance(study.seeds, bool) or not isinstance(study.seeds, int) or not 1 <= study.seeds < TUNING_SEED:
        raise Refused(f"Study.seeds is how many times each arm is repeated, at least 1, got {study.seeds!r}")
    if study.plan.contrasts and study.first_seeds < 2:
        raise Refused("an interval on a difference needs at least 2 seeds, got seeds=1: raise Study.seeds (5 is a fair start)")
    if study.epochs is None and not isinstance(getattr(study.base, "epochs", None), int):
        raise Refused(f"{type(study.base).__name__} has no field 'epochs', so the study needs epochs=")
    for arm in study.plan.arms:
        length = study.config(arm).epochs if study.epochs is None else study.epochs
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise Refused(f"arm {arm.name!r} would train for {length!r} epochs: give it a whole number, at least 1")
    shortest = min(study.length(study.config(arm)) for arm in study.plan.arms)
    if isinstance(study.last, bool) or not isinstance(study.last, int) or not 1 <= study.last <= shortest:
        raise Refused(f"Study.last is how many of the last epochs the score is the median of, 1 to {shortest}, got {study.last!r}")
    if not (study.divergence is None or isinstance(study.divergence, Divergence)):
        raise Refused(f"Study.divergence is Divergence(metric=..., multiple=...) or None, got {study.divergence!r}")
    if study.budget is not None and study.cost > study.budget:
        raise Refused(
            f"the study needs {study.cost:,} epochs and the budget is {study.budget:,}: "
            "raise Study.budget, or ask for fewer seeds, arms, points or epochs"
        )
