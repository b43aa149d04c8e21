"""Statements about many things at once: one JSON document in, rows out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.database import Connection


def as_ms(column: str) -> str:
    """SQL for a moment as Unix milliseconds, as the pure core counts time."""
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


Rows = Sequence[dict[str, object]]


def ask(connection: Connection, statement: str, questions: Rows) -> list[tuple[Any, ...]]:
    """`statement` reads its one parameter with json_to_recordset. Without questions, no rows."""
    if not questions:
        return []
    return list(connection.execute(statement.encode(), (_document(questions),)))


def send(connection: Connection, statement: str, rows: Rows) -> None:
    """As `ask`, for a statement that writes the rows and answers nothing."""
    if rows:
        connection.execute(statement.encode(), (_document(rows),))


def _document(rows: Rows) -> str:
    return msgspec.json.encode(rows).decode()
