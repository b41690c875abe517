"""One attempt at a trial: the ``run`` its training function is handed, over the trial's own folder.

The folder holds ``checkpoint-N`` with a sealed ``checkpoint-N.json`` (its digest and the rows up to epoch N), artefacts, and at
the end ``result.json``. A checkpoint written through ``saving()`` waits until the row it belongs to is yielded, so the two are
never out of step; the newest two are kept, and the newest that is whole is used.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpsearch.errors import Refused, Unwritable
from hpsearch.protocol import HeldOut, Row
from hpsearch.trials.disk import of_disk
from hpsearch.trials.sealed import digest_of, place, read_json, write_json

KEPT = 2  # checkpoints: one may turn out damaged
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Attempt:
    """See ``hpsearch.protocol.Run``, the protocol it fulfils."""

    def __init__(
        self, folder: Path, held_out: HeldOut, threads: int, device: str, cache: Path, given: Mapping[str, Callable[[], Path]] = {}
    ) -> None:
        self.folder, self.held_out, self.threads, self.device, self.cache = folder, held_out, threads, device, cache
        self.receive: Callable[[object], None] = _nobody  # what becomes of a row that is reported
        self.trouble: Unwritable | None = None  # what the disk did while a file was written
        self._given = given
        folder.mkdir(parents=True, exist_ok=True)
        self.sweep()
        self.latest, sealed = _newest(folder)
        self.rows: tuple[Row, ...] = tuple(sealed["rows"])
        self.artefacts: dict[str, tuple[str, str, int]] = {
            n: tuple(a) for n, a in sealed["artefacts"].items()
        }  # path, digest, bytes
        self._told = list(self.rows)
        self._written: Path | None = None

    def report(self, metrics: Mapping[str, Any]) -> None:
        """Hand the metrics of one epoch over; ends the training function with ``TrialEnded`` where the trial ends here."""
        self.receive(metrics)

    def callback(self) -> Callable[[Mapping[str, Any]], None]:
        """``report`` as a value."""
        return self.report

    def given(self, name: str) -> Path:
        """The weights that the trial in the config's field ``name`` ended with."""
        if name not in self._given:
            raise Refused(f"the config's field {name!r} names no trial to learn from: set it to a Teacher")
        return self._given[name]()

    @contextmanager
    def saving(self) -> Iterator[Path]:
        """A path to write a checkpoint to; it is sealed together with the next row that is yielded or reported."""
        temporary = self.folder / f".checkpoint.{os.getpid()}"
        with self._watched():
            yield temporary
        if not temporary.is_file():
            raise Refused("run.saving() was left without writing a file at the path it gave")
        self._written = temporary

    @contextmanager
    def keeping(self, name: str) -> Iterator[Path]:
        """A path to write an artefact to; it is sealed and listed in the record when the trial ends."""
        if not NAME.fullmatch(name) or name.startswith(("checkpoint-", "result.json")):
            raise Refused(f"an artefact's name is letters, digits, dots and dashes, at most 64, got {name!r}")
        temporary, path = self.folder / f".{name}.{os.getpid()}", self.folder / name
        with self._watched():
            yield temporary
            place(temporary, path)
        self.artefacts[name] = (str(path), digest_of(path), path.stat().st_size)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Remember what the disk does to a file that is being written, whoever catches the error."""
        try:
            yield
        except Exception as error:
            self.trouble = of_disk(error, self.folder.parent.parent, self.folder)
            raise

    def told(self, row: Row) -> None:
        """A row was handed over: seal the checkpoint that was written for it, if one was."""
        self._told.append(row)
        if self._written is None:
            return
        path = self.folder / f"checkpoint-{len(self._told):06d}"
        digest = digest_of(self._written)
        place(self._written, path)
        write_json(path.with_suffix(".json"), {"sha256": digest, "rows": self._told, "artefacts": self.artefacts})
        self._written = None
        for old in _checkpoints(self.folder)[:-KEPT]:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what an attempt that ended has half written: it only takes room."""
        for stray in self.folder.glob(".*"):
            stray.unlink(missing_ok=True)

    def first(self, metric: str) -> tuple[Row, int]:
        """The first row that has a metric, and its epoch; the first of all where none has."""
        own = ((row, epoch) for epoch, row in enumerate(self._told, start=1) if row.get(metric) is not None)
        return next(own, (self._told[0], 1))

    def tidy(self) -> None:
        """Remove the checkpoints: the trial is finished."""
        for path in _checkpoints(self.folder):
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _nobody(metrics: object) -> None:
    raise Refused("run.report() was called outside a trial")


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("checkpoint-*") if not path.suffix)


def _newest(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The newest checkpoint that is whole, with the rows and artefacts sealed with it."""
    for path in reversed(_checkpoints(folder)):
        manifest = read_json(path.with_suffix(".json"))
        if manifest and manifest["sha256"] == digest_of(path):
            return path, manifest
    return None, {"rows": (), "artefacts": {}}
