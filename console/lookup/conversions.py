"""Tells whether an event is a conversion for the partner of its user, or a repeat of one.

Source of the rule: Swaarm, events of an offer: a second postback of an event for the same click is
rejected as a duplicate, unless the event has "Multiple Postbacks". Here the click is the
attribution in force, and the event is its event type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from console.lookup.attributions import AttributionRecord
from shared.database import Connection, run
from shared.day_files.rows import rows_of_receipts

SIGNALS_AT_ONCE = 1_000  # of a user may be a million, of which the first often counts


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
_HAS_FILES = """
    SELECT EXISTS (
        SELECT FROM users JOIN day_files ON day_files.app_id = users.app_id
        WHERE users.id = %(user)s AND day_files.last_time >= %(since)s
          AND day_files.first_time <= %(time)s
    )
"""
_NEXT = """
    SELECT event_time, receipt FROM signals
    WHERE user_ref = %(user)s
      AND (event_time, receipt) > (%(after)s, %(after_receipt)s)
      AND (event_time, receipt) < (%(time)s, %(receipt)s)
    ORDER BY event_time, receipt LIMIT %(count)s
"""
_COUNTED = """
    SELECT receipt FROM events
    WHERE receipt = ANY(%(receipts)s) AND event_type_id = %(type)s AND counted
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
    with rows_of_receipts(connection, [receipt]):
        row = run(connection, _EVENT_TYPE, {**moment, **since}).fetchone()
    if row is None:
        return None
    type_id, name, multiple = row
    if multiple:
        return Conversion(name, None)
    arguments = {**moment, **since, "type": type_id}
    if run(connection, _HAS_FILES, arguments).fetchone() == (True,):
        return Conversion(name, _first_of_all(connection, arguments))
    first = run(connection, _FIRST, arguments).fetchone()
    return Conversion(name, None if first is None else first[0])


def _first_of_all(connection: Connection, arguments: Mapping[str, object]) -> UUID | None:
    """Finds the first conversion where some are in day files, a stretch of signals at a time."""
    after = {"after": arguments["since"], "after_receipt": UUID(int=0)}
    arguments = {**arguments, "count": SIGNALS_AT_ONCE}
    while rows := run(connection, _NEXT, {**arguments, **after}).fetchall():
        receipts = [receipt for _, receipt in rows]
        with rows_of_receipts(connection, receipts):
            found = run(connection, _COUNTED, {**arguments, "receipts": receipts}).fetchall()
        counted = {receipt for (receipt,) in found}
        for _, receipt in rows:
            if receipt in counted:
                return UUID(str(receipt))
        after = dict(zip(("after", "after_receipt"), rows[-1], strict=True))
    return None
