"""Reads the fields of a request in one pass over its values, by a table.

A table holds every name that the endpoint reads in its own way, and what makes its value plain. The
readers are those of `shared.fields`, so that a value means the same here as there. What nearly
every value is, they recognize by one pattern or have in memory; any other takes the longer way.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import methodcaller
from socket import AF_INET, inet_pton
from typing import Any

import msgspec

from shared import fields
from shared.device_ids import (
    DEVICE_IDS,
    JUNK_CHARACTERS,
    PRIMARY_ORDER,
    is_junk_of,
    is_unfilled,
    junk_uuids,
)
from shared.fields import ID_CHARACTERS_MAX
from shared.placeholders import is_placeholder

PlainReader = Callable[[str, str], str | None]

_REMEMBERED = 4_096  # values that many requests share: browsers, types of events

# A UUID that is neither zeros nor one digit alone, which nearly every ID of a user or device is.
_UUID = re.compile(
    r"(?!(.)\1\1)[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
).fullmatch
# An ID of letters, digits and what joins them, with a digit that is not one of leading zeros. `0x0`
# is the one placeholder of that form.
_NUMBERED = re.compile(
    r"(?!0[Xx]0\Z)0*(?:[1-9]|[A-Za-z][A-Za-z._-]*[0-9])[A-Za-z0-9._-]*", re.ASCII
).fullmatch
# Device IDs that may be UUIDs: the others are hashes or addresses of cards.
_UUID_KINDS = frozenset(
    kind for kind in PRIMARY_ORDER if kind != "mac" and not kind.endswith(("md5", "sha1"))
)
# As it is stored: what `shared.fields` reads of it is the same.
_AMOUNT = re.compile(r"(?:0|[1-9]\d{0,9})(?:\.\d{1,6})?", re.ASCII).fullmatch
_RANKS = {kind: rank for rank, kind in enumerate(PRIMARY_ORDER)}
_UNIX_SECONDS_DIGITS = 10
_DEVICE_ID = ""
_values_of = methodcaller("values")


# What a request says: by field of the event, its device IDs by kind, and all else as it was sent.
PlainFields = tuple[dict[str, Any], dict[str, str], dict[str, str]]


class PlainTable:
    """The names that an endpoint reads: fields, device IDs, and those that are unusual.

    `readers` are the readers of its fields by name; a reader returns None for a value that is not
    plain. `columns` are the fields of the event that are called otherwise. `kept` stay as they were
    sent once they were read. `left_out` are names of which nothing is kept, such as those of
    tokens; a request with any of `unusual` is not plain.
    """

    def __init__(
        self,
        readers: Mapping[str, PlainReader],
        left_out: Iterable[str],
        unusual: Iterable[str],
        kept: Mapping[str, PlainReader] | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        column_of = columns or {}
        # By name the reader, and the field; no field is a device ID's, and none at all one to keep.
        self._entries: dict[str, tuple[PlainReader | None, str | None]] = {
            **dict.fromkeys(left_out, (None, None)),
            **dict.fromkeys(unusual, (plain_never, None)),
            **dict.fromkeys(DEVICE_IDS, (plain_device_id, _DEVICE_ID)),
            **{name: (reader, column_of.get(name, name)) for name, reader in readers.items()},
            **{name: (reader, None) for name, reader in (kept or {}).items()},
        }

    @property
    def names(self) -> frozenset[str]:
        """Returns every name that is not simply kept with the event."""
        return frozenset(self._entries)

    def read(self, values: Mapping[str, str]) -> PlainFields | None:
        """Reads the values of a request; None if any of them is not plain.

        Raises MalformedField.
        """
        entry_of = self._entries.get
        taken: dict[str, Any] = {}
        device_ids: dict[str, str] = {}
        rest: dict[str, str] = {}
        for name, value in values.items():
            entry = entry_of(name)
            if entry is None:
                rest[name] = value
                continue
            reader, column = entry
            if reader is None:
                continue
            text = reader(name, value) if value else None
            if not text:
                return None
            if column:
                taken[column] = text
            elif column is None:
                rest[name] = value
            else:
                device_ids[name] = text
        if len(device_ids) > 1:
            device_ids = dict(sorted(device_ids.items()))
        return taken, device_ids, rest


def plain_never(_name: str, _value: str) -> None:
    """Reads nothing: the request is unusual."""


def plain_id(name: str, value: str) -> str | None:
    """Reads an ID that is no placeholder."""
    if _UUID(value) or _is_numbered(value):
        return value
    return None if is_unfilled(value) else fields.identifier(name, value)


def plain_user_id(name: str, value: str) -> str | None:
    """Reads the ID of a user that is no placeholder."""
    if _UUID(value):
        return value.lower()
    if _is_numbered(value):
        return value
    return None if is_unfilled(value) else fields.user_id(name, value)


def _is_numbered(value: str) -> bool:
    """Tells whether an ID has a digit and no sign of a placeholder, as nearly all that are made.

    No placeholder has a digit but macros, zeros, and what a script made of nothing. Junk that many
    devices share has the length of a device ID.
    """
    if len(value) in JUNK_CHARACTERS or len(value) > ID_CHARACTERS_MAX or not _NUMBERED(value):
        return False
    bare = value.lower()
    return "nan" not in bare and "null" not in bare and "undefined" not in bare


def plain_ids(name: str, values: Sequence[str]) -> list[str | None]:
    """Reads IDs as `plain_id` does; where all are numbered, without a call for each."""
    if not values or not _NUMBERED(values[0]) or not _are_numbered(values):
        return [plain_id(name, value) for value in values]
    return [*values]


def plain_user_ids(name: str, values: Sequence[str]) -> list[str | None]:
    """Reads IDs of users as `plain_user_id` does; UUIDs without a call for each."""
    if all(map(_UUID, values)):
        return [*"\n".join(values).lower().split("\n")] if values else []
    return [plain_user_id(name, value) for value in values]


def are_plain_devices(devices: Sequence[Mapping[str, str]]) -> list[bool]:
    """Tells of each event whether its device IDs identify devices, and are stored as sent."""
    values = list(chain.from_iterable(map(_values_of, devices)))
    are_uuids = _UUID_KINDS.issuperset(chain.from_iterable(devices)) and all(map(_UUID, values))
    if are_uuids and junk_uuids().isdisjoint("\n".join(values).lower().split("\n")):
        return [True] * len(devices)
    return [
        all(
            kind in DEVICE_IDS and text and plain_device_id(kind, text) == text
            for kind, text in device_ids.items()
        )
        for device_ids in devices
    ]


def _are_numbered(values: Sequence[str]) -> bool:
    """Tells what `_is_numbered` does of all values at once."""
    if not JUNK_CHARACTERS.isdisjoint(map(len, values)):
        return False
    if max(map(len, values)) > ID_CHARACTERS_MAX or not all(map(_NUMBERED, values)):
        return False
    bare = "\n".join(values).lower()
    return "nan" not in bare and "null" not in bare and "undefined" not in bare


def plain_amount(name: str, value: str) -> str | None:
    """Reads an amount that needs no rounding."""
    if _AMOUNT(value):
        return value
    if len(value) > fields.EXACT_DIGITS_MAX or fields.has_more_places(value):
        return None
    return fields.amount(name, value)


def plain_device_id(name: str, value: str) -> str | None:
    """Reads a device ID that identifies a device."""
    if name in _UUID_KINDS and _UUID(value) and value.lower() not in junk_uuids():
        return value
    return None if is_junk_of(name, value) else fields.identifier(name, value)


def plain_address(name: str, value: str) -> str | None:
    """Reads an IP address, most of which are of IPv4 and nothing besides."""
    try:
        inet_pton(AF_INET, value)
    except (OSError, ValueError):
        return fields.address(name, value)
    return value


def plain_unix_time(_name: str, value: str) -> str | None:
    """Reads a Unix time as it is sent."""
    return value if value.isascii() and value.isdigit() else None


def plain_object(_name: str, value: str) -> str | None:
    """Reads a JSON object, which is kept as it was sent."""
    try:
        msgspec.json.decode(value, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value


# Placeholders and malformed values raise or return None, and are not remembered for long.
@lru_cache(maxsize=_REMEMBERED)
def plain_user_agent(name: str, value: str) -> str | None:
    """Reads a user agent that is no placeholder."""
    return None if is_placeholder(value) else fields.user_agent(name, value)


@lru_cache(maxsize=_REMEMBERED)
def plain_event_id(name: str, value: str) -> str | None:
    """Reads the ID of an event type, of which an app has few."""
    return None if is_unfilled(value) else fields.identifier(name, value)


@lru_cache(maxsize=_REMEMBERED)
def plain_currency(name: str, value: str) -> str | None:
    """Reads a currency."""
    return fields.currency(name, value)


def plain_time_ms(name: str, value: str, now_ms: int) -> int:
    """Returns the time of a `plain_unix_time`. Raises MalformedField."""
    if len(value) == _UNIX_SECONDS_DIGITS:
        time_ms = int(value) * 1000
        if time_ms <= now_ms and now_ms - time_ms < fields.EVENT_AGE_MS_MAX:
            return time_ms
    return fields.event_time(name, value, now_ms)


def first_device_id(device_ids: Mapping[str, str]) -> str:
    """Returns the kind of the device ID that names a user, of those that identify a device."""
    if len(device_ids) == 1:
        return next(iter(device_ids))
    return min(device_ids, key=_RANKS.__getitem__)
