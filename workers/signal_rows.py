"""Users, their signals and their identities: the narrow rows that decisions are made from."""

from collections.abc import Sequence

import msgspec

from shared.database import Connection
from shared.device_ids import identifying
from shared.events import Event
from workers.core.addresses import public_address
from workers.core.devices import Device
from workers.user_agents import device_of

# In one order everywhere, so that two workers that meet the same new users queue up.
_INSERT_USERS = """
INSERT INTO users (app_id, environment, user_id)
SELECT DISTINCT app_id, environment, user_id
FROM json_to_recordset(%s::json) AS sent (app_id bigint, environment text, user_id text COLLATE "C")
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""

_INSERT_SIGNALS = """
INSERT INTO signals (
    user_ref, event_time, receipt, kind, address,
    device_family, device_os, device_version, device_is_bot, device_ids, click_ids
)
SELECT
    users.id, 'epoch'::timestamptz + happened_at_ms * interval '1 millisecond', receipt, kind,
    address, device_family, device_os, device_version, device_is_bot,
    sent.device_ids, sent.click_ids
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, user_id text COLLATE "C", happened_at_ms bigint,
    receipt uuid, kind text,
    address text, device_family text, device_os text, device_version text, device_is_bot boolean,
    device_ids text[], click_ids text[] COLLATE "C"
)
JOIN users USING (app_id, environment, user_id)
ORDER BY users.id, 2, receipt
ON CONFLICT DO NOTHING
"""

# Before the user's first signal is known, each of theirs may be it; `first_time` only ever falls.
_INSERT_SIGHTINGS = """
INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
SELECT DISTINCT app_id, environment, address,
       'epoch'::timestamptz + happened_at_ms * interval '1 millisecond', users.id
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, user_id text COLLATE "C", happened_at_ms bigint, address text
)
JOIN users USING (app_id, environment, user_id)
WHERE address IS NOT NULL AND (
    first_time IS NULL
    OR 'epoch'::timestamptz + happened_at_ms * interval '1 millisecond' <= first_time
)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""

_INSERT_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT DISTINCT app_id, environment, named.kind, named.value, users.id
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, user_id text COLLATE "C",
    identifying text[] COLLATE "C", named_click text COLLATE "C"
)
JOIN users USING (app_id, environment, user_id)
CROSS JOIN LATERAL (
    SELECT 'device', unnest(identifying) UNION ALL SELECT 'click', named_click
) AS named (kind, value)
WHERE named.value IS NOT NULL
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""


def insert_signals(connection: Connection, events: Sequence[Event]) -> None:
    rows = [_row(event) for event in events]
    document = msgspec.json.encode(rows).decode()
    connection.execute(_INSERT_USERS, (document,))
    connection.execute(_INSERT_SIGNALS, (document,))
    connection.execute(_INSERT_SIGHTINGS, (document,))
    if any(row["identifying"] or row["named_click"] for row in rows):
        connection.execute(_INSERT_IDENTITIES, (document,))


def _row(event: Event) -> dict[str, object]:
    device = _device(event)
    device_ids = sorted(set(event.device_ids.values()))
    # A user id that is a click id binds its user to that click; whether it is one, only the
    # clicks know, and they may still be on their way.
    click_ids = sorted({event.user_id, event.click_id or event.user_id})
    return {
        "app_id": event.app_id,
        "environment": event.environment,
        "user_id": event.user_id,
        "happened_at_ms": event.happened_at_ms,
        "receipt": event.receipt,
        "kind": event.kind,
        "address": public_address(event.ip_address),
        "device_family": device.family,
        "device_os": device.os,
        "device_version": device.os_version,
        "device_is_bot": device.is_bot,
        "device_ids": device_ids,
        "click_ids": click_ids,
        "identifying": sorted(identifying(device_ids)),
        "named_click": event.click_id,
    }


def _device(event: Event) -> Device:
    """What the user agent describes; where that tells nobody apart, what its sender did."""
    device = device_of(event.user_agent)
    if device.tells_people_apart or event.described_device is None:
        return device
    return device_of(event.described_device)
