"""What can still be read of a damaged record: whole lines of its tables, as far as its database gives them."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Table, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.results import schema
from hpsearch.results.health import of_launch

Line = dict[str, Any]
JSON = ("config", "study_json", "provenance")  # columns of JSON texts


def set_aside(file: Path) -> Path | None:
    """Give a database's file a new name beside it, with its log; that name, or None where there is no file."""
    number = 1
    while (kept := file.with_name(f"{file.name}.damaged-{number}")).exists():  # not *.db: it is no record beside the new one
        number += 1
    for end in ("-wal", "-shm", ""):
        if (old := file.with_name(file.name + end)).exists():
            os.replace(old, kept.with_name(kept.name + end))
    return kept if kept.exists() else None


def salvaged(file: Path) -> dict[str, list[Line]]:
    """By table, the lines that can be read and are what they should be: launches by their digest, others by their types."""
    engine = create_engine(URL.create("sqlite", database=str(file)))
    try:
        found = {table.name: list(_lines(engine, table)) for table in (*schema.metadata.sorted_tables,)}
    finally:
        engine.dispose()
    sums = {line["name"]: line["sha256"] for line in found["sums"]}
    found["launches"] = [each for each in found["launches"] if sums.get(f"launch {each['id']}", "") in ("", of_launch(each))]
    return found


def _lines(engine: Any, table: Table) -> Iterator[Line]:
    """Lines of a table from its beginning and from its end, each as far as a damaged page lets read."""
    seen: set[int] = set()
    for order in ("asc", "desc"):
        try:
            with engine.connect() as connection:
                for line in connection.execute(text(f"select rowid as at, * from {table.name} order by rowid {order}")).mappings():
                    if line["at"] in seen:
                        break
                    seen.add(line["at"])
                    if _sound(line, table):
                        yield {column.name: line[column.name] for column in table.columns}
        except (SQLAlchemyError, KeyError, ValueError):
            continue


def _sound(line: Mapping[str, Any], table: Table) -> bool:
    """Whether each value is of its column's type, and JSON is JSON."""
    for column in table.columns:
        value = line[column.name]
        if value is None:
            if not column.nullable:
                return False
            continue
        wanted = column.type.python_type
        if not isinstance(value, (int, float) if wanted is float else wanted):
            return False
        if column.name in JSON:
            try:
                json.loads(str(value))
            except ValueError:
                return False
    return True
