"""Clicks and impressions as rows, read once for what they prove: whom they are credited to, what
device and address they saw, by which device ids they can be found."""

from collections.abc import Sequence

import msgspec

from shared.database import Connection
from shared.device_ids import identifying
from shared.events import Event
from workers.core.addresses import public_address
from workers.core.sources import origin_of
from workers.user_agents import device_of

# The first click under an id stays: another one under the same id is not the same click.
_INSERT_CLICKS = """
INSERT INTO clicks (
    click_id, app_id, environment, kind, receipt, event_time, received_at,
    link_id, origin_kind, origin, ip_address, address, user_agent,
    device_family, device_os, device_version, device_is_bot, device_ids, parameters
)
SELECT
    click_id, app_id, environment, kind, receipt,
    'epoch'::timestamptz + happened_at_ms * interval '1 millisecond',
    'epoch'::timestamptz + received_at_ms * interval '1 millisecond',
    link_id, origin_kind, origin, ip_address, address, user_agent,
    device_family, device_os, device_version, device_is_bot, device_ids, parameters
FROM json_to_recordset(%s::json) AS sent (
    click_id text COLLATE "C", app_id bigint, environment text, kind text, receipt uuid,
    happened_at_ms bigint, received_at_ms bigint, link_id bigint, origin_kind text, origin text,
    ip_address inet, address text, user_agent text, device_family text, device_os text,
    device_version text, device_is_bot boolean, device_ids jsonb, parameters jsonb
)
ORDER BY click_id, app_id, environment, receipt
ON CONFLICT DO NOTHING
"""

_INSERT_DEVICE_IDS = """
INSERT INTO click_device_ids (app_id, environment, device_id, event_time, click_id)
SELECT app_id, environment, device_id, event_time, click_id
FROM json_to_recordset(%s::json) AS sent (receipt uuid, identifying text[] COLLATE "C")
JOIN clicks USING (receipt)
CROSS JOIN unnest(sent.identifying) AS device_id
WHERE clicks.kind = 'click'
ORDER BY app_id, environment, device_id, event_time, click_id
ON CONFLICT DO NOTHING
"""


def insert_clicks(connection: Connection, clicks: Sequence[Event]) -> None:
    rows = [_row(click) for click in clicks]
    document = msgspec.json.encode(rows).decode()
    connection.execute(_INSERT_CLICKS, (document,))
    if any(row["identifying"] for row in rows):
        connection.execute(_INSERT_DEVICE_IDS, (document,))


def _row(click: Event) -> dict[str, object]:
    origin = origin_of(None if click.link_id is None else str(click.link_id), click.parameters)
    device = device_of(click.user_agent)
    return {
        "click_id": click.click_id,
        "app_id": click.app_id,
        "environment": click.environment,
        "kind": click.kind,
        "receipt": click.receipt,
        "happened_at_ms": click.happened_at_ms,
        "received_at_ms": click.received_at_ms,
        "link_id": click.link_id,
        "origin_kind": origin.kind if origin else None,
        "origin": origin.name if origin else None,
        "ip_address": click.ip_address,
        "address": public_address(click.ip_address),
        "user_agent": click.user_agent,
        "device_family": device.family,
        "device_os": device.os,
        "device_version": device.os_version,
        "device_is_bot": device.is_bot,
        "device_ids": click.device_ids,
        "identifying": sorted(identifying(click.device_ids.values())),
        "parameters": click.parameters,
    }
