"""Teachers: a config may need the weights that another training ends with.

A ``Teacher`` says what the other training is, relative to the study's base; the study makes it absolute, a ``Trained``, so that
all students that name the same teacher share one trial.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from hpsearch.errors import Refused
from hpsearch.values import Value, field_at, field_names, overlap, with_fields

Config = TypeVar("Config")


@dataclass(frozen=True)
class Teacher(Value):
    """The study's base with ``sets`` laid over it and the fields in ``follows`` taken from the student, trained once.

    All arms, seeds and tuned points share it, unless they differ in a field it follows. It has no teacher of its own, unless
    ``sets`` gives it one; what is tuned for students stays at the base's value for the teacher, unless ``sets`` gives it.

    >>> Teacher({"depth": 152}, follows=("mixup", "epochs")).sets
    (('depth', 152),)
    """

    sets: Any = ()  # mapping of field to value; kept as sorted pairs (field, value)
    follows: tuple[str, ...] = ()  # fields taken from the student
    seed: int = 0

    def __post_init__(self) -> None:
        pairs = self.sets.items() if isinstance(self.sets, Mapping) else self.sets
        object.__setattr__(self, "sets", tuple(sorted((str(field), value) for field, value in pairs)))
        object.__setattr__(self, "follows", tuple(sorted(self.follows)))
        for field, value in self.sets:
            if not isinstance(value, Hashable):
                raise Refused(f"a Teacher sets {field!r} to a {type(value).__name__}, which can change: use a tuple")
            if any(overlap(field, followed) for followed in self.follows):
                raise Refused(f"a Teacher both sets {field!r} and takes it from the student: drop one of the two")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise Refused(f"a Teacher's seed is a whole number, at least 0, got {self.seed!r}")

    @property
    def settings(self) -> dict[str, Any]:
        """Field to value."""
        return dict(self.sets)


@dataclass(frozen=True)
class Trained(Value):
    """The weights that training ``config`` under ``seed`` ends with."""

    config: Any
    seed: int = 0
    epochs: int | None = None  # of the training; None: the config's own field ``epochs``


def resolved(student: Config, base: Any, epochs: int | None = None) -> Config:
    """The student with each ``Teacher`` among its fields made absolute; refuses teachers that need each other.

    ``epochs`` is how long a teacher trains whose config has no field of that name.
    """
    return _resolved(student, base, epochs, ())


def _resolved(student: Config, base: Any, epochs: int | None, above: tuple[tuple[str, Teacher], ...]) -> Config:
    found = {name: field_at(student, name) for name in field_names(student)}
    teachers = {name: value for name, value in found.items() if isinstance(value, Teacher)}
    trained = {name: _trained(name, teacher, student, base, epochs, above) for name, teacher in teachers.items()}
    laid: Config = with_fields(student, trained)
    return laid


def _trained(
    name: str, teacher: Teacher, student: Any, base: Any, epochs: int | None, above: tuple[tuple[str, Teacher], ...]
) -> Trained:
    if (name, teacher) in above:
        circle = " needs ".join(f"the one in {each!r}" for each, _ in (*above[above.index((name, teacher)) :], (name, teacher)))
        raise Refused(f"teachers go round in a circle, {circle}: let one of them set its own teacher to None")
    settings = {field: field_at(student, field) for field in teacher.follows}
    config = with_fields(base, {name: None, **settings, **teacher.settings})
    told = any(f.name == "epochs" for f in fields(config))
    if told and epochs is not None:
        config = with_fields(config, {"epochs": epochs})
    return Trained(_resolved(config, base, epochs, (*above, (name, teacher))), teacher.seed, None if told else epochs)
