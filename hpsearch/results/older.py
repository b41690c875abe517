"""Finished trials that were made otherwise than they would be now: by other code, on other data, under another default.

A trial's key holds its training code and its data, so an edit gives every trial another key. What the record holds under older
keys is found again by what else a trial is, and the user says what becomes of it: ``kept`` is used as it is, ``adopted`` was proved
equal on a few trials, ``again`` is trained anew. A default that was given another meaning leaves the key as it was; it is seen
because the record holds every value of a config, those at their defaults too.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Table, inspect, null, or_, select

from hpsearch.errors import HpsearchError
from hpsearch.protocol import Row
from hpsearch.results import schema
from hpsearch.results.contents import Changed, contents, data_of, other_values
from hpsearch.results.declined import FINISHED, Cause, Declined
from hpsearch.results.record import MANY, Record
from hpsearch.results.stored import written
from hpsearch.study import Study, Trial
from hpsearch.values import digest, from_json, to_json

Entry = dict[str, Any]  # a trial's line in the record, with the digests of its contents
Verdict = Literal["", "same", "adopted", "kept", "again"]  # "": nobody has decided yet
ORDER: tuple[Verdict, ...] = ("same", "adopted", "kept", "", "again")  # which of several older trials is taken


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


class Past:
    """What the record holds of a study's trials, under their own keys and under older ones.

    ``decision`` is what becomes of older trials about which nothing has been decided yet; ``taken`` collects what it decided.
    """

    def __init__(self, record: Record | None, study: Study, decision: Verdict = "") -> None:
        self.record, self.study, self.decision = record, study, decision
        self.matches: dict[str, Match] = {}  # by the key of the wanted trial
        self._seen: set[str] = set()
        self._displaced: set[str] = set()  # keys under which the record has other values than the trial's: never its rows
        self.taken: dict[Cause, Verdict] = {}
        self.entries: dict[str, Entry] = {}  # what the record has under the keys that were looked up, and under those that match
        self.decided = _decided(record) if record else {}
        self._declined = Declined(record, study)
        self.read: dict[str, dict[str, str]] = {}  # contents that an earlier version of the record lacked

    def find(self, trials: Iterable[Trial]) -> None:
        """Look the trials up that were not looked up before: first by key, those that are not there as they are by content."""
        new = [trial for trial in trials if trial.key not in self._seen]
        if self.record is None or not new:
            return
        self._seen |= {trial.key for trial in new}
        self.entries |= _entries(self.record, schema.trials.c.key, [trial.key for trial in new])
        changed = {trial.key: self._changed(trial) for trial in new}
        self._displaced |= {key for key, values in changed.items() if values}
        missing = [trial for trial in new if not self._stands(trial, changed[trial.key])]
        there = {trial.key for trial in new} - {trial.key for trial in missing}
        self.matches |= {key: Match(key, key, (), "same") for key in there}
        places = self._candidates(missing)
        for trial in missing:
            if match := self._match(trial, places[trial.key], changed[trial.key]):
                self.matches[trial.key] = match

    def place(self, key: str) -> str:
        """The key under which the record holds what stands for a trial."""
        match = self.matches.get(key)
        return match.place if match and match.used else key

    def config_of(self, key: str) -> str | None:
        """The config's JSON that the record has under a key."""
        return self.entries[key]["config"] if key in self.entries else None

    def verdict(self, key: str) -> Verdict:
        """How a trial's rows come to stand for it; empty where they are its own, or where it has none."""
        match = self.matches.get(key)
        return match.verdict if match and match.used and match.causes else ""

    def _changed(self, trial: Trial) -> list[Changed]:
        """Values that the record has under a trial's own key and that are not its own."""
        own = self.entries.get(trial.key)
        return [] if own is None or own["state"] == "waiting" else other_values(self._config(own), trial.config)

    def _config(self, entry: Entry) -> Any:
        return self.record.parsed(entry["config"]) if self.record else {}

    def _stands(self, trial: Trial, changed: list[Changed]) -> bool:
        """Whether the record has this very trial, finished or begun."""
        own = self.entries.get(trial.key)
        return own is not None and not changed and own["state"] in (*FINISHED, "failed", "running")

    def _match(self, trial: Trial, places: Sequence[str], changed: list[Changed]) -> Match | None:
        found, own = list[Match](), self.entries.get(trial.key)
        if changed and own is not None and own["state"] in FINISHED:  # the newest of all: what was before it was set aside
            found.append(self._judge(trial, trial.key, [], changed))
        found += [self._judged(trial, key) for key in places if key != trial.key]
        return min(found, key=lambda match: (ORDER.index(match.verdict), len(match.causes)), default=None)

    def _candidates(self, trials: Sequence[Trial]) -> dict[str, list[str]]:
        """For each trial the older ones with its content, the latest first, then those that differ in their data as well."""
        if not trials or self.record is None:
            return {}
        found = self._written_alike(self.record, trials)
        if not self._others:
            return found
        digests = {trial.key: contents(trial) for trial in trials}
        for name in ("content", "rest"):
            asked = {each[name] for each in digests.values()}
            there = _entries(self.record, schema.contents.c[name], asked) if _has(self.record, schema.contents) else {}
            there |= {key: entry for key, entry in self._unnamed.items() if entry[name] in asked}
            self.entries |= there
            by: dict[str, list[str]] = {}
            for key, entry in sorted(there.items(), key=lambda pair: (pair[1]["changed"], pair[0]), reverse=True):
                by.setdefault(entry[name], []).extend([key] if entry["state"] in FINISHED else [])
            for key, each in digests.items():
                found[key] += [place for place in by.get(each[name], ()) if place not in found[key]]
        return found

    def _written_alike(self, record: Record, trials: Sequence[Trial]) -> dict[str, list[str]]:
        """For each trial the finished ones that hold all its values, defaults too, under another key: a default was moved, and the
        field that had it is now said, or the other way round."""
        texts = {trial.key: json.dumps(to_json(trial.config)) for trial in trials}
        t = schema.trials.c
        lengths = t.state.in_(FINISHED) & t.epochs.in_({trial.epochs for trial in trials})
        there = _entries(record, t.config, texts.values(), lengths)
        there = {key: entry if entry["data"] is not None else self._unnamed.get(key, entry) for key, entry in there.items()}
        self.entries |= there
        by: dict[tuple[Any, ...], list[str]] = {}
        for key, entry in there.items():
            by.setdefault(tuple(entry[name] for name in ("config", "seed", "epochs", "held_out")), []).append(key)
        return {each.key: list(by.get((texts[each.key], each.seed, each.epochs, each.held_out), ())) for each in trials}

    @cached_property
    def _others(self) -> bool:
        """Whether the record may hold finished trials that were made otherwise than they would be now: most do not."""
        aside = any(cause.kind == "default" for cause in self.decided)  # trials may stand under other keys than their own
        return aside or (self.record is not None and _made_otherwise(self.record, self.study))

    @cached_property
    def _unnamed(self) -> dict[str, Entry]:
        """Finished trials that an earlier version recorded without digests of their contents; those are made from the configs."""
        entries = _without_contents(self.record) if self.record else {}
        self.read = _digests(entries, self.study)
        return {key: {**entries[key], **digests} for key, digests in self.read.items()}

    def _judged(self, trial: Trial, key: str) -> Match:
        entry, own = self.entries[key], contents(trial)
        causes = []
        if entry["code"] != self.study.code:
            causes.append(Cause("code", entry["code"], self.study.code))
        if entry["data"] != own["data"]:
            causes.append(Cause("data", entry["data"], own["data"], "other data"))
        return self._judge(trial, key, causes, other_values(self._config(entry), trial.config))

    def _judge(self, trial: Trial, key: str, causes: Sequence[Cause], changed: Iterable[Changed]) -> Match:
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
        if not verdict and self.decision != "again" and self._declined.covers(cause, self.decided):
            return "again"
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
        hidden = {key for key in self._displaced if not (key in self.matches and self.matches[key].used)}
        places = {trial.key: self.place(trial.key) for trial in trials if trial.key not in hidden}
        found = ask(set(places.values()))
        return {key: found[place] for key, place in places.items() if place in found}

    def of(self, verdict: Verdict) -> list[Match]:
        """The matches of one verdict, those under a key of their own left out."""
        return [match for match in self.matches.values() if match.verdict == verdict and match.causes]


def _entries(record: Record, column: ColumnElement[str], values: Iterable[str], *where: ColumnElement[bool]) -> dict[str, Entry]:
    """Trials whose column is one of the values, with the digests of their contents: None where an earlier version made them."""
    asked, found = list(dict.fromkeys(values)), dict[str, Entry]()
    for start in range(0, len(asked), MANY):
        found |= _fetched(record, *where, column.in_(asked[start : start + MANY]))
    return found


def _without_contents(record: Record) -> dict[str, Entry]:
    """Finished trials that an earlier version recorded."""
    there = _has(record, schema.contents)
    return _fetched(record, schema.trials.c.state.in_(FINISHED), *([schema.contents.c.content.is_(None)] if there else []))


def _fetched(record: Record, *where: ColumnElement[bool]) -> dict[str, Entry]:
    t, c = schema.trials.c, schema.contents.c
    own = (t.key, t.config, t.seed, t.epochs, t.held_out, t.code, t.state, t.changed)
    if _has(record, schema.contents):
        query = select(*own, c.content, c.rest, c.data).join_from(schema.trials, schema.contents, t.key == c.key, isouter=True)
    else:
        query = select(*own, *(null().label(name) for name in ("content", "rest", "data")))
    return {line["key"]: dict(line) for line in record.lines(query.where(*where))}


def _made_otherwise(record: Record, study: Study) -> bool:
    """Whether any finished trial of the record is of other code or data than the study's: the database looks, and reads none."""
    t, c = schema.trials.c, schema.contents.c
    finished = select(t.key).where(t.state.in_(FINISHED)).limit(1)
    if _has(record, schema.contents):
        data = {digest(data_of(study.config(arm))) for arm in study.plan.arms}
        other = or_(t.code != study.code, c.data.is_(None), c.data.not_in(data))
        finished = finished.join_from(schema.trials, schema.contents, t.key == c.key, isouter=True).where(other)
    return bool(record.lines(finished))


def _has(record: Record, table: Table) -> bool:
    """Whether the record has a table; one of an earlier version lacks some until it is driven."""
    return record.read(lambda connection: inspect(connection).has_table(table.name))


def _decided(record: Record) -> dict[Cause, Verdict]:
    lines = _lines(record, select(schema.decisions), schema.decisions)
    return {Cause(line["kind"], line["older"], line["present"]): line["verdict"] for line in lines}


def _lines(record: Record, query: Select[Any], table: Table) -> list[Mapping[str, Any]]:
    """What a query finds in a table that an earlier version of the record may lack."""
    return [dict(line) for line in record.lines(query)] if _has(record, table) else []


def _digests(entries: Mapping[str, Entry], study: Study) -> dict[str, dict[str, str]]:
    """Digests of trials that an earlier version recorded, as far as their configs can still be read."""
    found = {}
    for key, entry in entries.items():
        try:
            config = from_json(json.loads(entry["config"]), study.kinds)
            trial = Trial(config, entry["seed"], entry["epochs"], entry["held_out"], entry["code"])
            found[key] = contents(trial)
        except (HpsearchError, TypeError, ValueError, AttributeError, OSError):  # of another study, or of a class that is gone
            continue
    return found


def parts_of(record: Record, code: str) -> dict[str, str]:
    """The parts of a training code by name, each with its hash; nothing where they are not on record."""
    query = select(schema.code_parts).where(schema.code_parts.c.code == code)
    return {line["name"]: line["sha256"] for line in _lines(record, query, schema.code_parts)}
