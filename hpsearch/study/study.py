"""A study: one question, what is fixed, what is asked about, what is re-tuned, and what it may cost."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, assert_never

from hpsearch.ablation import Arm, Plan, Trained, resolved
from hpsearch.ablation.seeds import Seeds
from hpsearch.protocol import Goal, HeldOut, Source, is_source, larger_is_better
from hpsearch.search import Divergence, Tune
from hpsearch.search.stopping import DIVERGENCE
from hpsearch.space import Choice
from hpsearch.study.checks import check
from hpsearch.study.fingerprint import Code, read_code, read_file, read_held
from hpsearch.study.limits import DEFAULT as LIMITS
from hpsearch.study.limits import Limits
from hpsearch.study.trial import Trial, needed, own_names
from hpsearch.values import (
    Known,
    Value,
    digest,
    field_at,
    field_names,
    kinds,
    opens,
    with_fields,
)

Train = Callable[..., Iterator[Mapping[str, Any]] | Mapping[str, Any] | None]  # its three forms: see ``hpsearch.protocol``
BUILT_IN = Path(__file__).parents[1] / "training" / "images" / "loop.py"  # read, not imported: torch stays out until a trial runs


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
    margin: float | None = None  # a difference smaller than this, in the unit of the score, does not matter
    also: tuple[tuple[str, Goal], ...] = ()  # other metrics to be judged, each with its own direction
    divergence: Divergence | None = DIVERGENCE  # what ends a trial that blew up
    limits: Limits = LIMITS  # of time, silence and memory; no part of a trial's key

    def __post_init__(self) -> None:
        check(self)
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
        held = [kind for kind in self.kinds if not (kind.__module__.startswith("hpsearch.") or _reads_data(kind))]
        networks = [kind for kind in self.kinds if kind.__module__.startswith("hpsearch.training.networks.")]
        recorded = _declared(self.base) | {kind.__name__ for kind in held if is_dataclass(kind)}
        root = BUILT_IN.parents[1]
        own = read_code(self.train, recorded, held) if self.train else read_file(BUILT_IN, "train", root, recorded, networks)
        readers = sorted({type(source) for source in self.sources}, key=lambda cls: cls.__qualname__)
        return [own, *(read_code(cls) for cls in readers), *read_held(held, own.root, recorded)]

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
        if "epochs" in own_names(config):
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


def _sources(config: Any) -> Iterator[Source]:
    for name in field_names(config):
        value = field_at(config, name)
        if is_source(value):
            yield value
        elif isinstance(value, Trained):
            yield from _sources(value.config)


def _reads_data(kind: Known) -> bool:
    return isinstance(kind, type) and issubclass(kind, Source)


def _declared(base: Any) -> set[str]:
    """Names of the dataclasses whose fields stand in every trial: the config's, those inside it, and those they inherit from."""
    inside = [field_at(base, name) for name in field_names(base)]
    configs = [base, *(value for value in inside if opens(value))]
    return {cls.__name__ for value in configs for cls in type(value).__mro__ if is_dataclass(cls)}
