"""Which record a folder of trials belongs to: both hold the same number, so that neither is taken for another's."""

from uuid import uuid4

from hpsearch.errors import Damaged
from hpsearch.results import schema
from hpsearch.results.driver import Driver
from hpsearch.results.urls import record_option
from hpsearch.trials.sealed import read_json, write_json

OWNER = "record.json"  # in the folder of all trials


def claim(driver: Driver, insist: bool = False) -> None:
    """Make the record's folder of trials its own; refused where it is that of a record in whose place this one was put.

    A new record takes the folder over: that of a record that was deleted. ``insist``: so does any.
    """
    record = driver.record
    own, told = record.stamped("id"), read_json(record.folder / OWNER)
    theirs = str(told["id"]) if isinstance(told, dict) and "id" in told else ""
    if theirs and not own and not insist and record.known:
        return  # of an earlier version, which let records of one folder share that of their trials
    if theirs and theirs != own and not insist and (record.known or record.launches()):
        repair = f"`hpsearch repair STUDY.py{record_option(record.place)}`"
        raise Damaged(
            f"the record at {record.place} is not the one that the trials in {record.folder} belong to, it was put in its place: "
            f"put the right one back, or name another folder with --folder; or {repair} adds what those trials "
            "sealed to this one"
        )
    number = theirs or own or uuid4().hex
    if number != own:
        driver.add(schema.stamp, [{"name": "id", "value": number}])
    if number != theirs:
        record.folder.mkdir(parents=True, exist_ok=True)
        write_json(record.folder / OWNER, {"id": number, "record": record.place})
