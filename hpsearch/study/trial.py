"""A trial: one training, known by its content."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from hpsearch.ablation import Trained
from hpsearch.protocol import HeldOut
from hpsearch.values import Value, digest, field_at, field_names, opens

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


def different(config: Any, base: Any) -> dict[str, Any]:
    """The fields in which a config differs from the base, by their dotted names, with its values."""
    found: dict[str, Any] = {}
    for name in own_names(config):
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


def own_names(config: Any) -> tuple[str, ...]:
    """Names of the fields that a config declares itself, not of those inside them."""
    return tuple(f.name for f in fields(config) if f.init)
