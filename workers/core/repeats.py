"""Separates repeats from new events by their idempotency keys.

A key in an app and environment stands for one event; a repeat points to the first. PostgreSQL
determines which receipt owns a key: the first writer reserves it. This module decides from that
which events of a batch are recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

import msgspec

from shared.events import Event

_CIRCUMSTANCES = frozenset({"receipt", "received_at_ms", "token_id"})
# An SDK sends again from wherever the device is by then; only its request tells when.
_CIRCUMSTANCES_OF_SDK = _CIRCUMSTANCES | {"event_time_ms", "ip_address", "user_agent"}
_NOT_SENT: tuple[object, ...] = (None, {})

Key = tuple[int, str, str]  # app, environment, idempotency key


@dataclass(frozen=True, slots=True)
class Owner:
    """The event that a key belongs to."""

    receipt: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Repeat:
    """An event that is not recorded because its key belongs to another."""

    event: Event
    first_receipt: UUID
    conflict: bool  # the same key, but something else was sent


def key_of(event: Event) -> Key | None:
    """Returns the idempotency key of an event with its app and environment, if it has one."""
    if event.idempotency_key is None:
        return None
    return event.app_id, event.environment, event.idempotency_key


def fingerprint(event: Event) -> bytes:
    """Hashes the content of an event: the same for a repeat at any time, place and with any token.

    Fields are hashed by name and only if they were sent, so that a field that a later version adds
    changes nothing.
    """
    ignored = _CIRCUMSTANCES if event.sdk is None else _CIRCUMSTANCES_OF_SDK
    sent = {
        name: value
        for name in event.__struct_fields__
        if name not in ignored and (value := getattr(event, name)) not in _NOT_SENT
    }
    return blake2b(msgspec.json.encode(sent, order="sorted"), digest_size=16).digest()


def separate(
    events: Sequence[Event], owners: Mapping[Key, Owner]
) -> tuple[list[Event], list[Repeat]]:
    """Splits events into those to record and repeats.

    An event that owns its key is recorded again, which is harmless.
    """
    fresh: list[Event] = []
    repeats: list[Repeat] = []
    for event in events:
        key = key_of(event)
        owner = None if key is None else owners[key]
        if owner is None or owner.receipt == event.receipt:
            fresh.append(event)
        else:
            repeats.append(Repeat(event, owner.receipt, owner.fingerprint != fingerprint(event)))
    return fresh, repeats
