"""Rows by the names of their columns."""

from collections.abc import Mapping
from typing import Any

from shared.database import Connection


def named_rows(
    connection: Connection, statement: str, arguments: Mapping[str, object]
) -> list[dict[str, Any]]:
    cursor = connection.execute(statement.encode(), arguments)
    columns = [column.name for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
