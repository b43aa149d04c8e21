"""Takes the parameters that are the same in every dialect.

Optional fields, device ids (kept with the event by kind, as sent, junk too), the time of the event
and the idempotency key.
"""

from ingest.dialects.dialect import RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import DEVICE_IDS
from shared.errors import ConflictingValues, MalformedField
from shared.events import Event, Kind
from shared.seen import SeenMarker, device_marker

# Swaarm spells the parameter differently on each endpoint; senders mix them up, and dialects too.
TOKEN_NAMES = frozenset({"s2s_token", "token", "s2stoken", "web_token"})


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
    value = parameters.take(name, *spellings)
    if value is None:
        return None
    try:
        return read(name, value)
    except MalformedField:
        parameters.put_back(name, value)
        return None


def take_device_ids(parameters: Parameters, *, forgiving: bool = False) -> dict[str, str]:
    """Takes the device ids, by kind, as sent.

    Raises MalformedField, or if `forgiving` leaves what is malformed.
    """
    device_ids = {}
    for kind, value in parameters.take_each(DEVICE_IDS).items():
        try:
            device_ids[kind] = fields.identifier(kind, value)
        except MalformedField:
            if not forgiving:
                raise
            parameters.put_back(kind, value)
    return device_ids


def take_event_time(parameters: Parameters, context: RequestContext) -> int | None:
    """Takes Waybill's own `event_time`, in Unix milliseconds."""
    value = parameters.take("event_time")
    if value is None:
        return None
    return fields.event_time("event_time", value, context.received_at_ms)


def take_idempotency_key(parameters: Parameters, context: RequestContext) -> str | None:
    """Takes the idempotency key from the header or the parameter.

    Raises ConflictingValues when they differ.
    """
    header, value = context.idempotency_key, parameters.take("idempotency_key")
    if header and value and header != value:
        raise ConflictingValues("idempotency_key")
    key = value or header
    return fields.identifier("idempotency_key", key) if key else None


def open_marker(event: Event) -> SeenMarker | None:
    """Returns the marker that an open leaves: from then on its device is known."""
    if event.kind is not Kind.OPEN:
        return None
    return device_marker(event.app_id, event.environment, event.user_id, event.happened_at_ms)
