"""An event as people read it: names instead of row numbers, whether it waits or is stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from uuid import UUID

from shared.database import Connection, run
from shared.event_columns import RecordColumns, plain_values, record_select
from shared.events import Event

_LAST_MS = 253_402_300_799_000  # the last second of the year 9999


@dataclass(frozen=True, kw_only=True)
class EventRecord(RecordColumns):
    """Amounts are decimal text. `event_type` and `unmapped` are None until it is stored.

    So are times that no calendar has: an event in quarantine may hold anything.
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


_RECORD = f"""
    SELECT {record_select("events")}
    FROM events
    LEFT JOIN apps ON apps.id = events.app_id
    LEFT JOIN event_types ON event_types.id = events.event_type_id
    WHERE events.receipt = ANY(%s)
"""


# A click has no user, no event id and no amount; its endpoint is not kept.
_CLICK_RECORD = """
    SELECT
        receipt, apps.name AS app, environment, kind, '' AS endpoint, '' AS user_id, '' AS event_id,
        NULL AS event_type, false AS unmapped, event_time, received_at, NULL AS idempotency_key,
        host(ip_address) AS ip_address, user_agent, NULL AS sale_amount,
        NULL AS sale_amount_currency, NULL AS aggregated_event_value, NULL AS event_value,
        parameters, click_id, device_ids
    FROM clicks
    LEFT JOIN apps ON apps.id = clicks.app_id
    WHERE receipt = ANY(%s)
"""


def find_record(connection: Connection, receipt: UUID) -> EventRecord | None:
    """The stored event or click with this receipt."""
    records = find_records(connection, [receipt]) or _found(connection, _CLICK_RECORD, [receipt])
    return records[0] if records else None


def find_records(connection: Connection, receipts: Sequence[UUID]) -> list[EventRecord]:
    """The stored events with these receipts, in no order."""
    return _found(connection, _RECORD, receipts)


def _found(connection: Connection, query: str, receipts: Sequence[UUID]) -> list[EventRecord]:
    cursor = run(connection, query, (list(receipts),))
    columns = [column.name for column in cursor.description or ()]
    return [EventRecord(**dict(zip(columns, row, strict=True))) for row in cursor]


def unstored_record(event: Event, app_names: Mapping[int, str]) -> EventRecord:
    """An event that has no row yet, its amounts as they were sent."""
    return EventRecord(
        receipt=event.receipt,
        app=app_names.get(event.app_id),
        environment=event.environment,
        kind=event.kind,
        endpoint=event.endpoint,
        user_id=event.user_id,
        event_id=event.event_id,
        event_type=None,
        unmapped=None,
        event_time=moment(event.happened_at_ms),
        received_at=moment(event.received_at_ms),
        idempotency_key=event.idempotency_key,
        ip_address=event.ip_address,
        user_agent=event.user_agent,
        sale_amount=event.sale_amount,
        sale_amount_currency=event.sale_amount_currency,
        aggregated_event_value=event.aggregated_event_value,
        event_value=event.event_value,
        parameters=event.parameters,
        click_id=event.click_id,
        device_ids=event.device_ids,
        would_refuse=event.would_refuse,
        **plain_values(event),
    )


def values_of(event: EventRecord) -> Iterator[tuple[str, object]]:
    """Every value that the event has, by its column's name."""
    for column in fields(event):
        value = getattr(event, column.name)
        if column.name != "unmapped" and value not in (None, "", {}):
            yield column.name, value


def moment(time_ms: int) -> datetime | None:
    """None outside the years that a calendar has."""
    return datetime.fromtimestamp(time_ms / 1000, UTC) if 0 <= time_ms <= _LAST_MS else None
