"""Runs a statement for many rows at once: one JSON document in, rows out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.database import Connection, run

Rows = Sequence[dict[str, object]]


def select_for(connection: Connection, statement: str, rows: Rows) -> list[tuple[Any, ...]]:
    """Runs a query whose one parameter is read by json_to_recordset; without rows, returns none."""
    if not rows:
        return []
    return run(connection, statement, (json_document(rows),)).fetchall()


def write_rows(connection: Connection, statement: str, rows: Rows) -> None:
    """Runs a statement that writes the rows, given as for `select_for`, and returns nothing."""
    if rows:
        run(connection, statement, (json_document(rows),))


def json_document(rows: Rows) -> str:
    """Encodes rows as the parameter of json_to_recordset."""
    return msgspec.json.encode(rows).decode()
