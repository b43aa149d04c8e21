"""Reads one event of Swaarm's SDKs: an object of a `/sdk` batch, or the body of `/websdk`.

The SDKs fill what an app left out: a revenue of 0, an empty text, a null. Those are no values. An
event without a type is the install.
"""

from collections.abc import Mapping
from hashlib import blake2b
from uuid import UUID

import msgspec

from ingest.client import ClientInfo
from ingest.dialects.sdk_clock import device_time_ms
from ingest.dialects.sdk_referrer import Referrer, read_referrer, referred_click
from ingest.dialects.swaarm_sdk.device import SdkDevice
from shared import fields
from shared.device_ids import is_junk, is_junk_of, is_unfilled
from shared.errors import MalformedField, MissingField
from shared.events import INSTALL, OPEN, REINSTALL, Event, Kind
from shared.names.invisible import trimmed
from shared.snapshot import Grant

_READ = frozenset(
    ("id", "typeId", "vendorId", "clientTime", "revenue", "currency", "aggregatedValue")
) | {"customValue", "clickId", "advertisingId"}
_UNFILLABLE = frozenset({"id", "clickId"})  # IDs that count as not sent where nobody filled them in
_TEXT_BYTES_MAX = 16_384  # of what an event says beside, as of an event value
_NOT_SENT: tuple[object, ...] = (None, "", {}, [])
_ARRIVALS = frozenset({INSTALL, REINSTALL})


class SdkCall(msgspec.Struct, frozen=True):
    """The call that events came by. `sent_at` is the sender's clock, None where it did not say."""

    endpoint: str
    grant: Grant
    client: ClientInfo
    device: SdkDevice
    received_at_ms: int
    sent_at: str | None = None


def read_sdk_event(raw: bytes, call: SdkCall, receipt: UUID) -> list[Event]:
    """Reads an event, and before it the click of the campaign that an install came from.

    Raises RequestError for the first field that is missing or malformed.
    """
    try:
        sent = msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedField("events", "must be JSON objects.") from error
    event_id = fields.identifier("typeId", _text(sent, "typeId") or INSTALL)
    referrer = _referrer(sent) if event_id in _ARRIVALS else Referrer(None, {})
    stamp = _text(sent, "clientTime")
    user_id = user_of_device("vendorId", _text(sent, "vendorId"))
    platform = call.device.platform
    device_ids = {platform.vendor_kind: user_id}
    if (advertising := _text(sent, "advertisingId")) and not is_junk(advertising):
        device_ids[platform.advertising_kind] = fields.identifier("advertisingId", advertising)
    click_id = _id(sent, "clickId")
    sale, currency, aggregated, value = _amounts(sent)
    event = Event(
        receipt=receipt,
        received_at_ms=call.received_at_ms,
        app_id=call.grant.app_id,
        token_id=call.grant.token_id,
        environment=call.grant.environment,
        kind=Kind.OPEN if event_id == OPEN else Kind.EVENT,
        endpoint=call.endpoint,
        user_id=user_id,
        event_id=event_id,
        event_time_ms=device_time_ms(stamp, call.sent_at, call.received_at_ms) if stamp else None,
        idempotency_key=_key(sent, raw, user_id),
        ip_address=call.client.address,
        user_agent=call.device.user_agent,
        described_device=call.device.described,
        click_id=fields.user_id("clickId", click_id) if click_id else referrer.click_id,
        device_ids={kind: sent for kind, sent in device_ids.items() if not is_junk_of(kind, sent)},
        parameters=_rest(sent, stamp),
        sdk=call.client.sdk or platform.sdk,
        sale_amount=sale,
        sale_amount_currency=currency,
        aggregated_event_value=aggregated,
        event_value=value,
    )
    if not referrer.campaign or event.click_id is not None:
        return [event]
    return [referred_click(event, referrer.campaign, _clicked_ms(sent, event)), event]


def user_of_device(name: str, device_id: str | None) -> str:
    """Returns the user whom a device's own ID names.

    Raises MissingField, MalformedField for an ID that many devices share.
    """
    if not device_id:
        raise MissingField(name)
    if is_junk(device_id):
        raise MalformedField(name, "is the same on many devices. Send the device's own.")
    return fields.user_id(name, device_id)


def _amounts(sent: Mapping[str, object]) -> list[str | None]:
    """Returns revenue, currency, aggregated and free value; an amount of 0 is sent for none."""
    values: list[str | None] = []
    for name, read in (
        ("revenue", fields.exact_amount),
        ("currency", fields.currency),
        ("aggregatedValue", fields.exact_amount),
        ("customValue", fields.event_value),
    ):
        text = _text(sent, name)
        value = read(name, text) if text else None
        is_zero = value is not None and read is fields.exact_amount and not float(value)
        values.append(None if is_zero else value)
    return values


def _referrer(sent: Mapping[str, object]) -> Referrer:
    told = sent.get("installReferrer")
    text = told.get("referrer") if isinstance(told, dict) else None
    return read_referrer(text) if isinstance(text, str) else Referrer(None, {})


def _clicked_ms(sent: Mapping[str, object], event: Event) -> int:
    """Returns when the store says that the click was, in seconds; else just before the event."""
    told = sent.get("installReferrer")
    seconds = told.get("clickTimestamp") if isinstance(told, dict) else None
    if isinstance(seconds, int) and 0 < seconds * 1_000 <= event.happened_at_ms:
        return seconds * 1_000
    return event.happened_at_ms - 1_000


def _key(sent: Mapping[str, object], raw: bytes, user_id: str) -> str | None:
    """Returns the idempotency key: of the event's own id, else of all that a timed event says."""
    own_id = _id(sent, "id")
    if not own_id and not sent.get("clientTime"):
        return None
    content = f"{user_id}:{own_id}".encode() if own_id else raw
    return f"sdk:{blake2b(content, digest_size=16).hexdigest()}"


def _rest(sent: Mapping[str, object], stamp: str | None) -> dict[str, str]:
    """Returns what else an event says, as text, and its time as the device wrote it."""
    rest = {} if not stamp else {"clientTime": stamp}
    size = 0
    for name, value in sent.items():
        is_read = name in _READ and (name not in _UNFILLABLE or _id(sent, name) is not None)
        if is_read or value in _NOT_SENT or "\0" in name:
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        size += len(name.encode()) + len(text.encode())
        if size <= _TEXT_BYTES_MAX and "\0" not in text:
            rest[name[: fields.ID_CHARACTERS_MAX]] = text
    return rest


def _id(sent: Mapping[str, object], name: str) -> str | None:
    """Returns an ID as text, None if it was not sent or is a placeholder."""
    text = _text(sent, name)
    return None if text is None or is_unfilled(text) else text


def _text(sent: Mapping[str, object], name: str) -> str | None:
    """Returns a field as text, None if it was not sent. Raises MalformedField for an object."""
    value = sent.get(name)
    if value in _NOT_SENT:
        return None
    if isinstance(value, str) and "\0" not in value:
        return trimmed(value) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise MalformedField(name, "must be a text or a number.")
