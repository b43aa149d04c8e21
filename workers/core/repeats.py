"""Idempotency keys: one key in one app and environment is one event; a repeat points to the first.

Which receipt a key stands for is settled in PostgreSQL, by whoever writes the key first. What that
makes of each event of a batch is decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

import msgspec

from shared.events import Event

_CIRCUMSTANCES = frozenset({"receipt", "received_at_ms", "token_id"})
_NOT_SENT: tuple[object, ...] = (None, {})

Key = tuple[int, str, str]  # app, environment, idempotency key


@dataclass(frozen=True, slots=True)
class Owner:
    """The event that a key stands for."""

    receipt: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Repeat:
    """An event that is not recorded because its key stands for another."""

    event: Event
    first_receipt: UUID
    conflict: bool  # the same key, but something else was sent


def key_of(event: Event) -> Key | None:
    if event.idempotency_key is None:
        return None
    return event.app_id, event.environment, event.idempotency_key


def fingerprint(event: Event) -> bytes:
    """Of what was sent: the same for a repeat, whenever, wherever and with which token it came.

    By name and without what was not sent, so that a field more in a later version changes nothing.
    """
    sent = {
        name: value
        for name in event.__struct_fields__
        if name not in _CIRCUMSTANCES and (value := getattr(event, name)) not in _NOT_SENT
    }
    return blake2b(msgspec.json.encode(sent, order="sorted"), digest_size=16).digest()


def separate(
    events: Sequence[Event], owners: Mapping[Key, Owner]
) -> tuple[list[Event], list[Repeat]]:
    """Events to record, and repeats. An event that owns its key is recorded again harmlessly."""
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
