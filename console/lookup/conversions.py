"""Tells whether an event is a conversion for the partner of its user, or a repeat of one.

Source of the rule: Swaarm, events of an offer: a second postback of an event for the same click is
rejected as a duplicate, unless the event has "Multiple Postbacks". Here the click is the
attribution in force, and the event is its event type.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from console.lookup.attributions import AttributionRecord
from shared.database import Connection, run
from shared.day_files.rows import rows_of_receipts


@dataclass(frozen=True)
class Conversion:
    """The result for an event.

    `first` is the earlier conversion of this event type for the same click; None: this event is
    the conversion.
    """

    event_type: str
    first: UUID | None


_EVENT_TYPE = """
    SELECT types.id, types.name, types.multiple_postbacks
    FROM events
    JOIN event_types AS types ON types.id = events.event_type_id
    JOIN attributions ON attributions.user_ref = %(user)s AND superseded_at IS NULL
        AND (attributions.event_time, attributions.receipt) = (%(since)s, %(since_receipt)s)
    WHERE events.receipt = %(receipt)s AND events.counted AND origin_kind = 'link'
"""
_UNTIL = """
    SELECT receipt FROM signals
    WHERE user_ref = %(user)s AND event_time >= %(since)s
      AND (event_time, receipt) <= (%(time)s, %(receipt)s)
"""
_FIRST = """
    SELECT signals.receipt
    FROM signals
    JOIN events ON events.receipt = signals.receipt
    WHERE signals.user_ref = %(user)s
      AND signals.event_time >= %(since)s
      AND (signals.event_time, signals.receipt) < (%(time)s, %(receipt)s)
      AND events.event_type_id = %(type)s AND events.counted
    ORDER BY signals.event_time, signals.receipt
    LIMIT 1
"""


def find_conversion(
    connection: Connection,
    user_ref: int,
    time: datetime,
    receipt: UUID,
    attribution: AttributionRecord,
) -> Conversion | None:
    """Returns the result for an event.

    It is None unless the event has an event type and counts, and its user is attributed to a link.
    """
    moment = {"user": user_ref, "time": time, "receipt": receipt}
    since = {"since": attribution.event_time, "since_receipt": attribution.receipt}
    receipts = [receipt for (receipt,) in run(connection, _UNTIL, {**moment, **since})]
    with rows_of_receipts(connection, [receipt, *receipts]):
        row = run(connection, _EVENT_TYPE, {**moment, **since}).fetchone()
        if row is None:
            return None
        type_id, name, multiple = row
        if multiple:
            return Conversion(name, None)
        first = run(connection, _FIRST, {**moment, **since, "type": type_id}).fetchone()
        return Conversion(name, None if first is None else first[0])
