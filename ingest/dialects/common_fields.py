"""What calls tell in every dialect: optional fields, and the idempotency key."""

from ingest.dialects.dialect import RequestContext
from ingest.parameters import Parameters
from shared import fields
from shared.errors import ConflictingValues, MalformedField
from shared.events import Event, Kind
from shared.seen import SeenMarker, device_marker

# Swaarm spells the parameter differently on each endpoint; senders mix them up, and dialects too.
TOKEN_NAMES = frozenset({"s2s_token", "token", "s2stoken", "web_token"})


def optional(parameters: Parameters, read: fields.Reader, name: str, *names: str) -> str | None:
    """None when absent or empty; a fault is told under the first of the names."""
    value = parameters.take(name, *names)
    return None if value is None else read(name, value)


def legible(parameters: Parameters, read: fields.Reader, name: str, *names: str) -> str | None:
    """None also when malformed: then what was sent is kept with the event, and proves nothing."""
    value = parameters.take(name, *names)
    if value is None:
        return None
    try:
        return read(name, value)
    except MalformedField:
        parameters.keep(name, value)
        return None


def opened(event: Event) -> SeenMarker | None:
    """The mark that an open leaves: from now on its device is known."""
    if event.kind is not Kind.OPEN:
        return None
    return device_marker(event.app_id, event.environment, event.user_id, event.happened_at_ms)


def idempotency_key(parameters: Parameters, reception: RequestContext) -> str | None:
    header, value = reception.idempotency_key, parameters.take("idempotency_key")
    if header and value and header != value:
        raise ConflictingValues("idempotency_key")
    key = value or header
    return fields.identifier("idempotency_key", key) if key else None
