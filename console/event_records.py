"""Reads events for people, queued or stored, with names in place of row ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from uuid import UUID

from shared.database import Connection, named_rows
from shared.day_files.rows import rows_of_receipts
from shared.event_columns import RecordColumns, record_select
from shared.events import Event

_LAST_MS = 253_402_300_799_000  # the last second of the year 9999


@dataclass(frozen=True, kw_only=True)
class EventRecord(RecordColumns):
    """An event or click with the names of its app and event type.

    Amounts are decimal text. `event_type` and `unmapped` are None until it is stored. A time that
    is outside the calendar is None too: an event in quarantine may contain anything.
    """

    receipt: UUID
    app: str | None
    environment: str
    kind: str
    endpoint: str
    user_id: str
    event_id: str
    event_type: str | None
    unmapped: bool | None
    event_time: datetime | None
    received_at: datetime | None
    idempotency_key: str | None
    ip_address: str | None
    user_agent: str | None
    sale_amount: str | None
    sale_amount_currency: str | None
    aggregated_event_value: str | None
    event_value: str | None
    parameters: dict[str, str]
    click_id: str | None = None
    device_ids: dict[str, str] = field(default_factory=dict)
    counted: bool | None = None
    would_refuse: str | None = None
    country: str | None = None
    sdk: str | None = None


_RECORD = f"""
    SELECT {record_select("events")}
    FROM events
    LEFT JOIN apps ON apps.id = events.app_id
    LEFT JOIN event_types ON event_types.id = events.event_type_id
    WHERE events.receipt = ANY(%(receipts)s)
"""

# A click has no user, no event id and no amount; its endpoint is not stored.
_CLICK_RECORD = """
    SELECT
        receipt, apps.name AS app, environment, kind, '' AS endpoint, '' AS user_id, '' AS event_id,
        NULL AS event_type, false AS unmapped, event_time, received_at, NULL AS idempotency_key,
        host(ip_address) AS ip_address, user_agent, NULL AS sale_amount,
        NULL AS sale_amount_currency, NULL AS aggregated_event_value, NULL AS event_value,
        parameters, click_id, device_ids
    FROM clicks
    LEFT JOIN apps ON apps.id = clicks.app_id
    WHERE receipt = ANY(%(receipts)s)
"""


# The fields that an event has under the same name before it is stored.
_SENT = tuple(
    column.name for column in fields(EventRecord) if column.name in Event.__struct_fields__
)


def find_record(connection: Connection, receipt: UUID) -> EventRecord | None:
    """Returns the stored event or click with this receipt ID."""
    records = find_records(connection, [receipt]) or _query(connection, _CLICK_RECORD, [receipt])
    return records[0] if records else None


def find_records(connection: Connection, receipts: Sequence[UUID]) -> list[EventRecord]:
    """Returns the stored events with these receipt IDs, in no particular order."""
    with rows_of_receipts(connection, receipts):
        return _query(connection, _RECORD, receipts)


def _query(connection: Connection, query: str, receipts: Sequence[UUID]) -> list[EventRecord]:
    rows = named_rows(connection, query, {"receipts": list(receipts)})
    return [EventRecord(**row) for row in rows]


def record_from_event(event: Event, app_names: Mapping[int, str]) -> EventRecord:
    """Returns the record of an event that has no row yet, with its amounts as they were sent."""
    return EventRecord(
        app=app_names.get(event.app_id),
        event_type=None,
        unmapped=None,
        event_time=time_from_ms(event.happened_at_ms),
        received_at=time_from_ms(event.received_at_ms),
        **{name: getattr(event, name) for name in _SENT},
    )


def present_values(event: EventRecord) -> Iterator[tuple[str, object]]:
    """Yields the values that the event has, each with its column's name."""
    for column in fields(event):
        value = getattr(event, column.name)
        if column.name != "unmapped" and value not in (None, "", {}):
            yield column.name, value


def time_from_ms(time_ms: int) -> datetime | None:
    """Returns the time, or None outside the years 1970 to 9999."""
    return datetime.fromtimestamp(time_ms / 1000, UTC) if 0 <= time_ms <= _LAST_MS else None
