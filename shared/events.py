"""An event as it travels from ingest to the workers.

The wire form is msgpack, one array an event: fields by position, no names. A field is only ever
added at the end, with a default: then a worker reads what an older ingest wrote and an older worker
ignores what a newer one added. Anything else is a new `WIRE_VERSION`.
"""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

WIRE_VERSION = 1


class Kind(StrEnum):
    """What sort of thing happened."""

    EVENT = "event"
    OPEN = "open"  # a session-start signal
    AD_REVENUE = "ad_revenue"  # what an advertisement shown by the app earned
    CLICK = "click"
    IMPRESSION = "impression"


CLICK_KINDS = frozenset({Kind.CLICK, Kind.IMPRESSION})

OPEN = "__open"  # the event id that says "a session starts now"
INSTALL = "__install"  # the default event: "attribute this user now"
AD_REVENUE = "__ad_revenue"
BUILT_IN = frozenset({OPEN, INSTALL, AD_REVENUE})  # need no event type


class Environment(StrEnum):
    """Events of a test token are kept apart from real ones."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


class Event(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """Anything received and kept. Amounts are decimal text, times Unix milliseconds UTC.

    A click or impression has no user: `user_id` and `event_id` are empty, `click_id` is its own,
    `token_id` is 0 when a partner's link let it in. An event's `click_id` is the click that its
    sender names. `device_ids` are by kind, as sent. `would_refuse` is the fault of its token, where
    an app accepts events without one; `token_id` is 0 then. `described_device` is a user agent that
    the sender's description of the device makes, where it sent none itself.
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

    @property
    def happened_at_ms(self) -> int:
        """The event time: as the sender gave it, else when it was received."""
        return self.received_at_ms if self.event_time_ms is None else self.event_time_ms


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(list[Event])


def encode_event(event: Event) -> bytes:
    return _encoder.encode(event)


def join_events(encoded: Sequence[bytes]) -> bytes:
    """One batch out of events that were encoded one by one."""
    return _encoder.encode([msgspec.Raw(event) for event in encoded])


def decode_events(batch: bytes) -> list[Event]:
    """Raises msgspec.MsgspecError when the bytes are not a batch."""
    return _decoder.decode(batch)
