"""Reads the usual event of a batch in one pass: values in their own form, and nothing unusual.

What it reads, `shared.lines.line_format.read_sent_line` reads alike, which reads all others. What
is the same for all events of a batch is worked out once.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec

from ingest.dialects.plain_fields import (
    are_plain_devices,
    plain_address,
    plain_amount,
    plain_currency,
    plain_ids,
    plain_time_ms,
    plain_user_agent,
    plain_user_ids,
)
from shared import fields
from shared.errors import RequestError
from shared.events import OPEN, Environment, Event, Kind
from shared.lines.line_format import NAME_CHARACTERS_MAX, PARAMETERS_MAX, Destination

_EVENT = Kind.EVENT
_UNUSUAL = ""  # no amount is
_NUL = b"\\u0000"  # in JSON, the only way to write one
_REMEMBERED = 4_096
_TEN_DIGITS = 10**9  # from here on, a time in seconds

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class PlainLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The fields of a usual event, in their usual types; any other makes it unusual."""

    type: Literal["event"]
    id: Annotated[str, msgspec.Meta(min_length=1)]
    time: Annotated[int, msgspec.Meta(ge=0)]
    user_id: str
    event_id: str
    environment: Literal["production"] = "production"
    ip: str | None = None
    user_agent: str | None = None
    device_ids: dict[str, str] = {}
    sale_amount: str | None = None
    sale_amount_currency: str | None = None
    aggregated_event_value: str | None = None
    parameters: Annotated[dict[_Name, str], msgspec.Meta(max_length=PARAMETERS_MAX)] = {}


_decode = msgspec.json.Decoder(PlainLine).decode


class PlainLines:
    """The reader of the usual events that go to one destination."""

    def __init__(self, destination: Destination) -> None:
        self._now_ms = now_ms = destination.now_ms
        # The times in seconds that need no further look.
        self._seconds_min = max(_TEN_DIGITS, (now_ms - fields.EVENT_AGE_MS_MAX) // 1000 + 1)
        self._seconds_max = min(now_ms // 1000, 10 * _TEN_DIGITS - 1)
        self._app_id, self._token_id = destination.app_id, destination.token_id
        self._endpoint = destination.endpoint
        self._environment = Environment.SANDBOX if destination.is_test else Environment.PRODUCTION

    def read(self, texts: Sequence[bytes], receipts: Sequence[UUID]) -> list[Event | None]:
        """Reads events; None for one that is unusual in any way."""
        lines = [_decoded(text) for text in texts]
        try:
            if None not in lines:
                return self._read(cast("list[PlainLine]", lines), receipts)
            typed = [line for line in lines if line is not None]
            fitting = [r for r, line in zip(receipts, lines, strict=True) if line is not None]
            events = iter(self._read(typed, fitting))
            return [None if line is None else next(events) for line in lines]
        except RequestError:
            return [
                None if line is None else self._read_alone(line, receipt)
                for line, receipt in zip(lines, receipts, strict=True)
            ]

    def _read_alone(self, line: PlainLine, receipt: UUID) -> Event | None:
        try:
            return self._read((line,), (receipt,))[0]
        except RequestError:
            return None  # the readable way finds the first error in the order of its fields

    def _read(self, lines: Sequence[PlainLine], receipts: Sequence[UUID]) -> list[Event | None]:
        """Reads one field of all events before the next field.

        So it takes half the time: what reads a field stays in the processor's caches.
        """
        now_ms, seconds_min, seconds_max = self._now_ms, self._seconds_min, self._seconds_max
        users = plain_user_ids("user_id", [line.user_id for line in lines])
        keys = plain_ids("id", [line.id for line in lines])
        agents = [
            plain_user_agent("user_agent", line.user_agent) if line.user_agent else ""
            for line in lines
        ]
        amounts = [_amount("sale_amount", line.sale_amount) for line in lines]
        values = [
            None if line.aggregated_event_value is None else _value(line.aggregated_event_value)
            for line in lines
        ]
        events: list[Event | None] = [
            *map(
                Event,
                receipts,
                repeat(now_ms),
                repeat(self._app_id),
                repeat(self._token_id),
                repeat(self._environment),
                repeat(_EVENT),
                repeat(self._endpoint),
                users,
                [_event_id(line.event_id) for line in lines],
                [
                    line.time * 1000
                    if seconds_min <= line.time <= seconds_max
                    else plain_time_ms("time", str(line.time), now_ms)
                    for line in lines
                ],
                keys,
                [plain_address("ip", line.ip) if line.ip else None for line in lines],
                [agent or None for agent in agents],
                amounts,
                [
                    plain_currency("currency", line.sale_amount_currency)
                    if line.sale_amount_currency
                    else None
                    for line in lines
                ],
                values,
                repeat(None),  # event_value
                [line.parameters for line in lines],
                repeat(None),  # click_id
                repeat(None),  # link_id
                [line.device_ids for line in lines],
            )
        ]
        are_known = are_plain_devices([line.device_ids for line in lines])
        if not (
            None in users
            or None in keys
            or None in agents
            or _UNUSUAL in amounts
            or _UNUSUAL in values
            or False in are_known
        ):
            return events
        needed = zip(events, users, keys, agents, amounts, values, are_known, strict=True)
        return [
            None if None in (user, key, agent) or _UNUSUAL in amounts_of or not is_known else event
            for event, user, key, agent, *amounts_of, is_known in needed
        ]


@lru_cache(maxsize=_REMEMBERED)
def _event_id(value: str) -> str:
    return fields.identifier("event_id", value)


def _decoded(text: bytes) -> PlainLine | None:
    """Decodes an event; None if it has other fields or types, or a NUL, or is an open."""
    try:
        line = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if line.event_id == OPEN or (b"\\" in text and _NUL in text) else line


def _amount(name: str, value: str | None) -> str | None:
    """Returns an amount that needs no rounding, or `_UNUSUAL` for another one."""
    if value is None:
        return None
    return (value and plain_amount(name, value)) or _UNUSUAL


def _value(text: str) -> str | None:
    return _amount("aggregated_event_value", text)
