"""Says how a column of `events` is written as text for a day file, and read from it.

PostgreSQL and DuckDB exchange CSV in which every value is quoted and NULL is not, so that the same
rows are the same bytes on both sides: the digest of what was deleted is that of what was written.
"""

from typing import NamedTuple

from shared.event_columns import EVENT_COLUMNS


class DayColumn(NamedTuple):
    """A column of a day file: its type there, and the expressions that make text of it.

    `stored` is the expression in PostgreSQL; in DuckDB `parsed` makes a value of the text and
    `printed` the text of a value again.
    """

    name: str
    type: str
    stored: str = "{name}::text"
    parsed: str = "CAST({name} AS {type})"
    printed: str = "CAST({name} AS VARCHAR)"

    def as_text(self) -> str:
        """Returns the expression by which PostgreSQL writes the column."""
        return self.stored.format(name=self.name)

    def as_value(self) -> str:
        """Returns the expression by which DuckDB reads the column of a CSV file."""
        return f"{self.parsed.format(name=self.name, type=self.type)} AS {self.name}"

    def as_read(self, present: frozenset[str]) -> str:
        """Returns the expression by which DuckDB writes the column; NULL where files lack it."""
        text = self.printed.format(name=self.name) if self.name in present else "NULL"
        return f"{text} AS {self.name}_text"


_MOMENT = (
    "TIMESTAMP",  # of UTC
    "to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'",
    "strptime({name}, '%Y-%m-%d %H:%M:%S.%f+00')",
    "strftime({name}, '%Y-%m-%d %H:%M:%S.%f') || '+00'",
)
_AS_IT_IS = ("VARCHAR", "{name}", "{name}", "{name}")
_AMOUNT = ("DECIMAL(18, 6)",)
# Everything else is text.
_TYPES: dict[str, tuple[str, ...]] = {
    "receipt": ("UUID",),
    "app_id": ("BIGINT",),
    "token_id": ("BIGINT",),
    "event_type_id": ("BIGINT",),
    "unmapped": ("BOOLEAN",),
    "event_time": _MOMENT,
    "received_at": _MOMENT,
    "ip_address": ("VARCHAR", "abbrev({name})", "{name}", "{name}"),
    "sale_amount": _AMOUNT,
    "aggregated_event_value": _AMOUNT,
    "device_ids": ("VARCHAR", "{name}::text", "{name}", "{name}"),
    "parameters": ("VARCHAR", "{name}::text", "{name}", "{name}"),
    "counted": ("BOOLEAN",),
    "ad_impressions": ("INTEGER",),
}

DAY_COLUMNS = tuple(
    DayColumn(column.name, *_TYPES.get(column.name, _AS_IT_IS)) for column in EVENT_COLUMNS
)
NAMES = ", ".join(column.name for column in DAY_COLUMNS)
TEXTS = ", ".join(column.as_text() for column in DAY_COLUMNS)
VALUES = ", ".join(column.as_value() for column in DAY_COLUMNS)
CSV_COLUMNS = ", ".join(f"'{column.name}': 'VARCHAR'" for column in DAY_COLUMNS)
