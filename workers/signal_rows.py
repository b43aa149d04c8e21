"""Users, their signals and their identities: the narrow rows that decisions are made from."""

from collections.abc import Iterator, Sequence

from shared.database import Connection
from shared.device_ids import identifying
from shared.events import Event
from workers.core.addresses import public_address
from workers.core.devices import Device
from workers.questions import send
from workers.user_agents import device_of
from workers.user_rows import KnownUser, click_ids_of, user_key, users_of

_INSERT_SIGNALS = """
INSERT INTO signals (
    user_ref, event_time, receipt, kind, address,
    device_family, device_os, device_version, device_is_bot, device_ids, click_ids
)
SELECT
    user_ref, 'epoch'::timestamptz + happened_at_ms * interval '1 millisecond', receipt, kind,
    address, device_family, device_os, device_version, device_is_bot, device_ids, click_ids
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, happened_at_ms bigint, receipt uuid, kind text,
    address text, device_family text, device_os text, device_version text, device_is_bot boolean,
    device_ids text[], click_ids text[] COLLATE "C"
)
ORDER BY user_ref, 2, receipt
ON CONFLICT DO NOTHING
"""

_INSERT_SIGHTINGS = """
INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
SELECT app_id, environment, address,
       'epoch'::timestamptz + happened_at_ms * interval '1 millisecond', user_ref
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, address text, happened_at_ms bigint, user_ref bigint
)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""

_INSERT_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT app_id, environment, kind, value, user_ref
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, kind text, value text COLLATE "C", user_ref bigint
)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""

Row = dict[str, object]


def insert_signals(connection: Connection, events: Sequence[Event]) -> None:
    users = users_of(connection, events)
    known = [(event, users[user_key(event)]) for event in events]
    send(connection, _INSERT_SIGNALS, [_signal(event, user) for event, user in known])
    send(connection, _INSERT_SIGHTINGS, [row for pair in known for row in _sightings(*pair)])
    send(connection, _INSERT_IDENTITIES, [row for pair in known for row in _identities(*pair)])


def _signal(event: Event, user: KnownUser) -> Row:
    device = _device(event)
    return {
        "user_ref": user.id,
        "happened_at_ms": event.happened_at_ms,
        "receipt": event.receipt,
        "kind": event.kind,
        "address": public_address(event.ip_address),
        "device_family": device.family,
        "device_os": device.os,
        "device_version": device.os_version,
        "device_is_bot": device.is_bot,
        "device_ids": sorted(set(event.device_ids.values())),
        "click_ids": sorted(click_ids_of(event)),
    }


def _sightings(event: Event, user: KnownUser) -> Iterator[Row]:
    """Before a user's first signal is known, each may be it; the time of the first only falls."""
    address = public_address(event.ip_address)
    is_later = user.first_ms is not None and event.happened_at_ms > user.first_ms
    if address is not None and not is_later:
        yield {
            "app_id": event.app_id,
            "environment": event.environment,
            "address": address,
            "happened_at_ms": event.happened_at_ms,
            "user_ref": user.id,
        }


def _identities(event: Event, user: KnownUser) -> Iterator[Row]:
    """What a user is known by has its row already, but their own id, which is no named click."""
    named = [("device", value) for value in identifying(event.device_ids.values())]
    named = [pair for pair in named if pair[1] not in user.device_ids]
    click_id = event.click_id
    if click_id is not None and (click_id == event.user_id or click_id not in user.click_ids):
        named.append(("click", click_id))
    for kind, value in named:
        yield {
            "app_id": event.app_id,
            "environment": event.environment,
            "kind": kind,
            "value": value,
            "user_ref": user.id,
        }


def _device(event: Event) -> Device:
    """What the user agent describes; where that tells nobody apart, what its sender did."""
    device = device_of(event.user_agent)
    if device.tells_people_apart or event.described_device is None:
        return device
    return device_of(event.described_device)
