"""Provenance: what made these numbers, the study file itself, the trials behind every number and how to repeat them."""

import shlex

import pandas as pd

from hpsearch.report.blocks import Block, Code, Column, Fold, Table, Text
from hpsearch.report.section import Section
from hpsearch.report.sections.contrasts import UNGROUPED
from hpsearch.report.words import MINUS, short_names
from hpsearch.results.evidence import TEACHER, Evidence
from hpsearch.results.provenance import launched_as

DIGITS = 12  # of a key that are shown: enough to tell trials apart
KEPT = ("--record", "--data", "--folder")  # options of the run that a trial is found again by


def provenance(evidence: Evidence) -> tuple[Block, ...]:
    """Tables of origin and keys, and the study file."""
    blocks: list[Block] = []
    if evidence.provenance:
        frame = pd.DataFrame({"what": list(evidence.provenance), "value": list(evidence.provenance.values())}, dtype=object)
        named = (Column("what", "What"), Column("value", "Value", width=16))
        blocks.append(Table("provenance", "Where these numbers come from.", frame, named))
    if evidence.study_text.strip():
        blocks.append(Fold("The study file", (Code(evidence.study_text, "study file"),)))
    keys = keys_frame(evidence)
    if len(keys):
        blocks.append(behind(evidence, keys) if evidence.study.trains else _runs(keys))
    return tuple(blocks)


def behind(evidence: Evidence, keys: pd.DataFrame) -> Fold:
    """For every number the trials it rests on, and the commands that show them and repeat them."""
    study, options = command_of(evidence)
    commands = f"hpsearch show {study} KEY{options}\nhpsearch rerun {study} KEY{options}"
    said = (
        "The numbers of an arm rest on its trials, one per seed; those of a contrast on the trials of its arms. Use the digits of "
        "a trial as KEY: show prints what the record holds about it, rerun trains it again and compares the rows, epoch by epoch. "
        "Rows are bitwise identical on the same processor, with the same threads and library versions; a key includes none of "
        "these."
    )
    shown = Table(
        "keys",
        f"Trials by arm: the first {DIGITS} digits of the key under every seed. A key is a hash of all that defines a trial.",
        by_arm(pd.concat([keys, other_keys(evidence)])),
        (Column("arm", "Arm"), Column("keys", "Seed and key", width=40)),
    )
    blocks: list[Block] = [Text(said), Code(commands, "commands"), shown]
    if len(asked := contrasts_frame(evidence)):
        columns = (Column("contrast", "Contrast", width=12), Column("arms", "Mean of the arms, with its weight", width=36))
        blocks.append(Table("behind", "The arms behind every contrast.", asked, columns, "design"))
    return Fold("The trials behind every number, and how to repeat them", tuple(blocks))


def command_of(evidence: Evidence) -> tuple[str, str]:
    """The study's path and the options that name its record and its data, as it was last run; its name alone where that is unknown.

    >>> _command("hpsearch run studies/a.py --here --record x.db --slots 2", "a")
    ('studies/a.py', ' --record x.db')
    """
    return _command(evidence.provenance.get("command", ""), evidence.name)


def _command(text: str, name: str) -> tuple[str, str]:
    path, options = launched_as(text, name)
    kept = "".join(f" {flag} {shlex.quote(value)}" for flag, value in options.items() if flag in KEPT)
    return shlex.quote(path or f"{name}.py"), kept


def by_arm(keys: pd.DataFrame) -> pd.DataFrame:
    """One line per arm: its seeds, each with the beginning of its key and its state where that is not complete."""
    words = [
        f"{seed}:\N{NO-BREAK SPACE}{key[:DIGITS]}{'' if state == 'complete' else f' ({state})'}{f' ({older})' if older else ''}"
        for seed, key, state, older in zip(keys["seed"], keys["key"], keys["state"], _older(keys), strict=True)
    ]
    return keys.assign(keys=words).groupby("arm", sort=False)["keys"].agg(", ".join).reset_index()


def _older(keys: pd.DataFrame) -> list[str]:
    return keys["older"].fillna("").tolist() if "older" in keys else [""] * len(keys)


def other_keys(evidence: Evidence) -> pd.DataFrame:
    """Trials that other numbers rest on: the runs of each search's winner, and the teachers."""
    short = short_names(evidence.study.plan)
    won = dict(evidence.agenda.winners)
    names = {
        trial.key: f"search of {short.get(round_.arm.name, round_.arm.name)}, its winner"
        for round_ in evidence.agenda.rounds
        for trial, point in zip(round_.trials, round_.points, strict=True)
        if point == won.get(round_.arm.name)
    }
    trials = evidence.trials.drop_duplicates("key")
    names |= {key: arm for key, arm, role in zip(trials["key"], trials["arm"], trials["role"], strict=True) if role == TEACHER}
    frame = trials[trials["key"].isin(names)]
    return frame.assign(arm=[names[key] for key in frame["key"]])[_columns(frame)]


def contrasts_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per contrast: its design, and the weight of every arm's mean in it."""
    short = short_names(evidence.study.plan)
    lines = [
        (c.design or UNGROUPED, c.name, "; ".join(f"{_weight(w)} × “{short[arm.name]}”" for arm, w in c.weights if w))
        for c in evidence.study.plan.contrasts
    ]
    return pd.DataFrame(lines, columns=["design", "contrast", "arms"])


def _weight(weight: float) -> str:
    """A weight with its sign.

    >>> _weight(-0.125), _weight(1.0)
    ('−0.125', '+1')
    """
    return f"{weight:+.4g}".replace("-", MINUS)


def _runs(keys: pd.DataFrame) -> Fold:
    """Of results made elsewhere: a run goes by the name its source has for it."""
    columns = (Column("key", "Run", width=18), Column("state", "State"))
    return Fold("Runs", (Table("keys", "The runs behind the tables, by the names their source gives them.", keys, columns, "arm"),))


def keys_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per measurement: arm, seed, state, key, and whether it is older."""
    short = short_names(evidence.study.plan)
    measured = evidence.measurements()
    frame = measured.assign(arm=[short.get(arm, arm) for arm in measured["arm"]])
    return frame[_columns(frame)].reset_index(drop=True)


def _columns(frame: pd.DataFrame) -> list[str]:
    return [name for name in ("arm", "seed", "state", "key", "older") if name in frame]


SECTION = Section(110, "Where it comes from", provenance)
