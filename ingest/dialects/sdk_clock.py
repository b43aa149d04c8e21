"""Reads the clocks of devices: SDKs write local times, in digits of their locale, and may be wrong.

Every call of an SDK says when it was sent, by the same clock that its events are stamped by. If
that is minutes away from the time of receiving it, the clock is wrong by as much.
"""

import unicodedata

from ingest.dialects.common_fields import Z_BEFORE_OFFSET
from shared import fields
from shared.errors import MalformedField

SKEW_MS_MAX = 5 * 60_000  # below it a call was only slow: Jitsu corrects clocks from here on too


def device_time_ms(stamp: str, sent_at: str | None, received_at_ms: int) -> int | None:
    """Returns the time of a stamp, corrected where the device's clock is wrong; None if unreadable.

    A stamp without a zone is UTC. No event happens after it was received.
    """
    time_ms = _read(stamp)
    if time_ms is None:
        return None
    sent_ms = None if sent_at is None else _read(sent_at)
    skew_ms = 0 if sent_ms is None else received_at_ms - sent_ms
    corrected_ms = time_ms + skew_ms if abs(skew_ms) > SKEW_MS_MAX else time_ms
    oldest_ms = received_at_ms - fields.EVENT_AGE_DAYS_MAX * 86_400_000
    return min(corrected_ms, received_at_ms) if corrected_ms >= oldest_ms else None


def _read(stamp: str) -> int | None:
    digits = [
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in stamp.strip()
    ]
    text = Z_BEFORE_OFFSET.sub("", "".join(digits))
    try:
        # Of any age: how wrong a clock may be is seen once it is compared.
        return fields.time_ms("", text)
    except MalformedField:
        return None
