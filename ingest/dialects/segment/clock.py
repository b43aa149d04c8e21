"""Reads when a call was made, by a clock that may be wrong.

Segment corrects times by `sentAt`: who stamps a call by a wrong clock stamps its sending by the
same. A system that passes calls on has done that: it adds `receivedAt`, and its `timestamp` counts.
"""

from ingest.dialects.sdk_clock import device_time_ms
from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField
from shared.integration_log import UnreadReason
from shared.placeholders import is_placeholder


def event_time(parameters: Parameters, received_at_ms: int) -> int | None:
    """Returns the time of a call, None if it has none that can be read; all stay as they were sent.

    Raises MalformedField for an older one than events may have: it would count as of today.
    """
    name = "originalTimestamp" if parameters.get("originalTimestamp") else "timestamp"
    sent_at = parameters.get("sentAt") or None
    if parameters.get("receivedAt") and parameters.get("timestamp"):
        name, sent_at = "timestamp", None
    stamp = parameters.get(name)
    if not stamp:
        return None
    time_ms = device_time_ms(stamp, sent_at, received_at_ms)
    if time_ms is None:
        _check_age(name, stamp)
        reason = UnreadReason.MACRO if is_placeholder(stamp) else UnreadReason.UNREADABLE
        parameters.note(name, stamp, reason)
    return time_ms


def _check_age(name: str, stamp: str) -> None:
    try:
        fields.time_ms(name, stamp)
    except MalformedField:
        return
    raise MalformedField(
        name, f"is older than {fields.EVENT_AGE_DAYS_MAX} days. Use `waybill import` for history."
    )
