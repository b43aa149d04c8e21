"""Stores a batch even if some of its events cannot be stored.

A batch that PostgreSQL refuses is halved until the refused event is alone, and that one goes to
quarantine: about ten more transactions for one bad event in a thousand.
"""

from collections.abc import Sequence

from shared.database import Connection, DatabaseError, sqlstate
from shared.day_files.faults import DayFilesUnreadable
from shared.events import Event
from shared.vocabulary import QuarantineReason
from workers.core.faults import Disposition, disposition
from workers.facts.countries import CountryOf, sender_country
from workers.facts.quarantine import quarantine_event
from workers.facts.record import Recorded, record


def store_bisecting(
    connection: Connection, events: Sequence[Event], country_of: CountryOf = sender_country
) -> Recorded:
    """Stores every event, in its table or in quarantine.

    Raises DatabaseError if no event is to blame.
    """
    try:
        return record(connection, events, country_of)
    except DayFilesUnreadable as error:  # of an old event nobody can tell whether it is stored
        detail = error.code
    except DatabaseError as error:
        state = sqlstate(error)
        if disposition(state) is not Disposition.ISOLATE:
            raise
        detail = f"SQLSTATE {state}"
    if len(events) == 1:
        is_quarantined = quarantine_event(
            connection, events[0], QuarantineReason.REFUSED_BY_DATABASE, detail
        )
        return Recorded(quarantined=1) if is_quarantined else Recorded(events=1)
    middle = len(events) // 2
    first = store_bisecting(connection, events[:middle], country_of)
    return first + store_bisecting(connection, events[middle:], country_of)
