"""Users, their signals and their identities: the narrow rows that decisions are made from."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.database import Connection
from shared.device_ids import identifying
from shared.events import Event
from workers.core.addresses import public_address
from workers.core.devices import Device
from workers.facts.user_rows import KnownUser, click_ids_of, user_key, users_of
from workers.sql.copy import Target, copy_missing, copy_new
from workers.sql.copy_lines import flag, line, moment, text, texts
from workers.sql.json_rows import write_rows
from workers.user_agents import device_of

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

_INSERT_SIGHTINGS = """
INSERT INTO sightings (app_id, environment, address, event_time, user_ref)
SELECT app_id, environment, address,
       'epoch'::timestamptz + time_ms * interval '1 millisecond', user_ref
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

Known = tuple[Event, KnownUser]


class Sighting(NamedTuple):
    app_id: int
    environment: str
    address: str
    time_ms: int
    user_ref: int


class IdentityRow(NamedTuple):
    app_id: int
    environment: str
    kind: str
    value: str
    user_ref: int


def insert_signals(connection: Connection, events: Sequence[Event]) -> None:
    """All in the order of their keys, so that two workers wait for one another instead of locking
    each other out.
    """
    users = users_of(connection, events)
    known = [(event, users[user_key(event)]) for event in events]
    copy_missing(connection, _SIGNALS, _SIGNALS_KEY, _signals(known))
    made = [pair for pair in known if pair[1].is_new]
    _copy_traces(connection, made)
    _insert_traces(connection, [pair for pair in known if not pair[1].is_new])


def _copy_traces(connection: Connection, made: Sequence[Known]) -> None:
    """Of users who were made just now nothing can be there."""
    seen = sorted({row for pair in made for row in _sightings(*pair)})
    copy_new(connection, _SIGHTINGS, [_sighting_line(row) for row in seen])
    named = sorted({row for pair in made for row in _identities(*pair)})
    copy_new(connection, _IDENTITIES, [_identity_line(row) for row in named])


def _insert_traces(connection: Connection, known: Sequence[Known]) -> None:
    seen = sorted({row for pair in known for row in _sightings(*pair)})
    write_rows(connection, _INSERT_SIGHTINGS, [row._asdict() for row in seen])
    named = sorted({row for pair in known for row in _identities(*pair)})
    write_rows(connection, _INSERT_IDENTITIES, [row._asdict() for row in named])


def _signals(known: Sequence[Known]) -> list[str]:
    ordered = sorted(
        known, key=lambda pair: (pair[1].id, pair[0].happened_at_ms, pair[0].receipt.int)
    )
    return [_signal_line(event, user) for event, user in ordered]


def _signal_line(event: Event, user: KnownUser) -> str:
    device = _device(event)
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
        texts(sorted(set(event.device_ids.values()))),
        texts(sorted(click_ids_of(event))),
    )


def _sightings(event: Event, user: KnownUser) -> Iterator[Sighting]:
    """Before a user's first signal is known, each may be it; the time of the first only falls."""
    address = public_address(event.ip_address)
    is_later = user.first_ms is not None and event.happened_at_ms > user.first_ms
    if address is not None and not is_later:
        yield Sighting(event.app_id, event.environment, address, event.happened_at_ms, user.id)


def _sighting_line(row: Sighting) -> str:
    app, environment, address, time_ms, user = row
    return line(str(app), environment, text(address), moment(time_ms), str(user))


def _identities(event: Event, user: KnownUser) -> Iterator[IdentityRow]:
    """What a user is known by has its row already, but their own id, which is no named click."""
    named = [("device", value) for value in identifying(event.device_ids.values())]
    named = [pair for pair in named if pair[1] not in user.device_ids]
    click_id = event.click_id
    if click_id is not None and (click_id == event.user_id or click_id not in user.click_ids):
        named.append(("click", click_id))
    for kind, value in named:
        yield IdentityRow(event.app_id, event.environment, kind, value, user.id)


def _identity_line(row: IdentityRow) -> str:
    app, environment, kind, value, user = row
    return line(str(app), environment, kind, text(value), str(user))


def _device(event: Event) -> Device:
    """What the user agent describes; where that tells nobody apart, what its sender did."""
    device = device_of(event.user_agent)
    if device.tells_people_apart or event.described_device is None:
        return device
    return device_of(event.described_device)
