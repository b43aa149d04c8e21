"""Reads what every call of an Adjust SDK carries, and makes an SDK's event of a server's.

The parameters have the names and rules of the S2S endpoints, whose readers read them. Different is
what a device says of itself: its clock, its queue, and that it is where the connection comes from.
A call that was not answered comes again with the same content; what tells its attempts apart is
left out, and the rest is its idempotency key.
"""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from ingest.dialects.adjust.event_fields import NAME, PARAMETERS_MAX, REQUEST_BYTES_MAX
from ingest.dialects.adjust_sdk.answers import sdk_error_reply
from ingest.dialects.dialect import (
    Dialect,
    ErrorReply,
    ParsedRequest,
    Read,
    Reply,
    RequestContext,
)
from ingest.dialects.sdk_clock import device_time_ms
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import is_unfilled
from shared.events import Event
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed

# What differs between the attempts to send one call.
_OF_ATTEMPTS = (
    *("queue_size", "attempts", "retry_count", "enqueue_size", "error_count", "first_error"),
    *("last_error", "wait_time", "wait_total"),
)
# What tells the calls of one device apart: each is made in a millisecond of its own, or counted.
_IDENTIFYING = (
    *("created_at", "event_token", "event_count", "session_count", "subsession_count", "source"),
    *("click_time", "referrer", "deeplink", "sharing", "measurement", "revenue", "callback_id"),
)
_UNKNOWN_SDK = "adjust"
_NOT_FROM_DEVICES = ("idempotency_key", "event_time", "created_at_unix", "ip_address", "user_ip")


def adjust_sdk_dialect(read: Read, error_reply: ErrorReply) -> Dialect:
    """Returns how the SDKs call an endpoint."""
    return Dialect(
        name=NAME,
        read=read,
        error_reply=sdk_error_reply(error_reply),
        request_bytes_max=REQUEST_BYTES_MAX,
        parameters_max=PARAMETERS_MAX,
        is_sdk=True,
    )


def read_package(
    read: Read,
    reply: Callable[[ParsedRequest], tuple[Reply, Reply | None]],
    parameters: Parameters,
    context: RequestContext,
) -> ParsedRequest:
    """Reads a call by the reader of servers' calls, and answers it as `reply` says.

    Raises RequestError for the first field that is missing or malformed.
    """
    identity = [parameters.get(name) for name in _IDENTIFYING]
    stamp, sent_at = parameters.take("created_at"), parameters.take("sent_at")
    unique_id = trimmed(parameters.get("deduplication_id"))
    if unique_id and is_unfilled(unique_id):  # all events of the device would be one
        parameters.note("deduplication_id", unique_id, UnreadReason.MACRO)
        unique_id = ""
    for name in _OF_ATTEMPTS:
        parameters.take(name)
    for name in _NOT_FROM_DEVICES:
        if value := parameters.take(name):
            parameters.put_back(f"{name} (not used)", value)
    parsed = read(parameters, context)
    time_ms = stamp and device_time_ms(stamp, sent_at, context.received_at_ms)
    if stamp:
        parameters.put_back("created_at", stamp)
        if not time_ms:
            parameters.note("created_at", stamp, UnreadReason.UNREADABLE)
    event = _of_device(parsed.event, context, time_ms or None)
    if unique_id or stamp:
        kept = [unique_id] if unique_id else identity
        event = msgspec.structs.replace(event, idempotency_key=call_key(event, kept))
    parsed = msgspec.structs.replace(parsed, event=event, history_check=None)
    answer, if_seen = reply(parsed)
    return msgspec.structs.replace(parsed, reply=answer, if_seen=if_seen)


def call_key(event: Event, identity: list[str]) -> str:
    """Returns the idempotency key of a call: the same for each attempt to send it."""
    content = msgspec.json.encode([event.endpoint, event.user_id, *identity])
    return f"sdk:{blake2b(content, digest_size=16).hexdigest()}"


def _of_device(event: Event, context: RequestContext, time_ms: int | None) -> Event:
    """Returns the event of a device: where it is and what it is are told by the connection.

    A browser's user agent is in its header; that of an app's HTTP client says less than the
    parameters that describe the device.
    """
    header = context.client.user_agent
    if event.described_device or (header and len(header) > fields.USER_AGENT_CHARACTERS_MAX):
        header = None
    return msgspec.structs.replace(
        event,
        event_time_ms=time_ms,
        ip_address=context.client.address,
        user_agent=header,
        sdk=context.client.sdk or _UNKNOWN_SDK,
    )
