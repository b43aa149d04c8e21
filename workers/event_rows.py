"""Events as rows of `events`: one document for all rows, one statement."""

from collections.abc import Sequence

import msgspec

from shared.database import Connection
from shared.events import BUILT_IN, Event

_INSERT = """
INSERT INTO events (
    receipt, app_id, token_id, environment, kind, endpoint, user_id, event_id,
    event_type_id, unmapped, event_time, received_at, idempotency_key, ip_address, user_agent,
    sale_amount, sale_amount_currency, aggregated_event_value, event_value,
    click_id, device_ids, parameters,
    would_refuse, ad_network, ad_unit, ad_placement, ad_impressions
)
SELECT
    sent.receipt, sent.app_id, sent.token_id, sent.environment, sent.kind, sent.endpoint,
    sent.user_id, sent.event_id,
    event_types.id, event_types.id IS NULL AND NOT sent.event_id = ANY(%s),
    'epoch'::timestamptz + sent.happened_at_ms * interval '1 millisecond',
    'epoch'::timestamptz + sent.received_at_ms * interval '1 millisecond',
    sent.idempotency_key, sent.ip_address, sent.user_agent,
    sent.sale_amount, sent.sale_amount_currency, sent.aggregated_event_value, sent.event_value,
    sent.click_id, sent.device_ids, sent.parameters,
    sent.would_refuse, sent.ad_network, sent.ad_unit, sent.ad_placement, sent.ad_impressions
FROM json_to_recordset(%s::json) AS sent (
    receipt uuid, app_id bigint, token_id bigint, environment text, kind text, endpoint text,
    user_id text, event_id text, happened_at_ms bigint, received_at_ms bigint,
    idempotency_key text, ip_address inet, user_agent text, sale_amount numeric,
    sale_amount_currency text, aggregated_event_value numeric, event_value text,
    click_id text, device_ids jsonb, parameters jsonb,
    would_refuse text, ad_network text, ad_unit text, ad_placement text, ad_impressions integer
)
LEFT JOIN event_types
    ON event_types.app_id = sent.app_id AND event_types.mapping_id = sent.event_id
ORDER BY sent.receipt
ON CONFLICT (receipt) DO NOTHING
"""


def insert_events(connection: Connection, events: Sequence[Event]) -> None:
    document = msgspec.json.encode([_row(event) for event in events]).decode()
    connection.execute(_INSERT, (list(BUILT_IN), document))


def _row(event: Event) -> dict[str, object]:
    return {
        "receipt": event.receipt,
        "app_id": event.app_id,
        "token_id": event.token_id,
        "environment": event.environment,
        "kind": event.kind,
        "endpoint": event.endpoint,
        "user_id": event.user_id,
        "event_id": event.event_id,
        "happened_at_ms": event.happened_at_ms,
        "received_at_ms": event.received_at_ms,
        "idempotency_key": event.idempotency_key,
        "ip_address": event.ip_address,
        "user_agent": event.user_agent,
        "sale_amount": event.sale_amount,
        "sale_amount_currency": event.sale_amount_currency,
        "aggregated_event_value": event.aggregated_event_value,
        "event_value": event.event_value,
        "click_id": event.click_id,
        "device_ids": event.device_ids,
        "parameters": event.parameters,
        "would_refuse": event.would_refuse,
        "ad_network": event.ad_network,
        "ad_unit": event.ad_unit,
        "ad_placement": event.ad_placement,
        "ad_impressions": event.ad_impressions,
    }
