"""Defines an event as it travels from ingest to the workers, and its wire format.

The wire format is msgpack, one array per event: fields by position, without names. A new field is
only ever added at the end, with a default: then a worker reads what an older ingest wrote, and an
older worker ignores what a newer ingest added. Any other change needs a new `WIRE_VERSION`.
"""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

WIRE_VERSION = 1


class Kind(StrEnum):
    """The kind of an event, a click or an impression."""

    EVENT = "event"
    OPEN = "open"  # a session-start signal
    AD_REVENUE = "ad_revenue"  # the revenue of an advertisement that the app showed
    CLICK = "click"
    IMPRESSION = "impression"


CLICK_KINDS = frozenset({Kind.CLICK, Kind.IMPRESSION})

OPEN = "__open"  # the event id that means "a session starts now"
INSTALL = "__install"  # the default event, which means "attribute this user now"
AD_REVENUE = "__ad_revenue"
# Reported by SDKs, and by nobody else.
REINSTALL = "__reinstall"
SDK_CLICK = "__sdk_click"
ASSOCIATED_USER = "__associated_user"
SDK_FACTS = frozenset({REINSTALL, SDK_CLICK, ASSOCIATED_USER})
BUILT_IN = frozenset({OPEN, INSTALL, AD_REVENUE}) | SDK_FACTS  # need no event type


class Environment(StrEnum):
    """The environment of an event: those of a test token are kept apart from real ones."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


class Event(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Any accepted event, click or impression. Amounts are decimal text, times Unix ms in UTC.

    Its fields are given by name, except where a usual request or line is read in one pass: twenty
    names take five times as long as twenty places.

    A click or impression has no user: `user_id` and `event_id` are empty, `click_id` is its own,
    `token_id` is 0 if it was authenticated by a partner's link. An event's `click_id` is the click
    that its sender names. `device_ids` are by kind, as sent. `would_refuse` is the error of its
    token if the app accepts events without one; `token_id` is 0 then. `described_device` is a user
    agent derived from the sender's description of the device, if the sender sent no user agent.
    `sdk` is the SDK that sent the event from a device, with its version: nobody has verified who
    that was.
    """

    receipt: UUID
    received_at_ms: int
    app_id: int
    token_id: int
    environment: Environment
    kind: Kind
    endpoint: str
    user_id: str
    event_id: str
    event_time_ms: int | None = None
    idempotency_key: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    sale_amount: str | None = None
    sale_amount_currency: str | None = None
    aggregated_event_value: str | None = None
    event_value: str | None = None
    parameters: dict[str, str] = {}
    click_id: str | None = None
    link_id: int | None = None
    device_ids: dict[str, str] = {}
    would_refuse: str | None = None
    ad_network: str | None = None
    ad_unit: str | None = None
    ad_placement: str | None = None
    ad_impressions: int | None = None
    described_device: str | None = None
    sdk: str | None = None

    @property
    def happened_at_ms(self) -> int:
        """Returns the event time that the sender gave, else the time of receiving the event."""
        return self.received_at_ms if self.event_time_ms is None else self.event_time_ms


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_sorted_encoder = msgspec.msgpack.Encoder(uuid_format="bytes", order="deterministic")
_decoder = msgspec.msgpack.Decoder(list[Event])


def encode_event(event: Event) -> bytes:
    """Encodes one event for `join_events`."""
    return _encoder.encode(event)


def encode_event_sorted(event: Event) -> bytes:
    """Encodes one event like `encode_event`, in whatever order its parameters were sent."""
    return _sorted_encoder.encode(event)


def join_events(encoded: Sequence[bytes]) -> bytes:
    """Joins events that were encoded one by one into a batch."""
    return join_parts(encoded, len(encoded))


def join_parts(parts: Sequence[bytes], count: int) -> bytes:
    """Joins encoded events into a batch of `count`; a part is one event, or several in a row."""
    # The head of a msgpack array.
    if count < 1 << 4:
        head = bytes((0x90 | count,))
    elif count < 1 << 16:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return head + b"".join(parts)


def decode_events(batch: bytes) -> list[Event]:
    """Decodes a batch. Raises msgspec.MsgspecError if the bytes are not one."""
    return _decoder.decode(batch)
