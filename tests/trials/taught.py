"""A training function whose students read what their teachers wrote; weights are a text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hpsearch import Teacher, Trained
from hpsearch.protocol import Run


@dataclass(frozen=True)
class Pupil:
    size: int = 1
    rate: float = 0.1
    kind: str = "good"
    teacher: Teacher | Trained | None = None
    assistant: Teacher | Trained | None = None


def learn(config: Pupil, seed: int, epochs: int, run: Run) -> Iterator[dict[str, Any]]:
    """Keeps what it is and what its teacher was; the score is its own size and that of all above it."""
    if config.kind == "fails":
        raise RuntimeError("no lesson today")
    above = json.loads(run.given("teacher").read_text()) if config.teacher else None
    known = config.size + (above["known"] if above else 0)
    for epoch in range(len(run.rows) + 1, epochs + 1):
        if epoch == epochs and config.kind != "keeps nothing":
            with run.keeping("weights.pt") as path:
                path.write_text(json.dumps({"known": known, "seed": seed, "held_out": run.held_out, "above": above}))
        yield {"top1": float(known), "seed": float(seed)}
