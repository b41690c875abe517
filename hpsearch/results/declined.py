"""What was declined stays declined: older results that the user told from newer ones stand for none of those that come later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select

from hpsearch.results import schema
from hpsearch.results.contents import stored_values
from hpsearch.results.record import Record
from hpsearch.study import Study
from hpsearch.values import digest

FINISHED = ("complete", "stopped")  # a failed one is tried again without a question


@dataclass(frozen=True)
class Cause:
    """One thing that is other now than when a trial was made."""

    kind: str  # code, data, default
    older: str
    present: str
    words: str = field(default="", compare=False)


class Declined:
    """Which causes need no question, because what was made so was declined in favour of something newer."""

    def __init__(self, record: Record | None, study: Study) -> None:
        self.record, self.study = record, study

    def covers(self, cause: Cause, decided: Mapping[Cause, str]) -> bool:
        """Whether what was made so was declined for something that there are results of.

        Where one of the newer trials is missing, those older ones are not its like: the user said that they differ.
        """
        return any(
            verdict == "again"
            and (other.kind, other.older) == (cause.kind, cause.older)
            and other.present != cause.present
            and other.present in self._made[cause.kind]
            for other, verdict in decided.items()
        )

    @cached_property
    def _made(self) -> dict[str, set[str]]:
        """By kind, the codes, data and defaults that the record has finished trials of."""
        if self.record is None:
            return {kind: set() for kind in ("code", "data", "default")}
        t, c = schema.trials.c, schema.contents.c
        query = select(t.code, t.config, c.data).join_from(schema.trials, schema.contents, t.key == c.key, isouter=True)
        lines = self.record.lines(query.where(t.state.in_(FINISHED)))
        configs = [self.record.parsed(text) for text in {line["config"] for line in lines}]
        values = {digest([name, value]) for config in configs for name, value in stored_values(config, self.study.base)}
        return {"code": {line["code"] for line in lines}, "data": {line["data"] for line in lines}, "default": values}
