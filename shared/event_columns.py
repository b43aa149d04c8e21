"""Lists the columns of an event once, for every place that writes or reads them.

From EVENT_COLUMNS come the line that workers copy into `events`, the record that the console shows,
the raw export, and the fields that a line of an imported file may have. A new field is added to
`shared.events.Event`, to the dialect that reads it, to EVENT_COLUMNS and to a migration.
"""

from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from shared.events import Kind

Number = str | int | float


class EventColumn(NamedTuple):
    """A column of the table `events`.

    `copied` is the Python expression that writes it as a field of a COPY line, by the functions of
    `workers.sql.copy_lines`; empty where PostgreSQL fills the column with its default. `record` and
    `raw` are the SQL expressions by which the console's record and the raw export select it, `{of}`
    standing for the table; empty where it is left out.

    A plain column is one that no rule of Waybill reads: it goes from the sender to the table and to
    people, as a value of the type `plain`. `imported` are the types of an imported file's lines
    that may have it.
    """

    name: str
    copied: str
    record: str
    raw: str
    plain: type[str | int] | None = None
    imported: frozenset[Kind] = frozenset()

    @property
    def shown_as(self) -> str:
        """Returns the column's name in a record."""
        return self.record.rpartition(" AS ")[2].removeprefix("{of}.")


def _column(
    name: str, copied: str | None = None, record: str | None = None, raw: str | None = None
) -> EventColumn:
    """Describes a column: by default text, of the event's own name, shown as it is stored."""
    as_stored = f"{{of}}.{name}"
    return EventColumn(
        name,
        f"text(event.{name})" if copied is None else copied,
        as_stored if record is None else record,
        as_stored if raw is None else raw,
    )


def _amount(name: str) -> EventColumn:
    """Describes an amount: decimal text in a record, a number in the raw export."""
    return _column(name, record=f"trim_scale({{of}}.{name})::text AS {name}")


def _plain(name: str, value: type[str | int], *imported: Kind) -> EventColumn:
    """Describes a plain column."""
    write = "text" if value is str else "number"
    return _column(name, f"{write}(event.{name})")._replace(
        plain=value, imported=frozenset(imported)
    )


_ADDRESS = "host({of}.ip_address) AS ip_address"
_EVENT_TYPE = "event_types.name AS event_type"
_HIDDEN = ""

# In the order in which a record shows them.
EVENT_COLUMNS = (
    _column("receipt", "event.receipt.hex"),
    _column("app_id", "event.app_id", "apps.name AS app", _HIDDEN),
    _column("token_id", "event.token_id", _HIDDEN, _HIDDEN),
    _column("environment", "event.environment", raw=_HIDDEN),
    _column("kind", "event.kind"),
    _column("endpoint"),
    _column("user_id"),
    _column("event_id"),
    _column("event_type_id", "number(event_type)", _EVENT_TYPE, _EVENT_TYPE),
    _column("unmapped", "flag(is_unmapped)", raw=_HIDDEN),
    _column("event_time", "moment(event.happened_at_ms)"),
    _column("received_at", "moment(event.received_at_ms)"),
    _column("idempotency_key"),
    _column("ip_address", record=_ADDRESS, raw=_ADDRESS),
    _column("user_agent"),
    _amount("sale_amount"),
    _column("sale_amount_currency"),
    _amount("aggregated_event_value"),
    _column("event_value"),
    _column("parameters", "document(event.parameters)"),
    _column("click_id"),
    _column("device_ids", "document(event.device_ids)"),
    _column("counted", copied=""),
    _column("would_refuse", raw=_HIDDEN),
    _plain("ad_network", str, Kind.AD_REVENUE),
    _plain("ad_unit", str, Kind.AD_REVENUE),
    _plain("ad_placement", str, Kind.AD_REVENUE),
    _plain("ad_impressions", int, Kind.AD_REVENUE),
    _column("country", "text(country)"),
    _column("sdk"),
)
COPIED_COLUMNS = tuple(column for column in EVENT_COLUMNS if column.copied)
PLAIN_COLUMNS = tuple(column for column in EVENT_COLUMNS if column.plain)


def record_select(table: str) -> str:
    """Returns the SELECT list of a record, for a query that joins `apps` and `event_types`."""
    return ", ".join(column.record for column in EVENT_COLUMNS if column.record).format(of=table)


def raw_select(table: str) -> str:
    """Returns the SELECT list of the raw export, for a query that joins `event_types`."""
    return ", ".join(column.raw for column in EVENT_COLUMNS if column.raw).format(of=table)


def imported_columns(kind: Kind) -> frozenset[str]:
    """Returns the names of the plain columns that an imported line of this type may have."""
    return frozenset(column.name for column in PLAIN_COLUMNS if kind in column.imported)


# The two bases are generated, so that a plain column is a field of what derives from them. A type
# checker sees no field of theirs: nothing may ask for a plain column by its name.
if TYPE_CHECKING:

    @dataclass(frozen=True, kw_only=True)
    class RecordColumns:
        """Base of the console's record: its fields in order, the plain ones with a default."""

    class ImportedColumns(msgspec.Struct, frozen=True, kw_only=True):
        """Base of an imported line: its plain columns, each of them optional."""

else:
    RecordColumns = make_dataclass(
        "RecordColumns",
        [
            (column.shown_as, Any, field(default=None)) if column.plain else (column.shown_as, Any)
            for column in EVENT_COLUMNS
            if column.record
        ],
        frozen=True,
        kw_only=True,
    )
    ImportedColumns = msgspec.defstruct(
        "ImportedColumns",
        [
            (column.name, (str if column.plain is str else Number) | None, None)
            for column in PLAIN_COLUMNS
            if column.imported
        ],
        frozen=True,
        kw_only=True,
    )
