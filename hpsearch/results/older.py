"""Finished trials that were made otherwise than they would be now: by other code, on other data, under another default.

A trial's key holds its training code and its data, so an edit gives every trial another key. What the record holds under older
keys is found again by what else a trial is, and the user says what becomes of it: ``kept`` is used as it is, ``adopted`` was proved
equal on a few trials, ``again`` is trained anew. A default that was given another meaning leaves the key as it was; it is seen
because the record holds every value of a config, those at their defaults too.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Table, inspect, select

from hpsearch.ablation import Trained
from hpsearch.errors import HpsearchError, Refused
from hpsearch.protocol import Row, Source
from hpsearch.results import schema
from hpsearch.results.record import Record
from hpsearch.results.stored import written
from hpsearch.study import Study, Trial
from hpsearch.values import KIND, Identified, canonical, digest, field_at, field_names, from_json, opens, same, to_json

Verdict = Literal["", "same", "adopted", "kept", "again"]  # "": nobody has decided yet
ORDER: tuple[Verdict, ...] = ("same", "adopted", "kept", "", "again")  # which of several older trials is taken
FINISHED = ("complete", "stopped")  # a failed one is tried again without a question


@dataclass(frozen=True)
class Cause:
    """One thing that is other now than when a trial was made."""

    kind: str  # code, data, default
    older: str
    present: str
    words: str = field(default="", compare=False)


@dataclass(frozen=True)
class Match:
    """A trial of the record that is a wanted one but for its causes."""

    key: str  # of the wanted trial
    place: str  # its key in the record
    causes: tuple[Cause, ...]
    verdict: Verdict

    @property
    def used(self) -> bool:
        """Whether its rows stand for the wanted trial's."""
        return self.verdict in ("same", "adopted", "kept")


def contents(trial: Trial) -> dict[str, str]:
    """Digests of what a trial is beside its code: all of it, all but the data, the data alone."""
    plain, data = _parted(trial.config)
    rest = [trial.seed, trial.epochs, trial.held_out]
    return {"content": digest([trial.config, *rest]), "rest": digest([plain, *rest]), "data": digest(data)}


def _parted(config: Any) -> tuple[Any, list[Any]]:
    """The canonical JSON of a config with nothing where its data stands, and the identities of its data."""
    plain: Any = json.loads(canonical(config))
    data: list[Any] = []
    for name in field_names(config):
        value = field_at(config, name)
        if isinstance(value, Source):
            data.append(value.identity())
            _put(plain, name, None)
        elif isinstance(value, Trained):
            within, found = _parted(value.config)
            data += found
            _put(plain, name, [within, value.seed, value.epochs])
    return plain, data


def _put(plain: dict[str, Any], name: str, value: Any) -> None:
    *above, last = name.split(".")
    for part in above:
        plain = plain.setdefault(part, {})
    plain[last] = value


def other_values(stored: Any, config: Any) -> list[tuple[str, Any, Any]]:
    """Fields whose recorded value is not the config's: dotted name, value then, value now.

    Fields that only one of the two has do not count, nor does data, whose place may change.
    """
    found: list[tuple[str, Any, Any]] = []
    for name in field_names(config):
        value, then = field_at(config, name), _stored(stored, name)
        if then is not _stored and not opens(value) and not isinstance(value, Identified):
            now = to_json(value)
            if _nameless(then) != _nameless(now) and not _alike(then, value):
                found.append((name, then, now))
    return found


def _stored(stored: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(stored, dict) or part not in stored:
            return _stored  # a mark: nothing stands there
        stored = stored[part]
    return stored


def _nameless(data: Any) -> Any:
    """JSON without the modules of classes, which may be renamed, and of teachers without what their classes gained."""
    if isinstance(data, list):
        return [_nameless(item) for item in data]
    if isinstance(data, dict):
        return {
            key: item.split(":")[-1] if key in (KIND, "name") and isinstance(item, str) else _nameless(item)
            for key, item in data.items()
        }
    return data


def _alike(then: Any, now: Any) -> bool:
    """Whether a recorded value is the same setting: 1 for 1.0, a text for the member of an Enum it was written as, a teacher."""
    if isinstance(now, Trained):
        return not other_values(then["config"], now.config) if isinstance(then, dict) and "config" in then else False
    plain = now.value if isinstance(now, str | int) and hasattr(now, "value") else now
    try:
        return same(from_json(then), plain)
    except (Refused, TypeError, ValueError):
        return False


class Past:
    """What the record holds of a study's trials, under their own keys and under older ones.

    ``decision`` is what becomes of older trials about which nothing has been decided yet; ``taken`` collects what it decided.
    """

    def __init__(self, record: Record | None, study: Study, decision: Verdict = "") -> None:
        self.record, self.study, self.decision = record, study, decision
        self.matches: dict[str, Match] = {}  # by the key of the wanted trial
        self._seen: set[str] = set()
        self.taken: dict[Cause, Verdict] = {}
        self._configs: dict[str, str] = {}
        self.entries = _entries(record) if record else {}
        self.decided = _decided(record) if record else {}
        self.read: dict[str, dict[str, str]] = {}  # contents that an earlier version of the record lacked
        self._by: dict[str, list[str]] | None = None

    def find(self, trials: Iterable[Trial]) -> None:
        """Look the trials up that were not looked up before."""
        new = [trial for trial in trials if trial.key not in self._seen]
        if self.record is None or not new:
            return
        self._seen |= {trial.key for trial in new}
        wanted = {trial.key for trial in new if trial.key in self.entries}
        self._configs |= _configs(self.record, wanted)
        for trial in new:
            if match := self._match(trial):
                self.matches[trial.key] = match

    def place(self, key: str) -> str:
        """The key under which the record holds what stands for a trial."""
        match = self.matches.get(key)
        return match.place if match and match.used else key

    def config_of(self, key: str) -> str | None:
        """The config's JSON that the record has under a key."""
        if self.record is None or key not in self.entries:
            return None
        if key not in self._configs:
            self._configs |= _configs(self.record, {key})
        return self._configs[key]

    def verdict(self, key: str) -> Verdict:
        """How a trial's rows come to stand for it; empty where they are its own, or where it has none."""
        match = self.matches.get(key)
        return match.verdict if match and match.used and match.causes else ""

    def _match(self, trial: Trial) -> Match | None:
        own = self.entries.get(trial.key)
        changed: list[tuple[str, Any, Any]] = []
        if own is not None and own["state"] != "waiting":
            changed = other_values(json.loads(self._configs[trial.key]), trial.config)
            if not changed and own["state"] in (*FINISHED, "failed", "running"):
                return Match(trial.key, trial.key, (), "same")
        places = [key for key in self._candidates(trial) if key != trial.key]
        found = [self._judged(trial, key) for key in places]
        if changed and own is not None and own["state"] in FINISHED:
            found.append(self._judge(trial, trial.key, [], changed))
        return min(found, key=lambda match: ORDER.index(match.verdict), default=None)

    def _candidates(self, trial: Trial) -> list[str]:
        """Older trials with its content, the latest first, then those that differ in their data as well."""
        if self._by is None:
            self._by = self._index()
        if not self._by:
            return []
        own = contents(trial)
        return list(dict.fromkeys((*self._by.get(own["content"], ()), *self._by.get(own["rest"], ()))))

    def _index(self) -> dict[str, list[str]]:
        """Keys of finished trials by their digests; nothing where all are of this code and data and under their own keys."""
        finished = {key: entry for key, entry in self.entries.items() if entry["state"] in FINISHED}
        aside = any(cause.kind == "default" for cause in self.decided)  # trials may stand under other keys than their own
        data = {digest(_parted(self.study.config(arm))[1]) for arm in self.study.plan.arms} if finished else set()
        if not aside and all(entry["code"] == self.study.code and entry["data"] in data for entry in finished.values()):
            return {}
        lacking = {key for key, entry in finished.items() if entry["content"] is None}
        self.read = _read(self.record, lacking, self.study) if self.record and lacking else {}
        found: dict[str, list[str]] = {}
        for key, entry in sorted(finished.items(), key=lambda pair: (pair[1]["changed"], pair[0]), reverse=True):
            entry.update(self.read.get(key, {}))
            for name in ("content", "rest"):
                if entry[name] is not None:
                    found.setdefault(entry[name], []).append(key)
        return found

    def _judged(self, trial: Trial, key: str) -> Match:
        entry, own = self.entries[key], contents(trial)
        causes = []
        if entry["code"] != self.study.code:
            causes.append(Cause("code", entry["code"], self.study.code))
        if entry["content"] != own["content"]:
            causes.append(Cause("data", entry["data"], own["data"], "other data"))
        return self._judge(trial, key, causes, other_values(json.loads(self.config_of(key) or "{}"), trial.config))

    def _judge(self, trial: Trial, key: str, causes: Sequence[Cause], changed: Iterable[tuple[str, Any, Any]]) -> Match:
        defaults = [
            Cause("default", digest([name, then]), digest([name, now]), f"{name} was {written(then)} and is {written(now)}")
            for name, then, now in changed
        ]
        every = (*causes, *defaults)
        verdicts = [self._verdict(cause) for cause in every]
        worst: Verdict = max(verdicts, key=ORDER.index, default="same")
        return Match(trial.key, key, every, worst)

    def _verdict(self, cause: Cause) -> Verdict:
        if cause.kind == "code" and cause.older in self._equivalent:
            return "adopted"
        verdict = self.decided.get(cause, "")
        if self.decision and verdict != self.decision:  # asked for the first time, or the user has thought again
            self.taken[cause] = verdict = self.decision
        return verdict

    @property
    def _equivalent(self) -> set[str]:
        """Training codes that were proved equal to the present one, through others too."""
        pairs = [(c.older, c.present) for c, verdict in self.decided.items() if c.kind == "code" and verdict == "adopted"]
        found = {self.study.code}
        while more := {code for pair in pairs if found & set(pair) for code in pair} - found:
            found |= more
        return found - {self.study.code}

    def scores(self, trials: Sequence[Trial]) -> dict[str, float | None]:
        """Scores of finished trials by their present keys."""
        self.find(trials)
        study = self.study
        return self._through(trials, lambda keys: self.record.scores(keys, study.metric, study.last) if self.record else {})

    def states(self, trials: Sequence[Trial]) -> dict[str, Mapping[str, Any]]:
        """What the record says of trials, by their present keys."""
        self.find(trials)
        return self._through(trials, lambda keys: self.record.states(keys) if self.record else {})

    def rows(self, trials: Sequence[Trial]) -> dict[str, list[tuple[int, Row]]]:
        """Epochs and metrics of trials, by their present keys."""
        self.find(trials)
        return self._through(trials, lambda keys: self.record.rows(keys) if self.record else {})

    def _through(self, trials: Sequence[Trial], ask: Callable[[Iterable[str]], dict[str, Any]]) -> dict[str, Any]:
        hidden = {key for key, match in self.matches.items() if match.place == key and not match.used}
        places = {trial.key: self.place(trial.key) for trial in trials if trial.key not in hidden}
        found = ask(set(places.values()))
        return {key: found[place] for key, place in places.items() if place in found}

    def of(self, verdict: Verdict) -> list[Match]:
        """The matches of one verdict, those under a key of their own left out."""
        return [match for match in self.matches.values() if match.verdict == verdict and match.causes]


def _entries(record: Record) -> dict[str, dict[str, Any]]:
    """Of every trial its code and state, and the digests of its content: None where an earlier version made it."""
    t, c = schema.trials.c, schema.contents.c
    with record.engine.connect().execution_options(reading=True) as connection:
        if inspect(connection).has_table("contents"):
            joined = schema.trials.join(schema.contents, t.key == c.key, isouter=True)
            query = select(t.key, t.code, t.state, t.changed, c.content, c.rest, c.data).select_from(joined)
        else:
            query = select(t.key, t.code, t.state, t.changed)
        lines = [dict(line) for line in connection.execute(query).mappings()]
    blank = {"content": None, "rest": None, "data": None}
    return {line["key"]: {**blank, **line} for line in lines}


def _decided(record: Record) -> dict[Cause, Verdict]:
    return {Cause(line["kind"], line["older"], line["present"]): line["verdict"] for line in _lines(record, schema.decisions)}


def _lines(record: Record, table: Table) -> list[Mapping[str, Any]]:
    """All lines of a table that an earlier version of the record may lack."""
    with record.engine.connect().execution_options(reading=True) as connection:
        if not inspect(connection).has_table(table.name):
            return []
        return [dict(line) for line in connection.execute(select(table)).mappings()]


def _configs(record: Record, keys: set[str]) -> dict[str, str]:
    t = schema.trials.c
    with record.engine.connect().execution_options(reading=True) as connection:
        if len(keys) == 1:
            return {line.key: line.config for line in connection.execute(select(t.key, t.config).where(t.key == next(iter(keys))))}
        return {line.key: line.config for line in connection.execute(select(t.key, t.config)) if line.key in keys} if keys else {}


def _read(record: Record, keys: set[str], study: Study) -> dict[str, dict[str, str]]:
    """Digests of trials that an earlier version recorded, as far as their configs can still be read."""
    found = {}
    for key, state in record.states(keys).items():
        try:
            config = from_json(json.loads(state["config"]), study.kinds)
            trial = Trial(config, state["seed"], state["epochs"], state["held_out"], state["code"])
            found[key] = contents(trial)
        except (HpsearchError, TypeError, ValueError, AttributeError, OSError):  # of another study, or of a class that is gone
            continue
    return found


def parts_of(record: Record, code: str) -> dict[str, str]:
    """The parts of a training code by name, each with its hash; nothing where they are not on record."""
    return {line["name"]: line["sha256"] for line in _lines(record, schema.code_parts) if line["code"] == code}
