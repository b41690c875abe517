"""Provenance: what made these numbers, the study file itself, and the key of every trial in a table."""

import pandas as pd

from hpsearch.record.evidence import Evidence
from hpsearch.report.blocks import Block, Code, Column, Fold, Table
from hpsearch.report.words import short_names


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
        columns = (Column("seed", "Seed", right=True), Column("state", "State"), Column("key", "Key", width=18))
        caption = "The trials behind the tables. A key is a hash of config, seed, epochs, data and training code."
        blocks.append(Fold("Trial keys", (Table("keys", caption, keys, columns, "arm"),)))
    return tuple(blocks)


def keys_frame(evidence: Evidence) -> pd.DataFrame:
    """One line per measurement: arm, seed, state, key."""
    short = short_names(evidence.study.plan)
    measured = evidence.measurements()
    frame = measured.assign(arm=[short.get(arm, arm) for arm in measured["arm"]])
    return frame[["arm", "seed", "state", "key"]].reset_index(drop=True)
