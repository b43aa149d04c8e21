"""Reads the fields of a request in one pass over its values, by a table.

A table holds every name that the endpoint reads in its own way, and what makes its value plain. The
readers are those of `shared.fields`, so that a value means the same here as there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from shared import fields
from shared.device_ids import DEVICE_IDS, is_junk_of, is_unfilled
from shared.placeholders import is_placeholder

PlainReader = Callable[[str, str], str | None]


class PlainFields(NamedTuple):
    """The values of a request: by field, the device IDs by kind, and all others as sent."""

    fields: dict[str, str]
    device_ids: dict[str, str]
    rest: dict[str, str]


class PlainTable:
    """The names that an endpoint reads: fields, device IDs, secrets, and those that are unusual.

    `readers` are the readers of its fields by name; a reader returns None for a value that is not
    plain. `secret` is the name of the token; a request with any of `unusual` is not plain.
    """

    def __init__(
        self, readers: Mapping[str, PlainReader], secret: str, unusual: Iterable[str]
    ) -> None:
        self._secret = secret
        self._readers: dict[str, PlainReader] = {
            **dict.fromkeys(unusual, plain_never),
            **dict.fromkeys(DEVICE_IDS, plain_device_id),
            **readers,
        }

    def read(self, values: Mapping[str, str]) -> PlainFields | None:
        """Reads the values of a request; None if any of them is not plain.

        Raises MalformedField.
        """
        readers, secret = self._readers, self._secret
        taken: dict[str, str] = {}
        device_ids: dict[str, str] = {}
        rest: dict[str, str] = {}
        for name, value in values.items():
            reader = readers.get(name)
            if reader is None:
                if name != secret:
                    rest[name] = value
                continue
            text = reader(name, value) if value else None
            if not text:
                return None
            (device_ids if reader is plain_device_id else taken)[name] = text
        if len(device_ids) > 1:
            device_ids = dict(sorted(device_ids.items()))
        return PlainFields(taken, device_ids, rest)


def plain_never(_name: str, _value: str) -> None:
    """Reads nothing: the request is unusual."""


def plain_id(name: str, value: str) -> str | None:
    """Reads an ID that is no placeholder."""
    return None if is_unfilled(value) else fields.identifier(name, value)


def plain_user_id(name: str, value: str) -> str | None:
    """Reads the ID of a user that is no placeholder."""
    return None if is_unfilled(value) else fields.user_id(name, value)


def plain_amount(name: str, value: str) -> str | None:
    """Reads an amount that needs no rounding."""
    return None if fields.has_more_places(value) else fields.amount(name, value)


def plain_user_agent(name: str, value: str) -> str | None:
    """Reads a user agent that is no placeholder."""
    return None if is_placeholder(value) else fields.user_agent(name, value)


def plain_device_id(name: str, value: str) -> str | None:
    """Reads a device ID that identifies a device."""
    return None if is_junk_of(name, value) else fields.identifier(name, value)


def plain_unix_time(_name: str, value: str) -> str | None:
    """Reads a Unix time as it is sent."""
    return value if value.isascii() and value.isdigit() else None
