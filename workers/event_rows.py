"""Events as rows of `events`: copied, which costs PostgreSQL a third of what an insert does.

COPY knows no ON CONFLICT, and a batch that is delivered again meets its own rows. Then the same
lines go to a table of the transaction, and from there what is not stored yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from shared.database import Connection, DatabaseError, copy_in, is_duplicate, transaction
from shared.events import BUILT_IN, Event
from workers.countries import CountryOf

# In the order of a line's fields.
COLUMNS = (
    "receipt", "app_id", "token_id", "environment", "kind", "endpoint", "user_id", "event_id",
    "event_type_id", "unmapped", "event_time", "received_at", "idempotency_key", "ip_address",
    "user_agent", "sale_amount", "sale_amount_currency", "aggregated_event_value", "event_value",
    "click_id", "device_ids", "parameters", "would_refuse", "ad_network", "ad_unit",
    "ad_placement", "ad_impressions", "country",
)  # fmt: skip
_INTO = f"({', '.join(COLUMNS)}) FROM STDIN"
_COPY = f"COPY events {_INTO}"
_MAKE_ASIDE = "CREATE TEMPORARY TABLE events_again (LIKE events INCLUDING DEFAULTS) ON COMMIT DROP"
_COPY_ASIDE = f"COPY events_again {_INTO}"
_INSERT = """
INSERT INTO events SELECT * FROM events_again ORDER BY receipt ON CONFLICT (receipt) DO NOTHING
"""
_DROP_ASIDE = "DROP TABLE events_again"

_EVENT_TYPES = """
SELECT app_id, mapping_id, id
FROM event_types JOIN unnest(%s::bigint[], %s::text[]) AS sent (app_id, mapping_id)
    USING (app_id, mapping_id)
"""

EventTypes = Mapping[tuple[int, str], int]

_NULL = r"\N"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def insert_events(connection: Connection, events: Sequence[Event], country_of: CountryOf) -> None:
    """In the order of their receipts, so that two workers with the same batch queue up."""
    types = _event_types(connection, events)
    lines = "".join(
        line(event, types, country_of(event)) for event in sorted(events, key=_receipt)
    ).encode()
    try:
        with transaction(connection):
            copy_in(connection, _COPY, lines)
    except DatabaseError as fault:
        if not is_duplicate(fault):
            raise
        _insert_missing(connection, lines)


def _insert_missing(connection: Connection, lines: bytes) -> None:
    connection.execute(_MAKE_ASIDE)
    copy_in(connection, _COPY_ASIDE, lines)
    connection.execute(_INSERT)
    connection.execute(_DROP_ASIDE)


def _event_types(connection: Connection, events: Iterable[Event]) -> EventTypes:
    named = sorted({(event.app_id, event.event_id) for event in events})
    apps, mapping_ids = [app for app, _ in named], [mapping_id for _, mapping_id in named]
    rows = connection.execute(_EVENT_TYPES, (apps, mapping_ids))
    return {(app, mapping_id): number for app, mapping_id, number in rows}


def line(event: Event, types: EventTypes, country: str | None) -> str:
    """One line of COPY's text format: fields between tabs, `\\N` for none."""
    event_type = types.get((event.app_id, event.event_id))
    is_unmapped = event_type is None and event.event_id not in BUILT_IN
    return (
        f"{event.receipt}\t{event.app_id}\t{event.token_id}\t{event.environment}\t"
        f"{event.kind}\t{_text(event.endpoint)}\t{_text(event.user_id)}\t"
        f"{_text(event.event_id)}\t{_NULL if event_type is None else event_type}\t"
        f"{'t' if is_unmapped else 'f'}\t{_moment(event.happened_at_ms)}\t"
        f"{_moment(event.received_at_ms)}\t{_text(event.idempotency_key)}\t"
        f"{_text(event.ip_address)}\t{_text(event.user_agent)}\t{_text(event.sale_amount)}\t"
        f"{_text(event.sale_amount_currency)}\t{_text(event.aggregated_event_value)}\t"
        f"{_text(event.event_value)}\t{_text(event.click_id)}\t{_document(event.device_ids)}\t"
        f"{_document(event.parameters)}\t{_text(event.would_refuse)}\t{_text(event.ad_network)}\t"
        f"{_text(event.ad_unit)}\t{_text(event.ad_placement)}\t"
        f"{_NULL if event.ad_impressions is None else event.ad_impressions}\t"
        f"{country or _NULL}\n"
    )


def _receipt(event: Event) -> int:
    return event.receipt.int


def _text(value: str | None) -> str:
    return _NULL if value is None else value.translate(_ESCAPED)


def _document(values: Mapping[str, str]) -> str:
    return msgspec.json.encode(values).decode().replace("\\", r"\\")


def _moment(time_ms: int) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}+00"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    """Made once: the events of a batch share few of them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
