"""Statements that ask about many things at once: one JSON document in, rows out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.database import Connection


def as_ms(column: str) -> str:
    """SQL for a moment as Unix milliseconds, as the pure core counts time."""
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


def ask(
    connection: Connection, statement: str, questions: Sequence[dict[str, object]]
) -> list[tuple[Any, ...]]:
    """`statement` reads its one parameter with json_to_recordset. Without questions, no rows."""
    if not questions:
        return []
    document = msgspec.json.encode(questions).decode()
    return connection.execute(statement.encode(), (document,)).fetchall()
