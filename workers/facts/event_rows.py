"""Events as rows of `events`."""

from collections.abc import Iterable, Mapping, Sequence

from shared.database import Connection, run
from shared.events import BUILT_IN, Event
from workers.facts.countries import CountryOf
from workers.sql.copy import Target, copy_missing
from workers.sql.copy_lines import document, flag, moment, number, text

# In the order of a line's fields.
COLUMNS = (
    "receipt", "app_id", "token_id", "environment", "kind", "endpoint", "user_id", "event_id",
    "event_type_id", "unmapped", "event_time", "received_at", "idempotency_key", "ip_address",
    "user_agent", "sale_amount", "sale_amount_currency", "aggregated_event_value", "event_value",
    "click_id", "device_ids", "parameters", "would_refuse", "ad_network", "ad_unit",
    "ad_placement", "ad_impressions", "country",
)  # fmt: skip
_EVENTS = Target("events", COLUMNS)

_EVENT_TYPES = """
SELECT app_id, mapping_id, id
FROM event_types JOIN unnest(%s::bigint[], %s::text[]) AS sent (app_id, mapping_id)
    USING (app_id, mapping_id)
"""

EventTypes = Mapping[tuple[int, str], int]


def insert_events(connection: Connection, events: Sequence[Event], country_of: CountryOf) -> None:
    """In the order of their receipts, so that two workers with the same batch queue up."""
    types = _event_types(connection, events)
    lines = [line(event, types, country_of(event)) for event in sorted(events, key=_receipt)]
    copy_missing(connection, _EVENTS, "receipt", lines)


def _event_types(connection: Connection, events: Iterable[Event]) -> EventTypes:
    named = sorted({(event.app_id, event.event_id) for event in events})
    apps, mapping_ids = [app for app, _ in named], [mapping_id for _, mapping_id in named]
    rows = run(connection, _EVENT_TYPES, (apps, mapping_ids))
    return {(app, mapping_id): event_type for app, mapping_id, event_type in rows}


def line(event: Event, types: EventTypes, country: str | None) -> str:
    """One line of COPY's text format."""
    event_type = types.get((event.app_id, event.event_id))
    is_unmapped = event_type is None and event.event_id not in BUILT_IN
    return (
        f"{event.receipt.hex}\t{event.app_id}\t{event.token_id}\t{event.environment}\t"
        f"{event.kind}\t{text(event.endpoint)}\t{text(event.user_id)}\t{text(event.event_id)}\t"
        f"{number(event_type)}\t{flag(is_unmapped)}\t{moment(event.happened_at_ms)}\t"
        f"{moment(event.received_at_ms)}\t{text(event.idempotency_key)}\t"
        f"{text(event.ip_address)}\t{text(event.user_agent)}\t{text(event.sale_amount)}\t"
        f"{text(event.sale_amount_currency)}\t{text(event.aggregated_event_value)}\t"
        f"{text(event.event_value)}\t{text(event.click_id)}\t{document(event.device_ids)}\t"
        f"{document(event.parameters)}\t{text(event.would_refuse)}\t{text(event.ad_network)}\t"
        f"{text(event.ad_unit)}\t{text(event.ad_placement)}\t{number(event.ad_impressions)}\t"
        f"{text(country)}\n"
    )


def _receipt(event: Event) -> int:
    return event.receipt.int
