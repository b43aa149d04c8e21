"""Stores users' signals, sightings and identities: the narrow rows that decisions read."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.database import Connection
from shared.device_ids import identifying_of, usable
from shared.events import Event
from workers.core.addresses import public_address
from workers.facts.user_rows import KnownUser, click_ids_of, user_key, users_of
from workers.sql.copy import Target, copy_missing, copy_new, flag, line, moment, text, texts
from workers.sql.expressions import from_ms
from workers.sql.json_rows import write_rows
from workers.user_agents import device_of_event

_SIGNALS = Target(
    "signals",
    (
        "user_ref", "event_time", "receipt", "kind", "address", "device_family", "device_os",
        "device_version", "device_is_bot", "device_ids", "click_ids",
    ),
)  # fmt: skip
_SIGNALS_KEY = "user_ref, event_time, receipt"
_SIGHTINGS = Target("sightings", ("app_id", "environment", "address", "event_time", "user_ref"))
_IDENTITIES = Target("identities", ("app_id", "environment", "kind", "value", "user_ref"))

_INSERT_SIGHTINGS = f"""
INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
SELECT app_id, environment, address, {from_ms("time_ms")}, user_ref
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, address text, time_ms bigint, user_ref bigint
)
ON CONFLICT DO NOTHING
"""

_INSERT_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT app_id, environment, kind, value, user_ref
FROM json_to_recordset(%s::json) AS sent (
    app_id bigint, environment text, kind text, value text COLLATE "C", user_ref bigint
)
ON CONFLICT DO NOTHING
"""

Pairs = Sequence[tuple[Event, KnownUser]]


class SightingRow(NamedTuple):
    """A row of `sightings`: a user at an address."""

    app_id: int
    environment: str
    address: str
    time_ms: int
    user_ref: int


class IdentityRow(NamedTuple):
    """A row of `identities`: a device id or click id of a user."""

    app_id: int
    environment: str
    kind: str
    value: str
    user_ref: int


def insert_signals(connection: Connection, events: Sequence[Event]) -> None:
    """Inserts the signals of events, and what new addresses and ids they report of their users.

    All rows are written in the order of their keys, so that two workers wait for one another
    instead of deadlocking.
    """
    users = users_of(connection, events)
    pairs = sorted(
        ((event, users[user_key(event)]) for event in events),
        key=lambda pair: (pair[1].id, pair[0].happened_at_ms, pair[0].receipt.int),
    )
    lines = [_signal_line(event, user) for event, user in pairs]
    copy_missing(connection, _SIGNALS, _SIGNALS_KEY, lines)
    # A user inserted by this transaction has no other rows yet.
    new = [pair for pair in pairs if pair[1].is_new]
    known = [pair for pair in pairs if not pair[1].is_new]
    sightings = [
        line(str(app), environment, text(address), moment(time_ms), str(user))
        for app, environment, address, time_ms, user in _sightings(new)
    ]
    copy_new(connection, _SIGHTINGS, sightings)
    write_rows(connection, _INSERT_SIGHTINGS, [row._asdict() for row in _sightings(known)])
    identities = [
        line(str(app), environment, kind, text(value), str(user))
        for app, environment, kind, value, user in _identities(new)
    ]
    copy_new(connection, _IDENTITIES, identities)
    write_rows(connection, _INSERT_IDENTITIES, [row._asdict() for row in _identities(known)])


def _signal_line(event: Event, user: KnownUser) -> str:
    device = device_of_event(event)
    return line(
        str(user.id),
        moment(event.happened_at_ms),
        event.receipt.hex,
        event.kind,
        text(public_address(event.ip_address)),
        text(device.family),
        text(device.os),
        text(device.os_version),
        flag(device.is_bot),
        texts(sorted(set(usable(event.device_ids)))),
        texts(sorted(click_ids_of(event))),
    )


def _sightings(pairs: Pairs) -> list[SightingRow]:
    """Returns the addresses at which a user's first signal may have been, in order.

    Until the first signal is known, each signal may be it; the time of the first only decreases.
    """
    rows = set()
    for event, user in pairs:
        address = public_address(event.ip_address)
        is_later = user.first_ms is not None and event.happened_at_ms > user.first_ms
        if address is not None and not is_later:
            time_ms = event.happened_at_ms
            rows.add(SightingRow(event.app_id, event.environment, address, time_ms, user.id))
    return sorted(rows)


def _identities(pairs: Pairs) -> list[IdentityRow]:
    """Returns the device ids and click ids that may be new to their users, in order.

    An id that a user is known by has its row already. The user's own id needs none: who is called
    like a click is found by that.
    """
    rows = set()
    for event, user in pairs:
        app, environment = event.app_id, event.environment
        for device_id in identifying_of(event.device_ids):
            if device_id not in user.device_ids:
                rows.add(IdentityRow(app, environment, "device", device_id, user.id))
        click_id = event.click_id
        if click_id and click_id != event.user_id and click_id not in user.click_ids:
            rows.add(IdentityRow(app, environment, "click", click_id, user.id))
    return sorted(rows)
