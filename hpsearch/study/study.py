"""A study: one question, what is fixed, what is asked about, what is re-tuned, and what it may cost."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, assert_never, get_args

from hpsearch.ablation import Arm, Plan, Teacher, Trained, resolved
from hpsearch.ablation.seeds import Seeds
from hpsearch.errors import Refused, did_you_mean
from hpsearch.protocol import Goal, HeldOut, Source, larger_is_better
from hpsearch.search import Divergence, Tune
from hpsearch.search.stopping import DIVERGENCE
from hpsearch.space import Choice
from hpsearch.study.fingerprint import Code, read_code, read_file
from hpsearch.values import (
    Known,
    Value,
    canonical,
    digest,
    field_at,
    field_names,
    from_json,
    kinds,
    opens,
    overlap,
    same,
    to_json,
    with_fields,
)

Train = Callable[..., Iterator[Mapping[str, Any]] | Mapping[str, Any] | None]  # its three forms: see ``hpsearch.protocol``
BUILT_IN = Path(__file__).parents[1] / "training" / "images" / "loop.py"  # read, not imported: torch stays out until a trial runs
TUNING_SEED = 1_000_000  # seeds from here on are for tuning; those below are for tables


@dataclass(frozen=True)
class Trial(Value):
    """One training: a config, a seed, so many epochs, and what it is scored on. Its key is a hash of exactly that and the code."""

    config: Any
    seed: int
    epochs: int
    held_out: HeldOut
    code: str  # fingerprint of the training function

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits. Where the data lies, how many slots ran and which executor are not part of it."""
        return digest([self.config, self.seed, self.epochs, self.held_out, self.code])[:32]

    @cached_property
    def needs(self) -> dict[str, "Trial"]:
        """The trials whose weights this one is given, by the fields of its config that name them.

        They are scored on the same images: a teacher of tuning students must not have learned from what those are scored on.
        """
        found = {name: field_at(self.config, name) for name in field_names(self.config)}
        return {name: self._taught_by(value) for name, value in found.items() if isinstance(value, Trained)}

    def _taught_by(self, teacher: Trained) -> "Trial":
        epochs = teacher.config.epochs if teacher.epochs is None else teacher.epochs
        return Trial(teacher.config, teacher.seed, epochs, self.held_out, self.code)


@dataclass(frozen=True, kw_only=True)
class Study(Value):
    """One question with its three roles: ``base`` (fixed), ``vary`` (asked about), ``tune`` (re-tuned so that the answer is fair).

    It is checked whole when it is built: every arm is laid over the base, every range tried at both ends, the cost compared with
    the budget. ``train`` is the training function ``(config, seed, epochs, run)``, which yields or reports one mapping of metrics
    per epoch (see ``hpsearch.protocol``); without one the base is a ``hpsearch.training.Recipe`` and trains with our own loop.
    """

    question: str
    base: Any  # a frozen dataclass
    vary: Plan | None = None
    tune: Tune | None = None
    seeds: int | Seeds = 5  # repeats of every arm, each with its own seed; never seeds used for tuning
    epochs: int | None = None  # of a full training; without it the base's own field `epochs`
    budget: int | None = None  # epochs, all trials together
    train: Train | None = None
    metric: str = "top1"  # the score: this metric in the last epoch
    goal: Goal = "maximise"
    last: int = 1  # epochs at the end whose median the score is
    margin: float | None = None  # a difference smaller than this, in the unit of the score, is one that costs nothing
    also: tuple[tuple[str, Goal], ...] = ()  # other metrics to be judged, each with its own direction
    divergence: Divergence | None = DIVERGENCE  # what ends a trial that blew up

    def __post_init__(self) -> None:
        _check_base(self)
        _check_plan(self)
        _check_tune(self)
        _check_numbers(self)
        if self.train is not None:
            _ = self.code  # refuses code that cannot be told apart

    @property
    def plan(self) -> Plan:
        """The arms and contrasts; the base alone where nothing is varied."""
        return self.vary or Plan((Arm(),))

    @cached_property
    def code(self) -> str:
        """Fingerprint of the training function and the code it reaches, and of the classes that read the data."""
        trains, *readers = self._codes
        return digest([trains.hash, *sorted(each.hash for each in readers)])

    @cached_property
    def parts(self) -> dict[str, str]:
        """The functions, classes and constants of the training code by name, each with its hash: to say what has changed."""
        return {name: text for code in reversed(self._codes) for name, text in code.parts.items()}

    @cached_property
    def _codes(self) -> list[Code]:
        recorded = _declared(self.base)
        own = read_code(self.train, recorded) if self.train else read_file(BUILT_IN, "train", BUILT_IN.parents[1], recorded)
        readers = sorted({type(source) for source in self.sources}, key=lambda cls: cls.__qualname__)
        return [own, *(read_code(cls) for cls in readers)]

    @cached_property
    def kinds(self) -> frozenset[Known]:
        """The classes and functions that configs of the study may hold: what ``from_json`` has to know to read one."""
        searched = self.tune.space.parameters if isinstance(self.tune, Tune) else ()  # checked after the plan, which needs this
        options = (each.domain.options for each in searched if isinstance(each.domain, Choice))
        tricks = (trick.sets for trick in self.plan.tricks)
        return frozenset(kinds((self.base, *options, *tricks)))

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The data that any arm, or a teacher of one, names; each once."""
        return tuple(dict.fromkeys(source for arm in self.plan.arms for source in _sources(self.config(arm))))

    def config(self, arm: Arm, point: Mapping[str, Any] | None = None) -> Any:
        """The base with the arm's tricks and a tuned point laid over it; teachers are made absolute, and not tuned.

        So all points and seeds of an arm share its teachers, and arms do that agree on what a teacher follows.
        """
        return with_fields(resolved(arm.over(self.base), self.base, self.epochs), point or {})

    def takes(self, arm: Arm, name: str, value: Any) -> bool:
        """Whether the arm's config accepts a parameter's value."""
        try:
            self.config(arm, {name: value})
        except ValueError:
            return False
        return True

    def length(self, config: Any) -> int:
        """Epochs of a full training of a config: the study's, or the config's own."""
        return int(config.epochs) if self.epochs is None else self.epochs

    def trial(self, config: Any, seed: int, epochs: int, held_out: HeldOut) -> Trial:
        """The trial of a config; its own field ``epochs``, where it has one, follows the trial's."""
        if "epochs" in _names(config):
            config = replace(config, epochs=epochs)
        return Trial(config, seed, epochs, held_out, self.code)

    @property
    def paired(self) -> bool:
        """Whether seeds are blocks: trials of two arms under one seed share what the seed decides."""
        return True

    @property
    def trains(self) -> bool:
        """Whether its trials are trained here; results may have been made elsewhere."""
        return True

    @property
    def repeat(self) -> str:
        """What one repeat of an arm is called."""
        return "seed"

    @property
    def unit_of_time(self) -> str:
        """What is counted within a training."""
        return "epoch"

    @property
    def searches(self) -> tuple[Arm, ...]:
        """The arms that are searched: each, or the one whose winner all share."""
        if self.tune is None:
            return ()
        match self.tune.arms:
            case "each":
                return self.plan.arms
            case "base":
                return (Arm(),)
            case "stack":
                return (self.plan.top,)
            case _:
                assert_never(self.tune.arms)

    @property
    def most_seeds(self) -> int:
        """Seeds that an arm may have."""
        return self.seeds.most if isinstance(self.seeds, Seeds) else self.seeds

    @property
    def first_seeds(self) -> int:
        """Seeds that every arm has."""
        return self.seeds.start if isinstance(self.seeds, Seeds) else self.seeds

    @property
    def cost(self) -> int:
        """Epochs of all trials together, as if none had run."""
        search = len(self.searches) * self.tune.cost if self.tune else 0
        taught = sum(trial.epochs for trial in self.teachers)
        return search + taught + self.most_seeds * sum(self.length(self.config(arm)) for arm in self.plan.arms)

    @property
    def trials(self) -> int:
        """Trials wanted in all; those that rounds or arms share are counted once for each."""
        search = len(self.searches) * self.tune.trials if self.tune else 0
        return search + len(self.teachers) + self.most_seeds * len(self.plan.arms)

    @cached_property
    def teachers(self) -> tuple[Trial, ...]:
        """The trials that others need, each once and before those that need it; trials of an arm are not among them."""
        searching = [self.student(arm, 0, "tuning") for arm in self.searches]
        measuring = [self.student(arm, 0, "final") for arm in self.plan.arms]
        found = {trial.key: trial for student in (*searching, *measuring) for trial in needed(student)}
        if found and not self.tune:
            own = {self.student(arm, seed, "final").key for arm in self.plan.arms for seed in range(self.most_seeds)}
            found = {key: trial for key, trial in found.items() if key not in own}
        return tuple(found.values())

    def student(self, arm: Arm, seed: int, held_out: HeldOut) -> Trial:
        """A full training of an arm with nothing tuned."""
        config = self.config(arm)
        return self.trial(config, seed, self.length(config), held_out)

    def better(self, score: float) -> float:
        """The score turned so that larger is better."""
        return score if larger_is_better(self.goal) else -score


def different(config: Any, base: Any) -> dict[str, Any]:
    """The fields in which a config differs from the base, by their dotted names, with its values."""
    found: dict[str, Any] = {}
    for name in _names(config):
        value, was = getattr(config, name), getattr(base, name, None)
        if opens(value) and type(value) is type(was):
            found |= {f"{name}.{inner}": each for inner, each in different(value, was).items()}
        elif value != was:
            found[name] = value
    return found


def needed(trial: Trial) -> Iterator[Trial]:
    """Every trial that must end before this one begins, in an order in which they can run."""
    for each in trial.needs.values():
        yield from needed(each)
        yield each


def _sources(config: Any) -> Iterator[Source]:
    for name in field_names(config):
        value = field_at(config, name)
        if isinstance(value, Source):
            yield value
        elif isinstance(value, Trained):
            yield from _sources(value.config)


def _names(config: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(config) if f.init)


def _declared(base: Any) -> set[str]:
    """Names of the dataclasses whose fields stand in every trial: the config's, those inside it, and those they inherit from."""
    inside = [field_at(base, name) for name in field_names(base)]
    configs = [base, *(value for value in inside if opens(value))]
    return {cls.__name__ for value in configs for cls in type(value).__mro__ if is_dataclass(cls)}


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


def _check_base(study: Study) -> None:
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


def _check_field(study: Study, field: str, whose: str) -> None:
    known = field_names(study.base)
    if field not in known and not _item(study.base, field):
        raise Refused(f"{whose} sets {field!r}, which {type(study.base).__name__} does not have: {did_you_mean(field, known)}")


def _check_plan(study: Study) -> None:
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
            raise Refused(f"arm {arm.name!r} is no valid {type(study.base).__name__}: {error}") from error
        _check_recorded(config, study.kinds | kinds(config), f"arm {arm.name!r}")
        if seen.setdefault(content, arm) != arm:
            raise Refused(f"arms {seen[content].name!r} and {arm.name!r} train the very same thing: drop one")


def _check_teacher(study: Study, teacher: Teacher, whose: str) -> None:
    for field in (*teacher.settings, *teacher.follows):
        _check_field(study, field, whose)
    for value in teacher.settings.values():
        if isinstance(value, Teacher):
            _check_teacher(study, value, f"the teacher of {whose}")


def _written(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{field}={value!r}" for field, value in settings.items())


def _check_tune(study: Study) -> None:
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


def _try(study: Study, arm: Arm, name: str, value: Any, chosen: Mapping[str, Any]) -> None:
    try:
        study.config(arm, {**chosen, name: value})
    except ValueError as error:
        raise Refused(f"the range of {name!r} reaches {value!r}, which is refused: {error}") from error


def _check_also(study: Study) -> None:
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


def _check_numbers(study: Study) -> None:
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
