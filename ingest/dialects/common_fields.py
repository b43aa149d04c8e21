"""Takes the parameters that are the same in every dialect.

Optional fields, device ids (kept with the event by kind, as sent, junk too), the time of the event
and the idempotency key.
"""

import re
from collections.abc import Mapping
from functools import partial

from ingest.dialects.dialect import RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import DEVICE_IDS, is_unfilled
from shared.errors import ConflictingValues, MalformedField, RequestError
from shared.events import Event, Kind
from shared.integration_log import UnreadReason, device_id_fault
from shared.names.invisible import trimmed
from shared.placeholders import is_no_id, is_placeholder
from shared.seen import SeenMarker, device_marker

# Swaarm spells the parameter differently on each endpoint; senders mix them up, and dialects too.
TOKEN_NAMES = frozenset({"s2s_token", "token", "s2stoken", "web_token"})
OTHER_TIMES = ("created_at_unix", "created_at")  # as Adjust's senders call the time of an event
_OPEN = Kind.OPEN
_TIMES = ("event_time", *OTHER_TIMES)
# An Adjust SDK's own form: a literal Z, then the offset. An unescaped plus arrives as a space.
Z_BEFORE_OFFSET = re.compile(r"Z(?=[+\- ]\d{2}:?\d{2}$)")


def take_optional(
    parameters: Parameters, read: fields.Reader, name: str, *spellings: str
) -> str | None:
    """Takes a field, None when absent or empty; an error names the first of the spellings."""
    value = parameters.take(name, *spellings)
    return None if value is None else read(name, value)


def take_if_valid(
    parameters: Parameters, read: fields.Reader, name: str, *spellings: str
) -> str | None:
    """Takes a field, None also when malformed: then it stays as it was sent, and proves nothing."""
    value = _take_readable(parameters, name, *spellings)
    if value is None:
        return None
    try:
        return read(name, value)
    except MalformedField:
        parameters.leave(name, value, UnreadReason.UNREADABLE)
        return None


def rename(parameters: Parameters, kept_as: Mapping[str, str]) -> None:
    """Gives parameters another name, that of a field which is read by it, unless that came too."""
    for name in parameters.readable(frozenset(kept_as)):
        if not parameters.get(kept_as[name]) and (value := parameters.take(name)):
            parameters.put_back(kept_as[name], value)


def take_money(
    parameters: Parameters, name: str, *spellings: str, exact: bool = True
) -> str | None:
    """Takes an amount: six places, rounded half-even; one that had more is kept as it was sent.

    Raises MalformedField, but not for a placeholder, which is no amount.
    """
    value = parameters.take(name, *spellings)
    if value is None:
        return None
    if is_placeholder(value):
        parameters.leave(name, value, UnreadReason.MACRO)
        return None
    amount = (fields.exact_amount if exact else fields.amount)(name, value)
    if not fields.is_as_sent(amount, value):
        parameters.put_back(name, value)
    return amount


def take_id(parameters: Parameters, read: fields.Reader, name: str, *spellings: str) -> str | None:
    """Takes an id, None when absent or a placeholder, which stays as it was sent."""
    value = parameters.take(name, *spellings)
    if value is None:
        return None
    if is_unfilled(value):
        parameters.leave(name, value, UnreadReason.MACRO)
        return None
    return read(name, value)


def take_address(
    parameters: Parameters, name: str, *spellings: str, forgiving: bool = False
) -> str | None:
    """Takes an IP address, None when absent or a placeholder.

    Raises MalformedField for anything else that is no address, or if `forgiving` leaves it.
    """
    value = (
        _take_readable(parameters, name, *spellings)
        if forgiving
        else parameters.take(name, *spellings)
    )
    if value is None:
        return None
    try:
        return fields.address(name, value)
    except MalformedField:
        if is_no_id(value):
            parameters.leave(name, value, UnreadReason.MACRO)
        elif forgiving:
            parameters.leave(name, value, UnreadReason.UNREADABLE)
        else:
            raise
    return None


def take_user_agent(
    parameters: Parameters, name: str, *spellings: str, forgiving: bool = False
) -> str | None:
    """Takes a user agent, None when absent or a placeholder.

    Raises MalformedField for one that is too long, or if `forgiving` leaves it.
    """
    value = (
        _take_readable(parameters, name, *spellings)
        if forgiving
        else parameters.take(name, *spellings)
    )
    if value is None:
        return None
    if is_placeholder(value):
        parameters.leave(name, value, UnreadReason.MACRO)
        return None
    try:
        return fields.user_agent(name, value)
    except MalformedField:
        if not forgiving:
            raise
        parameters.leave(name, value, UnreadReason.UNREADABLE)
    return None


def _take_readable(parameters: Parameters, name: str, *spellings: str) -> str | None:
    """Takes a value; one that cannot be read as text is left."""
    try:
        return parameters.take(name, *spellings)
    except RequestError:
        return None  # noted when it was found


def take_device_ids(parameters: Parameters, *, forgiving: bool = False) -> dict[str, str]:
    """Takes the device ids, by kind, as sent.

    Raises MalformedField, or if `forgiving` leaves what is malformed.
    """
    device_ids = {}
    kinds = parameters.readable(DEVICE_IDS) if forgiving else DEVICE_IDS
    for kind, value in parameters.take_each(kinds).items():
        if not trimmed(value):
            parameters.leave(kind, value, UnreadReason.MACRO)
            continue
        if reason := device_id_fault(kind, value):
            parameters.note(kind, value, reason)
        try:
            device_ids[kind] = fields.identifier(kind, value)
        except MalformedField:
            if not forgiving:
                raise
            parameters.leave(kind, value, UnreadReason.UNREADABLE)
    return device_ids


def take_event_time(
    parameters: Parameters, context: RequestContext, *, forgiving: bool = False
) -> int | None:
    """Takes Waybill's own `event_time`, else one of Adjust's, in Unix milliseconds.

    Raises MalformedField for one of its own name that cannot be read, or if `forgiving` leaves it.
    """
    for name in parameters.sent_among(_TIMES):
        is_kept = forgiving or name in OTHER_TIMES
        take = take_if_valid if is_kept else take_optional
        value = take(parameters, partial(_readable_time, context.received_at_ms), name)
        if value is not None:
            return fields.event_time(name, value, context.received_at_ms)
    return None


def _readable_time(now_ms: int, name: str, value: str) -> str:
    text = Z_BEFORE_OFFSET.sub("", trimmed(value))
    fields.event_time(name, text, now_ms)
    return text


def take_idempotency_key(parameters: Parameters, context: RequestContext) -> str | None:
    """Takes the idempotency key from the header or the parameter, which stays if it is none.

    Raises ConflictingValues when they differ.
    """
    value = take_id(parameters, fields.identifier, "idempotency_key")
    header = context.idempotency_key
    if not header:
        return value
    if is_unfilled(header):
        parameters.leave("Idempotency-Key", header, UnreadReason.MACRO)
        return value
    key = fields.identifier("idempotency_key", header)
    if value and key != value:
        raise ConflictingValues("idempotency_key")
    return key


def open_marker(event: Event) -> SeenMarker | None:
    """Returns the marker that an open leaves: from then on its device is known."""
    if event.kind is not _OPEN:
        return None
    return device_marker(event.app_id, event.environment, event.user_id, event.happened_at_ms)
