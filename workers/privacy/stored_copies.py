"""Removes a person's events from quarantine, and what Redis remembers of them."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import msgspec

from shared.database import Connection, run, transaction
from shared.device_ids import adid_of
from shared.events import Environment, encode_event, join_events
from shared.privacy.copies import is_about, mentions, read_events, refused_requests
from shared.privacy.identities import IdKind, PersonId, ids_of_event
from shared.redis import Redis
from shared.sdk.known_attributions import NO_APP, day_keys, decode, user_name
from shared.seen import device_name, latest_name, marker_keys, unique_marker

_ENTRIES_AT_ONCE = 500
_NEXT_ENTRIES = """
SELECT receipt, events, wire_version FROM quarantine
WHERE (app_id = %(app)s OR app_id IS NULL) AND receipt > %(after)s
ORDER BY receipt LIMIT %(count)s FOR UPDATE
"""
_DELETE_ENTRY = "DELETE FROM quarantine WHERE receipt = %s"
_REPLACE_ENTRY = "UPDATE quarantine SET events = %s, event_count = %s WHERE receipt = %s"
_EVENT_TYPES = "SELECT id, mapping_id FROM event_types WHERE app_id = %s"
_DELETE_ACCESS = "DELETE FROM access_requests WHERE app_id = %s AND ids && %s::text[]"
_BEFORE_ALL = UUID(int=0)


def clean_quarantine(connection: Connection, app_id: int, ids: frozenset[PersonId]) -> int:
    """Removes events with these ids from quarantine; returns how many entries had any."""
    touched, after = 0, _BEFORE_ALL
    while True:
        with transaction(connection):
            arguments = {"app": app_id, "after": after, "count": _ENTRIES_AT_ONCE}
            rows = run(connection, _NEXT_ENTRIES, arguments).fetchall()
            for receipt, raw, wire_version in rows:
                touched += _clean_entry(connection, receipt, bytes(raw), wire_version, app_id, ids)
                after = receipt
        if len(rows) < _ENTRIES_AT_ONCE:
            return touched


def _clean_entry(
    connection: Connection,
    receipt: UUID,
    raw: bytes,
    wire_version: int,
    app_id: int,
    ids: frozenset[PersonId],
) -> bool:
    if not is_about(raw, wire_version, app_id, ids):
        return False
    # Nobody can take one event out of what this version cannot read.
    events = read_events(raw, wire_version) or []
    kept = [e for e in events if e.app_id != app_id or ids.isdisjoint(ids_of_event(e))]
    if kept:
        batch = join_events([encode_event(event) for event in kept])
        run(connection, _REPLACE_ENTRY, (batch, len(kept), receipt))
    else:
        run(connection, _DELETE_ENTRY, (receipt,))
    return True


def delete_access_requests(connection: Connection, app_id: int, ids: Iterable[PersonId]) -> None:
    """Deletes requests for access that name any of these ids."""
    texts = [f"{each.kind}:{each.value}" for each in ids]
    run(connection, _DELETE_ACCESS, (app_id, texts))


def clean_rejections(redis: Redis, app_id: int, ids: Collection[PersonId]) -> int:
    """Deletes refused requests that name any of these ids; returns their number."""
    found = refused_requests(redis, app_id, ids)
    if found:
        redis.xdel(redis.names.rejections, *found)
    return len(found)


def clean_attributions(redis: Redis, app_id: int, ids: Collection[PersonId], now_ms: int) -> int:
    """Deletes what is kept of these ids for the questions of SDKs; returns the number of entries.

    The entry of an install at an address has the click, and a name that nobody can compute from it:
    all are looked through, for one whose values are any of the ids.
    """
    names = [
        user_name(app_id, environment, adid_of(app_id, identity.value))
        for identity in ids
        if identity.kind is IdKind.USER
        for environment in Environment
    ]
    deleted = 0
    for day in day_keys(redis.names, now_ms):
        found = [
            name
            for name, entry in redis.hscan_iter(day, count=1_000)
            if _is_about(entry, app_id, ids)
        ]
        if names or found:
            deleted += int(redis.hdel(day, *names, *found))
    return deleted


def _is_about(entry: bytes, app_id: int, ids: Collection[PersonId]) -> bool:
    """Tells whether an entry of the app has one of these ids as one of its values."""
    try:
        known = decode(entry)
    except msgspec.MsgspecError:
        return mentions(entry, ids)  # of a later version: nobody can tell its values apart
    values = {identity.value.lower() for identity in ids if identity.kind is not IdKind.EVENT}
    return known.app_id in {app_id, NO_APP} and not values.isdisjoint(known.words())


def delete_seen_markers(
    connection: Connection,
    redis: Redis,
    app_id: int,
    users: Sequence[tuple[str, str]],
    now_ms: int,
) -> None:
    """Deletes the markers of these users, each an environment and a user id."""
    types = run(connection, _EVENT_TYPES, (app_id,)).fetchall()
    with redis.pipeline(transaction=False) as pipeline:
        for name, user_id in users:
            environment = Environment(name)
            markers = [device_name(app_id, environment, adid_of(app_id, user_id))]
            for event_type_id, mapping_id in types:
                markers.append(unique_marker(app_id, environment, event_type_id, user_id).name)
                markers.append(latest_name(app_id, environment, user_id, mapping_id))
            for marker in markers:
                for key in marker_keys(redis.names, [marker], now_ms):
                    pipeline.hdel(key, marker)
        pipeline.execute()
