"""Statements about many things at once: one JSON document in, rows out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.database import Connection, run
from workers.core.days import STRETCH_DAYS


def as_ms(column: str) -> str:
    """SQL for a moment as Unix milliseconds, as the pure core counts time."""
    return f"(extract(epoch FROM {column}) * 1000)::bigint"


def day_of(column: str) -> str:
    """SQL for a moment's day of UTC (`core.days.utc_day`), as indexes have it."""
    return f"({column} AT TIME ZONE 'UTC')::date"


def stretch_of(column: str) -> str:
    """SQL for a moment's stretch of days (`core.days.stretches`), as an index has it."""
    return f"(({day_of(column)} - DATE '1970-01-01') / {STRETCH_DAYS})"


Rows = Sequence[dict[str, object]]


def select_for(connection: Connection, statement: str, questions: Rows) -> list[tuple[Any, ...]]:
    """`statement` reads its one parameter with json_to_recordset. Without questions, no rows."""
    if not questions:
        return []
    return list(run(connection, statement, (_document(questions),)))


def write_rows(connection: Connection, statement: str, rows: Rows) -> None:
    """As `ask`, for a statement that writes the rows and answers nothing."""
    if rows:
        run(connection, statement, (_document(rows),))


def _document(rows: Rows) -> str:
    return msgspec.json.encode(rows).decode()
